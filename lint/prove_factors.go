package lint

import (
	"math/big"
	"math/bits"
	"sync"

	"github.com/zmap/zcrypto/rsa"
	"github.com/zmap/zcrypto/x509"
)

// w_rsa_mod_factors_smaller_than_752 divides the modulus by every prime below
// 752, one big division each. Here the primes are multiplied into groups that
// fit a machine word: one pass over the modulus per group leaves a remainder
// that word-size divisions finish.

// primeGroup is a product of primes that fits a machine word, and its primes.
type primeGroup struct {
	product uint
	primes  []uint
}

// smallFactorLimit: all primes below it are tried.
const smallFactorLimit = 752

var primeGroups = sync.OnceValue(func() []primeGroup {
	groups := []primeGroup{{product: 1}}
	for candidate := uint(2); candidate < smallFactorLimit; candidate++ {
		if !new(big.Int).SetUint64(uint64(candidate)).ProbablyPrime(0) {
			continue
		}
		last := &groups[len(groups)-1]
		if high, _ := bits.Mul(last.product, candidate); high != 0 {
			groups = append(groups, primeGroup{product: 1})
			last = &groups[len(groups)-1]
		}
		last.product *= candidate
		last.primes = append(last.primes, candidate)
	}
	return groups
})

// proveFactors is the prover of w_rsa_mod_factors_smaller_than_752.
func proveFactors(any) func(*x509.Certificate) bool {
	return func(c *x509.Certificate) bool {
		key, ok := c.PublicKey.(*rsa.PublicKey)
		return ok && hasNoSmallFactor(key.N)
	}
}

// hasNoSmallFactor is true exactly when no prime below 752 divides n.
func hasNoSmallFactor(n *big.Int) bool {
	words := n.Bits() // least significant first
	for _, group := range primeGroups() {
		var rest uint
		for i := len(words) - 1; i >= 0; i-- {
			_, rest = bits.Div(rest, uint(words[i]), group.product)
		}
		for _, prime := range group.primes {
			if rest%prime == 0 {
				return false
			}
		}
	}
	return true
}
