// Package loglist reads the CT log lists that browsers publish (version 3 of the JSON
// schema, https://www.gstatic.com/ct/log_list/v3/log_list_schema.json), verifies their
// detached signature, and chooses the logs in which the certificates of a period can be.
//
// A list says which keys and addresses logs have, so that nobody types keys; it proves
// nothing about a log. The exact bytes that were used belong into the evidence.
package loglist
