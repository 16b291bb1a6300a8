// Package fault is an HTTP server that stands before a log and misbehaves by plan: it
// drops connections, delays, cuts and garbles answers, refuses, and shows older views of
// the log. Which fault an answer gets follows from a seed, the request's address and how
// often that address was asked for, so that a seed gives the same faults whatever the
// order in which a client's connections come.
package fault
