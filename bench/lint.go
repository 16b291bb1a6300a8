package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"

	"github.com/zmap/zcrypto/x509"
	"github.com/zmap/zlint/v3"
	zlintapi "github.com/zmap/zlint/v3/lint"

	"selfaudit/internal/testpki"
	"selfaudit/lint"
	"selfaudit/sampler/ct"
)

// The certificates that are linted: about half of them real log entries of the bundled log, the
// rest generated; of both kinds, half are signed with RSA and half with ECDSA.
const (
	bundledCerts   = 240
	generatedCerts = 240
)

// lintSection lints the same certificates in every way.
func lintSection(b *bench) error {
	return b.lintContest("lint: %d certificates, half signed with RSA, half with ECDSA; "+fmt.Sprintf("all %d certificate lints of zlint", len(zlintapi.GlobalRegistry().CertificateLints().Lints())), []contender{
		{label: "zcrypto parse + zlint.LintCertificateEx, 1 core", child: "lint-naive", spec: spec{Workers: 1}},
		{label: "selfaudit engine, 1 core", child: "lint-engine", spec: spec{Workers: 1}},
		{label: "selfaudit engine, 1 core, GOGC 400 as the command sets", child: "lint-engine", spec: spec{Workers: 1, Percent: 400}},
		{label: "selfaudit LintAll, 2 cores, GOGC 400", child: "lint-all", spec: spec{Workers: 2, Percent: 400}},
	})
}

// lintContest has the contenders lint the same certificates, which it prepares, and writes the
// table; %d in the title is their number. All must find as much in a certificate as the first
// does, or they have not done the same work.
func (b *bench) lintContest(title string, lines []contender) error {
	dir := filepath.Join(b.dir, "certs")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	want, err := b.child("prepare-certs", spec{Dir: dir, URL: b.testdata})
	if err != nil {
		return err
	}
	for i := range lines {
		lines[i].spec.Dir = dir
	}
	if err := b.compete(lines); err != nil {
		return err
	}
	first := lines[0].samples[0]
	for _, c := range lines {
		for _, m := range c.samples {
			if m.Found*first.Work != first.Found*m.Work { // some lint them several times
				return fmt.Errorf("%s: %d findings in %d certificates, %s has %d in %d", c.label, m.Found, m.Work, lines[0].label, first.Found, first.Work)
			}
		}
	}
	b.write(fmt.Sprintf(title, want.Work), "certificate", "certificates", lines)
	return nil
}

// prepareCerts writes the certificates to be linted.
func prepareCerts(s spec) (sample, error) {
	certs, err := bundled(filepath.Join(s.URL, "ctlogs", "alpha", "c"))
	if err != nil {
		return sample{}, err
	}
	certs = append(certs, generated()...)
	for i, der := range certs {
		if err := os.WriteFile(filepath.Join(s.Dir, fmt.Sprintf("%04d.der", i)), der, 0o644); err != nil {
			return sample{}, err
		}
	}
	return sample{Work: int64(len(certs))}, nil
}

