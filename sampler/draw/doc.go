// Package draw turns a commitment and a public random value into a sample:
// beacon verification, seed, tickets and selection (draw protocol sections 6 to
// 8), and it derives a whole draw folder again to compare (section 10).
//
// Everything here is a function of its inputs; there is no source of
// randomness, no clock and no network.
package draw
