package testpki

import (
	"slices"
	"sync"
	"time"
)

// Template describes a certificate. The zero value of every field means an
// ordinary domain-validated certificate; the fields at the end make broken ones.
type Template struct {
	Seed                string    // makes the derived serial distinct
	Serial              []byte    // content octets of the INTEGER, unchecked; nil: derived
	NotBefore, NotAfter time.Time // default: 2026-09-01T00:00:00Z and 90 days less one second
	Subject             []byte    // DER Name; nil: empty
	DNSNames            []string  // default for end entities: www.example.com
	Policies            []string  // dotted; default for end entities: 2.23.140.1.2.1 (DV)
	EKUs                []string  // dotted; default for end entities: serverAuth
	Key                 *Key      // the subject's; default: one key for all
	IsCA                bool

	Validity   []byte                         // DER element in place of the Validity
	Extensions func(exts [][]byte) [][]byte   // edits the list, before poison or SCT list is added
	Place      func(exts, last []byte) []byte // joins the list and poison or SCT list; default: last at the end
	PatchTBS   func(tbs []byte) []byte        // edits each TBSCertificate before it is signed or logged
	PatchCert  func(cert []byte) []byte       // edits each signed certificate
	Unsigned   bool                           // a constant in place of the signature: fast, for certificates nobody verifies
}

// leafKey is the subject key of end entities that name none.
var leafKey = sync.OnceValue(func() *Key { return ECKey("leaf") })

// unsigned stands for a signature when Template.Unsigned is set: the size of a
// P-256 signature, and valid for nothing.
var unsigned = TLV(0x30, TLV(0x02, slices.Repeat([]byte{0x11}, 32)), TLV(0x02, slices.Repeat([]byte{0x22}, 32)))

// Extensions that differ between precertificate and final certificate.
const (
	oidSCTList = "1.3.6.1.4.1.11129.2.4.2"
	oidPoison  = "1.3.6.1.4.1.11129.2.4.3"
)

func (t Template) key() *Key {
	if t.Key == nil {
		return leafKey()
	}
	return t.Key
}

// Certificate returns a final certificate signed by ca, with the given serialized
// SCTs embedded when there are any.
func (ca *CA) Certificate(t Template, scts ...[]byte) []byte {
	ca = ca.issuing()
	if len(scts) == 0 {
		return ca.sign(t, ca.tbs(t))
	}
	var list []byte
	for _, s := range scts {
		list = append(list, byte(len(s)>>8), byte(len(s)))
		list = append(list, s...)
	}
	list = append([]byte{byte(len(list) >> 8), byte(len(list))}, list...)
	return ca.sign(t, ca.tbs(t, Extension(oidSCTList, false, TLV(0x04, list))))
}

// Precertificate returns the precertificate of the same template: with the
// poison extension, signed by ca, which may be a Precertificate Signing Certificate.
func (ca *CA) Precertificate(t Template) []byte {
	t = t.fixSerial(ca)
	return ca.sign(t, ca.tbs(t, Extension(oidPoison, true, []byte{0x05, 0x00})))
}

// TBS returns the TBSCertificate as a log enters it and as SCTs sign it: without
// poison and SCT list, naming the issuing CA.
func (ca *CA) TBS(t Template) []byte { return ca.issuing().tbs(t) }

// IssuerKeyHash returns the SHA-256 of the issuing CA's SubjectPublicKeyInfo.
func (ca *CA) IssuerKeyHash() [32]byte { return ca.issuing().Key.Hash() }

// fixSerial derives the serial from the issuing CA, so that a precertificate
// signed by a Precertificate Signing Certificate has the serial of its final certificate.
func (t Template) fixSerial(ca *CA) Template {
	if t.Serial == nil {
		t.Serial = serialFor(ca.issuing(), t)
	}
	return t
}

func (ca *CA) sign(t Template, tbs []byte) []byte {
	sig := unsigned
	if !t.Unsigned {
		sig = ca.Key.Sign(tbs)
	}
	cert := Sequence(tbs, ca.Key.alg, bitString(sig))
	if t.PatchCert != nil {
		cert = t.PatchCert(cert)
	}
	return cert
}

// Resign returns a certificate with the given TBSCertificate bytes, whatever
// they are, signed by ca.
func (ca *CA) Resign(tbs []byte) []byte { return ca.sign(Template{}, tbs) }

