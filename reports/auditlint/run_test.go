package auditlint_test

import (
	"bytes"
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"selfaudit/internal/testaudit"
	"selfaudit/internal/testlog"
	"selfaudit/internal/testpki"
	"selfaudit/lint"
	"selfaudit/reports/auditlint"
	"selfaudit/sampler"
)

var (
	day    = time.Date(2026, 11, 22, 14, 0, 0, 0, time.UTC)
	root   = testpki.NewRoot("Fixture Trust Alpha Root", testpki.CAOptions{})
	ca     = root.NewCA("Alpha DV CA 1", testpki.CAOptions{}) // the issuer of audits below
	log    = testpki.ECKey("log alpha")                       // the log of audits below
	issued = time.Date(2026, 9, 1, 0, 0, 0, 0, time.UTC)
)

func small() testaudit.Options {
	return testaudit.Options{Issuers: []testaudit.Issuer{{Label: "Alpha DV CA 1", Class: sampler.ClassDV, Count: 40}},
		Flawless: true, SCTs: true, Stage: testaudit.Drawn, RateBP: 2000}
}

// run lints an audit and returns both documents and what is said about the run.
func run(t *testing.T, files fstest.MapFS, o auditlint.Options) (results, asIf []lint.Result, info *lint.Info) {
	t.Helper()
	plan, err := auditlint.Read(files)
	if err != nil {
		t.Fatal(err)
	}
	if o.Day.IsZero() {
		o.Day = day
	}
	info, err = plan.Run(context.Background(), o, auditlint.Emit{
		Result: func(r lint.Result) error { results = append(results, r); return nil },
		AsIf:   func(r lint.Result) error { asIf = append(asIf, r); return nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	return results, asIf, info
}

// put makes certificates those of the audit's first sampled item, as if collected so.
func put(t *testing.T, files fstest.MapFS, ders ...[]byte) fstest.MapFS {
	t.Helper()
	files = maps.Clone(files)
	plan, err := auditlint.Read(files)
	if err != nil {
		t.Fatal(err)
	}
	item := plan.Files[0].Item
	list, err := sampler.ParseSightings(bytes.NewReader(files["ct/sightings.jsonl"].Data))
	if err != nil {
		t.Fatal(err)
	}
	first := slices.IndexFunc(list, func(s sampler.Sighting) bool { return s.ItemID == item })
	template := list[first]
	list = slices.DeleteFunc(list, func(s sampler.Sighting) bool { return s.ItemID == item })
	for i, der := range ders {
		s := template
		s.Cert, s.Form, s.Index = sampler.HashCert(der), sampler.FormFinal, template.Index+uint64(i)
		if bytes.Contains(der, []byte("\x2b\x06\x01\x04\x01\xd6\x79\x02\x04\x03")) {
			s.Form = sampler.FormPrecert
		}
		files["certificates/"+s.Cert.String()+".der"] = &fstest.MapFile{Data: der}
		list = slices.Insert(list, first+i, s)
	}
	var out []byte
	for _, s := range list {
		line, err := s.Line()
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, line...)
	}
	files["ct/sightings.jsonl"] = &fstest.MapFile{Data: out}
	return files
}

// own returns the names of our findings on the files with the given hashes, each once.
func own(results []lint.Result, ders ...[]byte) []string {
	var names []string
	for _, r := range results {
		for _, der := range ders {
			if r.SHA256 != sampler.HashCert(der).String() {
				continue
			}
			for _, f := range r.Findings {
				if f.Source == lint.SourceSelfaudit && !slices.Contains(names, f.Lint) {
					names = append(names, f.Lint)
				}
			}
		}
	}
	slices.Sort(names)
	return names
}

func dv() testpki.Template {
	return testpki.Template{Subject: testpki.Name(testpki.CN("www.example.com")), DNSNames: []string{"www.example.com"}, Serial: []byte{0x41, 1, 2, 3, 4, 5, 6, 7, 8},
		Policies: []string{"2.23.140.1.2.1"}, NotBefore: issued, NotAfter: issued.AddDate(0, 0, 90).Add(-time.Second)}
}

// TestOwnChecks shows for each check of our own that it finds what it is for in an audit, and
// that an audit without defects has none of them.
func TestOwnChecks(t *testing.T) {
	base := testaudit.Build(t, small())
	results, _, info := run(t, base, auditlint.Options{Workers: 2})
	for _, r := range results {
		if names := own(results, base[r.File].Data); len(names) != 0 {
			t.Errorf("%s of an audit without defects: %v", r.File, names)
		}
	}
	if !slices.Equal(info.OwnChecks, lint.OwnChecks()) {
		t.Errorf("own checks %v", info.OwnChecks)
	}
	good := dv()
	with := func(change func(*testpki.Template)) [][]byte {
		o := dv()
		change(&o)
		return [][]byte{ca.Certificate(o)}
	}
	flipped := ca.Certificate(good)
	flipped[len(flipped)-1] ^= 1
	renamed := &testpki.CA{Key: ca.Key, Name: testpki.Name(testpki.CN("ALPHA DV CA 1")), Cert: ca.Cert, Parent: root}
	other := good
	other.DNSNames = []string{"www.example.org"}
	sct := testlog.SignSCT(log, ca.IssuerKeyHash(), ca.TBS(good), uint64(issued.UnixMilli()), nil)
	badSCT := testlog.SignSCT(log, ca.IssuerKeyHash(), ca.TBS(other), uint64(issued.UnixMilli()), nil)
	unknown := bytes.ReplaceAll(ca.Certificate(good), testpki.OID("1.2.840.10045.4.3.2"), testpki.OID("1.2.840.10045.4.3.9"))
	stranger := root.NewCA("stranger", testpki.CAOptions{})
	found := map[string]bool{}
	for what, x := range map[string]struct {
		ders [][]byte
		want []string
	}{
		"nothing":     {[][]byte{ca.Certificate(good, sct), ca.Precertificate(good)}, nil},
		"issuer name": {[][]byte{renamed.Certificate(good)}, []string{lint.CheckIssuerName}},
		"signature":   {[][]byte{flipped}, []string{lint.CheckSignature}},
		"key id":      {with(func(o *testpki.Template) { o.Extensions = wrongKeyID }), []string{lint.CheckAuthorityKey}},
		"outside": {with(func(o *testpki.Template) {
			o.NotBefore = o.NotBefore.AddDate(-40, 0, 0)
			o.NotAfter = o.NotAfter.AddDate(-40, 0, 0)
		}), []string{lint.CheckOutsideIssuer}},
		"precert":       {[][]byte{ca.Certificate(good), ca.Precertificate(other)}, []string{lint.CheckPrecertificate}},
		"serial":        {[][]byte{ca.Certificate(good), ca.Certificate(other)}, []string{lint.CheckSerialReused}},
		"policy count":  {with(func(o *testpki.Template) { o.Policies = []string{"2.23.140.1.2.1", "2.5.29.32.0"} }), []string{lint.CheckPolicyCount}},
		"subject":       {with(func(o *testpki.Template) { o.Subject = testpki.Name(testpki.CN("www.example.com"), testpki.O("x")) }), []string{lint.CheckPolicySubject}},
		"200 d and 1 s": {with(func(o *testpki.Template) { o.NotAfter = o.NotBefore.Add(200 * 24 * time.Hour) }), []string{lint.CheckValidity}},
		"200 d":         {with(func(o *testpki.Template) { o.NotAfter = o.NotBefore.Add(200*24*time.Hour - time.Second) }), []string{lint.CheckValidityLong}},
		"SCT":           {[][]byte{ca.Certificate(good, badSCT)}, []string{lint.CheckSCT}},
		"algorithm":     {[][]byte{unknown}, []string{lint.CheckSignatureUnchecked}},
		"stranger":      {[][]byte{stranger.Certificate(good)}, []string{lint.CheckIssuerMissing}},
	} {
		results, _, _ := run(t, put(t, base, x.ders...), auditlint.Options{Workers: 2})
		if got := own(results, x.ders...); !slices.Equal(got, x.want) {
			t.Errorf("%s: %v, want %v", what, got, x.want)
		}
		for _, name := range x.want {
			found[name] = true
		}
	}
	for _, name := range lint.OwnChecks() {
		if !found[name] {
			t.Errorf("%s is not shown to find anything in an audit", name)
		}
	}
}

func wrongKeyID(exts [][]byte) [][]byte {
	for i, e := range exts {
		if bytes.Contains(e, []byte{0x06, 0x03, 0x55, 0x1d, 0x23}) {
			exts[i] = testpki.Extension("2.5.29.35", false, testpki.Sequence(testpki.TLV(0x80, []byte("another key identifier"))))
		}
	}
	return exts
}

// TestWorkersAndEnginesAgree lints the same audit with one and many workers, by our loop and
// by zlint's, and compares every byte.
func TestWorkersAndEnginesAgree(t *testing.T) {
	files := testaudit.Build(t, testaudit.Options{Stage: testaudit.Drawn, Issuers: small().Issuers, RateBP: 2500, SCTs: true})
	var first, firstAsIf string
	for i, o := range []auditlint.Options{{Workers: 1}, {Workers: 7, Recheck: true}, {Workers: 3, Reference: true}} {
		results, asIf, info := run(t, files, o)
		text, textAsIf := lines(t, results), lines(t, asIf)
		if i == 0 {
			first, firstAsIf = text, textAsIf
		}
		if text != first || textAsIf != firstAsIf {
			t.Errorf("%+v: other results", o)
		}
		if o.Reference != (info.Rechecked == nil) || o.Reference != (info.Engine == "zlint-loop") {
			t.Errorf("%+v: engine %s, rechecked %+v", o, info.Engine, info.Rechecked)
		}
		for _, r := range results {
			if due := o.Recheck && len(r.Findings) > 0; due && !r.Rechecked {
				t.Errorf("%s has findings and is not judged twice", r.File)
			}
		}
	}
	if strings.Contains(first, "as_if") || strings.Count(firstAsIf, `"as_if":"2026-11-22"`) != strings.Count(firstAsIf, "\n") {
		t.Error("the two judgements are not told apart")
	}
}

func lines(t *testing.T, results []lint.Result) string {
	t.Helper()
	var b strings.Builder
	for _, r := range results {
		line, err := auditlint.Line(r)
		if err != nil {
			t.Fatal(err)
		}
		b.Write(line)
	}
	return b.String()
}

func TestAboutTheRun(t *testing.T) {
	files := testaudit.Build(t, small())
	results, asIf, info := run(t, files, auditlint.Options{Workers: 2, Recheck: true})
	if len(results) != len(asIf) || len(results) == 0 {
		t.Fatalf("%d and %d results", len(results), len(asIf))
	}
	sets, scts := 0, 0
	for _, s := range info.RuleSets {
		sets += s.Certificates
	}
	plan, err := auditlint.Read(files)
	if err != nil {
		t.Fatal(err)
	}
	want := lint.Recheck{Of: len(results)}
	for _, r := range results {
		chosen := plan.Chosen(r.File)
		if chosen {
			want.Chosen++
		}
		if len(r.Findings) > 0 {
			want.WithFindings++
		}
		if chosen || len(r.Findings) > 0 {
			want.Compared++
		}
		if r.Rechecked != (chosen || len(r.Findings) > 0) {
			t.Errorf("%s: judged twice %v", r.File, r.Rechecked)
		}
		if r.RuleSet != "tls" || len(r.InForce) != 1 {
			t.Errorf("%s: rule set %q, in force %q", r.File, r.RuleSet, r.InForce)
		}
		if r.SCTs != nil {
			scts++
			if r.SCTs.Verified != 1 || r.SCTs.Invalid != 0 {
				t.Errorf("%s: SCTs %+v", r.File, r.SCTs)
			}
		}
	}
	if *info.Rechecked != want || want.Chosen == 0 {
		t.Errorf("rechecked %+v, want %+v and at least one chosen", info.Rechecked, want)
	}
	if sets != len(results) || scts == 0 || info.KnownLogs != 1 || info.AuditDay != "2026-11-22" || len(info.InForce) != 4 {
		t.Errorf("%d certificates in rule sets, %d with SCTs, %+v", sets, scts, info.AuditInfo)
	}
	for _, r := range asIf {
		if r.AsIf != "2026-11-22" || r.SCTs != nil || slices.ContainsFunc(r.Findings, func(f lint.Finding) bool { return f.Revocation != "" }) {
			t.Errorf("as if: %+v", r)
		}
	}
}

func TestReadRefuses(t *testing.T) {
	files := testaudit.Build(t, small())
	var cert, issuer string
	for name := range files {
		if strings.HasPrefix(name, "certificates/") {
			cert = name
		}
		if strings.HasPrefix(name, "issuers/") {
			issuer = name
		}
	}
	for _, name := range []string{"draw/snapshot.json", "draw/seed.txt", "draw/sample.tsv", "ct/sightings.jsonl", issuer} {
		less := maps.Clone(files)
		delete(less, name)
		if _, err := auditlint.Read(less); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("without %s: %v", name, err)
		}
	}
	// What stands in a certificate is read while linting.
	plan, err := auditlint.Read(files)
	if err != nil {
		t.Fatal(err)
	}
	cert = plan.Files[0].Name
	changed := maps.Clone(files)
	changed[cert] = &fstest.MapFile{Data: append(bytes.Clone(files[cert].Data), 0)}
	if plan, err = auditlint.Read(changed); err != nil {
		t.Fatal(err)
	}
	nothing := auditlint.Emit{Result: func(lint.Result) error { return nil }, AsIf: func(lint.Result) error { return nil }}
	if _, err := plan.Run(context.Background(), auditlint.Options{Day: day}, nothing); err == nil || !strings.Contains(err.Error(), cert) {
		t.Errorf("a changed certificate: %v", err)
	}
	stop := errors.New("stop")
	nothing.AsIf = func(lint.Result) error { return stop }
	if plan, err = auditlint.Read(files); err != nil {
		t.Fatal(err)
	}
	if _, err := plan.Run(context.Background(), auditlint.Options{Day: day}, nothing); !errors.Is(err, stop) {
		t.Errorf("stopping: %v", err)
	}
}
