package collect_test

import (
	"context"
	"strings"
	"testing"

	"selfaudit/internal/testlog"
	"selfaudit/internal/testpki"
	"selfaudit/sampler/ct"
	"selfaudit/sampler/ctlog"
)

// faultSize is the size of the logs that are broken: a full tile or page and a partial one.
// Entries 20, 30 and 290 are precertificates of the audited CA, 25, 35 and 285 final
// certificates of it; 22, 23 and 26, 27 are the foreign CA's.
const faultSize = 300

// fault is one way in which a log lies, or only seems to.
type fault struct {
	name   string
	only   string // ctlog.StaticCT or ctlog.RFC6962; "" for both
	tamper func(list []*ct.Entry)
	files  func(t *testing.T, dir string)
	access access
	want   string   // verdict
	reason []string // all of them are in the reason of a log that is not proven
}

const (
	proven, failed, unreachable = "proven", "failed", "unreachable"
	static, rfc                 = ctlog.StaticCT, ctlog.RFC6962
)

// leafFaults change what the tree covers.
var leafFaults = []fault{
	{name: "leaf TBS of ours", tamper: func(l []*ct.Entry) { l[20].TBS[80] ^= 1 }, want: failed,
		reason: []string{"the root recomputed from all 300 entries is", "entry 20: the stored precertificate is not the one whose TBSCertificate the tree covers"}},
	{name: "leaf TBS of ours in the partial tile", tamper: func(l []*ct.Entry) { l[290].TBS[80] ^= 1 }, want: failed,
		reason: []string{"the root recomputed", "entry 290: the stored precertificate is not"}},
	{name: "leaf TBS of a foreign entry", only: static, tamper: func(l []*ct.Entry) { l[22].TBS[80] ^= 1 }, want: failed,
		reason: []string{"the root recomputed", "tile/0/000: hash of entry 22 is"}},
	{name: "leaf TBS of a foreign entry", only: rfc, tamper: func(l []*ct.Entry) { l[22].TBS[80] ^= 1 }, want: failed,
		reason: []string{"entries 0 to 299: the root recomputed"}},
	{name: "time stamp", only: static, tamper: func(l []*ct.Entry) { l[20].Timestamp ^= 1 << 10 }, want: failed,
		reason: []string{"the root recomputed", "hash of entry 20 is"}},
	{name: "time stamp", only: rfc, tamper: func(l []*ct.Entry) { l[20].Timestamp ^= 1 << 10 }, want: failed,
		reason: []string{"the root recomputed"}},
	{name: "issuer_key_hash", only: static, tamper: func(l []*ct.Entry) { l[20].IssuerKeyHash[7] ^= 1 }, want: failed,
		reason: []string{"the root recomputed", "hash of entry 20 is"}},
	{name: "issuer_key_hash", only: rfc, tamper: func(l []*ct.Entry) { l[20].IssuerKeyHash[7] ^= 1 }, want: failed,
		reason: []string{"the root recomputed"}},
	{name: "foreign issuer_key_hash made ours", tamper: func(l []*ct.Entry) { l[22].IssuerKeyHash = ourCA.IssuerKeyHash() }, want: failed,
		reason: []string{"the root recomputed", "entry 22: the stored chain begins with a certificate of key"}},
	{name: "final certificate of ours", tamper: func(l []*ct.Entry) { l[25].Certificate[len(l[25].Certificate)-1] ^= 1 }, want: failed,
		reason: []string{"the root recomputed", "entry 25: the stored chain begins with a certificate of the audited key"}},
	{name: "two entries swapped with their leaf_index", only: static, tamper: func(l []*ct.Entry) { l[22], l[23] = l[23], l[22] }, want: failed,
		reason: []string{"tile/data/000: data tile: entry 22: extensions: leaf_index says 23, the position is 22"}},
	{name: "two entries swapped", tamper: func(l []*ct.Entry) { swapLeaves(l[22], l[23]) }, want: failed,
		reason: []string{"the root recomputed"}},
	{name: "two of our entries swapped", only: static, tamper: func(l []*ct.Entry) { swapLeaves(l[20], l[30]) }, want: failed,
		reason: []string{"the root recomputed", "hash of entry 20 is"}},
}

