package main

import (
	"fmt"
	"math/big"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"time"

	"selfaudit/internal/testlog"
	"selfaudit/internal/testpki"
)

// The log of the section bulk: every entry is of one P-256 issuer, 15 in 100 are final certificates, and it lies in one
// quarter, which ten million entries fill. There are enough subject keys that none comes twice within what compresses together
// in the work folder, as it is with real ones.
var (
	bulkStart = time.Date(2026, 7, 1, 1, 0, 0, 0, time.UTC)
	bulkFrom  = time.Date(2026, 7, 1, 0, 0, 0, 0, time.UTC)
	bulkUntil = time.Date(2026, 10, 1, 0, 0, 0, 0, time.UTC)
	bulkHead  = time.Date(2026, 10, 3, 0, 0, 0, 0, time.UTC) // the tree head's time stamp
	bulkNow   = time.Date(2026, 10, 5, 0, 0, 0, 0, time.UTC) // the day of the audit
)

const (
	bulkTile = 256                    // entries that one worker makes at a time
	bulkKeys = 4096                   // half RSA of 2048 bits, half P-256
	bulkStep = 790 * time.Millisecond // from one entry to the next
	bulkMost = 10_000_128             // entries that the quarter holds, in whole tiles
)

// bulkIssuer makes the entries of the log.
type bulkIssuer struct {
	ca       *testpki.CA
	own, log *signer
	other    []byte // an SCT of a log that nobody knows
	keys     []*testpki.Key
}

func newBulkIssuer() *bulkIssuer {
	ca := newPKI().ours[1]
	b := &bulkIssuer{ca: ca, own: newSigner(ca.Key), log: newSigner(logKey())}
	b.other = testlog.SignSCT(unsignedLogKey, b.ca.IssuerKeyHash(), nil, uint64(bulkStart.UnixMilli()), nil)
	for i := range bulkKeys {
		if i%2 == 0 {
			b.keys = append(b.keys, testpki.ECKey(fmt.Sprintf("bulk %d", i)))
			continue
		}
		// An RSA key without small factors, which nobody has the private key of: 1 modulo each small prime.
		n := new(big.Int).SetBytes(stream(fmt.Sprintf("bulk %d", i), 256))
		n.SetBit(n, 2047, 1).SetBit(n, 2046, 1)
		n.Sub(n, new(big.Int).Mod(n, primes752))
		b.keys = append(b.keys, &testpki.Key{SPKI: rsaSPKI(n.Add(n, big.NewInt(1)))})
	}
	return b
}

// entry returns entry i, truly signed and, if it is a final certificate, with an SCT of the log.
func (b *bulkIssuer) entry(i int) testlog.Entry {
	at := bulkStart.Add(time.Duration(i) * bulkStep)
	t := testpki.Template{Seed: fmt.Sprint(i), NotBefore: at.Add(-time.Hour).Truncate(time.Second), Key: b.keys[i%len(b.keys)],
		Unsigned: true, PatchCert: b.own.resign(i)}
	for n := range 1 + i%4 {
		t.DNSNames = append(t.DNSNames, fmt.Sprintf("www%d.customer-%d.example.com", n, i))
	}
	ms := uint64(at.UnixMilli())
	if i/oneInOurs%100 >= finalsIn100 {
		return testlog.PrecertEntry(b.ca, t, ms)
	}
	sct := b.log.sct(b.ca.IssuerKeyHash(), b.ca.TBS(t), ms-1000, i)
	return testlog.FinalEntry(b.ca, b.ca.Certificate(t, sct, b.other), ms)
}

// prepareBulk writes the log of N entries. All cores make entries; they are written tile by tile as they come, so memory
// holds a few tiles however long the log is.
func prepareBulk(s spec) (sample, error) {
	if s.N%bulkTile != 0 || s.N > bulkMost {
		return sample{}, fmt.Errorf("a log of %d entries: want whole tiles of %d and at most %d", s.N, bulkTile, bulkMost)
	}
	debug.SetGCPercent(400) // what is made is small and soon gone
	log, err := testlog.NewStatic(filepath.Join(s.Dir, "static"), testlog.StaticOptions{Key: logKey(), Origin: logOrigin})
	if err != nil {
		return sample{}, err
	}
	type block struct {
		first   int
		entries chan []testlog.Entry
	}
	workers := runtime.NumCPU()
	work, ordered := make(chan block), make(chan block, 4*workers)
	go func() {
		defer close(ordered)
		defer close(work)
		for first := 0; first < s.N; first += bulkTile {
			b := block{first, make(chan []testlog.Entry, 1)}
			ordered <- b
			work <- b
		}
	}()
	issuer := newBulkIssuer()
	for range workers {
		go func() {
			for b := range work {
				entries := make([]testlog.Entry, bulkTile)
				for i := range entries {
					entries[i] = issuer.entry(b.first + i)
				}
				b.entries <- entries
			}
		}()
	}
	for b := range ordered {
		for _, e := range <-b.entries {
			if _, err := log.Add(e); err != nil {
				return sample{}, err // the process ends, and its workers with it
			}
		}
	}
	return sample{Work: int64(s.N), Found: int64(s.N)}, log.Publish(uint64(bulkHead.UnixMilli()))
}
