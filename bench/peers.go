package main

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync/atomic"

	ct "github.com/google/certificate-transparency-go"
	"github.com/google/certificate-transparency-go/client"
	"github.com/google/certificate-transparency-go/jsonclient"
	"github.com/google/certificate-transparency-go/scanner"
	tessera "github.com/transparency-dev/tessera/client"

	ownct "selfaudit/sampler/ct"
)

// fetchOptions ask for whole pages of the log, which is what suits the peer best.
func fetchOptions() scanner.FetcherOptions {
	o := scanner.DefaultFetcherOptions()
	o.BatchSize, o.ParallelFetch = 256, 2
	return *o
}

func ctgoClient(s spec) (*client.LogClient, error) {
	return client.New(s.URL, &http.Client{Transport: transport()}, jsonclient.Options{PublicKeyDER: logKey().SPKI, UserAgent: "bench"})
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

// dataTiles lets a client of tlog-tiles read a static-ct log, whose entries have another
// format and another folder.
type dataTiles struct{ http.RoundTripper }

func (t dataTiles) RoundTrip(r *http.Request) (*http.Response, error) {
	at := *r.URL
	at.Path = strings.Replace(at.Path, "/tile/entries/", "/tile/data/", 1)
	again := *r
	again.URL = &at
	return t.RoundTripper.RoundTrip(&again)
}

// harvestTessera streams the log's data tiles with tessera's client, two at a time, and looks
// for the audited issuers with selfaudit's own parser, because tessera has none for this
// format. Nothing is verified.
func harvestTessera(s spec) (sample, error) {
	root, err := url.Parse(s.URL)
	if err != nil {
		return sample{}, err
	}
	fetcher, err := tessera.NewHTTPFetcher(root, &http.Client{Transport: dataTiles{transport()}})
	if err != nil {
		return sample{}, err
	}
	keys, names := map[[32]byte]bool{}, [][]byte(nil)
	for _, ca := range newPKI().ours {
		cert, err := ownct.ParseCertificate(ca.Cert)
		if err != nil {
			return sample{}, err
		}
		keys[cert.KeyHash()] = true
		names = append(names, cert.RawSubject)
	}
	return measure(s, func() (work, found int64, err error) {
		size := func(context.Context) (uint64, error) { return uint64(s.N), nil }
		for bundle, err := range tessera.EntryBundles(context.Background(), 2, size, fetcher.ReadEntryBundle, 0, uint64(s.N)) {
			if err != nil {
				return 0, 0, err
			}
			if bundle.RangeInfo.Partial != 0 {
				return 0, 0, fmt.Errorf("a partial tile in a log of %d entries", s.N)
			}
			err := ownct.ParseDataTile(bundle.Data, bundle.RangeInfo.Index*ownct.TileWidth, ownct.TileWidth, func(e *ownct.Entry) error {
				work++
				if e.Type == ownct.PrecertEntry && keys[e.IssuerKeyHash] {
					found++
				}
				if e.Type == ownct.X509Entry {
					issuer, err := ownct.IssuerName(e.Certificate)
					if err != nil {
						return err
					}
					if bytes.Equal(issuer, names[0]) || bytes.Equal(issuer, names[1]) {
						found++
					}
				}
				return nil
			})
			if err != nil {
				return 0, 0, err
			}
		}
		return work, found, nil
	})
}
