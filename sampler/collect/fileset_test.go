package collect_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/pem"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"selfaudit/internal/testpki"
	"selfaudit/sampler"
	"selfaudit/sampler/collect"
	"selfaudit/sampler/files"
)

// fileSource reads a file or folder as the collect command does.
type fileSource struct{ path string }

func (f fileSource) Name() string { return "exports" }

func (f fileSource) Read(ctx context.Context, cert func(collect.FileCertificate) error, problem func(collect.FileProblem) error) error {
	return files.Read(ctx, f.path,
		func(c files.Certificate) error {
			return cert(collect.FileCertificate{Path: c.Path, Block: c.Index, DER: c.DER})
		},
		func(p files.Problem) error {
			return problem(collect.FileProblem{Path: p.Path, Block: p.Index, Err: p.Err})
		})
}

func pemOf(ders ...[]byte) []byte {
	var out []byte
	for _, der := range ders {
		out = append(out, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})...)
	}
	return out
}

// filesOnly is a collection from a folder with the given files.
func filesOnly(t testing.TB, issuers *collect.Issuers, content map[string][]byte) (*collection, string) {
	t.Helper()
	dir := t.TempDir()
	for name, raw := range content {
		must(t, os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755))
		writeFile(t, filepath.Join(dir, name), raw)
	}
	c := newCollection(t, issuers)
	c.files = []collect.FileReader{fileSource{dir}}
	return c, dir
}

func TestFiles(t *testing.T) {
	template := func(seed string) testpki.Template { return testpki.Template{Seed: seed} }
	signer := ourCA.NewPrecertSigner("Precert Signer", testpki.CAOptions{})
	final := func(seed string) []byte { return ourCA.Certificate(template(seed)) }
	broken := pemOf(final("broken"))
	broken = bytes.Replace(broken, []byte("\nMII"), []byte("\n!!!"), 1)
	trailing := append(final("trailing"), 0)
	c, _ := filesOnly(t, newIssuers(t, ourCA), map[string][]byte{
		"2026/all.pem":   slices.Concat(pemOf(final("a"), foreignCA.Certificate(template("f"))), broken, pemOf(ourCA.Precertificate(template("a")))),
		"2026/b.der":     final("b"),
		"2026/c.b64":     []byte(base64.StdEncoding.EncodeToString(final("c")) + "\n" + base64.StdEncoding.EncodeToString(final("d")) + "\n"),
		"precerts.pem":   pemOf(ourCA.Precertificate(template("e")), signer.Precertificate(template("g"))),
		"signer.pem":     pemOf(signer.Cert), // comes after the precertificate it signed
		"unknown.pem":    pemOf(ourCA.Certificate(unknownAlgorithm("u")), foreignCA.Certificate(unknownAlgorithm("v"))),
		"z/readme.txt":   []byte("nothing here\n"),
		"z/trailing.pem": pemOf(trailing),
	})
	_, _, results, err := c.harvest(context.Background())
	must(t, err)
	r := results[0]
	var unreadable []string
	for _, u := range r.Unreadable {
		unreadable = append(unreadable, u.Where)
	}
	for _, want := range []string{"2026/all.pem block 2", "z/readme.txt"} {
		if !slices.Contains(unreadable, want) {
			t.Errorf("unreadable %q lacks %q", unreadable, want)
		}
	}
	if !slices.ContainsFunc(unreadable, func(s string) bool { return strings.HasPrefix(s, "z/trailing.pem") }) {
		t.Errorf("unreadable %q lacks z/trailing.pem", unreadable)
	}
	if r.OtherIssuers != 2 || r.Kept != 9 {
		t.Errorf("%d certificates of other issuers and %d kept, want 2 and 9", r.OtherIssuers, r.Kept)
	}
	got := c.collect(t)
	d := freeze(t, got, ever)
	d.draw(t, got, c.dir)
	forms := map[string]sampler.Form{"a": sampler.FormFinal, "b": sampler.FormFinal, "c": sampler.FormFinal, "d": sampler.FormFinal,
		"e": sampler.FormPrecert, "g": sampler.FormPrecert, "u": sampler.FormFinal}
	for seed, form := range forms {
		row := d.row(itemOf(ourCA, template(seed)))
		if row == nil || row.Form != form || !row.Issued.Equal(row.NotBefore) {
			t.Errorf("item %s: row %v, want form %s dated by notBefore", seed, row, form)
		}
	}
	// The signing certificate is the CA's own too.
	if len(d.rows) != len(forms)+1 || d.res.Counts.ByNotBefore != int64(len(d.rows)) {
		t.Errorf("%d rows, counts %+v", len(d.rows), d.res.Counts)
	}
	wantLints(t, d, itemOf(ourCA, template("a")))
	wantLints(t, d, itemOf(ourCA, template("g")), "e_precertificate_signing_certificate_used")
	wantLints(t, d, itemOf(ourCA, template("u")), "w_issuer_signature_not_checked")
	for _, want := range []string{`"file":"exports/precerts.pem","block":1}`, `"file":"exports/2026/c.b64","block":1}`} {
		if !strings.Contains(d.sightings, want) {
			t.Errorf("no sighting with %s in\n%s", want, d.sightings)
		}
	}
}

