package main

import (
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"selfaudit/internal/config"
	"selfaudit/sampler/ct"
	"selfaudit/sampler/ctlog"
)

// probeAtOnce bounds how many servers are asked at the same time.
const probeAtOnce = 8

// probed is a log that was looked at, with what it answered. Nothing is pinned.
type probed struct {
	cfg  config.Log
	log  *ctlog.Log
	head ct.TreeHead
	err  error
	meter
}

// meter counts what a log was asked and what it sent, and how long that took.
type meter struct {
	base     http.RoundTripper
	clock    func() time.Time
	bytes    atomic.Int64
	requests atomic.Int64
	busy     atomic.Int64 // nanoseconds from a request to the end of its answer, of all requests
}

// RoundTrip passes the request on and counts it, and the bytes of the answer's body.
func (m *meter) RoundTrip(r *http.Request) (*http.Response, error) {
	m.requests.Add(1)
	began := m.clock()
	res, err := m.base.RoundTrip(r)
	if err != nil {
		m.busy.Add(int64(m.clock().Sub(began)))
		return res, err
	}
	res.Body = &countedBody{ReadCloser: res.Body, meter: m, began: began}
	return res, nil
}

type countedBody struct {
	io.ReadCloser
	*meter
	began time.Time
	once  sync.Once
}

func (b *countedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.bytes.Add(int64(n))
	if err != nil {
		b.end()
	}
	return n, err
}

func (b *countedBody) Close() error {
	b.end()
	return b.ReadCloser.Close()
}

func (b *countedBody) end() { b.once.Do(func() { b.busy.Add(int64(b.clock().Sub(b.began))) }) }

// remote says whether a log is behind the network.
func remote(l config.Log) bool {
	return strings.HasPrefix(l.URL, "http://") || strings.HasPrefix(l.URL, "https://")
}

// open prepares a log for a short look: it is given up after patience.
func (e *env) probe(cfg *config.Config, l config.Log, transport http.RoundTripper, patience time.Duration) *probed {
	p := &probed{cfg: l}
	p.base, p.clock = transport, e.SystemTime
	p.log, p.err = ctlog.Open(ctlog.Config{Type: l.Type, URL: l.URL, Origin: l.Origin, PublicKey: l.PublicKey, BaseDir: cfg.Dir, Transport: &p.meter,
		Tiles: l.Tiles, RateLimit: l.RateLimit, Concurrency: l.Concurrency,
		UserAgent: e.userAgent(), Sleep: e.Sleep, Jitter: rand.Float64, Now: e.SystemTime, MaxElapsed: patience, StallTimeout: patience, HashTiles: true})
	return p
}

// heads fetches and verifies the tree head of every log, several at a time.
func (e *env) heads(ctx context.Context, logs []*probed, patience time.Duration) {
	each(len(logs), probeAtOnce, func(i int) {
		p := logs[i]
		if p.err != nil {
			return
		}
		ctx, cancel := context.WithTimeout(ctx, 2*patience)
		defer cancel()
		_, p.head, p.err = p.log.Head(ctx)
	})
}

// each calls fn for 0 to n-1, at most some at a time, and waits for all.
func each(n, atOnce int, fn func(i int)) {
	slots := make(chan struct{}, atOnce)
	var wg sync.WaitGroup
	for i := range n {
		wg.Add(1)
		slots <- struct{}{}
		go func() {
			defer wg.Done()
			defer func() { <-slots }()
			fn(i)
		}()
	}
	wg.Wait()
}

// unreached says whether an error means that no server answered at all.
func unreached(err error) bool {
	var op *net.OpError
	var name *net.DNSError
	return errors.As(err, &op) || errors.As(err, &name) || errors.Is(err, context.DeadlineExceeded)
}
