package main

import (
	"context"
	"net/http"
	"regexp"
	"sync/atomic"

	ct "github.com/google/certificate-transparency-go"
	"github.com/google/certificate-transparency-go/client"
	"github.com/google/certificate-transparency-go/jsonclient"
	"github.com/google/certificate-transparency-go/scanner"
)

// fetchOptions ask for whole pages of the log, which is what suits the peer best.
func fetchOptions() scanner.FetcherOptions {
	o := scanner.DefaultFetcherOptions()
	o.BatchSize, o.ParallelFetch = 256, 2
	return *o
}

func ctgoClient(s spec) (*client.LogClient, error) {
	return client.New(s.URL, &http.Client{Transport: http.DefaultTransport}, jsonclient.Options{PublicKeyDER: logKey().SPKI, UserAgent: "bench"})
}

// harvestFetcher downloads the log with certificate-transparency-go and looks at nothing.
func harvestFetcher(s spec) (sample, error) {
	c, err := ctgoClient(s)
	if err != nil {
		return sample{}, err
	}
	return measure(s, func() (int64, int64, error) {
		var entries atomic.Int64
		o := fetchOptions()
		err := scanner.NewFetcher(c, &o).Run(context.Background(), func(b scanner.EntryBatch) { entries.Add(int64(len(b.Entries))) })
		return entries.Load(), 0, err
	})
}

// harvestScanner looks for the audited issuers' names with certificate-transparency-go. It
// verifies the tree head's signature and nothing else.
func harvestScanner(s spec) (sample, error) {
	c, err := ctgoClient(s)
	if err != nil {
		return sample{}, err
	}
	issuer := regexp.MustCompile(`^Audited CA (RSA|EC)$`)
	return measure(s, func() (int64, int64, error) {
		o := scanner.DefaultScannerOptions()
		o.FetcherOptions, o.NumWorkers = fetchOptions(), 2
		o.Matcher = scanner.MatchIssuerRegex{CertificateIssuerRegex: issuer, PrecertificateIssuerRegex: issuer}
		var matched atomic.Int64
		found := func(*ct.RawLogEntry) { matched.Add(1) }
		entries, err := scanner.NewScanner(c, *o).ScanLog(context.Background(), found, found)
		return entries, matched.Load(), err
	})
}