// TestFilesAndLog has the same certificates in a log and in files.
func TestFilesAndLog(t *testing.T) {
	a, b := testpki.Template{Seed: "a"}, testpki.Template{Seed: "b"}
	c, _ := filesOnly(t, newIssuers(t, ourCA), map[string][]byte{"x.pem": pemOf(ourCA.Certificate(a), ourCA.Certificate(a), ourCA.Certificate(b))})
	c.logs = []testLog{openLog(t, static, writeLog(t, static, pair(a)), access{})}
	got := c.collect(t)
	d := freeze(t, got, ever)
	if n := d.res.Counts; len(d.rows) != 2 || n.Both != 1 || n.FinalOnly != 1 || n.ByCT != 1 || n.ByNotBefore != 1 || len(d.findings) != 0 {
		t.Errorf("%d rows, counts %+v, findings %v", len(d.rows), n, d.findings)
	}
	d.draw(t, got, c.dir)
	if n := strings.Count(d.sightings, "\n"); n != 5 {
		t.Errorf("%d sightings, want 5:\n%s", n, d.sightings)
	}
}

func TestFilesChanged(t *testing.T) {
	one, two := ourCA.Certificate(testpki.Template{Seed: "1"}), ourCA.Certificate(testpki.Template{Seed: "2"})
	for name, change := range map[string]func(dir string){
		"another certificate": func(dir string) { writeFile(t, dir+"/x.pem", pemOf(two)) },
		"one more":            func(dir string) { writeFile(t, dir+"/x.pem", pemOf(one, two)) },
		"one more file":       func(dir string) { writeFile(t, dir+"/y.pem", pemOf(two)) },
		"gone":                func(dir string) { must(t, os.Remove(dir+"/x.pem")) },
		"unreadable": func(dir string) {
			writeFile(t, dir+"/x.pem", append(pemOf(one), "-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n"...))
		},
	} {
		c, dir := filesOnly(t, newIssuers(t, ourCA), map[string][]byte{"x.pem": pemOf(one)})
		c.collect(t)
		change(dir)
		_, _, _, err := c.harvest(context.Background())
		if err == nil || !strings.Contains(err.Error(), "have changed since this audit's collect began") {
			t.Errorf("%s: %v", name, err)
		}
		// What the message advises helps.
		must(t, os.RemoveAll(c.dir.Path("work/files/0000")))
		c.collect(t)
	}
}

// TestFilesMissing is a configured folder that is not there.
func TestFilesMissing(t *testing.T) {
	c := newCollection(t, newIssuers(t, ourCA))
	c.files = []collect.FileReader{fileSource{filepath.Join(t.TempDir(), "nothing")}}
	if _, _, _, err := c.harvest(context.Background()); err == nil || !strings.Contains(err.Error(), "reading exports") {
		t.Error(err)
	}
}

// TestManyFileCertificates fills more than one unit.
func TestManyFileCertificates(t *testing.T) {
	rsa := testpki.NewRoot("RSA Root", testpki.CAOptions{Key: testpki.RSAKey(0)}) // cheap to tell from our EC key's
	foreign := pemOf(rsa.Certificate(testpki.Template{Unsigned: true}))
	content := slices.Concat(bytes.Repeat(foreign, 16384), pemOf(ourCA.Certificate(testpki.Template{Seed: "last"})))
	c, _ := filesOnly(t, newIssuers(t, ourCA), map[string][]byte{"x.pem": content})
	_, _, results, err := c.harvest(context.Background())
	must(t, err)
	if r := results[0]; r.Certificates != 16385 || r.Kept != 1 || r.OtherIssuers != 16384 {
		t.Errorf("%+v", r)
	}
	d := freeze(t, c.collect(t), ever)
	if len(d.rows) != 1 {
		t.Errorf("%d rows", len(d.rows))
	}
}
