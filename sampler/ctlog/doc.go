// Package ctlog reads Certificate Transparency logs: static-ct-api (tiles) and RFC 6962 (get-entries), over HTTP or from a folder.
//
// An RFC 6962 log may serve data tiles too (Config.Tiles); then the entries come from these, and from get-entries what they lack.
//
// A folder of a static-ct log is the log's own tile layout. A folder of an RFC 6962 log holds captured answers: index.json lists
// requests with status, content type and file.
//
// Everything a server says is checked for shape, size and completeness here, and tree heads for their signature. That the entries are
// those the tree head commits to is for the caller to prove, who hashes every entry that Read delivers.
//
// All requests to a log, whoever makes them, keep to one rate and one number at the same time (Config.RateLimit, Concurrency), and
// slow down together when the server asks for it.
//
// Servers are expected to be slow, overloaded and wrong: an answer that may be better next time is asked for again, with backoff, until
// Config.MaxElapsed has passed. What remains is an *Error that says whether the log could not be read (Unreachable) or was read and is
// wrong (Invalid).
package ctlog
