package ct_test

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"math/big"
	"testing"
	"time"

	"selfaudit/internal/testlog"
	"selfaudit/internal/testpki"
	"selfaudit/sampler/ct"
)

// selfSigned lets crypto/x509 make a certificate with the given algorithm.
func selfSigned(t *testing.T, key crypto.Signer, alg x509.SignatureAlgorithm) *ct.Certificate {
	t.Helper()
	tmpl := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "x"}, SignatureAlgorithm: alg,
		NotBefore: time.Unix(1e9, 0), NotAfter: time.Unix(2e9, 0),
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return mustParse(t, der)
}

func ecKey(t *testing.T, curve elliptic.Curve) crypto.Signer {
	t.Helper()
	key, err := ecdsa.GenerateKey(curve, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func TestVerifySignatureAlgorithms(t *testing.T) {
	rsaKey, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	_, edKey, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		name string
		key  crypto.Signer
		alg  x509.SignatureAlgorithm
	}{
		{"RSA SHA-256", rsaKey, x509.SHA256WithRSA},
		{"RSA SHA-384", rsaKey, x509.SHA384WithRSA},
		{"RSA SHA-512", rsaKey, x509.SHA512WithRSA},
		{"PSS SHA-256", rsaKey, x509.SHA256WithRSAPSS},
		{"PSS SHA-384", rsaKey, x509.SHA384WithRSAPSS},
		{"ECDSA P-224", ecKey(t, elliptic.P224()), x509.ECDSAWithSHA256},
		{"ECDSA P-256", ecKey(t, elliptic.P256()), x509.ECDSAWithSHA256},
		{"ECDSA P-384", ecKey(t, elliptic.P384()), x509.ECDSAWithSHA384},
		{"ECDSA P-521", ecKey(t, elliptic.P521()), x509.ECDSAWithSHA512},
		{"Ed25519", edKey, x509.PureEd25519},
	} {
		c := selfSigned(t, tc.key, tc.alg)
		if err := ct.VerifySignature(c.RawSPKI, c); err != nil {
			t.Errorf("%s: %v", tc.name, err)
		}
		for _, part := range []*[]byte{&c.RawTBS, &c.Signature} {
			old := *part
			*part = bytes.Clone(old)
			(*part)[len(old)-1] ^= 1
			if err := ct.VerifySignature(c.RawSPKI, c); !errors.Is(err, ct.ErrBadSignature) {
				t.Errorf("%s with a flipped bit: %v", tc.name, err)
			}
			*part = old
		}
		c.Signature = nil
		if err := ct.VerifySignature(c.RawSPKI, c); !errors.Is(err, ct.ErrBadSignature) {
			t.Errorf("%s without signature: %v", tc.name, err)
		}
	}
}

func TestVerifySignatureSHA1(t *testing.T) {
	key, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	// crypto/x509 no longer signs with SHA-1, so the parts are put together here.
	c := selfSigned(t, key, x509.SHA256WithRSA)
	h := crypto.SHA1.New()
	h.Write(c.RawTBS)
	if c.Signature, err = rsa.SignPKCS1v15(nil, key, crypto.SHA1, h.Sum(nil)); err != nil {
		t.Fatal(err)
	}
	c.SigAlg = testpki.Sequence(testpki.OID("1.2.840.113549.1.1.5"), []byte{5, 0})
	if err := ct.VerifySignature(c.RawSPKI, c); err != nil {
		t.Error(err)
	}
}

func TestVerifySignatureUnsupported(t *testing.T) {
	ca := testpki.NewRoot("Root", testpki.CAOptions{})
	alg := func(parts ...[]byte) []byte { return testpki.Sequence(parts...) }
	smallRSA := func() []byte {
		modulus := testpki.TLV(2, append([]byte{0}, bytes.Repeat([]byte{0xc5}, 64)...))
		key := testpki.Sequence(modulus, []byte{2, 3, 1, 0, 1})
		return testpki.Sequence(alg(testpki.OID("1.2.840.113549.1.1.1"), []byte{5, 0}), testpki.TLV(3, []byte{0}, key))
	}
	for name, tc := range map[string]struct {
		spki, alg []byte
		want      error
	}{
		"MD5":                {testpki.RSAKey(0).SPKI, alg(testpki.OID("1.2.840.113549.1.1.4"), []byte{5, 0}), ct.ErrUnsupportedAlgorithm},
		"ML-DSA":             {ca.Key.SPKI, alg(testpki.OID("2.16.840.1.101.3.4.3.17")), ct.ErrUnsupportedAlgorithm},
		"no algorithm":       {ca.Key.SPKI, nil, ct.ErrUnsupportedAlgorithm},
		"no key":             {nil, alg(testpki.OID("1.2.840.10045.4.3.2")), ct.ErrUnsupportedAlgorithm},
		"512-bit RSA":        {smallRSA(), alg(testpki.OID("1.2.840.113549.1.1.11"), []byte{5, 0}), ct.ErrUnsupportedAlgorithm},
		"PSS of no hash":     {testpki.RSAKey(0).SPKI, alg(testpki.OID("1.2.840.113549.1.1.10"), testpki.Sequence([]byte{0xa0, 2, 0x30, 0})), ct.ErrUnsupportedAlgorithm},
		"RSA under an ECDSA": {ca.Key.SPKI, alg(testpki.OID("1.2.840.113549.1.1.11"), []byte{5, 0}), ct.ErrBadSignature},
		"ECDSA under an RSA": {testpki.RSAKey(0).SPKI, alg(testpki.OID("1.2.840.10045.4.3.2")), ct.ErrBadSignature},
	} {
		c := mustParse(t, ca.Certificate(testpki.Template{}))
		c.SigAlg = tc.alg
		if err := ct.VerifySignature(tc.spki, c); !errors.Is(err, tc.want) {
			t.Errorf("%s: error %v, want %v", name, err, tc.want)
		}
	}
}

// TestSCTs covers what the real certificates of alpha do not: several logs, RSA
// log keys, unknown versions and broken lists.
func TestSCTs(t *testing.T) {
	ca := testpki.NewRoot("Root", testpki.CAOptions{})
	tmpl, rsaLog := testpki.Template{}, testpki.RSAKey(1)
	sign := func(key *testpki.Key, ts uint64) []byte {
		return testlog.SignSCT(key, ca.IssuerKeyHash(), ca.TBS(tmpl), ts, nil)
	}
	one, two := sign(logKey, 1), sign(rsaLog, 2)
	future := append([]byte{9}, "from the future"...)
	c := mustParse(t, ca.Certificate(tmpl, one, future, two))
	scts, err := c.SCTs()
	if err != nil || len(scts) != 2 || scts[0].Timestamp != 1 || scts[1].Timestamp != 2 {
		t.Fatalf("%+v: %v", scts, err)
	}
	tbs, err := c.PairingTBS()
	if err != nil {
		t.Fatal(err)
	}
	for i, key := range []*testpki.Key{logKey, rsaLog} {
		if err := ct.VerifySCT(key.SPKI, scts[i], ca.IssuerKeyHash(), tbs); err != nil {
			t.Error(err)
		}
		if ct.VerifySCT(testpki.ECKey("another").SPKI, scts[i], ca.IssuerKeyHash(), tbs) == nil {
			t.Error("an SCT verifies with the key of another log")
		}
		late := scts[i]
		late.Timestamp++
		if err := ct.VerifySCT(key.SPKI, late, ca.IssuerKeyHash(), tbs); !errors.Is(err, ct.ErrBadSignature) {
			t.Errorf("an SCT with another time stamp: %v", err)
		}
		if ct.VerifySCT(key.SPKI, scts[i], ca.IssuerKeyHash(), c.RawTBS) == nil {
			t.Error("an SCT verifies for another TBSCertificate")
		}
	}
	for name, sct := range map[string][]byte{"cut": one[:len(one)-1], "longer": append(bytes.Clone(one), 0), "head only": one[:20]} {
		got, err := mustParse(t, ca.Certificate(tmpl, two, sct)).SCTs()
		if err == nil || len(got) != 1 {
			t.Errorf("%s: %d SCTs, error %v; want the one before the defect and an error", name, len(got), err)
		}
	}
}

func FuzzSCTList(f *testing.F) {
	ca := testpki.NewRoot("Root", testpki.CAOptions{})
	sct := testlog.SignSCT(logKey, ca.IssuerKeyHash(), ca.TBS(testpki.Template{}), 1, []byte{1, 2})
	f.Add(append([]byte{0, byte(len(sct) + 2), 0, byte(len(sct))}, sct...))
	f.Fuzz(func(t *testing.T, list []byte) {
		scts, err := ct.ParseSCTList(list)
		if err != nil {
			return
		}
		size := 2
		for _, s := range scts {
			size += 2 + 1 + 32 + 8 + 2 + len(s.Extensions) + len(s.Signature)
		}
		if size > len(list) {
			t.Fatalf("%d bytes of SCTs from %d", size, len(list))
		}
	})
}