// tbs assembles the TBSCertificate; last is the poison or SCT list extension.
func (ca *CA) tbs(t Template, last ...[]byte) []byte {
	t = t.fixSerial(ca)
	if t.NotBefore.IsZero() {
		t.NotBefore = time.Date(2026, 9, 1, 0, 0, 0, 0, time.UTC)
	}
	if t.NotAfter.IsZero() {
		t.NotAfter = t.NotBefore.AddDate(0, 0, 90).Add(-time.Second)
	}
	if t.Subject == nil {
		t.Subject = Sequence()
	}
	validity := t.Validity
	if validity == nil {
		validity = Sequence(Time(t.NotBefore), Time(t.NotAfter))
	}
	exts := ca.extensions(t)
	if t.Extensions != nil {
		exts = t.Extensions(exts)
	}
	list := slices.Concat(exts...)
	if len(last) > 0 && t.Place != nil {
		list = t.Place(list, last[0])
	} else {
		list = append(list, slices.Concat(last...)...)
	}
	fields := [][]byte{
		{0xa0, 0x03, 0x02, 0x01, 0x02}, // version 3
		TLV(0x02, t.Serial), ca.Key.alg, ca.Name, validity, t.Subject, t.key().SPKI,
	}
	if ca.precertSigner {
		// The final certificate is signed with the CA's key, and so is described here.
		fields[2] = ca.Parent.Key.alg
	}
	if len(list) > 0 {
		fields = append(fields, TLV(0xa3, Sequence(list)))
	}
	tbs := Sequence(fields...)
	if t.PatchTBS != nil {
		tbs = t.PatchTBS(tbs)
	}
	return tbs
}

// extensions returns what the profile of TLS BR 7.1.2 asks for, for the kind of certificate.
func (ca *CA) extensions(t Template) [][]byte {
	var exts [][]byte
	keyUsage := []byte{0x03, 0x02, 0x07, 0x80} // digitalSignature
	if t.IsCA {
		exts = append(exts, Extension("2.5.29.19", true, Sequence(derTrue)))
		keyUsage = []byte{0x03, 0x02, 0x01, 0x86} // digitalSignature, keyCertSign, cRLSign
	} else {
		t = t.endEntity()
	}
	exts = append(exts, Extension("2.5.29.15", true, keyUsage))
	if len(t.EKUs) > 0 {
		var ekus [][]byte
		for _, eku := range t.EKUs {
			ekus = append(ekus, OID(eku))
		}
		exts = append(exts, Extension("2.5.29.37", false, Sequence(ekus...)))
	}
	if t.IsCA {
		id := t.key().id
		exts = append(exts, Extension("2.5.29.14", false, TLV(0x04, id[:])))
	}
	exts = append(exts, Extension("2.5.29.35", false, Sequence(TLV(0x80, ca.Key.id[:]))))
	if len(t.Policies) > 0 {
		var infos [][]byte
		for _, oid := range t.Policies {
			infos = append(infos, Sequence(OID(oid)))
		}
		exts = append(exts, Extension("2.5.29.32", false, Sequence(infos...)))
	}
	if len(t.DNSNames) > 0 {
		var names [][]byte
		for _, name := range t.DNSNames {
			names = append(names, TLV(0x82, []byte(name)))
		}
		emptySubject := len(t.Subject) <= 2
		exts = append(exts, Extension("2.5.29.17", emptySubject, Sequence(names...)))
	}
	if !t.IsCA {
		exts = append(exts, endEntityURLs()...)
	}
	return exts
}

func (t Template) endEntity() Template {
	if t.EKUs == nil {
		t.EKUs = []string{"1.3.6.1.5.5.7.3.1"}
	}
	if t.Policies == nil {
		t.Policies = []string{"2.23.140.1.2.1"}
	}
	if t.DNSNames == nil {
		t.DNSNames = []string{"www.example.com"}
	}
	return t
}

// endEntityURLs returns authorityInfoAccess and cRLDistributionPoints.
var endEntityURLs = sync.OnceValue(func() [][]byte {
	url := func(s string) []byte { return TLV(0x86, []byte(s)) }
	aia := Sequence(
		Sequence(OID("1.3.6.1.5.5.7.48.1"), url("http://ocsp.example.com")),
		Sequence(OID("1.3.6.1.5.5.7.48.2"), url("http://ca.example.com/ca.der")),
	)
	cdp := Sequence(Sequence(TLV(0xa0, TLV(0xa0, url("http://crl.example.com/ca.crl")))))
	return [][]byte{Extension("1.3.6.1.5.5.7.1.1", false, aia), Extension("2.5.29.31", false, cdp)}
})
