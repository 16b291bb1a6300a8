package ctlog

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"

	"selfaudit/sampler/ct"
)

// maxIssuersKept bounds the cache: a log has some hundred issuers, but a hostile one could name as many as it has entries.
const (
	maxIssuersKept     = 4096
	maxIssuerBytesKept = 32 << 20
)

// issuerCache keeps issuer certificates by fingerprint; being named by their hash, they never change.
type issuerCache struct {
	mu    sync.Mutex
	certs map[ct.Fingerprint][]byte
	bytes int
}

// put keeps a certificate and returns the copy that may be handed out.
func (c *issuerCache) put(fp ct.Fingerprint, der []byte) []byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	if known := c.certs[fp]; known != nil {
		return known
	}
	der = bytes.Clone(der)
	if len(c.certs) < maxIssuersKept && c.bytes+len(der) <= maxIssuerBytesKept {
		if c.certs == nil {
			c.certs = make(map[ct.Fingerprint][]byte)
		}
		c.certs[fp] = der
		c.bytes += len(der)
	}
	return der
}

// Issuer returns the certificate with the given fingerprint from the issuer files of a static-ct log, in DER. Its hash is checked; it is
// not parsed. The caller must not modify it. A missing file or a wrong hash is an *Error of kind Invalid. With Config.Tiles a certificate
// without a file is looked for in the extra_data of an entry that Read delivered and that names it.
func (l *Log) Issuer(ctx context.Context, fp ct.Fingerprint) ([]byte, error) {
	if l.cfg.Type != StaticCT && !l.cfg.Tiles {
		return nil, fmt.Errorf("log %s: issuer files exist in static-ct logs only", l.name)
	}
	l.issuers.mu.Lock()
	der, ok := l.issuers.certs[fp]
	l.issuers.mu.Unlock()
	if ok {
		return der, nil
	}
	var err error
	if l.cfg.Tiles {
		der, err = l.hybridIssuer(ctx, fp)
	} else if der, err = l.issuerFile(ctx, fp, true); isMissing(err) {
		err = fail(missing, Invalid, "an entry names this issuer: %w", err)
	}
	var own *Error
	if err != nil && !errors.As(err, &own) {
		err = l.failed(ctx, issuerPath(fp), err)
	}
	return der, err
}

func issuerPath(fp ct.Fingerprint) string { return "issuer/" + fp.String() }

// issuerFile fetches an issuer file and keeps it.
func (l *Log) issuerFile(ctx context.Context, fp ct.Fingerprint, mustExist bool) ([]byte, error) {
	body, err := l.src.get(ctx, request{path: issuerPath(fp), limit: maxIssuer, retryMissing: mustExist, check: func(body []byte) error {
		if got := ct.FingerprintOf(body); got != fp {
			return fmt.Errorf("issuer file has SHA-256 %s, not that of its name", got)
		}
		return nil
	}}, new(buffer))
	if err != nil {
		return nil, err
	}
	return l.issuers.put(fp, body), nil
}
