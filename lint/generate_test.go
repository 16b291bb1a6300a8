package lint

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"fmt"
	"math/big"
	mathrand "math/rand/v2"
	"net"
	"sync"
	"testing"
	"time"
)

// generator makes certificates of many shapes for the differential tests.
type generator struct {
	issuers []crypto.Signer
	keys    []any // subjects' public keys, good and weak
}

// newKeys makes the generator's keys once per test binary; RSA keys take a while.
var newKeys = sync.OnceValue(func() generator {
	var g generator
	for _, curve := range []elliptic.Curve{elliptic.P256(), elliptic.P384(), elliptic.P521(), elliptic.P224()} {
		key, err := ecdsa.GenerateKey(curve, rand.Reader)
		if err != nil {
			panic(err)
		}
		g.issuers = append(g.issuers, key)
		g.keys = append(g.keys, &key.PublicKey)
	}
	for range 2 {
		key, err := rsa.GenerateKey(rand.Reader, 2048)
		if err != nil {
			panic(err)
		}
		g.issuers = append(g.issuers, key)
		g.keys = append(g.keys, &key.PublicKey)
	}
	g.keys = append(g.keys, weakKeys()...)
	return g
})

// weakKeys are the positives of the lints that have a prover.
func weakKeys() []any {
	var keys []any
	prime, err := rand.Prime(rand.Reader, 1024)
	if err != nil {
		panic(err)
	}
	for _, distance := range []int64{2, 1 << 20} { // found by Fermat's method in the first rounds
		next := new(big.Int).Add(prime, big.NewInt(distance))
		for !next.ProbablyPrime(2) {
			next.Add(next, big.NewInt(2))
		}
		keys = append(keys, &rsa.PublicKey{N: new(big.Int).Mul(prime, next), E: 65537})
	}
	for _, factor := range []int64{2, 3, 743, 751} {
		keys = append(keys, &rsa.PublicKey{N: new(big.Int).Mul(prime, big.NewInt(factor)), E: 65537})
	}
	for _, curve := range []elliptic.Curve{elliptic.P224(), elliptic.P256(), elliptic.P384(), elliptic.P521()} {
		for _, d := range []int64{1, smallTable, smallTable + 1, 2*smallTable + 1, 60000, 1 << 16, 1<<16 + 1} {
			keys = append(keys, ecdsaFromScalar(curve, big.NewInt(d), false), ecdsaFromScalar(curve, big.NewInt(d), true))
		}
	}
	return keys
}

// ecdsaFromScalar is dG, or -dG.
func ecdsaFromScalar(curve elliptic.Curve, d *big.Int, negative bool) *ecdsa.PublicKey {
	x, y := curve.ScalarBaseMult(d.Bytes())
	if negative {
		y = new(big.Int).Sub(curve.Params().P, y)
	}
	return &ecdsa.PublicKey{Curve: curve, X: x, Y: y}
}

