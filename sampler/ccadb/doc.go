// Package ccadb reads the public reports of the Common CA Database (ccadb.org/resources):
// AllCertificateRecordsCSVFormat, in any of its versions, and the reports that hold the
// certificates themselves (AllCertificatePEMsCSVFormat, and others with a column
// "X.509 Certificate (PEM)" or "PEM Info").
//
// Columns are found by the names in the header. What stands in the reports was typed by
// many people: every value may be hostile, and is passed on as it is.
package ccadb
