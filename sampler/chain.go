package sampler

import (
	"encoding/hex"
	"time"
)

// Chain is a drand beacon chain with everything needed to verify its rounds
// (protocol section 6.1). The values are pinned here, never taken from a relay.
type Chain struct {
	Name      string // drand's beacon id
	Hash      string // chain hash, 64 hex
	Genesis   int64  // Unix time of round 1, seconds
	Period    int64  // seconds between rounds
	Chained   bool   // whether a round signs its predecessor's signature
	PublicKey []byte // compressed point: G2 (96 bytes) if unchained, G1 (48) if chained
	GroupHash string // 64 hex
	Scheme    string // drand's name of the signature scheme
}

// Quicknet is drand's unchained three-second network, the protocol's default beacon.
var Quicknet = Chain{
	Name:    "quicknet",
	Hash:    "52db9ba70e0cc0f6eaf7803dd07447a1f5477735fd3f661792ba94600c84e971",
	Genesis: 1692803367,
	Period:  3,
	PublicKey: mustHex("83cf0f2896adee7eb8b5f01fcad3912212c437e0073e911fb90022d3e760183c" +
		"8c4b450b6a0a6c3ac6a5776a2d1064510d1fec758c921cc22b0e17e63aaf4bcb" +
		"5ed66304de9cf809bd274ca73bab4af5a6e9c76a4bc09e76eae8991ef5ece45a"),
	GroupHash: "f477d5c89f21a17c863a7f937c6a6d15859414d2be09cd448d4279af331c5d3e",
	Scheme:    "bls-unchained-g1-rfc9380",
}

// DefaultChain is drand's first network: chained, a round every 30 seconds.
var DefaultChain = Chain{
	Name:    "default",
	Hash:    "8990e7a9aaed2ffed73dbd7092123d6f289930540d7651336225dc172e51b2ce",
	Genesis: 1595431050,
	Period:  30,
	Chained: true,
	PublicKey: mustHex("868f005eb8e6e4ca0a47c8a77ceaa5309a47978a7c71bc5c" +
		"ce96366b5d7a569937c529eeda66c7293784a9402801af31"),
	GroupHash: "176f93498eac9ca337150b46d21dd58673ea4e3581185f869672e59fa4cb390a",
	Scheme:    "pedersen-bls-chained",
}

// ChainByHash returns the pinned chain with this chain hash; the protocol
// knows two.
func ChainByHash(h string) (Chain, bool) {
	for _, c := range []Chain{Quicknet, DefaultChain} {
		if c.Hash == h {
			return c, true
		}
	}
	return Chain{}, false
}

// RoundTime returns the time of a round: genesis + (round - 1) * period. Rounds
// count from 1; rounds too far away for the protocol's time format (beyond the
// year 9999) give the time of the last one before.
func (c Chain) RoundTime(round uint64) time.Time {
	const lastSecond = 253402300799 // 9999-12-31T23:59:59Z
	if round == 0 {
		round = 1
	}
	last := uint64((lastSecond-c.Genesis)/c.Period) + 1
	return time.Unix(c.Genesis+int64(min(round, last)-1)*c.Period, 0).UTC()
}

// RoundAt returns the first round at or after t; 1 for times up to genesis.
func (c Chain) RoundAt(t time.Time) uint64 {
	seconds := t.Unix()
	if t.Nanosecond() > 0 {
		seconds++
	}
	if seconds <= c.Genesis {
		return 1
	}
	return uint64((seconds-c.Genesis+c.Period-1)/c.Period) + 1
}

// mustHex decodes a constant of this file; a wrong one fails every test.
func mustHex(s string) []byte {
	b, err := hex.DecodeString(s)
	if err != nil {
		panic(err)
	}
	return b
}
