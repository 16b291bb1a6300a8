package crtsh

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"selfaudit/internal/auditdir"
	"selfaudit/internal/testpg"
	"selfaudit/internal/testpki"
	"selfaudit/sampler"
)

// server is the PostgreSQL that the tests of this package share; each has a database of its own.
var server struct {
	once sync.Once
	*testpg.Server
}

func TestMain(m *testing.M) {
	code := m.Run()
	if server.Server != nil {
		server.Remove()
	}
	os.Exit(code)
}

// newIndex makes a database like crt.sh's, or skips the test.
func newIndex(t *testing.T) *testpg.Certwatch {
	t.Helper()
	server.once.Do(func() { server.Server = testpg.Launch(t) })
	if server.Server == nil {
		t.Skip("PostgreSQL did not start for an earlier test, which says why")
	}
	return server.Certwatch(t)
}

var (
	from  = time.Date(2026, 8, 30, 0, 0, 0, 0, time.UTC)
	until = time.Date(2026, 9, 6, 0, 0, 0, 0, time.UTC)

	root    = testpki.NewRoot("Index Root", testpki.CAOptions{})
	ours    = root.NewCA("Index DV CA", testpki.CAOptions{})
	twin    = root.NewCA("Index OV CA", testpki.CAOptions{})
	unknown = root.NewCA("Index Unknown CA", testpki.CAOptions{})
)

// leaf is a certificate that begins at a time.
func leaf(ca *testpki.CA, seed string, at time.Time) []byte {
	return ca.Certificate(testpki.Template{Seed: seed, NotBefore: at, NotAfter: at.Add(90 * 24 * time.Hour), Unsigned: true})
}

func issuer(cas ...*testpki.CA) Issuer {
	var iss Issuer
	for _, ca := range cas {
		iss.Keys = append(iss.Keys, ca.Key.Hash())
		iss.Certificates = append(iss.Certificates, sha256.Sum256(ca.Cert))
	}
	iss.Key = sampler.KeyHash(iss.Keys[0])
	return iss
}

// asker asks a database, without waiting in earnest.
type asker struct {
	t *testing.T
	Config
	Question
	dir auditdir.Dir
	now time.Time

	retries []string
	onSleep func()
}

func newAsker(t *testing.T, db *testpg.Certwatch, issuers ...Issuer) *asker {
	t.Helper()
	a := &asker{t: t, dir: auditdir.At(t.TempDir()), now: from}
	a.Question = Question{Server: "test", AskedAt: "2026-10-02T08:00:00Z", From: from, Until: until, Issuers: issuers}
	a.Config = Config{User: "guest", Application: strings.ReplaceAll(t.Name(), "/", "_")[:min(len(t.Name()), 60)], ConnectTimeout: 10 * time.Second,
		Jitter: func() float64 { return 0.5 },
		Now:    func() time.Time { return a.now },
		Sleep: func(ctx context.Context, d time.Duration) error {
			a.now = a.now.Add(d)
			if a.onSleep != nil {
				a.onSleep()
			}
			return ctx.Err()
		},
		OnRetry: func(what string, err error, wait time.Duration) { a.retries = append(a.retries, reasonFor(err)) }}
	if db != nil {
		a.Host, a.Port, a.Database = db.Host, db.Port, db.Database
	}
	return a
}

func (a *asker) ask() *Answer {
	a.t.Helper()
	ans, err := Ask(context.Background(), a.dir, a.Config, a.Question)
	if err != nil {
		a.t.Fatal(err)
	}
	return ans
}

// complete asks and demands an answer to everything.
func (a *asker) complete() *Answer {
	a.t.Helper()
	ans := a.ask()
	if !ans.Complete || ans.Reason != "" {
		a.t.Fatalf("not complete: %s (retries %q)", ans.Reason, a.retries)
	}
	return ans
}

// read lists an answer: "id sha256" of each certificate, "id: problem" of each other one.
func read(t *testing.T, ans *Answer) []string {
	t.Helper()
	var out []string
	err := ans.Read(context.Background(),
		func(id int64, der []byte) error {
			out = append(out, fmt.Sprintf("%d %x", id, sha256.Sum256(der)))
			return nil
		},
		func(id int64, err error) error { out = append(out, fmt.Sprintf("%d: %v", id, err)); return nil })
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func lines(first int64, ders ...[]byte) []string {
	var out []string
	for i, der := range ders {
		out = append(out, fmt.Sprintf("%d %x", first+int64(i), sha256.Sum256(der)))
	}
	return out
}

func equal(t *testing.T, what string, got, want []string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s: %d lines, want %d:\n%s\nwant\n%s", what, len(got), len(want), strings.Join(got[:min(8, len(got))], "\n"), strings.Join(want[:min(8, len(want))], "\n"))
	}
}

// series are n certificates, one every step.
func series(ca *testpki.CA, seed string, n int, first time.Time, step time.Duration) [][]byte {
	out := make([][]byte, n)
	for i := range out {
		out[i] = leaf(ca, fmt.Sprint(seed, i), first.Add(time.Duration(i)*step))
	}
	return out
}

// huge is a certificate that is too large to be fetched.
func huge(ca *testpki.CA, at time.Time) []byte {
	return ca.Certificate(testpki.Template{Seed: "huge", NotBefore: at, NotAfter: at.Add(24 * time.Hour), Unsigned: true,
		Extensions: func(exts [][]byte) [][]byte {
			return append(exts, testpki.Extension("1.3.6.1.4.1.99999.7", false, bytes.Repeat([]byte{5}, MaxCertificate)))
		}})
}
