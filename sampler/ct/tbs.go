package ct

import (
	"bytes"
	"fmt"
)

// PairingTBS returns the TBSCertificate without its poison and SCT list
// extensions and with the lengths around them re-encoded, all else byte for byte.
// It is equal for a final certificate and its precertificate entry (RFC 6962
// section 3.2), and it is what an embedded SCT signs. A TBSCertificate without
// either extension is returned as it is.
func (c *Certificate) PairingTBS() ([]byte, error) {
	return c.rebuildTBS(func(oid, raw []byte) []byte {
		if bytes.Equal(oid, derPoison) || bytes.Equal(oid, derSCTList) {
			return nil
		}
		return raw
	}, nil, nil)
}

// PrecertTBS returns the TBSCertificate that a log enters for the precertificate
// c (RFC 6962 section 3.2): without the poison extension and, when signing is the
// Precertificate Signing Certificate that issued c, with the issuer name and the
// authorityKeyIdentifier value of signing. The last follows what logs run
// (certificate-transparency-go, BuildPrecertTBS): without the extension in
// signing it is dropped, without it in c it is added at the end.
func (c *Certificate) PrecertTBS(signing *Certificate) ([]byte, error) {
	if signing == nil {
		return c.rebuildTBS(func(oid, raw []byte) []byte {
			if bytes.Equal(oid, derPoison) {
				return nil
			}
			return raw
		}, nil, nil)
	}
	aki := signing.Extension(oidAuthorityKeyID)
	replaced := false
	edit := func(oid, raw []byte) []byte {
		switch {
		case bytes.Equal(oid, derPoison):
			return nil
		case bytes.Equal(oid, derAuthorityKeyID) && !replaced:
			replaced = true
			if aki == nil {
				return nil
			}
			return withValue(raw, aki.Value)
		}
		return raw
	}
	finish := func() []byte {
		if replaced || aki == nil {
			return nil
		}
		inner := appendElement(nil, tagOID, derAuthorityKeyID)
		return appendElement(nil, tagSequence, appendElement(inner, tagOctetString, aki.Value))
	}
	return c.rebuildTBS(edit, signing.RawIssuer, finish)
}

// withValue returns the extension raw with another extnValue; identifier and
// criticality stay.
func withValue(raw, value []byte) []byte {
	seq, _, err := readTagged(raw, tagSequence)
	if err != nil {
		return raw
	}
	var inner []byte
	for rest := seq.content; len(rest) > 0; {
		var e element
		if e, rest, err = readElement(rest); err != nil {
			return raw
		}
		if e.tag == tagOctetString {
			inner = appendElement(inner, tagOctetString, value)
			continue
		}
		inner = append(inner, e.full...)
	}
	return appendElement(nil, tagSequence, inner)
}

// rebuildTBS returns RawTBS with every extension replaced by what edit makes of
// it (nil drops it), then what finish adds, under the given issuer name (nil
// keeps the old one). Lengths are re-encoded only when something changed. An
// extension list that becomes empty is left out, as RFC 5280 section 4.1 demands.
func (c *Certificate) rebuildTBS(edit func(oid, raw []byte) []byte, issuer []byte, finish func() []byte) ([]byte, error) {
	tbs, _, err := readTagged(c.RawTBS, tagSequence)
	if err != nil {
		return nil, fmt.Errorf("rebuilding TBSCertificate: %w", err)
	}
	f, err := splitTBS(tbs.content)
	if err != nil {
		return nil, fmt.Errorf("rebuilding TBSCertificate: %w", err)
	}
	var list, edited []byte
	if f.extensions.full != nil {
		if list, err = f.list(); err != nil {
			return nil, fmt.Errorf("rebuilding TBSCertificate: %w", err)
		}
		if edited, err = editList(list, edit); err != nil {
			return nil, fmt.Errorf("rebuilding TBSCertificate: %w", err)
		}
	}
	if finish != nil {
		edited = append(edited, finish()...)
	}
	if issuer == nil {
		issuer = f.issuer.full
	}
	if bytes.Equal(list, edited) && bytes.Equal(issuer, f.issuer.full) {
		return c.RawTBS, nil
	}
	body := make([]byte, 0, len(tbs.content)+len(issuer)+64)
	body = append(body, f.beforeIssuer...)
	body = append(body, issuer...)
	body = append(body, f.afterIssuer...)
	if len(edited) > 0 {
		seq := appendElement(make([]byte, 0, len(edited)+8), tagSequence, edited)
		body = appendElement(body, tagExtensions, seq)
	}
	body = append(body, f.trailing...)
	return appendElement(make([]byte, 0, len(body)+8), tagSequence, body), nil
}

// editList applies edit to each extension of the list.
func editList(list []byte, edit func(oid, raw []byte) []byte) ([]byte, error) {
	edited := make([]byte, 0, len(list)+64)
	for len(list) > 0 {
		e, rest, err := readElement(list)
		if err != nil {
			return nil, fmt.Errorf("extensions: %w", err)
		}
		list = rest
		var oid []byte
		if id, _, err := readTagged(e.content, tagOID); err == nil && e.tag == tagSequence {
			oid = id.content
		}
		edited = append(edited, edit(oid, e.full)...)
	}
	return edited, nil
}
