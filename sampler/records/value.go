package records

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"

	"selfaudit/sampler"
)

// maxCertificate is the largest certificate in a cell, in bytes of DER.
const maxCertificate = 1 << 20

// parseFingerprint reads a SHA-256 fingerprint: hex with or without colons, or base64.
func parseFingerprint(text string) (sampler.CertHash, error) {
	s := strings.NewReplacer(":", "", " ", "").Replace(strings.ToLower(cleanSerial(text)))
	s = strings.TrimPrefix(strings.TrimPrefix(s, "sha256="), "sha256")
	switch {
	case len(s) == 64:
		if h, err := sampler.ParseCertHash(s); err == nil {
			return h, nil
		}
	case len(s) == 40 && strings.Trim(s, "0123456789abcdef") == "":
		return sampler.CertHash{}, errors.New("the fingerprint has 40 digits, as SHA-1 has: export the SHA-256 fingerprint, or take the column out of the mapping")
	case len(s) == 44 || len(s) == 43:
		raw, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(strings.TrimSpace(text), "="))
		if err == nil && len(raw) == 32 {
			return sampler.CertHash(raw), nil
		}
	}
	return sampler.CertHash{}, fmt.Errorf("%q is not a SHA-256 fingerprint", clip(text))
}

// parseCertificate reads a certificate from a cell: PEM, base64 of DER or hex of DER.
func parseCertificate(text string) ([]byte, error) {
	s := strings.TrimSpace(text)
	if strings.HasPrefix(s, "-----BEGIN") {
		return parsePEM(s)
	}
	s = strings.Join(strings.Fields(s), "")
	s = strings.NewReplacer(`\r`, "", `\n`, "").Replace(s) // line ends that a database has written out
	if len(s) > 6 && strings.Trim(strings.ToLower(strings.TrimPrefix(s, `\x`)), "0123456789abcdef") == "" {
		der, err := hex.DecodeString(strings.TrimPrefix(s, `\x`)) // \x: PostgreSQL's bytea
		if err == nil && der[0] == 0x30 {
			return der, nil
		}
	}
	der, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(s, "="))
	if err != nil {
		return nil, fmt.Errorf("neither PEM nor base64 of a certificate: %w", err)
	}
	if len(der) == 0 || der[0] != 0x30 {
		return nil, errors.New("base64, but not of a DER certificate")
	}
	return der, nil
}

func parsePEM(s string) ([]byte, error) {
	block, _ := pem.Decode([]byte(s))
	if block == nil {
		// Exports often lose the line ends inside the armour.
		body := strings.NewReplacer(`\r`, "\r", `\n`, "\n").Replace(s)
		const begin, end = "-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----"
		body, opened := strings.CutPrefix(body, begin)
		body, _, closed := strings.Cut(body, end)
		if !opened || !closed {
			return nil, errors.New("a PEM block that is not whole, or not of a certificate")
		}
		der, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(strings.Join(strings.Fields(body), ""), "="))
		if err != nil || len(der) == 0 {
			return nil, errors.New("a PEM block whose base64 cannot be read")
		}
		return der, nil
	}
	if block.Type != "CERTIFICATE" && block.Type != "X509 CERTIFICATE" {
		return nil, fmt.Errorf("a PEM block of type %q, not CERTIFICATE", clip(block.Type))
	}
	return bytes.Clone(block.Bytes), nil
}
