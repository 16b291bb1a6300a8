package lint

import (
	"errors"
	"fmt"

	"github.com/zmap/zcrypto/x509"
	"golang.org/x/crypto/ocsp"
)

// parsed is an artifact after parsing: exactly one of the pointers is set.
type parsed struct {
	cert *x509.Certificate
	crl  *x509.RevocationList
	ocsp *ocsp.Response
}

// parseAs parses der as one kind. Certificates and CRLs go through zcrypto,
// which accepts much that the standard library refuses: that is the point.
// A panic of a parser is returned as an error, because the bytes are hostile.
func parseAs(kind Kind, der []byte) (p parsed, err error) {
	defer func() {
		if r := recover(); r != nil {
			p, err = parsed{}, fmt.Errorf("the parser panicked: %v", r)
		}
	}()
	switch kind {
	case KindCert:
		p.cert, err = x509.ParseCertificate(der)
	case KindCRL:
		p.crl, err = x509.ParseRevocationList(der)
	case KindOCSP:
		p.ocsp, err = ocsp.ParseResponse(der, nil)
	default:
		err = errors.New("kind of artifact not known")
	}
	return p, err
}

// parseAny finds out by trying what der is.
func parseAny(der []byte) (Kind, parsed, error) {
	for _, kind := range []Kind{KindCert, KindCRL, KindOCSP} {
		p, err := parseAs(kind, der)
		if err == nil {
			return kind, p, nil
		}
		// An OCSP response that only carries an error status is still one.
		var status ocsp.ResponseError
		if kind == KindOCSP && errors.As(err, &status) {
			return KindOCSP, parsed{}, err
		}
	}
	kind := kindByShape(der)
	if kind == KindUnknown {
		return kind, parsed{}, errors.New("neither a certificate nor a CRL nor an OCSP response")
	}
	_, err := parseAs(kind, der)
	return kind, parsed{}, err
}

// parseArtifact parses an artifact, by its kind when that is given.
func parseArtifact(a Artifact) (Kind, parsed, error) {
	kind := a.Kind
	if kind == "" {
		kind = KindUnknown
	}
	if a.Err != nil {
		return kind, parsed{}, a.Err
	}
	if kind == KindUnknown {
		return parseAny(a.DER)
	}
	p, err := parseAs(kind, a.DER)
	return kind, p, err
}
