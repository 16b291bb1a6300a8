package lint

import (
	"crypto/elliptic"
	"math/big"
	"sync"
	"sync/atomic"

	"github.com/zmap/zcrypto/x509"
)

// e_ecdsa_small_private_key searches for a private key d up to 2^16 (or its
// negative) with some twenty generic curve additions per certificate. Here the
// same search (baby steps, giant steps) is done on X coordinates alone, and all
// giant steps of one key share one modular inversion: P+Q and P-Q have the same
// denominator xQ-xP.
//
// Why it misses nothing: let the public key be P = ±dG with 1 <= d <= 2^16, m
// the number of baby steps and S = (2m+1)G. Then d = i(2m+1) + j with 0 <= i <=
// the number of giant steps and |j| <= m. If i = 0, X(P) is X(jG), which is in
// the table. Otherwise one of P-iS, P+iS is ±jG: its X is in the table, or, for
// j = 0, X(P) = X(iS) and the denominator is zero. The table holds 64 bits of
// each X, which only adds false alarms. Every alarm goes to zlint's lint.

// smallKeyBits is the largest private key the search covers, as a power of two.
const smallKeyBits = 16

// A small table is built in a few milliseconds, which one certificate on the
// command line can bear; the large one makes each search several times cheaper
// and pays from about bulkKeys keys of a curve on.
const (
	smallTable = 1 << 11
	largeTable = 1 << 14
	bulkKeys   = 1000
)

// smallKeys is the search table of one curve.
type smallKeys struct {
	p *big.Int
	// babies holds the low 64 bits of X(jG) for 1 <= j <= m.
	babies map[uint64]struct{}
	// giants holds iS for i from 1 until the range is covered.
	giants []affine
}

type affine struct{ x, y *big.Int }

// smallKeySearch is the search on one curve, its tables built when first needed.
type smallKeySearch struct {
	small, large func() *smallKeys
	keys         atomic.Int64
}

var smallKeySearches = map[elliptic.Curve]*smallKeySearch{
	elliptic.P224(): newSmallKeySearch(elliptic.P224()),
	elliptic.P256(): newSmallKeySearch(elliptic.P256()),
	elliptic.P384(): newSmallKeySearch(elliptic.P384()),
	elliptic.P521(): newSmallKeySearch(elliptic.P521()),
}

func newSmallKeySearch(curve elliptic.Curve) *smallKeySearch {
	return &smallKeySearch{
		small: sync.OnceValue(func() *smallKeys { return newSmallKeys(curve, smallTable) }),
		large: sync.OnceValue(func() *smallKeys { return newSmallKeys(curve, largeTable) }),
	}
}

// table chooses the table for the next key.
func (s *smallKeySearch) table() *smallKeys {
	if s.keys.Add(1) > bulkKeys {
		return s.large()
	}
	return s.small()
}

// proveSmallKey is the prover of e_ecdsa_small_private_key.
func proveSmallKey(instance any) func(*x509.Certificate) bool {
	bits, ok := intSetting(instance, "Bits")
	if !ok || bits < 2 || bits > smallKeyBits { // 2 is the lint's own lower limit
		return nil
	}
	return func(c *x509.Certificate) bool {
		key := ecdsaKey(c)
		if key == nil || key.X == nil || key.Y == nil {
			return false
		}
		search, ok := smallKeySearches[key.Curve]
		return ok && search.table().exclude(key.X, key.Y)
	}
}

// exclude is true when the point's private key is not small. False says
// nothing. The point must be on the curve.
func (k *smallKeys) exclude(x, y *big.Int) bool {
	if k.isBaby(x) {
		return false
	}
	f := newField(k.p)
	inverses := make([]*big.Int, len(k.giants))
	for i, giant := range k.giants {
		inverses[i] = f.sub(new(big.Int), giant.x, x)
	}
	if !f.invertAll(inverses) {
		return false
	}
	var slope, sum big.Int
	for i, giant := range k.giants {
		f.sub(&slope, giant.y, y) // P + iS
		if k.isBaby(f.thirdX(&sum, f.mul(&slope, &slope, inverses[i]), x, giant.x)) {
			return false
		}
		f.add(&slope, giant.y, y) // P - iS, up to the slope's sign
		if k.isBaby(f.thirdX(&sum, f.mul(&slope, &slope, inverses[i]), x, giant.x)) {
			return false
		}
	}
	return true
}

func (k *smallKeys) isBaby(x *big.Int) bool {
	_, hit := k.babies[x.Uint64()]
	return hit
}

// thirdX sets z to the X coordinate of the sum of two points with the given
// slope between them: slope^2 - x1 - x2.
func (f *field) thirdX(z, slope, x1, x2 *big.Int) *big.Int {
	f.mul(z, slope, slope)
	return f.sub(z, f.sub(z, z, x1), x2)
}
