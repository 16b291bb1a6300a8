// Package crtsh asks crt.sh's PostgreSQL interface which certificates of the audited
// issuers it knows: a cross-check beside the logs. What it shows counts as what a file
// shows, when its signature verifies; what it does not show means nothing, because
// crt.sh is best effort and may be days behind the logs.
//
// The server is a read-only replica behind PgBouncer in statement pooling, so every
// question is one message of the simple protocol without prepared statements, and nothing
// is set that outlives it. Statements are cancelled and connections dropped there as a
// matter of course. Questions are therefore small (a window of notBefore of one CA, a page
// of rows), and each answer is a file of its own: what was answered is never asked again,
// also not by another process after this one was killed.
//
// The schema is that of github.com/crtsh/certwatch_db; a rebuild of it was announced. A
// schema that is not the known one ends the questions with a reason.
package crtsh
