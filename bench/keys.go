package main

import (
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"fmt"
	"math/big"

	"selfaudit/internal/testpki"
)

// stream returns n octets that follow from seed.
func stream(seed string, n int) []byte {
	var out []byte
	for i := 0; len(out) < n; i++ {
		h := sha256.Sum256(fmt.Appendf(nil, "%s %d", seed, i))
		out = append(out, h[:]...)
	}
	return out[:n]
}

// rsaSPKI encodes a public key with exponent 65537.
func rsaSPKI(n *big.Int) []byte {
	spki, err := x509.MarshalPKIXPublicKey(&rsa.PublicKey{N: n, E: 65537})
	if err != nil {
		panic(err) // cannot fail for an RSA key
	}
	return spki
}

// moduli makes RSA keys that nobody has the private key of: a linter looks at the modulus,
// and costs the same for a product of two primes as for any number without small factors.
type moduli struct{ n int }

// primes752 is the product of the primes below 752, which a linter looks for as factors.
var primes752 = func() *big.Int {
	product := big.NewInt(1)
	for n := int64(2); n < 752; n++ {
		if big.NewInt(n).ProbablyPrime(0) {
			product.Mul(product, big.NewInt(n))
		}
	}
	return product
}()

// key returns the next RSA key of 2048 bits.
func (m *moduli) key() *testpki.Key {
	for {
		m.n++
		n := new(big.Int).SetBytes(stream(fmt.Sprintf("modulus %d", m.n), 256))
		n.SetBit(n, 2047, 1)
		n.SetBit(n, 0, 1)
		if new(big.Int).GCD(nil, nil, n, primes752).Cmp(big.NewInt(1)) == 0 {
			return &testpki.Key{SPKI: rsaSPKI(n)}
		}
	}
}
