package files

import (
	"bytes"
	"errors"
	"fmt"
)

// readDER reads DER values back to back, usually one. After a value whose length cannot be right there is no way to find the next.
func (s *scan) readDER(in *input) {
	for s.failed == nil {
		offset := in.offset
		head := in.peek(6)
		if len(bytes.Trim(head, "\r\n")) == 0 && len(head) < 6 { // an editor's line end after the value
			return
		}
		if head[0] != 0x30 {
			s.problem("", fmt.Errorf("bytes after the end of the DER value, at offset %d", offset))
			return
		}
		size, err := derLength(head)
		if err != nil {
			s.problem("", err)
			return
		}
		if size > MaxCertificate {
			s.problem("", fmt.Errorf("DER value of %d bytes is over the limit of %d for a certificate", size, MaxCertificate))
			return
		}
		b := in.peek(int(size))
		if int64(len(b)) < size {
			if in.err != nil {
				s.problem("", fmt.Errorf("truncated: DER value of %d bytes, the file has %d of them", size, len(b)))
			}
			return
		}
		der := bytes.Clone(b[:size])
		in.skip(int(size))
		s.certificate(offset, der, "")
	}
}

// derLength gives the size of the DER SEQUENCE that starts with head, header included (X.690, 8.1.3 and 10.1: definite, shortest form).
func derLength(head []byte) (int64, error) {
	if len(head) < 2 || head[0] != 0x30 {
		return 0, errors.New("not a DER SEQUENCE")
	}
	if head[1] < 0x80 {
		return 2 + int64(head[1]), nil
	}
	n := int(head[1] & 0x7f)
	if n == 0 {
		return 0, errors.New("indefinite length (BER), which DER does not have")
	}
	if n > 4 {
		return 0, fmt.Errorf("DER length of %d bytes", n)
	}
	if len(head) < 2+n {
		return 0, errors.New("truncated DER length")
	}
	var size int64
	for _, b := range head[2 : 2+n] {
		size = size<<8 | int64(b)
	}
	if size < 0x80 || size>>(8*(n-1)) == 0 {
		return 0, errors.New("DER length is not in its shortest form")
	}
	return int64(2+n) + size, nil
}

// checkShape refuses DER that is certainly no certificate. It is meant to name what was found, not to validate: a malformed
// certificate passes, because whoever parses it must see and report it.
func checkShape(der []byte) error {
	size, err := derLength(der)
	if err != nil {
		return err
	}
	switch {
	case size > int64(len(der)):
		return fmt.Errorf("truncated: DER value of %d bytes, %d are there", size, len(der))
	case size < int64(len(der)):
		return fmt.Errorf("%d bytes after the end of the certificate", int64(len(der))-size)
	case size > MaxCertificate:
		return fmt.Errorf("certificate of %d bytes is over the limit of %d", size, MaxCertificate)
	}
	if what := otherKind(der); what != "" {
		return fmt.Errorf("%s: %w", what, ErrNotCertificate)
	}
	return nil
}

// otherKind names the common DER values that are not certificates, by the tags of their first elements; "" for all the rest.
func otherKind(der []byte) string {
	outer := tags(content(der), 4)
	inner := tags(content(content(der)), 4)
	switch {
	case bytes.HasPrefix(outer, []byte{0x06, 0xa0}):
		return "PKCS #7 (RFC 5652)"
	case bytes.HasPrefix(outer, []byte{0x02, 0x30, 0x30}):
		return "PKCS #12 (RFC 7292)"
	case bytes.HasPrefix(outer, []byte{0x02, 0x30, 0x04}), bytes.HasPrefix(outer, []byte{0x02, 0x04}), bytes.HasPrefix(outer, []byte{0x02, 0x02, 0x02}):
		return "private key"
	case bytes.Equal(outer, []byte{0x30, 0x03}):
		return "public key"
	case !bytes.HasPrefix(outer, []byte{0x30, 0x30, 0x03}):
		return ""
	// RFC 5280, 5.1: TBSCertList = [version] signature issuer thisUpdate …; a certificate has a SEQUENCE where the time is.
	case isCRL(inner):
		return "certificate revocation list"
	// RFC 2986, 4.1: CertificationRequestInfo = version subject subjectPKInfo [0] attributes.
	case bytes.Equal(inner, []byte{0x02, 0x30, 0x30, 0xa0}):
		return "certificate signing request"
	}
	return ""
}

func isCRL(tbs []byte) bool {
	tbs = bytes.TrimPrefix(tbs, []byte{0x02})
	return len(tbs) >= 3 && tbs[0] == 0x30 && tbs[1] == 0x30 && (tbs[2] == 0x17 || tbs[2] == 0x18)
}

// content returns what is inside the first DER value of b, as far as it is there.
func content(b []byte) []byte {
	_, header, size, ok := value(b)
	if !ok {
		return nil
	}
	return b[header:min(header+size, len(b))]
}

// tags returns the tags of the first n DER values in b.
func tags(b []byte, n int) []byte {
	var list []byte
	for len(list) < n && len(b) > 0 {
		tag, header, size, ok := value(b)
		if !ok {
			break
		}
		list = append(list, tag)
		b = b[min(header+size, len(b)):]
	}
	return list
}

func value(b []byte) (tag byte, header, size int, ok bool) {
	if len(b) < 2 {
		return 0, 0, 0, false
	}
	if b[1] < 0x80 {
		return b[0], 2, int(b[1]), true
	}
	n := int(b[1] & 0x7f)
	if n == 0 || n > 3 || len(b) < 2+n {
		return 0, 0, 0, false
	}
	for _, x := range b[2 : 2+n] {
		size = size<<8 | int(x)
	}
	return b[0], 2 + n, size, true
}
