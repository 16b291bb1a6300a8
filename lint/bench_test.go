package lint

import (
	"crypto/elliptic"
	mathrand "math/rand/v2"
	"runtime"
	"runtime/debug"
	"testing"
	"time"

	"github.com/zmap/zcrypto/x509"
	zlintroot "github.com/zmap/zlint/v3"
)

// benchCerts makes certificates signed by one kind of key.
func benchCerts(b *testing.B, rsaSigned bool) [][]byte {
	b.Helper()
	g := newKeys()
	issuers, keys := g.issuers[:2], g.keys[:2] // P-256, P-384
	if rsaSigned {
		issuers, keys = g.issuers[4:6], g.keys[4:6]
	}
	random := mathrand.New(mathrand.NewPCG(3, 4))
	certs := make([][]byte, 64)
	for i := range certs {
		var err error
		certs[i], err = g.ordinary(random, keys[i%2], issuers[i/2%2])
		if err != nil {
			b.Fatal(err)
		}
	}
	return certs
}

// benchBoth runs a benchmark over both kinds of certificates, one certificate per operation.
func benchBoth(b *testing.B, lintOne func(der []byte)) {
	for name, rsaSigned := range map[string]bool{"RSA": true, "ECDSA": false} {
		b.Run(name, func(b *testing.B) {
			certs := benchCerts(b, rsaSigned)
			lintOne(certs[0]) // builds the tables of both zlint and ours
			b.ReportAllocs()
			i := 0
			start := cpuTime()
			for b.Loop() {
				lintOne(certs[i%len(certs)])
				i++
			}
			// On a busy machine only processor time can be compared.
			b.ReportMetric(float64(cpuTime()-start)/float64(i), "cpu-ns/op")
		})
	}
}

// BenchmarkNaive is what a program does that knows only zlint's README.
func BenchmarkNaive(b *testing.B) {
	benchBoth(b, func(der []byte) {
		c, err := x509.ParseCertificate(der)
		if err != nil {
			b.Fatal(err)
		}
		zlintroot.LintCertificateEx(c, nil)
	})
}

// BenchmarkEngine does the same work through a Linter.
func BenchmarkEngine(b *testing.B) {
	l, err := New(Options{Document: true})
	if err != nil {
		b.Fatal(err)
	}
	benchBoth(b, func(der []byte) { l.Lint(Artifact{Kind: KindCert, DER: der}) })
}

// BenchmarkParse is the floor under both.
func BenchmarkParse(b *testing.B) {
	benchBoth(b, func(der []byte) {
		if _, err := x509.ParseCertificate(der); err != nil {
			b.Fatal(err)
		}
	})
}

// BenchmarkSmallKeyTable is the one-time cost of the first ECDSA key of a curve.
func BenchmarkSmallKeyTable(b *testing.B) {
	for _, curve := range []elliptic.Curve{elliptic.P256(), elliptic.P384()} {
		b.Run(curve.Params().Name, func(b *testing.B) {
			for b.Loop() {
				newSmallKeys(curve, smallTable)
			}
		})
	}
}

// BenchmarkNew is the start-up cost of a Linter.
func BenchmarkNew(b *testing.B) {
	for b.Loop() {
		if _, err := New(Options{}); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkSideBySide runs both in turn over the same certificates and reports
// the ratio of their processor times: the only figure that means something on a
// machine that does other things too.
func BenchmarkSideBySide(b *testing.B) {
	for name, rsaSigned := range map[string]bool{"RSA": true, "ECDSA": false} {
		b.Run(name, func(b *testing.B) {
			l, err := New(Options{Document: true})
			if err != nil {
				b.Fatal(err)
			}
			certs := benchCerts(b, rsaSigned)
			var naive, engine time.Duration
			rounds := 0
			for b.Loop() {
				naive += spent(100, func() { naiveAll(b, certs) })
				engine += spent(enginePercent, func() { engineAll(l, certs) })
				rounds++
			}
			n := float64(rounds * len(certs))
			b.ReportMetric(float64(naive)/n, "naive-cpu-ns/cert")
			b.ReportMetric(float64(engine)/n, "engine-cpu-ns/cert")
			b.ReportMetric(float64(naive)/float64(max(engine, 1)), "times")
		})
	}
}

// enginePercent is the garbage collector's setting of a program that lints in
// bulk: the live heap is tiny, so that Go's default collects all the time.
const enginePercent = 800

// spent is the processor time of f, with the garbage it leaves collected in it.
func spent(percent int, f func()) time.Duration {
	defer debug.SetGCPercent(debug.SetGCPercent(percent))
	start := cpuTime()
	f()
	runtime.GC()
	return cpuTime() - start
}

func naiveAll(b *testing.B, certs [][]byte) {
	for _, der := range certs {
		c, err := x509.ParseCertificate(der)
		if err != nil {
			b.Fatal(err)
		}
		zlintroot.LintCertificateEx(c, nil)
	}
}

func engineAll(l *Linter, certs [][]byte) {
	for _, der := range certs {
		l.Lint(Artifact{Kind: KindCert, DER: der})
	}
}