// uncoveredFaults change what the tree does not cover.
var uncoveredFaults = []fault{
	{name: "precertificate TBS of ours", tamper: func(l []*ct.Entry) { l[20].Precertificate[80] ^= 1 }, want: failed,
		reason: []string{"entry 20: the stored precertificate is not the one whose TBSCertificate the tree covers"}},
	{name: "precertificate signature of ours", tamper: func(l []*ct.Entry) { l[290].Precertificate[len(l[290].Precertificate)-1] ^= 1 }, want: failed,
		reason: []string{"entry 290: the stored precertificate is not signed by its issuer"}},
	{name: "precertificate of ours cut short", tamper: func(l []*ct.Entry) { l[20].Precertificate = l[20].Precertificate[:100] }, want: failed,
		reason: []string{"entry 20: the stored precertificate cannot be read"}},
	{name: "precertificates of ours swapped", tamper: func(l []*ct.Entry) {
		l[20].Precertificate, l[30].Precertificate = l[30].Precertificate, l[20].Precertificate
	}, want: failed, reason: []string{"entry 20 (the first of 2): the stored precertificate is not the one"}},
	{name: "precertificate of ours and a foreign one swapped", tamper: func(l []*ct.Entry) {
		l[20].Precertificate, l[22].Precertificate = l[22].Precertificate, l[20].Precertificate
	}, want: failed, reason: []string{"entry 20: the stored precertificate is not the one"}},
	{name: "foreign precertificates swapped", tamper: func(l []*ct.Entry) {
		l[22].Precertificate, l[23].Precertificate = l[23].Precertificate, l[22].Precertificate
	}, want: proven},
	{name: "foreign precertificate altered", tamper: func(l []*ct.Entry) { l[22].Precertificate[80] ^= 1 }, want: proven},
	{name: "chains of ours swapped, being equal", tamper: func(l []*ct.Entry) { swapChains(l[20], l[30]) }, want: proven},
	{name: "chains of ours and a foreign entry swapped", tamper: func(l []*ct.Entry) { swapChains(l[20], l[22]) }, want: failed,
		reason: []string{"entry 20: the stored chain begins with a certificate of key"}},
	{name: "chains of our final certificate and a foreign entry swapped", tamper: func(l []*ct.Entry) { swapChains(l[25], l[22]) }, want: failed,
		reason: []string{"entry 25: the stored chain begins with a certificate of key"}},
	{name: "chain of ours on a foreign certificate", tamper: func(l []*ct.Entry) {
		l[26].Chain, l[26].ChainFingerprints = l[25].Chain, l[25].ChainFingerprints
	}, want: failed, reason: []string{"entry 26: the stored chain begins with a certificate of the audited key"}},
	{name: "foreign chains swapped", tamper: func(l []*ct.Entry) { swapChains(l[22], l[26]) }, want: proven},
	{name: "chain of a precertificate of ours emptied", tamper: func(l []*ct.Entry) { l[20].Chain, l[20].ChainFingerprints = nil, nil }, want: failed,
		reason: []string{"entry 20: the stored chain is empty"}},
	{name: "chain of a final certificate of ours emptied", tamper: func(l []*ct.Entry) { l[25].Chain, l[25].ChainFingerprints = nil, nil }, want: failed,
		reason: []string{"entry 25: the stored chain is empty"}},
	{name: "chain of a foreign entry emptied", tamper: func(l []*ct.Entry) { l[22].Chain, l[22].ChainFingerprints = nil, nil }, want: proven},
	{name: "chain of a foreign certificate emptied", tamper: func(l []*ct.Entry) { l[26].Chain, l[26].ChainFingerprints = nil, nil }, want: proven},
	{name: "chain in the wrong order", tamper: func(l []*ct.Entry) {
		reverse(l[20].ChainFingerprints)
		reverse(l[20].Chain)
	}, want: failed, reason: []string{"entry 20: the stored chain begins with a certificate of key"}},
	{name: "chain continued by a foreign root", tamper: func(l []*ct.Entry) {
		if n := len(l[22].ChainFingerprints); n > 0 {
			l[20].ChainFingerprints[1] = l[22].ChainFingerprints[n-1]
		} else {
			l[20].Chain[1] = l[22].Chain[len(l[22].Chain)-1]
		}
	}, want: failed, reason: []string{"entry 20: the stored chain is broken: certificate 1 does not name certificate 2 as its issuer"}},
	{name: "fingerprint of ours that no issuer file has", only: static, tamper: func(l []*ct.Entry) { l[20].ChainFingerprints[0][3] ^= 1 }, want: failed,
		reason: []string{"entry 20, issuer/", "an entry names this issuer"}},
	{name: "fingerprint of a final certificate of ours that no issuer file has", only: static, tamper: func(l []*ct.Entry) { l[285].ChainFingerprints[0][3] ^= 1 }, want: failed,
		reason: []string{"entry 285, issuer/", "an entry names this issuer"}},
	{name: "second fingerprint of ours that no issuer file has", only: static, tamper: func(l []*ct.Entry) { l[25].ChainFingerprints[1][3] ^= 1 }, want: failed,
		reason: []string{"entry 25, issuer/"}},
	{name: "fingerprint of foreign entries that no issuer file has", only: static, tamper: func(l []*ct.Entry) {
		l[22].ChainFingerprints[0][3] ^= 1
		l[26].ChainFingerprints[0][3] ^= 1
	}, want: proven},
	{name: "signature in the chain of ours altered", only: rfc, tamper: func(l []*ct.Entry) { c := l[20].Chain[0]; c[len(c)-1] ^= 1 }, want: failed,
		reason: []string{"entry 20: the stored chain is broken: certificate 2 did not sign certificate 1"}},
	{name: "key in the chain of ours altered", only: rfc, tamper: func(l []*ct.Entry) {
		c := l[20].Chain[0]
		i := strings.Index(string(c), string(ourCA.Key.SPKI))
		c[i+len(ourCA.Key.SPKI)-1] ^= 1
	}, want: failed, reason: []string{"entry 20: the stored chain begins with a certificate of key"}},
	{name: "chain of ours with a certificate that is none", only: rfc, tamper: func(l []*ct.Entry) { l[20].Chain[1] = []byte{1, 2, 3} }, want: failed,
		reason: []string{"entry 20: a certificate of the stored chain cannot be read"}},
	{name: "foreign chain altered", only: rfc, tamper: func(l []*ct.Entry) { l[22].Chain[0][40] ^= 1; l[26].Chain[0] = []byte{1} }, want: proven},
}

