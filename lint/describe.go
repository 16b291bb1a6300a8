package lint

import (
	"encoding/hex"
	"fmt"
	"math/big"
	"strconv"
	"time"

	"github.com/zmap/zcrypto/x509"
	"github.com/zmap/zcrypto/x509/pkix"
	"golang.org/x/crypto/ocsp"
)

// maxNames is how many DNS names a Description shows.
const maxNames = 5

// Description says what an artifact is, for people. Its strings come from the
// artifact and can hold anything (control characters, text direction marks,
// formulas): escaping them for where they are shown is the caller's job. They
// are valid UTF-8 and bounded.
type Description struct {
	Kind   Kind
	SHA256 string
	// Err says why the rest is empty.
	Err error
	// Class is what the artifact is in a few words: "DV", "EV", "S/MIME mailbox-validated
	// strict", "root CA", "CRL", "OCSP response: good".
	Class string
	// Precertificate is true when the CT poison extension is there (RFC 6962 3.1).
	Precertificate bool
	// Subject and Issuer are distinguished names in about the form of RFC 2253.
	Subject, Issuer string
	// Serial is the certificate's serial number (or that an OCSP response is
	// about, or the CRL number) in lower hex, whole octets, "-" before a negative one.
	Serial string
	// NotBefore and NotAfter are the validity, or thisUpdate and nextUpdate of a
	// CRL or OCSP response; zero where absent.
	NotBefore, NotAfter time.Time
	// Names are the first DNS names of the subject alternative name; NameCount counts all.
	Names     []string
	NameCount int
	// Key is the certificate's public key: "RSA 2048", "ECDSA P-256", or an OID.
	Key string
	// Signature is the signature algorithm's name, or its OID.
	Signature string
	// Holder says which requirements govern the certificate; the zero value for all else.
	Holder Holder
	// RuleSet names the rule set of a certificate (RuleSetNamed).
	RuleSet string
	// IssuerName is the commonName of the issuer.
	IssuerName string
	// Revoked counts the entries of a CRL.
	Revoked int
}

// Describe says what an artifact is. Where it cannot be parsed, only Kind,
// SHA256 and Err are set.
func Describe(a Artifact) Description {
	kind, p, err := parseArtifact(a)
	return describe(a, kind, p, err)
}

// describe is Describe after parsing.
func describe(a Artifact, kind Kind, p parsed, err error) Description {
	d := Description{Kind: kind, SHA256: a.SHA256(), Err: err}
	if err == nil {
		d.Err = d.fill(p)
	}
	return d
}

// fill sets what the parsed artifact tells. A panic over hostile content ends
// the description, not the program.
func (d *Description) fill(p parsed) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("describing the artifact: the parser panicked: %v", r)
		}
	}()
	switch {
	case p.cert != nil:
		d.certificate(p.cert)
	case p.crl != nil:
		d.revocationList(p.crl)
	case p.ocsp != nil:
		d.ocspResponse(p.ocsp)
	}
	return nil
}

func (d *Description) certificate(c *x509.Certificate) {
	d.Class = classOf(c)
	d.Holder = holderOf(c)
	d.RuleSet = ruleSetName(c)
	d.IssuerName = boundDetails(c.Issuer.CommonName)
	d.Precertificate = c.IsPrecert
	d.Subject, d.Issuer = nameText(c.Subject), nameText(c.Issuer)
	d.Serial = serialHex(c.SerialNumber)
	d.NotBefore, d.NotAfter = c.NotBefore.UTC(), c.NotAfter.UTC()
	d.NameCount = len(c.DNSNames)
	for _, name := range c.DNSNames[:min(maxNames, len(c.DNSNames))] {
		d.Names = append(d.Names, boundDetails(name))
	}
	d.Key = keyText(c)
	d.Signature = c.SignatureAlgorithmName()
}

func (d *Description) revocationList(crl *x509.RevocationList) {
	d.Class = "CRL"
	d.Issuer = nameText(crl.Issuer)
	d.NotBefore, d.NotAfter = utcOrZero(crl.ThisUpdate), utcOrZero(crl.NextUpdate)
	if crl.Number != nil {
		d.Serial = serialHex(crl.Number)
	}
	d.Signature = crl.SignatureAlgorithm.String()
	d.Revoked = len(crl.RevokedCertificates)
}

func (d *Description) ocspResponse(r *ocsp.Response) {
	status := map[int]string{ocsp.Good: "good", ocsp.Revoked: "revoked", ocsp.Unknown: "unknown"}[r.Status]
	if status == "" {
		status = "status " + strconv.Itoa(r.Status)
	}
	d.Class = "OCSP response: " + status
	d.Serial = serialHex(r.SerialNumber)
	d.NotBefore, d.NotAfter = utcOrZero(r.ThisUpdate), utcOrZero(r.NextUpdate)
	if r.Certificate != nil {
		d.Issuer = boundDetails(r.Certificate.Subject.String())
	} else if len(r.ResponderKeyHash) > 0 {
		d.Issuer = "responder key hash " + hex.EncodeToString(r.ResponderKeyHash)
	}
	d.Signature = r.SignatureAlgorithm.String()
}

func nameText(n pkix.Name) string { return boundDetails(n.String()) }

func utcOrZero(t time.Time) time.Time {
	if t.IsZero() {
		return t
	}
	return t.UTC()
}

// serialHex writes a serial number as lower hex of whole octets.
func serialHex(n *big.Int) string {
	if n == nil {
		return ""
	}
	if n.Sign() == 0 {
		return "00"
	}
	text := hex.EncodeToString(n.Bytes())
	if n.Sign() < 0 {
		return "-" + text
	}
	return text
}
