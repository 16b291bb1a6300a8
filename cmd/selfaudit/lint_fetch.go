package main

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"strings"
	"time"

	"selfaudit/lint"
)

// presentTimeout is how long a server may take to present its chain.
const presentTimeout = 20 * time.Second

// maxFetched bounds what crt.sh may answer.
const maxFetched = 1 << 20

// remoteInput is a FILE argument that is no file.
type remoteInput struct {
	name  string                                                     // as it stands in results
	fetch func(ctx context.Context, e *env) ([]lint.Artifact, error) // what there is
}

// remoteOf recognizes https addresses, crt.sh ids and fingerprints. A file of that name
// comes first, except for addresses. It is nil for everything else.
func remoteOf(arg string) (*remoteInput, error) {
	if strings.HasPrefix(strings.ToLower(arg), "https://") {
		host, name, err := serverOf(arg)
		if err != nil {
			return nil, err
		}
		return &remoteInput{name, func(ctx context.Context, e *env) ([]lint.Artifact, error) { return e.presented(ctx, host) }}, nil
	}
	id, isID := strings.CutPrefix(arg, "crt.sh:")
	fingerprint := fingerprintOf(arg)
	if !isID && fingerprint == "" {
		return nil, nil
	}
	if _, err := os.Lstat(arg); err == nil {
		return nil, nil
	}
	if !isID {
		return &remoteInput{fingerprint, func(ctx context.Context, e *env) ([]lint.Artifact, error) {
			return e.fromCrtSh(ctx, fingerprint, fingerprint)
		}}, nil
	}
	if id == "" || len(id) > 20 || strings.Trim(id, "0123456789") != "" {
		return nil, fmt.Errorf("a crt.sh id is a number, such as crt.sh:12345678")
	}
	return &remoteInput{arg, func(ctx context.Context, e *env) ([]lint.Artifact, error) { return e.fromCrtSh(ctx, id, "") }}, nil
}

// fingerprintOf reads a SHA-256 fingerprint in hex, with or without colons; "" for
// anything else.
func fingerprintOf(arg string) string {
	text := strings.ToLower(arg)
	if len(text) == 95 && strings.Count(text, ":") == 31 {
		text = strings.ReplaceAll(text, ":", "")
	}
	if raw, err := hex.DecodeString(text); err != nil || len(raw) != 32 {
		return ""
	}
	return text
}

// serverOf takes an address apart into host:port and the name for results. Only a server
// can be named, because only its chain is looked at.
func serverOf(arg string) (host, name string, err error) {
	u, err := url.Parse(arg)
	if err != nil {
		return "", "", errors.New("not an address; write https://host or https://host:port")
	}
	if u.Hostname() == "" || u.User != nil || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "" {
		return "", "", errors.New("write https://host or https://host:port, without anything behind: what is linted is the chain that the server presents")
	}
	host = net.JoinHostPort(u.Hostname(), cmp.Or(u.Port(), "443"))
	return host, "https://" + u.Host, nil
}

// presented returns the chain that a server presents, leaf first. Nothing is verified: a
// wrong chain is what people come to look at. The connection is direct, without a proxy.
func (e *env) presented(ctx context.Context, host string) ([]lint.Artifact, error) {
	ctx, cancel := context.WithTimeout(ctx, cmp.Or(e.Timeout, presentTimeout))
	defer cancel()
	raw, err := (&net.Dialer{}).DialContext(ctx, "tcp", host)
	if err != nil {
		return nil, fmt.Errorf("no connection: %w (this needs the network; without it, lint a file)", err)
	}
	defer raw.Close()
	var chain [][]byte
	conn := tls.Client(raw, presentConfig(host, &chain))
	err = conn.HandshakeContext(ctx)
	if len(chain) == 0 {
		if err == nil {
			err = errors.New("the server presents no certificate")
		}
		return nil, fmt.Errorf("TLS handshake: %w", err)
	}
	artifacts := make([]lint.Artifact, 0, len(chain))
	for _, der := range chain {
		artifacts = append(artifacts, lint.Artifact{Kind: lint.KindCert, DER: der})
	}
	return artifacts, nil
}

// presentConfig asks for a certificate with everything this program can speak, old
// versions included, and takes it down whatever comes after.
func presentConfig(host string, chain *[][]byte) *tls.Config {
	name, _, _ := net.SplitHostPort(host)
	if net.ParseIP(name) != nil {
		name = "" // SNI holds host names only (RFC 6066 section 3)
	}
	var suites []uint16
	for _, s := range append(tls.CipherSuites(), tls.InsecureCipherSuites()...) {
		suites = append(suites, s.ID)
	}
	return &tls.Config{
		ServerName: name, InsecureSkipVerify: true, MinVersion: tls.VersionTLS10, CipherSuites: suites,
		VerifyConnection: func(state tls.ConnectionState) error {
			for _, c := range state.PeerCertificates {
				*chain = append(*chain, bytes.Clone(c.Raw))
			}
			return nil
		},
	}
}

// fromCrtSh gets one certificate from crt.sh by its id or fingerprint. sha256, when given,
// is what its hash must be.
func (e *env) fromCrtSh(ctx context.Context, id, sha256 string) ([]lint.Artifact, error) {
	body, _, err := e.fetch(ctx, "https://crt.sh/?d="+url.QueryEscape(id), maxFetched)
	if err != nil {
		return nil, fmt.Errorf("asking crt.sh: %w (this needs the network; without it, lint a file)", err)
	}
	artifacts, err := lint.ReadArtifacts("crt.sh", bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	if len(artifacts) != 1 || artifacts[0].Kind != lint.KindCert {
		return nil, errors.New("crt.sh answers with something else than one certificate")
	}
	if sha256 != "" && artifacts[0].SHA256() != sha256 {
		return nil, fmt.Errorf("crt.sh answers with another certificate, %s", artifacts[0].SHA256())
	}
	return artifacts, nil
}
