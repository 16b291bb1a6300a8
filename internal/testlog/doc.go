// Package testlog writes Certificate Transparency logs for tests: static-ct logs
// as folders of tiles, and RFC 6962 logs as folders of captured answers in the
// layout of testdata/ctlogs/alpha/b. Both can be served over HTTP.
//
// A log follows from its key, its entries and the time stamps given, so the same
// calls give the same bytes. Entries are written as they come: a log of a million
// entries needs little memory. Callbacks and options make logs that lie.
package testlog