// fileFaults damage the files of a static-ct log.
var fileFaults = []fault{
	{name: "data tile cut short", only: static, files: func(t *testing.T, dir string) { must(t, testlog.Truncate(dir+"/tile/data/000", 10)) }, want: failed,
		reason: []string{"tile/data/000: data tile: entry 255:"}},
	{name: "data tile without its last entry", only: static, files: func(t *testing.T, dir string) {
		e := mixedEntries(faultSize)[299]
		must(t, testlog.Truncate(dir+"/tile/data/001.p/44", len(e.TBS)+len(e.Precert)+32*len(e.Chain)+8+2+32+3+2+8+3+2))
	}, want: failed, reason: []string{"tile/data/001.p/44: data tile: ends after 43 entries, want 44 (entry 299 is missing)"}},
	{name: "data tile too long", only: static, files: func(t *testing.T, dir string) { must(t, testlog.Extend(dir+"/tile/data/000", []byte("x"))) }, want: failed,
		reason: []string{"tile/data/000: data tile: 1 bytes after entry 255"}},
	{name: "partial data tile too long", only: static, files: func(t *testing.T, dir string) {
		must(t, testlog.Extend(dir+"/tile/data/001.p/44", make([]byte, 4000)))
	}, want: failed, reason: []string{"tile/data/001.p/44: data tile: 4000 bytes after entry 299"}},
	{name: "data tile missing", only: static, files: remove("tile/data/000"), want: failed,
		reason: []string{"tile/data/000: the tree head commits the log to this tile"}},
	{name: "partial data tile missing", only: static, files: remove("tile/data/001.p/44"), want: failed,
		reason: []string{"tile/data/001.p/44: the tree head commits the log to this tile"}},
	{name: "empty data tile", only: static, files: func(t *testing.T, dir string) { writeFile(t, dir+"/tile/data/000", nil) }, want: failed,
		reason: []string{"tile/data/000: data tile: ends after 0 entries"}},
	{name: "partial data tile swapped with the full one", only: static, files: swap("tile/data/000", "tile/data/001.p/44"), want: failed,
		reason: []string{"tile/data/000: data tile: entry 0: extensions: leaf_index says 256, the position is 0"}},
	{name: "hash tile altered", only: static, files: flip("tile/0/000", 32*8*17), want: failed,
		reason: []string{"tile/0/000: hash of entry 17 is"}},
	{name: "partial hash tile altered", only: static, files: flip("tile/0/001.p/44", -1), want: failed,
		reason: []string{"tile/0/001.p/44: hash of entry 299 is"}},
	{name: "hash tile cut short", only: static, files: func(t *testing.T, dir string) { must(t, testlog.Truncate(dir+"/tile/0/000", 32)) }, want: failed,
		reason: []string{"tile/0/000: hash tile of 8160 bytes, want 8192"}},
	{name: "hash tile missing", only: static, files: remove("tile/0/000"), want: failed,
		reason: []string{"tile/0/000: the tree head commits the log to this tile"}},
	{name: "hash tile of level 1 altered", only: static, files: flip("tile/1/000.p/1", 3), want: failed,
		reason: []string{"tile/1/000.p/1: hash 0"}},
	{name: "hash tile of level 1 cut short", only: static, files: func(t *testing.T, dir string) { must(t, testlog.Truncate(dir+"/tile/1/000.p/1", 1)) }, want: failed,
		reason: []string{"tile/1/000.p/1: hash tile of 31 bytes, want 32"}},
	{name: "issuer file of ours missing", only: static, files: remove(issuerFile(ourCA)), want: failed,
		reason: []string{"entry 0, " + issuerFile(ourCA), "an entry names this issuer"}},
	{name: "root's issuer file missing", only: static, files: remove(issuerFile(rootCA)), want: failed,
		reason: []string{"entry 0, " + issuerFile(rootCA), "an entry names this issuer"}},
	{name: "issuer file of ours altered", only: static, files: flip(issuerFile(ourCA), 800), want: failed,
		reason: []string{issuerFile(ourCA), "issuer file has SHA-256"}},
	{name: "issuer files of ours and the foreign CA swapped", only: static, files: swap(issuerFile(ourCA), issuerFile(foreignCA)), want: failed,
		reason: []string{issuerFile(ourCA), "issuer file has SHA-256"}},
	{name: "foreign issuer file missing", only: static, files: remove(issuerFile(foreignCA)), want: proven},
	{name: "foreign issuer file altered", only: static, files: flip(issuerFile(foreignCA), 800), want: proven},
}

