package lint

import (
	"encoding/asn1"
	"errors"

	"golang.org/x/crypto/cryptobyte"
	cryptobyte_asn1 "golang.org/x/crypto/cryptobyte/asn1"
)

// oidSignedData is id-signedData of RFC 5652 section 5.1.
var oidSignedData = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 2}

// readPKCS7 unfolds a SignedData bundle (.p7b, .p7c) into its certificates and
// CRLs. It is false when the bytes are not a ContentInfo of that type; a bundle
// that is, but cannot be read on, is one artifact with an error.
func readPKCS7(der []byte) ([]Artifact, bool) {
	input := cryptobyte.String(der)
	var info, content cryptobyte.String
	var oid asn1.ObjectIdentifier
	if !input.ReadASN1(&info, cryptobyte_asn1.SEQUENCE) ||
		!info.ReadASN1ObjectIdentifier(&oid) || !oid.Equal(oidSignedData) {
		return nil, false
	}
	if !input.Empty() || !info.ReadASN1(&content, cryptobyte_asn1.Tag(0).ContextSpecific().Constructed()) {
		return []Artifact{unreadable(der, errors.New("PKCS#7 bundle: damaged structure"))}, true
	}
	artifacts, err := readSignedData(content)
	if err != nil {
		return []Artifact{unreadable(der, err)}, true
	}
	return artifacts, true
}

// readSignedData reads SignedData (RFC 5652 section 5.1): version,
// digestAlgorithms, encapContentInfo, certificates [0], crls [1], signerInfos.
func readSignedData(content cryptobyte.String) ([]Artifact, error) {
	var signed, skipped, certs, crls cryptobyte.String
	var hasCerts, hasCRLs bool
	if !content.ReadASN1(&signed, cryptobyte_asn1.SEQUENCE) ||
		!signed.ReadASN1(&skipped, cryptobyte_asn1.INTEGER) ||
		!signed.ReadASN1(&skipped, cryptobyte_asn1.SET) ||
		!signed.ReadASN1(&skipped, cryptobyte_asn1.SEQUENCE) ||
		!signed.ReadOptionalASN1(&certs, &hasCerts, cryptobyte_asn1.Tag(0).ContextSpecific().Constructed()) ||
		!signed.ReadOptionalASN1(&crls, &hasCRLs, cryptobyte_asn1.Tag(1).ContextSpecific().Constructed()) {
		return nil, errors.New("PKCS#7 bundle: damaged structure")
	}
	var artifacts []Artifact
	for _, part := range []struct {
		kind Kind
		set  cryptobyte.String
	}{{KindCert, certs}, {KindCRL, crls}} {
		for !part.set.Empty() {
			var element cryptobyte.String
			var tag cryptobyte_asn1.Tag
			if len(artifacts) == maxArtifacts || !part.set.ReadAnyASN1Element(&element, &tag) {
				return nil, errors.New("PKCS#7 bundle: damaged list of certificates or CRLs")
			}
			artifacts = append(artifacts, blockArtifact(part.kind, element))
		}
	}
	if len(artifacts) == 0 {
		return nil, errors.New("PKCS#7 bundle: holds no certificate and no CRL")
	}
	return artifacts, nil
}
