package lint

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
)

// MaxInput is the largest input ReadArtifacts takes, in bytes. Large CRLs are
// tens of megabytes.
const MaxInput = 256 << 20

// ReadArtifacts reads everything lintable from one input: PEM with any number
// of blocks and text between them, DER (also several certificates one after the
// other), base64 of DER without armour (as one value or one per line), and
// PKCS#7 bundles; text also in UTF-16. What cannot be read comes back as an Artifact with Err, never
// as an error and never silently dropped; the error is for a failing reader and
// for an input larger than MaxInput. There is always at least one artifact.
func ReadArtifacts(name string, r io.Reader) ([]Artifact, error) {
	data, err := io.ReadAll(io.LimitReader(r, MaxInput+1))
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", name, err)
	}
	if len(data) > MaxInput {
		return nil, fmt.Errorf("reading %s: larger than %d bytes; split it", name, MaxInput)
	}
	artifacts := readBytes(data)
	for i := range artifacts {
		artifacts[i].File, artifacts[i].Block = name, i
	}
	return artifacts, nil
}

// readBytes finds out the outer form of an input.
func readBytes(data []byte) []Artifact {
	if text := fromUTF16(data); text != nil {
		data = text
	}
	data = bytes.TrimPrefix(data, []byte("\ufeff"))
	trimmed := bytes.TrimSpace(data)
	switch {
	case len(trimmed) == 0:
		return []Artifact{unreadable(nil, errors.New("the input is empty"))}
	case bytes.Contains(data, pemBegin):
		return readPEM(data)
	case data[0] == derSequence:
		return readDER(data)
	}
	if artifacts := readBase64(trimmed); artifacts != nil {
		return artifacts
	}
	return []Artifact{unreadable(data, errors.New("neither PEM nor DER nor base64 of DER"))}
}

// derSequence is the first octet of every certificate, CRL and OCSP response.
const derSequence = 0x30

// readBase64 reads base64 without armour; nil when the text is not that.
func readBase64(text []byte) []Artifact {
	if der, ok := decodeBase64(bytes.Join(bytes.Fields(text), nil)); ok {
		return readDER(der)
	}
	var artifacts []Artifact
	for _, line := range bytes.FieldsFunc(text, func(r rune) bool { return r == '\n' || r == '\r' }) {
		line = bytes.TrimSpace(line)
		if len(line) == 0 {
			continue
		}
		der, ok := decodeBase64(line)
		if !ok {
			if len(artifacts) == 0 {
				return nil
			}
			artifacts = append(artifacts, unreadable(line, errors.New("line is not base64 of DER")))
			continue
		}
		artifacts = append(artifacts, readDER(der)...)
	}
	return artifacts
}

// decodeBase64 decodes the value when it is base64 (padded or not) of something that starts like DER.
func decodeBase64(text []byte) ([]byte, bool) {
	der, err := base64.StdEncoding.DecodeString(string(text))
	if err != nil {
		der, err = base64.RawStdEncoding.DecodeString(string(text))
	}
	return der, err == nil && len(der) > 0 && der[0] == derSequence
}

// unreadable is the artifact of bytes that nothing could be made of.
func unreadable(data []byte, err error) Artifact {
	return Artifact{Kind: KindUnknown, DER: data, Err: err}
}
