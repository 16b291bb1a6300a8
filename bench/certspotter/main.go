// Command certspotter is the benchmark's line for certspotter's log client. It is a module of its own, which bench/run builds against the
// checkout that CERTSPOTTER names: certspotter is on no module proxy.
//
// It downloads a log as certspotter's monitor does, one tile or page for each request, two at a time, hashes every leaf, and compares the root
// with the tree head. The certificates are not looked at.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"runtime"
	"sync"
	"syscall"
	"time"

	"software.sslmate.com/src/certspotter/ctclient"
	"software.sslmate.com/src/certspotter/cttypes"
	"software.sslmate.com/src/certspotter/merkletree"
)

// spec and sample are those of bench, as far as they are needed.
type spec struct {
	URL, Type string
	LogID     cttypes.LogID // base64
}

type sample struct {
	Work, Found int64
	CPU, Wall   time.Duration
}

const (
	width   = 256 // entries of a tile, or page
	workers = 2
)

func main() {
	if err := run(os.Args[len(os.Args)-1]); err != nil {
		fmt.Fprintln(os.Stderr, "certspotter:", err)
		os.Exit(1)
	}
}

func run(raw string) error {
	var s spec
	if err := json.Unmarshal([]byte(raw), &s); err != nil {
		return err
	}
	log, err := open(s)
	if err != nil {
		return err
	}
	runtime.GC()
	wall, before := time.Now(), cpu()
	n, err := read(context.Background(), log)
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(sample{Work: n, CPU: cpu() - before, Wall: time.Since(wall)})
}

// open makes a client with the HTTP transport that all lines of the benchmark have.
func open(s spec) (ctclient.Log, error) {
	at, err := url.Parse(s.URL)
	if err != nil {
		return nil, err
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxIdleConnsPerHost = 8
	client := &http.Client{Transport: transport}
	if s.Type == "rfc6962" {
		return &ctclient.RFC6962Log{URL: at, HTTPClient: client}, nil
	}
	return &ctclient.StaticLog{SubmissionURL: at, MonitoringURL: at, ID: s.LogID, HTTPClient: client}, nil
}

// batch is one tile or page, hashed.
type batch struct {
	hashes []merkletree.Hash
	err    error
}

func read(ctx context.Context, log ctclient.Log) (int64, error) {
	sth, _, err := log.GetSTH(ctx)
	if err != nil {
		return 0, err
	}
	jobs := make(chan uint64)
	results := make([]chan batch, (sth.TreeSize+width-1)/width)
	for i := range results {
		results[i] = make(chan batch, 1)
	}
	var group sync.WaitGroup
	for range workers {
		group.Go(func() {
			for n := range jobs {
				results[n] <- fetch(ctx, log, n*width, min((n+1)*width, sth.TreeSize))
			}
		})
	}
	go func() {
		for n := range results {
			jobs <- uint64(n)
		}
		close(jobs)
	}()
	tree := merkletree.EmptyCollapsedTree()
	for _, r := range results {
		b := <-r
		if b.err != nil {
			return 0, b.err
		}
		for _, h := range b.hashes {
			if err := tree.Add(h); err != nil {
				return 0, err
			}
		}
	}
	group.Wait()
	if root := tree.CalculateRoot(); root != sth.RootHash {
		return 0, fmt.Errorf("the root is %s, the tree head says %s", root.Base64String(), sth.RootHash.Base64String())
	}
	return int64(sth.TreeSize), nil
}

// fetch gets the entries [start, end) with as many requests as it takes.
func fetch(ctx context.Context, log ctclient.Log, start, end uint64) (b batch) {
	for start < end {
		entries, err := log.GetEntries(ctx, start, end-1)
		if err != nil {
			return batch{err: err}
		}
		for _, e := range entries {
			b.hashes = append(b.hashes, merkletree.HashLeaf(e.LeafInput()))
		}
		start += uint64(len(entries))
	}
	return b
}

func cpu() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err) // cannot fail with these arguments
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
