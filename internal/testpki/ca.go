package testpki

import (
	"crypto/sha256"
	"time"
)

// CA is a certification authority, a Precertificate Signing Certificate, or a
// cross-signed twin of one.
type CA struct {
	Key    *Key
	Name   []byte // DER subject
	Cert   []byte // DER certificate
	Parent *CA    // nil for a root

	precertSigner bool
}

// CAOptions say how a CA differs from the default.
type CAOptions struct {
	Key                 *Key      // default: ECKey(seed)
	Name                []byte    // default: CN=<seed>, O=Test Trust, C=CH
	NotBefore, NotAfter time.Time // default: 2020-01-01 to 2045-01-01
	Serial              []byte    // content octets of the INTEGER; default: derived
	EKUs                []string
	Policies            []string // default: anyPolicy
}

func (o CAOptions) fill(seed string) CAOptions {
	if o.Key == nil {
		o.Key = ECKey(seed)
	}
	if o.Name == nil {
		o.Name = Name(C("CH"), O("Test Trust"), CN(seed))
	}
	if o.NotBefore.IsZero() {
		o.NotBefore = time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)
	}
	if o.NotAfter.IsZero() {
		o.NotAfter = time.Date(2045, 1, 1, 0, 0, 0, 0, time.UTC)
	}
	if o.Policies == nil {
		o.Policies = []string{"2.5.29.32.0"}
	}
	return o
}

// NewRoot returns the self-signed CA that follows from seed.
func NewRoot(seed string, o CAOptions) *CA {
	o = o.fill(seed)
	ca := &CA{Key: o.Key, Name: o.Name}
	ca.Cert = ca.issueCA(o)
	return ca
}

// NewCA returns a subordinate CA of ca.
func (ca *CA) NewCA(seed string, o CAOptions) *CA {
	o = o.fill(seed)
	return &CA{Key: o.Key, Name: o.Name, Cert: ca.issueCA(o), Parent: ca}
}

// CrossSign returns the twin of sub under ca: the same key and, unless o.Name
// says otherwise, the same subject, in another certificate.
func (ca *CA) CrossSign(sub *CA, o CAOptions) *CA {
	o.Key = sub.Key
	if o.Name == nil {
		o.Name = sub.Name
	}
	return ca.NewCA("", o)
}

// NewPrecertSigner returns a Precertificate Signing Certificate of ca (RFC 6962
// section 3.1). Its Precertificate method signs in place of ca.
func (ca *CA) NewPrecertSigner(seed string, o CAOptions) *CA {
	o.EKUs = []string{"1.3.6.1.4.1.11129.2.4.4"}
	signer := ca.NewCA(seed, o)
	signer.precertSigner = true
	return signer
}

// Chain returns the certificates from ca to its root.
func (ca *CA) Chain() [][]byte {
	var chain [][]byte
	for ; ca != nil; ca = ca.Parent {
		chain = append(chain, ca.Cert)
	}
	return chain
}

// issuing returns the CA that certificates name as issuer: for a Precertificate
// Signing Certificate the CA above it.
func (ca *CA) issuing() *CA {
	if ca.precertSigner {
		return ca.Parent
	}
	return ca
}

func (ca *CA) issueCA(o CAOptions) []byte {
	t := Template{
		Serial: o.Serial, NotBefore: o.NotBefore, NotAfter: o.NotAfter, Subject: o.Name,
		Policies: o.Policies, Key: o.Key, EKUs: o.EKUs, IsCA: true,
	}
	return ca.sign(t, ca.tbs(t))
}

// serialFor derives a positive serial of 16 octets from what makes a certificate distinct.
func serialFor(issuer *CA, t Template) []byte {
	h := sha256.New()
	for _, part := range [][]byte{issuer.Name, t.Subject, []byte(t.Seed), []byte(t.NotBefore.Format(time.RFC3339Nano)), t.key().SPKI} {
		h.Write(TLV(0x04, part))
	}
	for _, name := range t.DNSNames {
		h.Write([]byte(name + "\n"))
	}
	serial := h.Sum(nil)[:16]
	serial[0] = serial[0]&0x3f | 0x40
	return serial
}
