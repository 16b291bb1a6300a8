package main

import (
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"fmt"
	"math/big"
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
