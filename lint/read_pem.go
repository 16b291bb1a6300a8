package lint

import (
	"bytes"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"
)

var (
	pemBegin = []byte("-----BEGIN ")
	pemEnd   = []byte("-----END ")
)

// pemKinds are the block types of RFC 7468 and of common tools that say what they hold.
var pemKinds = map[string]Kind{
	"CERTIFICATE":      KindCert,
	"X509 CERTIFICATE": KindCert,
	"X509 CRL":         KindCRL,
	"CRL":              KindCRL,
	"OCSP RESPONSE":    KindOCSP,
}

// readPEM reads all PEM blocks. encoding/pem skips over a damaged block without
// a word, so the blocks are cut out first and decoded one by one.
func readPEM(data []byte) []Artifact {
	var artifacts []Artifact
	for len(artifacts) < maxArtifacts {
		start := bytes.Index(data, pemBegin)
		if start < 0 {
			break
		}
		block, rest := cutBlock(data[start:])
		artifacts = append(artifacts, readBlock(block)...)
		data = rest
	}
	return artifacts
}

// cutBlock returns the text from a BEGIN line to the end of its END line, or to
// the next BEGIN line where the END line is missing.
func cutBlock(data []byte) (block, rest []byte) {
	end := len(data)
	if next := bytes.Index(data[len(pemBegin):], pemBegin); next >= 0 {
		end = len(pemBegin) + next
	}
	if last := bytes.Index(data[:end], pemEnd); last >= 0 {
		line := bytes.IndexByte(data[last:end], '\n')
		if line >= 0 {
			end = last + line + 1
		}
	}
	return data[:end], data[end:]
}

// readBlock reads one block by its type.
func readBlock(text []byte) []Artifact {
	block, _ := pem.Decode(text)
	if block == nil {
		return []Artifact{{Kind: KindUnknown, DER: text, Err: errors.New("damaged PEM block: no matching END line, or not base64")}}
	}
	if kind, ok := pemKinds[block.Type]; ok {
		return []Artifact{blockArtifact(kind, block.Bytes)}
	}
	switch {
	case block.Type == "TRUSTED CERTIFICATE": // OpenSSL's form: a certificate with trust settings behind it
		if values := splitSequences(block.Bytes); len(values) > 0 {
			return []Artifact{blockArtifact(KindCert, values[0])}
		}
		return []Artifact{blockArtifact(KindCert, block.Bytes)}
	case block.Type == "PKCS7", block.Type == "CMS":
		return readDER(block.Bytes)
	case strings.HasSuffix(block.Type, "KEY"), strings.HasSuffix(block.Type, "PARAMETERS"),
		strings.HasSuffix(block.Type, "CERTIFICATE REQUEST"):
		// Key material goes no further than this: neither its bytes nor a hash of them.
		return []Artifact{{Kind: KindUnknown, Err: &notLintedError{what: fmt.Sprintf("PEM block %q", boundDetails(block.Type))}}}
	}
	artifact := derArtifact(block.Bytes)
	if artifact.Kind == KindUnknown {
		artifact.Err = fmt.Errorf("PEM block %q: %w", boundDetails(block.Type), artifact.Err)
	}
	return []Artifact{artifact}
}

// blockArtifact reads a block whose type names its kind. A wrong label does not
// keep the content from being linted as what it is.
func blockArtifact(kind Kind, der []byte) Artifact {
	_, err := parseAs(kind, der)
	if err == nil {
		return Artifact{Kind: kind, DER: der}
	}
	if found, _, foundErr := parseAny(der); foundErr == nil {
		return Artifact{Kind: found, DER: der}
	}
	return Artifact{Kind: kind, DER: der, Err: unparseable(kind, err)}
}
