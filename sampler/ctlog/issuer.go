package ctlog

import (
	"bytes"
	"context"
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

// Issuer returns the certificate with the given fingerprint from the issuer files of a static-ct log, in DER. Its hash is checked; it is
// not parsed. The caller must not modify it. A missing file or a wrong hash is an *Error of kind Invalid.
func (l *Log) Issuer(ctx context.Context, fp ct.Fingerprint) ([]byte, error) {
	if l.cfg.Type != StaticCT {
		return nil, fmt.Errorf("log %s: issuer files exist in static-ct logs only", l.name)
	}
	c := &l.issuers
	c.mu.Lock()
	der, ok := c.certs[fp]
	c.mu.Unlock()
	if ok {
		return der, nil
	}
	path := "issuer/" + fp.String()
	body, err := l.src.get(ctx, request{path: path, limit: maxIssuer, retryMissing: true, check: func(body []byte) error {
		if got := ct.FingerprintOf(body); got != fp {
			return fmt.Errorf("issuer file has SHA-256 %s, not that of its name", got)
		}
		return nil
	}}, new(buffer))
	if isMissing(err) {
		err = fail(missing, Invalid, "an entry names this issuer: %w", err)
	}
	if err != nil {
		return nil, l.failed(ctx, path, err)
	}
	der = bytes.Clone(body)
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.certs) < maxIssuersKept && c.bytes+len(der) <= maxIssuerBytesKept {
		if c.certs == nil {
			c.certs = make(map[ct.Fingerprint][]byte)
		}
		if _, twice := c.certs[fp]; !twice {
			c.certs[fp] = der
			c.bytes += len(der)
		}
	}
	return der, nil
}
