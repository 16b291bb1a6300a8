package collect

import (
	"bytes"
	"crypto/sha256"
	"testing"

	"selfaudit/internal/testpki"
	"selfaudit/sampler/ct"
)

// TestMemoByTail: a certificate is known by all of its bytes, not by the last ones, which a
// log can choose.
func TestMemoByTail(t *testing.T) {
	root := testpki.NewRoot("Root", testpki.CAOptions{})
	one, two := root.NewCA("One", testpki.CAOptions{}).Cert, bytes.Clone(root.NewCA("Two", testpki.CAOptions{}).Cert)
	copy(two[len(two)-tailSize:], one[len(one)-tailSize:])
	c := &checker{}
	for range 3 {
		for _, der := range [][]byte{one, two} {
			got, err := c.byDER(bytes.Clone(der))
			if err != nil || !bytes.Equal(got.Raw, der) || got.fingerprint != sha256.Sum256(der) {
				t.Fatalf("another certificate came, or %v", err)
			}
		}
	}
	for _, der := range [][]byte{nil, one[:7]} {
		if _, err := c.byDER(der); err == nil {
			t.Errorf("%x is taken for a certificate", der)
		}
	}
	if n := len(c.memo.certs); n != 2 || len(c.memo.tails) != 1 {
		t.Errorf("%d certificates and %d tails remembered", n, len(c.memo.tails))
	}
}

// TestKeySieve: what passes is a known key, whether or not others share its bit.
func TestKeySieve(t *testing.T) {
	var set Issuers
	set.byKey = map[[32]byte]*Issuer{}
	for i := range 40 {
		key := sha256.Sum256([]byte{byte(i)})
		if i%2 == 0 {
			set.byKey[key] = &Issuer{}
			set.sieve.add(key)
		}
	}
	for i := range 40 {
		key := sha256.Sum256([]byte{byte(i)})
		neighbour := ct.Hash(key)
		neighbour[31] ^= 1
		if set.hasKey(key) != (i%2 == 0) || set.hasKey(neighbour) {
			t.Errorf("key %d: %v, its neighbour %v", i, set.hasKey(key), set.hasKey(neighbour))
		}
	}
}
