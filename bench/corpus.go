package main

import (
	"fmt"
	"path/filepath"
	"time"

	"selfaudit/internal/testlog"
	"selfaudit/internal/testpki"
)

// The generated log. One entry in ten is of two audited issuers, one in a hundred of two
// small ones; 15 in 100 are final certificates, the rest precertificates; half of the subject
// keys are RSA. A record of it has about the size of a real one (1.5 kB in a data tile).
const (
	logOrigin   = "bench.ct.example/2026h2"
	foreignCAs  = 20
	oneInOurs   = 10
	oneInFew    = 100
	finalsIn100 = 15
)

// logStart is the time stamp of the first entry; one entry comes every 20 seconds.
var logStart = time.Date(2026, 8, 2, 0, 0, 0, 0, time.UTC)

func logKey() *testpki.Key { return testpki.ECKey("bench log") }

// pki is who issues the entries of the generated log. It follows from nothing, so every
// process can make it again.
type pki struct {
	ours    []*testpki.CA // one RSA, one P-256
	few     []*testpki.CA // the same, with a tenth of the entries
	foreign []*testpki.CA
	absent  *testpki.CA // issued nothing
}

func newPKI() *pki {
	root := testpki.NewRoot("Bench Root", testpki.CAOptions{})
	p := &pki{absent: root.NewCA("Absent CA", testpki.CAOptions{})}
	p.ours = append(p.ours, root.NewCA("Audited CA RSA", testpki.CAOptions{Key: testpki.RSAKey(0)}), root.NewCA("Audited CA EC", testpki.CAOptions{}))
	p.few = append(p.few, root.NewCA("Small CA RSA", testpki.CAOptions{Key: testpki.RSAKey(1)}), root.NewCA("Small CA EC", testpki.CAOptions{}))
	for i := range foreignCAs {
		p.foreign = append(p.foreign, root.NewCA(fmt.Sprintf("Foreign CA %d", i), testpki.CAOptions{}))
	}
	return p
}

// generator makes the entries of a log.
type generator struct {
	pki    *pki
	onlyEC bool // our entries are all of the P-256 issuer: faster to make
	all    bool // every entry is of that issuer
	moduli moduli
	keys   []*testpki.Key
}

func newGenerator(onlyEC bool) *generator {
	g := &generator{pki: newPKI(), onlyEC: onlyEC}
	for i := range 64 { // linting would notice that keys come twice, harvesting does not
		if i%2 == 0 {
			g.keys = append(g.keys, testpki.ECKey(fmt.Sprintf("subject %d", i)))
		} else {
			g.keys = append(g.keys, g.moduli.key())
		}
	}
	return g
}

// isOurs says whether entry i is of an audited issuer.
func isOurs(i int) bool { return i%oneInOurs == 3 }

// isFew says whether entry i is of a small one.
func isFew(i int) bool { return i%oneInFew == 7 }

// foundBy is how many of the first n entries a search for one of the sets of issuers finds.
func foundBy(issuers string, n int) (found int64) {
	for i := range n {
		if issuers == "all" || issuers == "ours" && isOurs(i) || issuers == "few" && isFew(i) {
			found++
		}
	}
	return found
}

// entry returns entry i. Ours carry true signatures, and SCTs of which one is of the log itself,
// because both are verified; those of others are not looked at.
func (g *generator) entry(i int) testlog.Entry {
	at := logStart.Add(time.Duration(i) * 20 * time.Second)
	ca, ours := g.pki.foreign[i%foreignCAs], isOurs(i)
	if ours {
		ca = g.pki.ours[1]
		if !g.onlyEC && i/oneInOurs%2 == 0 {
			ca = g.pki.ours[0]
		}
	}
	if isFew(i) {
		ours, ca = true, g.pki.few[1]
		if !g.onlyEC && i/oneInFew%2 == 0 {
			ca = g.pki.few[0]
		}
	}
	if g.all {
		ours, ca = true, g.pki.ours[1]
	}
	t := testpki.Template{Seed: fmt.Sprint(i), NotBefore: at.Add(-time.Hour).Truncate(time.Second), Key: g.keys[i%len(g.keys)], Unsigned: !ours}
	for n := range 1 + i%4 {
		t.DNSNames = append(t.DNSNames, fmt.Sprintf("www%d.customer-%d.example.com", n, i))
	}
	ms := uint64(at.UnixMilli())
	if i/oneInOurs%100 >= finalsIn100 {
		return testlog.PrecertEntry(ca, t, ms)
	}
	return testlog.FinalEntry(ca, ca.Certificate(t, scts(ca, t, ms, ours)...), ms)
}

func scts(ca *testpki.CA, t testpki.Template, ms uint64, ours bool) [][]byte {
	other := testlog.SignSCT(unsignedLogKey, ca.IssuerKeyHash(), nil, ms, nil)
	if !ours {
		return [][]byte{other, other}
	}
	return [][]byte{testlog.SignSCT(logKey(), ca.IssuerKeyHash(), ca.TBS(t), ms-1000, nil), other}
}

// unsignedLogKey signs the SCTs that no competitor can verify.
var unsignedLogKey = testpki.ECKey("another log")

// adder is what both kinds of log have.
type adder interface {
	Add(testlog.Entry) (uint64, error)
	Publish(timestampMS uint64) error
}

// prepareLog writes a log of N entries, as static-ct and, if Type asks for it, RFC 6962 too.
func prepareLog(s spec) (sample, error) {
	static, err := testlog.NewStatic(filepath.Join(s.Dir, "static"), testlog.StaticOptions{Key: logKey(), Origin: logOrigin})
	if err != nil {
		return sample{}, err
	}
	logs := []adder{static}
	if s.Type == "both" {
		capture, err := testlog.NewCapture(filepath.Join(s.Dir, "rfc6962"), testlog.CaptureOptions{Key: logKey()})
		if err != nil {
			return sample{}, err
		}
		logs = append(logs, capture)
	}
	g := newGenerator(s.Type != "both")
	g.all = s.Issuers == "all"
	var found int64
	for i := range s.N {
		e := g.entry(i)
		if isOurs(i) {
			found++
		}
		for _, log := range logs {
			if _, err := log.Add(e); err != nil {
				return sample{}, err
			}
		}
	}
	for _, log := range logs {
		if err := log.Publish(uint64(logStart.AddDate(0, 4, 0).UnixMilli())); err != nil {
			return sample{}, err
		}
	}
	if s.Type == "both" {
		if err := packTiles(filepath.Join(s.Dir, "static"), filepath.Join(s.Dir, "gzip")); err != nil {
			return sample{}, err
		}
	}
	return sample{Work: int64(s.N), Found: found}, nil
}
