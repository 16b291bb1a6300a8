package lint

import (
	"crypto/ecdsa"

	"github.com/zmap/zcrypto/x509"
)

// ecdsaKey returns the certificate's ECDSA key, nil when it has another or none.
func ecdsaKey(c *x509.Certificate) *ecdsa.PublicKey {
	if c.PublicKeyAlgorithm != x509.ECDSA {
		return nil
	}
	switch key := c.PublicKey.(type) {
	case *x509.AugmentedECDSA:
		return key.Pub
	case *ecdsa.PublicKey:
		return key
	}
	return nil
}
