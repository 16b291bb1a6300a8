// Package records reads the CA's own list of issued certificates: an export of its
// database as CSV (also zipped), or a folder or archive of certificates.
//
// An export is read as a stream, twice: Open looks at all of it once to learn what it
// is (encoding, delimiter, how serial numbers are written, how many rows), Read passes
// the rows on. What the mapping does not say is detected and told; what cannot be known
// for certain, such as whether digits are hex or decimal, is asked for and never guessed.
// A row that cannot be read is passed on as a Problem with its row and column.
package records
