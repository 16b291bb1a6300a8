package checks

import (
	"bytes"
	"crypto/sha256"
	"fmt"

	"selfaudit/lint"
)

// Pairs compares certificates that come one after the other: a certificate with its
// precertificate, and different certificates with one serial number. It is for one
// goroutine.
type Pairs struct {
	// Limit bounds the bytes of certificates that are remembered; 0 = MaxPairs.
	Limit int

	// Issuers gives the Precertificate Signing Certificates; nil without any.
	Issuers *Pool

	seen    map[[32]byte]*pair
	held    int
	skipped int
}

// MaxPairs is the default bound of Pairs: some 100,000 certificates.
const MaxPairs = 256 << 20

// pair is what came under one issuer name and serial number.
type pair struct{ final, precert *member }

type member struct {
	where  string
	der    []byte
	raw    *rawCert
	signer *rawCert // of a precertificate, where a Precertificate Signing Certificate made it
}

// Skipped counts the certificates that were not compared because of the bound.
func (p *Pairs) Skipped() int { return p.skipped }

// Add takes one certificate, which comes from where, and returns what is wrong between it
// and those before it. What cannot be read is nobody's partner.
func (p *Pairs) Add(where string, der []byte, beside *Pool) []lint.Finding {
	der = bytes.Clone(der) // what is remembered must not keep a whole file in memory
	raw, err := cut(der)
	if err != nil {
		return nil
	}
	if beside == nil {
		beside = p.Issuers
	}
	m := &member{where: where, der: der, raw: raw}
	name := raw.issuer
	if raw.isPrecert() {
		if m.signer = beside.precertSigner(raw); m.signer != nil {
			name = m.signer.issuer
		}
	}
	key := sha256.Sum256(append(bytes.Clone(name), raw.serial...))
	partner := p.seen[key]
	if partner == nil {
		limit := p.Limit
		if limit == 0 {
			limit = MaxPairs
		}
		if p.held+len(der) > limit {
			p.skipped++
			return nil
		}
		if p.seen == nil {
			p.seen = map[[32]byte]*pair{}
		}
		partner = &pair{}
		p.seen[key] = partner
	}
	return p.join(partner, m)
}

// join puts a member into its pair and compares.
func (p *Pairs) join(partner *pair, m *member) []lint.Finding {
	slot, other := &partner.final, partner.precert
	if m.raw.isPrecert() {
		slot, other = &partner.precert, partner.final
	}
	var findings []lint.Finding
	switch {
	case *slot == nil:
		*slot = m
		p.held += len(m.der)
	case bytes.Equal((*slot).der, m.der):
		return nil
	default:
		findings = append(findings, finding(lint.CheckSerialReused, fmt.Sprintf("serial number %x is also that of another %s: %s", clip(content(m.raw.serial)), noun(m.raw), (*slot).where)))
	}
	if other == nil {
		return findings
	}
	final, precert := m, other
	if m.raw.isPrecert() {
		final, precert = other, m
	}
	if difference := differ(final.raw, precert.raw, precert.signer); difference != "" {
		findings = append(findings, finding(lint.CheckPrecertificate, fmt.Sprintf("%s (compared with %s)", difference, other.where)))
	}
	return findings
}

func noun(c *rawCert) string {
	if c.isPrecert() {
		return "precertificate"
	}
	return "certificate"
}

// content returns the content octets of a short element, for showing.
func content(element []byte) []byte {
	if len(element) < 2 {
		return nil
	}
	return element[2:]
}

// differ says in what a final certificate differs from its precertificate beyond what
// RFC 6962 sections 3.1 and 3.2 allow; "" when in nothing. signer is the Precertificate
// Signing Certificate, whose issuer name and authorityKeyIdentifier then stand in the
// precertificate's place; nil without one.
func differ(final, precert, signer *rawCert) string {
	issuer := precert.issuer
	if signer != nil {
		issuer = signer.issuer
	}
	for _, f := range []struct {
		name string
		a, b []byte
	}{
		{"version", final.version, precert.version}, {"serialNumber", final.serial, precert.serial},
		{"signature algorithm", final.algorithm, precert.algorithm}, {"issuer", final.issuer, issuer},
		{"validity", final.validity, precert.validity}, {"subject", final.subject, precert.subject},
		{"subjectPublicKeyInfo", final.spki, precert.spki}, {"unique identifiers", final.uniqueIDs, precert.uniqueIDs},
	} {
		if !bytes.Equal(f.a, f.b) {
			return f.name + " differs from that of the precertificate"
		}
	}
	a := without(final.extensions, oidSCTList)
	b := without(precert.extensions, oidPoison)
	if signer != nil {
		b = withAuthorityOf(b, signer)
	}
	return differExtensions(a, b)
}

// differExtensions compares two lists of extensions, order included.
func differExtensions(a, b []rawExtension) string {
	for i := range max(len(a), len(b)) {
		switch {
		case i >= len(a):
			return "extension " + dotted(b[i].oid) + " stands only in the precertificate"
		case i >= len(b):
			return "extension " + dotted(a[i].oid) + " does not stand in the precertificate"
		case a[i].oid != b[i].oid:
			return fmt.Sprintf("extension number %d is %s, in the precertificate %s", i+1, dotted(a[i].oid), dotted(b[i].oid))
		case !bytes.Equal(a[i].raw, b[i].raw):
			return "extension " + dotted(a[i].oid) + " differs from that of the precertificate"
		}
	}
	return ""
}

func without(list []rawExtension, oid string) []rawExtension {
	var kept []rawExtension
	for _, e := range list {
		if e.oid != oid {
			kept = append(kept, e)
		}
	}
	return kept
}

// withAuthorityOf puts the signer's authorityKeyIdentifier in place of the
// precertificate's (RFC 6962 section 3.2).
func withAuthorityOf(list []rawExtension, signer *rawCert) []rawExtension {
	out := make([]rawExtension, 0, len(list))
	for _, e := range list {
		if e.oid != oidAuthorityKeyID {
			out = append(out, e)
			continue
		}
		for _, s := range signer.extensions {
			if s.oid == oidAuthorityKeyID {
				out = append(out, s)
				break
			}
		}
	}
	return out
}

// dotted writes the content octets of an object identifier as text, or as hex where they
// are not one.
func dotted(content string) string {
	if text, ok := dottedText([]byte(content)); ok {
		return text
	}
	return fmt.Sprintf("%x", clip([]byte(content)))
}

func dottedText(content []byte) (string, bool) {
	if len(content) == 0 || len(content) > 64 {
		return "", false
	}
	text, arc, started := "", uint64(0), false
	for _, b := range content {
		if arc > 1<<56 || !started && b == 0x80 {
			return "", false
		}
		arc, started = arc<<7|uint64(b&0x7f), true
		if b&0x80 != 0 {
			continue
		}
		if text == "" {
			first := min(arc/40, 2)
			text = fmt.Sprintf("%d.%d", first, arc-40*first)
		} else {
			text += fmt.Sprintf(".%d", arc)
		}
		arc, started = 0, false
	}
	return text, !started
}
