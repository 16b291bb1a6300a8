package ct

import (
	"errors"
	"fmt"
)

// Extension is one X.509 extension.
type Extension struct {
	OID      string // dotted
	Critical bool
	Value    []byte // content of the OCTET STRING
	Raw      []byte
}

// maxExtensions bounds the extensions listed of one certificate; real ones have about ten.
const maxExtensions = 1024

// list returns the elements of the SEQUENCE OF Extension inside [3].
func (f *tbsFields) list() ([]byte, error) {
	seq, rest, err := readTagged(f.extensions.content, tagSequence)
	if err != nil {
		return nil, fmt.Errorf("extensions: %w", err)
	}
	if len(rest) != 0 {
		return nil, errors.New("extensions: bytes after the list")
	}
	return seq.content, nil
}

func (c *Certificate) parseExtensions(f tbsFields) {
	note := func(err error) {
		if err != nil && c.ExtensionsErr == nil {
			c.ExtensionsErr = err
		}
	}
	if len(f.trailing) > 0 {
		note(fmt.Errorf("%d bytes of TBSCertificate that are no extensions", len(f.trailing)))
	}
	if f.extensions.full == nil {
		return
	}
	list, err := f.list()
	if err != nil {
		note(err)
		return
	}
	c.Extensions = make([]Extension, 0, countElements(list))
	for i := 0; len(list) > 0; i++ {
		if i == maxExtensions {
			note(fmt.Errorf("more than %d extensions", maxExtensions))
			return
		}
		e, rest, err := readElement(list)
		if err != nil {
			note(fmt.Errorf("extension %d: %w", i, err))
			return
		}
		list = rest
		x, err := parseExtension(e)
		if err != nil {
			note(fmt.Errorf("extension %d: %w", i, err))
			continue
		}
		if c.Extension(x.OID) != nil {
			note(fmt.Errorf("extension %s is there twice", x.OID))
		}
		c.Extensions = append(c.Extensions, x)
	}
}

func parseExtension(e element) (Extension, error) {
	if e.tag != tagSequence {
		return Extension{}, fmt.Errorf("tag %#02x, want %#02x", e.tag, tagSequence)
	}
	oid, rest, err := readTagged(e.content, tagOID)
	if err != nil {
		return Extension{}, fmt.Errorf("extnID: %w", err)
	}
	x := Extension{OID: oidString(oid.content), Raw: e.full}
	if x.OID == "" {
		return Extension{}, errors.New("extnID is not an object identifier")
	}
	if len(rest) > 0 && rest[0] == tagBoolean {
		var critical element
		if critical, rest, err = readElement(rest); err != nil {
			return Extension{}, fmt.Errorf("%s: critical: %w", x.OID, err)
		}
		x.Critical = isTrue(critical.content)
	}
	value, rest, err := readTagged(rest, tagOctetString)
	if err != nil {
		return Extension{}, fmt.Errorf("%s: extnValue: %w", x.OID, err)
	}
	if len(rest) != 0 {
		return Extension{}, fmt.Errorf("%s: %d bytes after extnValue", x.OID, len(rest))
	}
	x.Value = value.content
	return x, nil
}

// isTrue reads a BOOLEAN as BER does: any octet but zero is true.
func isTrue(content []byte) bool { return len(content) == 1 && content[0] != 0 }

// countElements returns how many elements b begins with, at most maxExtensions.
func countElements(b []byte) int {
	n := 0
	for len(b) > 0 && n < maxExtensions {
		var err error
		if _, b, err = readElement(b); err != nil {
			break
		}
		n++
	}
	return n
}
