package main

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/spf13/cobra"
)

// maxBundle bounds --ca-bundle; the bundles of operating systems have 250 kB.
const maxBundle = 16 << 20

// addNetworkFlags defines the flags that every command with network access has. The proxy
// comes from HTTPS_PROXY, HTTP_PROXY and NO_PROXY, as in every other program.
func (e *env) addNetworkFlags(root *cobra.Command) {
	f := root.PersistentFlags()
	f.StringVar(&e.CABundle, "ca-bundle", "", "`file` of CA certificates (PEM) to trust for https, beside the system's: for proxies that inspect")
	f.DurationVar(&e.Timeout, "timeout", 0, "give a request up after this `time` without progress, for example 30s (default 90s for logs, 20s for relays)")
	groupFlags(root, flagsNetwork, "ca-bundle", "timeout")
}

// settleNetwork builds the transport from the network flags.
func (e *env) settleNetwork() error {
	if e.Timeout < 0 {
		return usageErrorf("write it like 30s", "--timeout %s is negative", e.Timeout)
	}
	if e.CABundle == "" && e.Timeout == 0 {
		return nil
	}
	base, ok := e.Transport.(*http.Transport)
	if e.CABundle != "" {
		pool, _, err := readBundle(e.CABundle)
		if err != nil {
			return usageErrorf("name a file with PEM certificates", "--ca-bundle: %w", err)
		}
		if !ok {
			return usageErrorf("", "--ca-bundle: this program's connections cannot be changed")
		}
		base = base.Clone()
		if base.TLSClientConfig == nil {
			base.TLSClientConfig = &tls.Config{MinVersion: tls.VersionTLS12}
		}
		base.TLSClientConfig.RootCAs = pool
	}
	if e.Timeout > 0 && ok {
		base = base.Clone()
		base.DialContext = (&net.Dialer{Timeout: e.Timeout, KeepAlive: 30 * time.Second}).DialContext
		base.TLSHandshakeTimeout, base.ResponseHeaderTimeout = e.Timeout, e.Timeout
	}
	if ok {
		e.Transport = base
	}
	return nil
}

// readBundle returns the system's certificates together with those of a file, and how many
// the file has. A bundle in which a certificate cannot be read is refused: what it was
// meant for would fail later, far from the reason.
func readBundle(path string) (*x509.CertPool, int, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, 0, err
	}
	defer f.Close()
	raw, err := io.ReadAll(io.LimitReader(f, maxBundle+1))
	if err != nil {
		return nil, 0, err
	}
	if len(raw) > maxBundle {
		return nil, 0, fmt.Errorf("%s is larger than %d bytes", path, maxBundle)
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool() // a system without certificates of its own
	}
	count := 0
	for rest := raw; ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		if block.Type != "CERTIFICATE" {
			continue
		}
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, 0, fmt.Errorf("%s, certificate number %d: %w", path, count+1, err)
		}
		pool.AddCert(cert)
		count++
	}
	if count == 0 {
		return nil, 0, fmt.Errorf("%s holds no certificate in PEM", path)
	}
	return pool, count, nil
}

// errMoved is an answer that sends us elsewhere, which is not followed.
var errMoved = errors.New("the address has moved; name the new one")

// fetch gets one small document. Redirects are not followed.
func (e *env) fetch(ctx context.Context, url string, limit int64) ([]byte, http.Header, error) {
	ctx, cancel := context.WithTimeout(ctx, cmp.Or(e.Timeout, relayTimeout))
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, nil, err
	}
	req.Header.Set("User-Agent", e.userAgent())
	client := &http.Client{Transport: e.Transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	res, err := client.Do(req)
	if err != nil {
		return nil, nil, err
	}
	defer res.Body.Close()
	var body bytes.Buffer
	n, err := io.Copy(&body, io.LimitReader(res.Body, limit+1))
	switch {
	case err != nil:
		return nil, nil, fmt.Errorf("%s: %w", url, err)
	case res.StatusCode/100 == 3:
		return nil, res.Header, fmt.Errorf("%s: %s to %q: %w", url, res.Status, res.Header.Get("Location"), errMoved)
	case res.StatusCode != http.StatusOK:
		return nil, res.Header, fmt.Errorf("%s: %s", url, res.Status)
	case n > limit:
		return nil, res.Header, fmt.Errorf("%s: larger than %d bytes", url, limit)
	}
	return body.Bytes(), res.Header, nil
}
