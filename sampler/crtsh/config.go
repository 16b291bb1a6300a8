package crtsh

import (
	"cmp"
	"context"
	"crypto/x509"
	"net"
	"time"

	"selfaudit/sampler"
)

// Name is what this source is called in every document.
const Name = "crt.sh"

// Values of Config.SSLMode, as libpq names them.
const (
	SSLDisable    = "disable"
	SSLPrefer     = "prefer"      // TLS if the server offers it; crt.sh's public port does not
	SSLRequire    = "require"     // TLS, whatever its certificate is
	SSLVerifyFull = "verify-full" // TLS with a certificate for Host
)

// Margin is how much earlier and later than the period the certificates that are asked for
// may begin. A certificate's notBefore is within 48 hours of its signing (TLS BR 7.1.2.7),
// so one that was issued in the period begins in the period or at most so far from it.
const Margin = 48 * time.Hour

// DefaultMaxBytes is Config.MaxBytes where it is not set: some seven million certificates.
const DefaultMaxBytes = 20e9

// Config says where to ask and how patiently. Sleep, Jitter and Now are needed.
type Config struct {
	Host           string
	Port           uint16
	User, Database string
	SSLMode        string // one of the SSL constants; empty is SSLPrefer
	// RootCAs, if set, must vouch for the server's certificate whenever TLS is used.
	RootCAs     *x509.CertPool
	Application string // how we name ourselves to the server

	StatementTimeout time.Duration // 0: one minute
	Window           time.Duration // of notBefore in one question, at most; 0: a day
	ConnectTimeout   time.Duration // 0: 20 seconds
	Patience         time.Duration // how long to go on without an answer; 0: 10 minutes
	// MaxBytes is how much of the disk the answers may take, of this and earlier runs; 0: 20 GB.
	// A server that makes rows up could else fill it.
	MaxBytes int64

	Sleep  func(context.Context, time.Duration) error
	Jitter func() float64 // in [0, 1)
	Now    func() time.Time

	OnRetry    func(what string, err error, wait time.Duration) // may be nil
	OnProgress func(Progress)                                   // may be nil

	Dial   func(ctx context.Context, network, address string) (net.Conn, error) // nil: a net.Dialer's
	Lookup func(ctx context.Context, host string) ([]string, error)             // nil: the machine's
}

// Progress says how much of the time asked for was answered, all CAs together.
type Progress struct {
	Done, Total  time.Duration
	Certificates int64
}

// Question is what one audit asks.
type Question struct {
	Server      string // the address for people and documents, without secrets
	AskedAt     string // the time to record if nobody asked this before, as sampler.FormatTime writes it
	From, Until time.Time
	Issuers     []Issuer
}

// Issuer is one audited key.
type Issuer struct {
	Key          sampler.KeyHash
	Keys         [][32]byte // SHA-256 of every SubjectPublicKeyInfo it has in certificates
	Certificates [][32]byte // SHA-256 of those certificates
}

func (c Config) withDefaults() Config {
	c.SSLMode = cmp.Or(c.SSLMode, SSLPrefer)
	c.StatementTimeout = cmp.Or(c.StatementTimeout, time.Minute)
	c.Window = cmp.Or(c.Window, 24*time.Hour)
	c.ConnectTimeout = cmp.Or(c.ConnectTimeout, 20*time.Second)
	c.Patience = cmp.Or(c.Patience, 10*time.Minute)
	c.MaxBytes = cmp.Or(c.MaxBytes, DefaultMaxBytes)
	if c.OnRetry == nil {
		c.OnRetry = func(string, error, time.Duration) {}
	}
	if c.OnProgress == nil {
		c.OnProgress = func(Progress) {}
	}
	if c.Dial == nil {
		c.Dial = (&net.Dialer{KeepAlive: 30 * time.Second}).DialContext
	}
	return c
}
