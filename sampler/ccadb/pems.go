package ccadb

import (
	"crypto/sha256"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"strings"
)

// ErrNoPEM says that a report has no column with certificates.
var ErrNoPEM = errors.New("no column \"X.509 Certificate (PEM)\"")

// ReadPEMs passes every certificate of a report with certificates to fn, as DER, in the
// order of the report. Fields that are empty are passed over. A fingerprint in the same
// record must be that of the certificate.
func ReadPEMs(r io.Reader, fn func(der []byte) error) error {
	c := newCSV(r)
	h, columns, err := readHeader(c)
	if err != nil {
		return err
	}
	if h.find(colPEM) < 0 {
		return fmt.Errorf("line 1: %w", ErrNoPEM)
	}
	for {
		fields, err := c.row(columns)
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		text := h.value(fields, colPEM)
		if strings.TrimSpace(text) == "" {
			continue
		}
		der, err := DecodePEM(text)
		if err == nil && h.find(colSHA256) >= 0 {
			var want [32]byte
			if want, err = fingerprint(h.value(fields, colSHA256)); err == nil && sha256.Sum256(der) != want {
				err = fmt.Errorf("the certificate's SHA-256 is %x, the record says %x", sha256.Sum256(der), want)
			}
		}
		if err == nil {
			err = fn(der)
		}
		if err != nil {
			return fmt.Errorf("line %d: %w", c.start, err)
		}
	}
}

// DecodePEM reads the one certificate of a PEM field. Some reports put it in single
// quotes.
func DecodePEM(text string) ([]byte, error) {
	text = strings.Trim(strings.TrimSpace(text), "'")
	block, rest := pem.Decode([]byte(text))
	switch {
	case block == nil:
		return nil, fmt.Errorf("%.40q is not a certificate in PEM", text)
	case block.Type != "CERTIFICATE":
		return nil, fmt.Errorf("a PEM block of type %.40q, not CERTIFICATE", block.Type)
	case len(strings.TrimSpace(string(rest))) > 0:
		return nil, errors.New("more than one certificate in a field")
	}
	return block.Bytes, nil
}
