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

// meter counts what a log sent.
type meter struct {
	base  http.RoundTripper
	bytes atomic.Int64
}

// RoundTrip passes the request on and counts the bytes of the answer's body.
func (m *meter) RoundTrip(r *http.Request) (*http.Response, error) {
	res, err := m.base.RoundTrip(r)
	if err == nil {
		res.Body = &countedBody{res.Body, &m.bytes}
	}
	return res, err
}

type countedBody struct {
	io.ReadCloser
	n *atomic.Int64
}

func (b *countedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.n.Add(int64(n))
	return n, err
}

// remote says whether a log is behind the network.
func remote(l config.Log) bool {
	return strings.HasPrefix(l.URL, "http://") || strings.HasPrefix(l.URL, "https://")
}

// open prepares a log for a short look: it is given up after patience.
func (e *env) probe(cfg *config.Config, l config.Log, transport http.RoundTripper, patience time.Duration) *probed {
	p := &probed{cfg: l}
	p.base = transport
	p.log, p.err = ctlog.Open(ctlog.Config{Type: l.Type, URL: l.URL, Origin: l.Origin, PublicKey: l.PublicKey, BaseDir: cfg.Dir, Transport: &p.meter,
		Tiles: l.Tiles, RateLimit: l.RateLimit, Concurrency: l.Concurrency,
		UserAgent: userAgent(), Sleep: e.Sleep, Jitter: rand.Float64, Now: e.SystemTime, MaxElapsed: patience, StallTimeout: patience, HashTiles: true})
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