// bundled takes the first certificates and precertificates of each kind of signature out
// of the log that the repository bundles.
func bundled(log string) ([][]byte, error) {
	var ofRSA, ofECDSA [][]byte
	for n := range 3 { // the log's full tiles
		raw, err := os.ReadFile(filepath.Join(log, filepath.FromSlash(ct.TilePath("data", uint64(n), ct.TileWidth))))
		if err != nil {
			return nil, err
		}
		err = ct.ParseDataTile(raw, uint64(n)*ct.TileWidth, ct.TileWidth, func(e *ct.Entry) error {
			der := e.Precertificate
			if e.Type == ct.X509Entry {
				der = e.Certificate
			}
			c, err := x509.ParseCertificate(der)
			switch {
			case err != nil: // one of the deliberately broken ones
			case c.SignatureAlgorithmOID.String() == "1.2.840.113549.1.1.11" && len(ofRSA) < bundledCerts/2:
				ofRSA = append(ofRSA, slices.Clone(der))
			case c.SignatureAlgorithmOID.String() != "1.2.840.113549.1.1.11" && len(ofECDSA) < bundledCerts/2:
				ofECDSA = append(ofECDSA, slices.Clone(der))
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return append(ofRSA, ofECDSA...), nil
}

// generated makes certificates with a key of its own each, because keys are what linting
// spends its time on.
func generated() [][]byte {
	p := newPKI()
	var keys moduli
	var out [][]byte
	for i := range generatedCerts {
		t := testpki.Template{Seed: fmt.Sprint(i), DNSNames: []string{fmt.Sprintf("www.customer-%d.example.com", i), fmt.Sprintf("customer-%d.example.com", i)}}
		if i%4 < 2 {
			t.Key = keys.key()
		} else {
			t.Key = testpki.ECKey(fmt.Sprintf("leaf %d", i))
		}
		out = append(out, p.ours[i%2].Certificate(t))
	}
	return out
}

func readCerts(s spec) ([][]byte, error) {
	names, err := filepath.Glob(filepath.Join(s.Dir, "*.der"))
	if err != nil {
		return nil, err
	}
	var out [][]byte
	for _, name := range names {
		der, err := os.ReadFile(name)
		if err != nil {
			return nil, err
		}
		out = append(out, der)
	}
	return out, nil
}

// lintNaive is what a program does that knows only zlint's README.
func lintNaive(s spec) (sample, error) {
	runtime.GOMAXPROCS(s.Workers)
	certs, err := readCerts(s)
	if err != nil {
		return sample{}, err
	}
	leftOut, err := leftOut()
	if err != nil {
		return sample{}, err
	}
	return measure(s, func() (work, found int64, err error) {
		for _, der := range certs {
			c, err := x509.ParseCertificate(der)
			if err != nil {
				return 0, 0, err
			}
			for name, r := range zlint.LintCertificateEx(c, nil).Results {
				if r.Status > zlintapi.Pass && !leftOut[name] {
					found++
				}
			}
		}
		return int64(len(certs)), found, nil
	})
}

// leftOut are the lints that document mode leaves out, so that findings can be compared.
func leftOut() (map[string]bool, error) {
	l, err := lint.New(lint.Options{Document: true})
	if err != nil {
		return nil, err
	}
	names := map[string]bool{}
	for _, r := range l.Info().LeftOut {
		names[r.Lint] = true
	}
	return names, nil
}

// lintEngine calls the engine certificate by certificate, in document mode, with everything that an
// audit's results hold (hash, sorted findings with their citations).
func lintEngine(s spec) (sample, error) {
	runtime.GOMAXPROCS(s.Workers)
	return withEngine(s, lint.Options{Document: true}, func(l *lint.Linter, artifacts []lint.Artifact) (work, found int64, err error) {
		for _, a := range artifacts {
			found += int64(len(l.Lint(a).Findings))
		}
		return int64(len(artifacts)), found, nil
	})
}

// lintAll spreads the same work over workers.
func lintAll(s spec) (sample, error) { return lintParallel(s, lint.Options{Document: true}) }

func lintParallel(s spec, o lint.Options) (sample, error) {
	runtime.GOMAXPROCS(s.Workers)
	return withEngine(s, o, func(l *lint.Linter, artifacts []lint.Artifact) (work, found int64, err error) {
		err = l.LintAll(context.Background(), slices.Values(artifacts), s.Workers, func(r lint.Result) error {
			if r.Difference != "" {
				return fmt.Errorf("certificate %s: %s", r.File, r.Difference)
			}
			work, found = work+1, found+int64(len(r.Findings))
			return nil
		})
		return work, found, err
	})
}

func withEngine(s spec, o lint.Options, f func(*lint.Linter, []lint.Artifact) (int64, int64, error)) (sample, error) {
	certs, err := readCerts(s)
	if err != nil {
		return sample{}, err
	}
	var artifacts []lint.Artifact
	for i, der := range certs {
		artifacts = append(artifacts, lint.Artifact{File: fmt.Sprint(i), Kind: lint.KindCert, DER: der})
	}
	artifacts = slices.Repeat(artifacts, max(1, s.N))
	return measure(s, func() (int64, int64, error) {
		l, err := lint.New(o) // counted: a run pays for it once
		if err != nil {
			return 0, 0, err
		}
		return f(l, artifacts)
	})
}
