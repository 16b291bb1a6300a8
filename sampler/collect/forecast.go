package collect

import (
	"encoding/binary"
	"math/bits"
	"slices"
	"time"

	"selfaudit/sampler"
	"selfaudit/sampler/ct"
)

// LookupsAtOnce is how many SCTs of one log are looked up at the same time, if the log's own
// settings let so many requests through.
const LookupsAtOnce = sctWorkers

// SCTForecast counts what looking up the embedded SCTs of certificates will ask of the logs.
// It asks nobody and verifies nothing, so it is an estimate: issuers count by their names.
type SCTForecast struct {
	Certificates uint64 // distinct final certificates of the audited issuers
	Repeated     uint64 // of these, given more than once
	Precerts     uint64 // precertificates of the audited issuers: nothing can be looked up for them
	OtherIssuers uint64
	NoSCT        uint64
	BadList      uint64 // of which the list of SCTs cannot be read to its end
	Unreadable   uint64 // no certificates
	Logs         map[ct.LogID]*LogForecast
	// Items are the distinct final certificates whose notBefore lies in the period, by stratum
	// without a label.
	Items map[sampler.StratumID]int64

	from, until time.Time
	issuers     *Issuers
	seen        map[uint64]struct{} // beginnings of hashes: a false repetition in a billion does an estimate no harm
}

// LogForecast is what concerns one log.
type LogForecast struct {
	SCTs    uint64
	Indexes []uint64  // the entries that SCTs of a static-ct log name, sorted by Tiles
	Leaves  []ct.Hash // leaf hashes of the first few SCTs, to try a log with
}

// triedLeaves is how many leaf hashes a LogForecast keeps.
const triedLeaves = 3

// NewSCTForecast begins to count the certificates of issuers, for a period.
func NewSCTForecast(issuers *Issuers, from, until time.Time) *SCTForecast {
	return &SCTForecast{Logs: map[ct.LogID]*LogForecast{}, Items: map[sampler.StratumID]int64{}, from: from, until: until, issuers: issuers, seen: map[uint64]struct{}{}}
}

// Certificate is what Add found a certificate to be.
type Certificate int

// What Add says of a certificate.
const (
	CertificateCounted Certificate = iota
	CertificateWithoutSCT
	CertificateListUnreadable
	CertificateOfOthers // of another issuer, a precertificate, or given before
	CertificateUnreadable
)

// Add counts a certificate.
func (f *SCTForecast) Add(der []byte) Certificate {
	cert, err := ct.ParseCertificate(der)
	if err != nil {
		f.Unreadable++
		return CertificateUnreadable
	}
	iss := f.issuers.byName[string(cert.RawIssuer)]
	if len(iss) == 0 {
		f.OtherIssuers++
		return CertificateOfOthers
	}
	if cert.IsPrecert() {
		f.Precerts++
		return CertificateOfOthers
	}
	hash := sampler.HashCert(der)
	key := binary.BigEndian.Uint64(hash[:])
	if _, again := f.seen[key]; again {
		f.Repeated++
		return CertificateOfOthers
	}
	f.seen[key] = struct{}{}
	f.Certificates++
	if !cert.NotBefore.Before(f.from) && cert.NotBefore.Before(f.until) {
		f.Items[sampler.StratumID{Issuer: iss[0].Key, Class: ct.ClassOf(cert, iss[0].PolicyOIDs)}]++
	}
	list, err := cert.SCTs()
	switch {
	case err != nil:
		f.BadList++
		return CertificateListUnreadable
	case len(list) == 0:
		f.NoSCT++
		return CertificateWithoutSCT
	}
	for _, s := range list {
		f.add(cert, iss[0], s)
	}
	return CertificateCounted
}

func (f *SCTForecast) add(cert *ct.Certificate, iss *Issuer, s ct.SCT) {
	l := f.Logs[s.LogID]
	if l == nil {
		l = &LogForecast{}
		f.Logs[s.LogID] = l
	}
	l.SCTs++
	if index, err := ct.LeafIndex(s.Extensions); err == nil {
		l.Indexes = append(l.Indexes, index)
	}
	if len(l.Leaves) < triedLeaves {
		if tbs, err := cert.PairingTBS(); err == nil {
			l.Leaves = append(l.Leaves, ct.HashLeaf(ct.PrecertLeaf(s.Timestamp, iss.keys[0], tbs, s.Extensions)))
		}
	}
}

// Tiles returns how many hash tiles prove the entries that SCTs name in a tree of size, and
// their bytes: each tile on the way of an entry to the root once, and the right edge of the tree.
func (l *LogForecast) Tiles(size uint64) (requests, bytes uint64) {
	slices.Sort(l.Indexes)
	inside := l.Indexes[:searchUint64(l.Indexes, size)]
	if len(inside) == 0 {
		return 0, 0
	}
	for level := uint(0); size>>(level*8) > 0; level++ {
		count := size >> (level * 8)
		if width := count % ct.TileWidth; width > 0 {
			requests, bytes = requests+1, bytes+width*uint64(len(ct.Hash{}))
		}
		last, any := uint64(0), false
		for _, index := range inside {
			n := index >> ((level + 1) * 8)
			if n >= count/ct.TileWidth {
				break // on the right edge
			}
			if !any || n != last {
				requests, bytes = requests+1, bytes+ct.TileWidth*uint64(len(ct.Hash{}))
			}
			last, any = n, true
		}
	}
	return requests, bytes
}

// Outside is how many SCTs name entries that a tree of size does not have.
func (l *LogForecast) Outside(size uint64) uint64 {
	slices.Sort(l.Indexes)
	return uint64(len(l.Indexes) - searchUint64(l.Indexes, size))
}

func searchUint64(sorted []uint64, at uint64) int {
	i, _ := slices.BinarySearch(sorted, at)
	return i
}

// ProofBytes is about what an RFC 6962 log answers to get-proof-by-hash in a tree of size: the
// path's hashes in base64, and the JSON around them.
func ProofBytes(size uint64) uint64 { return 40 + 47*uint64(bits.Len64(size)) }
