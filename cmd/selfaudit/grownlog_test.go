package main

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"selfaudit/internal/testlog"
	"selfaudit/internal/testpki"
)

// grownLog is a workspace with one generated log that can grow.
type grownLog struct {
	*bench
	log *testlog.Static
	ca  *testpki.CA
	n   int
}

// newGrownLog makes the workspace; audit is the rest of its [audit] section.
func newGrownLog(t *testing.T, audit string) *grownLog {
	t.Helper()
	b := &bench{t, t.TempDir()}
	ca := testpki.NewRoot("Grown Root", testpki.CAOptions{}).NewCA("Grown DV CA", testpki.CAOptions{})
	key := testpki.ECKey("grown log")
	log, err := testlog.NewStatic(filepath.Join(b.dir, "log"), testlog.StaticOptions{Key: key, Origin: "grown.example/log"})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(b.dir, "ca.der"), ca.Cert, 0o666); err != nil {
		t.Fatal(err)
	}
	b.write("log.pem", string(key.PublicPEM()))
	b.write("selfaudit.toml", "[ca]\nname = \"Grown CA\"\n[audit]\n"+audit+`
[[issuer]]
certificate = "ca.der"
[[log]]
type = "static-ct"
url = "log"
public_key_file = "log.pem"
origin = "grown.example/log"
`)
	return &grownLog{bench: b, log: log, ca: ca}
}

// add logs n precertificates at times from first on, one minute apart.
func (g *grownLog) add(n int, first time.Time) {
	g.t.Helper()
	for i := range n {
		at := first.Add(time.Duration(i) * time.Minute)
		g.n++
		tmpl := testpki.Template{Seed: fmt.Sprint(g.n), NotBefore: at.Truncate(time.Second), NotAfter: at.Truncate(time.Second).Add(90 * 24 * time.Hour)}
		if _, err := g.log.Add(testlog.PrecertEntry(g.ca, tmpl, uint64(at.UnixMilli()))); err != nil {
			g.t.Fatal(err)
		}
	}
}

func (g *grownLog) publish(at time.Time) {
	g.t.Helper()
	if err := g.log.Publish(uint64(at.UnixMilli())); err != nil {
		g.t.Fatal(err)
	}
}

func at(s string) time.Time {
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		panic(err)
	}
	return t
}