// TestFaults reads each broken log from its folder, over HTTP, or both: what is wrong with
// an entry shows behind the transport, so there one of the two is enough.
func TestFaults(t *testing.T) {
	honest := map[string]string{
		static: writeLog(t, static, mixedEntries(faultSize)),
		rfc:    writeLog(t, rfc, mixedEntries(faultSize)),
	}
	issuers := newIssuers(t, ourCA)
	for _, group := range [][]fault{{{name: "nothing", want: proven}}, leafFaults, uncoveredFaults, fileFaults, headFaults} {
		for n, f := range group {
			for k, kind := range bothKinds {
				if f.only != "" && f.only != kind {
					continue
				}
				t.Run(kind+"/"+f.name, func(t *testing.T) {
					dir := copyDir(t, honest[kind])
					if f.tamper != nil {
						tamper(t, kind, dir, faultSize, f.tamper)
					}
					if f.files != nil {
						f.files(t, dir)
					}
					for _, web := range []bool{false, true} {
						if f.tamper != nil && web != ((n+k)%2 == 0) {
							continue
						}
						a := f.access
						a.web = web
						c := newCollection(t, issuers, openLog(t, kind, dir, a))
						_, results, _, err := c.harvest(context.Background())
						if err != nil {
							t.Fatal(err)
						}
						checkVerdict(t, results[0].Err, verdict(results[0]), f.want, f.reason)
					}
				})
			}
		}
	}
}

func checkVerdict(t *testing.T, err error, got, want string, reason []string) {
	t.Helper()
	if got != want {
		t.Errorf("the log is %s, want %s: %v", got, want, err)
		return
	}
	for _, part := range reason {
		if err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("the reason %q does not say %q", err, part)
		}
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func reverse[T any](s []T) {
	for i, j := 0, len(s)-1; i < j; i, j = i+1, j-1 {
		s[i], s[j] = s[j], s[i]
	}
}

func issuerFile(ca *testpki.CA) string { return "issuer/" + ct.FingerprintOf(ca.Cert).String() }
