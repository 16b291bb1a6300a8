package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"encoding/asn1"
	"encoding/binary"
	"fmt"
	"math/big"

	"selfaudit/internal/testpki"
)

// signer makes true P-256 signatures for a fraction of what they cost: the points of its nonces are computed once and used
// again and again, which gives the key away, and nobody minds. Ten million signatures take a minute instead of ten.
type signer struct {
	id       [32]byte // hash of the public key
	d, order *big.Int
	nonces   []nonce
}

// nonce is a number k in the order's field: the x coordinate of its point, and its inverse.
type nonce struct{ r, inverse *big.Int }

// signerNonces keeps r from coming again within what compresses together.
const signerNonces = 4096

func newSigner(key *testpki.Key) *signer {
	s := &signer{id: key.Hash(), d: privateNumber(key), order: elliptic.P256().Params().N}
	for i := range signerNonces {
		key := testpki.ECKey(fmt.Sprintf("nonce %d", i))
		k, x := privateNumber(key), key.SPKI[len(key.SPKI)-64:len(key.SPKI)-32]
		r := new(big.Int).SetBytes(x)
		s.nonces = append(s.nonces, nonce{r.Mod(r, s.order), k.ModInverse(k, s.order)})
	}
	return s
}

func privateNumber(key *testpki.Key) *big.Int {
	raw, err := key.Signer().(*ecdsa.PrivateKey).Bytes()
	if err != nil {
		panic(err) // cannot fail for P-256
	}
	return new(big.Int).SetBytes(raw)
}

// sign signs msg with nonce number i.
func (s *signer) sign(msg []byte, i int) []byte {
	digest := sha256.Sum256(msg)
	k := s.nonces[i%len(s.nonces)]
	v := new(big.Int).Mul(k.r, s.d)
	v.Add(v, new(big.Int).SetBytes(digest[:]))
	v.Mul(v.Mod(v, s.order), k.inverse)
	sig, err := asn1.Marshal(struct{ R, S *big.Int }{k.r, v.Mod(v, s.order)})
	if err != nil {
		panic(err) // cannot fail for two numbers
	}
	return sig
}

// resign replaces the constant that Template.Unsigned puts in place of a signature by a true one: an option of templates.
func (s *signer) resign(i int) func(cert []byte) []byte {
	return func(cert []byte) []byte {
		var c struct {
			TBS, Algorithm asn1.RawValue
			Signature      asn1.BitString
		}
		if _, err := asn1.Unmarshal(cert, &c); err != nil {
			panic(err) // the certificate was just made
		}
		signature := testpki.TLV(0x03, []byte{0}, s.sign(c.TBS.FullBytes, i))
		return testpki.Sequence(c.TBS.FullBytes, c.Algorithm.FullBytes, signature)
	}
}

// sct returns an SCT of the log with this key over a precertificate entry.
func (s *signer) sct(issuerKeyHash [32]byte, tbs []byte, ms uint64, i int) []byte {
	entry := binary.BigEndian.AppendUint64([]byte{0, 0}, ms)
	entry = append(append(entry, 0, 1), issuerKeyHash[:]...)
	entry = append(append(entry, byte(len(tbs)>>16), byte(len(tbs)>>8), byte(len(tbs))), tbs...)
	sig := s.sign(append(entry, 0, 0), i)
	b := binary.BigEndian.AppendUint64(append([]byte{0}, s.id[:]...), ms)
	b = append(b, 0, 0, 4, 3, byte(len(sig)>>8), byte(len(sig)))
	return append(b, sig...)
}
