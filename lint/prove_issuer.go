package lint

import (
	"crypto/elliptic"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"math/big"

	"github.com/zmap/zcrypto/x509"
	"golang.org/x/crypto/cryptobyte"
	cryptobyte_asn1 "golang.org/x/crypto/cryptobyte/asn1"
)

// e_cert_issued_by_compromised_emudhra_ca verifies the certificate's signature
// (r, s) over the digest e under eight P-384 keys. The reason why these keys
// are on the lint's list helps here: their private keys d are below 256 and
// known. Verifying under dG means computing W = (e/s)G + (r/s)(dG) and asking
// whether X(W) mod n is r. With A = (e/s)G and B = (r/s)G that is W = A + dB for
// eight small d: two multiplications of the base point and a short addition
// chain instead of sixteen multiplications. And half of all r are not an X
// coordinate of any point of the curve, which ends the search before it starts.
// Both are exact.
//
// Most ECDSA signatures are of P-256 keys, and their r has at most 256 bits. Under
// P-384 such an r is the X coordinate, modulo n, of one point in 2^128: whoever made
// it, with all eight private keys in hand, would have had to find the scalar to a
// point of so short a coordinate, which takes 2^128 trials, or the discrete logarithm
// of one. So a short r ends the search too.

// proveIssuer is the prover of e_cert_issued_by_compromised_emudhra_ca.
func proveIssuer(any) func(*x509.Certificate) bool {
	return func(c *x509.Certificate) bool {
		e, ok := signedDigest(c)
		if !ok {
			return false
		}
		r, s, ok := ecdsaSignature(c.Signature)
		return ok && notSignedByCompromised(r, s, e)
	}
}

// signedDigest returns the digest of the to-be-signed certificate as ECDSA with
// P-384 takes it: its leftmost 384 bits as a number.
func signedDigest(c *x509.Certificate) (*big.Int, bool) {
	var digest []byte
	switch c.SignatureAlgorithm {
	case x509.ECDSAWithSHA1:
		sum := sha1.Sum(c.RawTBSCertificate)
		digest = sum[:]
	case x509.ECDSAWithSHA256:
		sum := sha256.Sum256(c.RawTBSCertificate)
		digest = sum[:]
	case x509.ECDSAWithSHA384:
		sum := sha512.Sum384(c.RawTBSCertificate)
		digest = sum[:]
	case x509.ECDSAWithSHA512:
		sum := sha512.Sum512(c.RawTBSCertificate)
		digest = sum[:48]
	default:
		return nil, false
	}
	return new(big.Int).SetBytes(digest), true
}

// ecdsaSignature reads strict DER; what it refuses is left to zlint's lint.
func ecdsaSignature(der []byte) (r, s *big.Int, ok bool) {
	input := cryptobyte.String(der)
	var inner cryptobyte.String
	r, s = new(big.Int), new(big.Int)
	ok = input.ReadASN1(&inner, cryptobyte_asn1.SEQUENCE) && input.Empty() &&
		inner.ReadASN1Integer(r) && inner.ReadASN1Integer(s) && inner.Empty()
	return r, s, ok
}

// shortR is how many bits r has at most in a signature of a P-256 key.
const shortR = 256

// notSignedByCompromised is true when (r, s) does not verify for e under any of
// the compromised keys. False says nothing.
func notSignedByCompromised(r, s, e *big.Int) bool {
	curve := elliptic.P384()
	params := curve.Params()
	if r.Sign() <= 0 || s.Sign() <= 0 || r.Cmp(params.N) >= 0 || s.Cmp(params.N) >= 0 {
		return true // refused under every P-384 key (FIPS 186-5 section 6.4.2, step 1)
	}
	if r.BitLen() <= shortR {
		return true
	}
	// X(W) < p and X(W) mod n = r leave r, and r+n where that is below p.
	candidates := []*big.Int{r}
	if second := new(big.Int).Add(r, params.N); second.Cmp(params.P) < 0 {
		candidates = append(candidates, second)
	}
	f := newField(params.P)
	possible := candidates[:0:0]
	for _, x := range candidates {
		if f.mayBeX(x, params.B) {
			possible = append(possible, x)
		}
	}
	if len(possible) == 0 {
		return true
	}
	inverse := new(big.Int).ModInverse(s, params.N)
	u1, u2 := new(big.Int).Mul(e, inverse), new(big.Int).Mul(r, inverse)
	u1.Mod(u1, params.N)
	u2.Mod(u2, params.N)
	if u1.Sign() == 0 || u2.Sign() == 0 {
		return false // A or B would be the point at infinity
	}
	ax, ay := curve.ScalarBaseMult(u1.Bytes())
	bx, by := curve.ScalarBaseMult(u2.Bytes())
	return f.excludes(affine{ax, ay}, affine{bx, by}, possible)
}

// mayBeX is false when x^3 - 3x + b is not a square, so that no point has x.
func (f *field) mayBeX(x, b *big.Int) bool {
	var y2 big.Int
	f.mul(&y2, x, x)
	f.sub(&y2, &y2, big.NewInt(3))
	f.mul(&y2, &y2, x)
	f.add(&y2, &y2, b)
	return big.Jacobi(&y2, f.p) >= 0
}