// certificate makes one certificate; the same random source gives the same
// content, but never the same signature.
func (g generator) certificate(random *mathrand.Rand, key any, issuer crypto.Signer) ([]byte, error) {
	pick := func(n int) bool { return random.IntN(n) == 0 }
	policies := []string{"2.23.140.1.1", "2.23.140.1.2.1", "2.23.140.1.2.2", "2.23.140.1.2.3", "2.23.140.1.5.1.3", "2.23.140.1.4.1", "1.2.3.4"}
	policy, err := x509.ParseOID(policies[random.IntN(len(policies))])
	if err != nil {
		return nil, err
	}
	notBefore := time.Date(2010+random.IntN(18), time.Month(1+random.IntN(12)), 1+random.IntN(28), 12, 0, 0, 0, time.UTC)
	template := &x509.Certificate{
		SerialNumber:          new(big.Int).SetUint64(random.Uint64() >> random.IntN(64)),
		Subject:               pkix.Name{CommonName: fmt.Sprintf("host%d.example.com", random.IntN(1000)), Organization: []string{"Example"}, Country: []string{"DE"}},
		NotBefore:             notBefore,
		NotAfter:              notBefore.AddDate(0, 0, random.IntN(900)),
		DNSNames:              []string{"example.com", "*.example.org", "under_score.example"}[:1+random.IntN(3)],
		KeyUsage:              x509.KeyUsage(random.IntN(1 << 9)),
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageEmailProtection}[:random.IntN(4)],
		BasicConstraintsValid: !pick(4),
		IsCA:                  pick(5),
		Policies:              []x509.OID{policy},
		IssuingCertificateURL: []string{"http://ca.example/ca.cer"},
		CRLDistributionPoints: []string{"http://ca.example/ca.crl"},
	}
	template.IsCA = template.IsCA && template.BasicConstraintsValid
	if template.SerialNumber.Sign() == 0 {
		template.SerialNumber.SetInt64(1)
	}
	if pick(3) {
		template.EmailAddresses = []string{"a@example.com"}
	}
	if pick(6) {
		template.IPAddresses = []net.IP{{10, 0, 0, 1}}
	}
	if pick(5) { // RFC 6962 3.1
		template.ExtraExtensions = append(template.ExtraExtensions, pkix.Extension{
			Id: asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 11129, 2, 4, 3}, Critical: true, Value: []byte{5, 0},
		})
	}
	parent := &x509.Certificate{Subject: pkix.Name{CommonName: "Test CA", Organization: []string{"Example"}, Country: []string{"DE"}}, SubjectKeyId: []byte{1, 2, 3}}
	return x509.CreateCertificate(rand.Reader, template, parent, key, issuer)
}

// generate makes n certificates of mixed shape from a fixed seed.
func generate(t testing.TB, n int) []corpusCert {
	t.Helper()
	g := newKeys()
	random := mathrand.New(mathrand.NewPCG(1, 2))
	issuers := append([]crypto.Signer{}, g.issuers...)
	for _, d := range compromisedScalars {
		issuers = append(issuers, p384Key(t, d))
	}
	certs := make([]corpusCert, n)
	for i := range certs {
		der, err := g.certificate(random, g.keys[i%len(g.keys)], issuers[(i/len(g.keys)+i)%len(issuers)])
		if err != nil {
			t.Fatal(err)
		}
		certs[i] = corpusCert{fmt.Sprintf("generated %d", i), der}
	}
	return certs
}

// p384Key is the P-384 key pair with a given private key.
func p384Key(t testing.TB, d int) *ecdsa.PrivateKey {
	t.Helper()
	raw := make([]byte, 48)
	big.NewInt(int64(d)).FillBytes(raw)
	key, err := ecdsa.ParseRawPrivateKey(elliptic.P384(), raw)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// ordinary makes a DV certificate as CAs issue them.
func (g generator) ordinary(random *mathrand.Rand, key any, issuer crypto.Signer) ([]byte, error) {
	policy, err := x509.ParseOID("2.23.140.1.2.1")
	if err != nil {
		return nil, err
	}
	serial := make([]byte, 16)
	for i := range serial {
		serial[i] = byte(1 + random.IntN(126))
	}
	name := fmt.Sprintf("host%d.example.com", random.IntN(1000))
	notBefore := time.Date(2026, 1, 1+random.IntN(28), 12, 0, 0, 0, time.UTC)
	usage := x509.KeyUsageDigitalSignature
	if _, ok := key.(*rsa.PublicKey); ok {
		usage |= x509.KeyUsageKeyEncipherment
	}
	template := &x509.Certificate{
		SerialNumber: new(big.Int).SetBytes(serial), NotBefore: notBefore, NotAfter: notBefore.AddDate(0, 0, 90),
		Subject: pkix.Name{CommonName: name}, DNSNames: []string{name, "www." + name},
		KeyUsage: usage, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}, BasicConstraintsValid: true,
		Policies: []x509.OID{policy}, IssuingCertificateURL: []string{"http://ca.example.com/ca.cer"},
		CRLDistributionPoints: []string{"http://ca.example.com/ca.crl"}, SubjectKeyId: []byte("twenty octets of key"),
	}
	parent := &x509.Certificate{Subject: pkix.Name{CommonName: "Test CA", Organization: []string{"Example"}, Country: []string{"DE"}}, SubjectKeyId: []byte("twenty octets of iss")}
	return x509.CreateCertificate(rand.Reader, template, parent, key, issuer)
}
