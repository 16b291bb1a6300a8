package ct

import (
	"errors"
	"fmt"
	"slices"
)

// Extension returns the first extension with the given dotted OID, or nil.
func (c *Certificate) Extension(oid string) *Extension {
	for i := range c.Extensions {
		if c.Extensions[i].OID == oid {
			return &c.Extensions[i]
		}
	}
	return nil
}

// IsPrecert reports whether the certificate carries the poison extension of RFC
// 6962 section 3.1, critical or not.
func (c *Certificate) IsPrecert() bool { return c.Extension(oidPoison) != nil }

// IsCA reports whether basicConstraints say cA TRUE.
func (c *Certificate) IsCA() bool {
	x := c.Extension(oidBasicConstraints)
	if x == nil {
		return false
	}
	seq, _, err := readTagged(x.Value, tagSequence)
	if err != nil {
		return false
	}
	ca, _, err := readTagged(seq.content, tagBoolean)
	return err == nil && isTrue(ca.content)
}

// EKUs returns the extended key usages, dotted; nil when the extension is absent
// or unreadable. Identifiers that are none are left out.
func (c *Certificate) EKUs() []string {
	x := c.Extension(oidExtKeyUsage)
	if x == nil {
		return nil
	}
	seq, _, err := readTagged(x.Value, tagSequence)
	if err != nil {
		return nil
	}
	var ekus []string
	for rest := seq.content; len(rest) > 0; {
		var e element
		if e, rest, err = readElement(rest); err != nil {
			return ekus
		}
		if oid := oidString(e.content); e.tag == tagOID && oid != "" {
			ekus = append(ekus, oid)
		}
	}
	return ekus
}

// IsPrecertSigning reports whether this is a Precertificate Signing Certificate:
// extended key usage 1.3.6.1.4.1.11129.2.4.4 (RFC 6962 section 3.1).
func (c *Certificate) IsPrecertSigning() bool { return slices.Contains(c.EKUs(), oidPrecertSigning) }

// PolicyOIDs returns the identifiers of certificatePolicies, dotted, in order;
// nil without the extension, an error when the extension cannot be read or is
// there twice.
func (c *Certificate) PolicyOIDs() ([]string, error) {
	var x *Extension
	for i := range c.Extensions {
		if c.Extensions[i].OID != oidPolicies {
			continue
		}
		if x != nil {
			return nil, errors.New("certificatePolicies: the extension is there twice")
		}
		x = &c.Extensions[i]
	}
	if x == nil {
		return nil, nil
	}
	seq, rest, err := readTagged(x.Value, tagSequence)
	if err == nil && len(rest) != 0 {
		err = errors.New("bytes after the list")
	}
	if err != nil {
		return nil, fmt.Errorf("certificatePolicies: %w", err)
	}
	var oids []string
	for rest := seq.content; len(rest) > 0; {
		var info, id element
		if info, rest, err = readTagged(rest, tagSequence); err != nil {
			return nil, fmt.Errorf("certificatePolicies: policy %d: %w", len(oids), err)
		}
		if id, _, err = readTagged(info.content, tagOID); err != nil {
			return nil, fmt.Errorf("certificatePolicies: policy %d: %w", len(oids), err)
		}
		oid := oidString(id.content)
		if oid == "" {
			return nil, fmt.Errorf("certificatePolicies: policy %d is not an object identifier", len(oids))
		}
		oids = append(oids, oid)
	}
	return oids, nil
}
