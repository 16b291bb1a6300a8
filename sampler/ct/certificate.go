package ct

import (
	"crypto/sha256"
	"fmt"
	"time"
)

// Certificate is the shallow view of a certificate, a precertificate or a bare
// TBSCertificate (RFC 5280 section 4.1). Its slices alias the input. Fields whose
// name begins with Raw, SigAlg and Extension.Raw are whole DER elements.
type Certificate struct {
	Raw    []byte // nil for a bare TBSCertificate
	RawTBS []byte

	SerialContent []byte // content octets of the serial INTEGER as encoded: may have leading zeros, be negative or empty
	RawIssuer     []byte
	RawSubject    []byte
	RawSPKI       []byte

	NotBefore, NotAfter time.Time // UTC; zero if unreadable

	Extensions    []Extension // readable ones, in order, duplicates included
	ExtensionsErr error       // first defect of the extension list; nil if there is none

	SigAlg    []byte // outer AlgorithmIdentifier; nil for a bare TBSCertificate
	Signature []byte // without the octet of unused bits; nil if that is not zero
}

// ParseCertificate reads one DER certificate or precertificate. It is refused
// only when one of its parts cannot be located or bytes follow it; every other
// defect is tolerated and visible in the fields.
func ParseCertificate(der []byte) (*Certificate, error) {
	outer, rest, err := readTagged(der, tagSequence)
	if err != nil {
		return nil, fmt.Errorf("certificate: %w", err)
	}
	if len(rest) != 0 {
		return nil, fmt.Errorf("certificate: %d bytes after its end", len(rest))
	}
	c := &Certificate{Raw: der}
	tbs, rest, err := readTagged(outer.content, tagSequence)
	if err != nil {
		return nil, fmt.Errorf("certificate: TBSCertificate: %w", err)
	}
	alg, rest, err := readTagged(rest, tagSequence)
	if err != nil {
		return nil, fmt.Errorf("certificate: signatureAlgorithm: %w", err)
	}
	sig, rest, err := readTagged(rest, tagBitString)
	if err != nil {
		return nil, fmt.Errorf("certificate: signatureValue: %w", err)
	}
	if len(rest) != 0 {
		return nil, fmt.Errorf("certificate: %d bytes after the signature", len(rest))
	}
	c.SigAlg = alg.full
	if len(sig.content) > 0 && sig.content[0] == 0 {
		c.Signature = sig.content[1:]
	}
	if err := c.parseTBS(tbs); err != nil {
		return nil, fmt.Errorf("certificate: %w", err)
	}
	return c, nil
}

// IssuerName returns the DER issuer name of a certificate without looking at what
// comes after it. It costs a few nanoseconds and allocates nothing, so that a
// reader can pass over the entries of other CAs.
func IssuerName(der []byte) ([]byte, error) {
	outer, _, err := readTagged(der, tagSequence)
	if err != nil {
		return nil, fmt.Errorf("certificate: %w", err)
	}
	tbs, _, err := readTagged(outer.content, tagSequence)
	if err != nil {
		return nil, fmt.Errorf("certificate: TBSCertificate: %w", err)
	}
	rest := tbs.content
	if len(rest) > 0 && rest[0] == tagVersion {
		if _, rest, err = readElement(rest); err != nil {
			return nil, fmt.Errorf("certificate: version: %w", err)
		}
	}
	if _, rest, err = readTagged(rest, tagInteger); err != nil {
		return nil, fmt.Errorf("certificate: serialNumber: %w", err)
	}
	if _, rest, err = readElement(rest); err != nil {
		return nil, fmt.Errorf("certificate: signature: %w", err)
	}
	issuer, _, err := readTagged(rest, tagSequence)
	if err != nil {
		return nil, fmt.Errorf("certificate: issuer: %w", err)
	}
	return issuer.full, nil
}

// ParseTBS reads a bare TBSCertificate, as precert entries hold it. Raw, SigAlg
// and Signature stay nil.
func ParseTBS(tbs []byte) (*Certificate, error) {
	e, rest, err := readTagged(tbs, tagSequence)
	if err != nil {
		return nil, fmt.Errorf("TBSCertificate: %w", err)
	}
	if len(rest) != 0 {
		return nil, fmt.Errorf("TBSCertificate: %d bytes after its end", len(rest))
	}
	c := &Certificate{}
	if err := c.parseTBS(e); err != nil {
		return nil, fmt.Errorf("TBSCertificate: %w", err)
	}
	return c, nil
}

func (c *Certificate) parseTBS(tbs element) error {
	c.RawTBS = tbs.full
	f, err := splitTBS(tbs.content)
	if err != nil {
		return err
	}
	c.SerialContent = f.serial.content
	c.RawIssuer, c.RawSubject, c.RawSPKI = f.issuer.full, f.subject.full, f.spki.full
	c.NotBefore, c.NotAfter = parseValidity(f.validity)
	c.parseExtensions(f)
	return nil
}

// tbsFields locates the parts of a TBSCertificate.
type tbsFields struct {
	serial, issuer, validity, subject, spki element

	beforeIssuer []byte  // version, serial and signature algorithm, as encoded
	afterIssuer  []byte  // validity up to and without [3], as encoded
	extensions   element // the [3] element; full is nil when there is none
	trailing     []byte  // whatever follows [3], or stands in its place
}

func splitTBS(content []byte) (tbsFields, error) {
	var f tbsFields
	rest := content
	if len(rest) > 0 && rest[0] == tagVersion {
		var err error
		if _, rest, err = readElement(rest); err != nil {
			return f, fmt.Errorf("version: %w", err)
		}
	}
	var alg element
	beforeIssuer := 0
	for _, part := range []struct {
		name string
		to   *element
		tag  byte // 0: any, as only its extent matters here
	}{
		{"serialNumber", &f.serial, tagInteger},
		{"signature", &alg, 0},
		{"issuer", &f.issuer, tagSequence},
		{"validity", &f.validity, 0},
		{"subject", &f.subject, tagSequence},
		{"subjectPublicKeyInfo", &f.spki, tagSequence},
	} {
		if part.to == &f.issuer {
			beforeIssuer = len(content) - len(rest)
		}
		e, next, err := readElement(rest)
		if err != nil {
			return f, fmt.Errorf("%s: %w", part.name, err)
		}
		if part.tag != 0 && e.tag != part.tag {
			return f, fmt.Errorf("%s: tag %#02x, want %#02x", part.name, e.tag, part.tag)
		}
		*part.to, rest = e, next
	}
	f.beforeIssuer = content[:beforeIssuer]
	for len(rest) > 0 && (rest[0]&^0x20 == tagIssuerUniqueID || rest[0]&^0x20 == tagSubjectUniqueID) {
		var err error
		if _, rest, err = readElement(rest); err != nil {
			return f, fmt.Errorf("unique identifier: %w", err)
		}
	}
	f.afterIssuer = content[beforeIssuer+len(f.issuer.full) : len(content)-len(rest)]
	f.trailing = rest
	if len(rest) > 0 && rest[0] == tagExtensions {
		if e, next, err := readElement(rest); err == nil {
			f.extensions, f.trailing = e, next
		}
	}
	return f, nil
}

// KeyHash returns the SHA-256 of the certificate's SubjectPublicKeyInfo: for a CA
// certificate, the issuer_key_hash of what it issues.
func (c *Certificate) KeyHash() [32]byte { return sha256.Sum256(c.RawSPKI) }
