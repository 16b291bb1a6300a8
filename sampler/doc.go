// Package sampler holds the nouns of the self-audit draw, their document
// formats and the rules that are pure arithmetic: membership, strata, sizes,
// commitment and statistics.
//
// The rules are those of the draw protocol, version 1; comments name the
// section they implement. The package does no I/O beyond the readers and
// writers it is handed, never reads a clock, and needs only the standard
// library, so that a verifier can be built from it alone.
//
// All readers are strict: what they accept, the independent implementation
// draw_reference.py accepts too, and every writer refuses what its reader
// would refuse.
package sampler
