package lint

import (
	"fmt"

	"golang.org/x/crypto/cryptobyte"
	cryptobyte_asn1 "golang.org/x/crypto/cryptobyte/asn1"
)

// maxArtifacts bounds how many artifacts one input may unfold into.
const maxArtifacts = 1 << 20

// readDER reads one DER value, or several one after the other.
func readDER(der []byte) []Artifact {
	if artifacts, ok := readPKCS7(der); ok {
		return artifacts
	}
	values := splitSequences(der)
	if len(values) < 2 {
		return []Artifact{derArtifact(der)}
	}
	artifacts := make([]Artifact, len(values))
	for i, value := range values {
		artifacts[i] = derArtifact(value)
	}
	return artifacts
}

// derArtifact finds out what one DER value is.
func derArtifact(der []byte) Artifact {
	kind, _, err := parseAny(der)
	return Artifact{Kind: kind, DER: der, Err: unparseable(kind, err)}
}

// splitSequences cuts concatenated DER SEQUENCEs apart; nil unless all of the
// input is that, so that a certificate with rubbish behind it stays one
// artifact whose error names the rubbish.
func splitSequences(der []byte) [][]byte {
	input := cryptobyte.String(der)
	var values [][]byte
	for !input.Empty() {
		var value cryptobyte.String
		if len(values) == maxArtifacts || !input.ReadASN1Element(&value, cryptobyte_asn1.SEQUENCE) {
			return nil
		}
		values = append(values, value)
	}
	return values
}

// unparseable words a parser's reason; nil stays nil.
func unparseable(kind Kind, err error) error {
	if err == nil {
		return nil
	}
	switch kind {
	case KindCert:
		return fmt.Errorf("parsing the certificate: %w", err)
	case KindCRL:
		return fmt.Errorf("parsing the CRL: %w", err)
	case KindOCSP:
		return fmt.Errorf("parsing the OCSP response: %w", err)
	}
	return err
}
