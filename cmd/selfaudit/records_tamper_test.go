package main

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"selfaudit/internal/testlog"
	"selfaudit/internal/testpki"
	"selfaudit/sampler"
)

// TestRecordsTampered changes what a small audit says of the CA's records: an item that the
// records lack, one with two rows, one with a wrong fingerprint, one without a certificate.
func TestRecordsTampered(t *testing.T) {
	g := newGrownLog(t, "rate = \"100%\"\n")
	var b strings.Builder
	b.WriteString("serial,sha256,issued\n")
	from := at("2023-08-01T00:00:00Z")
	for i := range 6 {
		tmpl := testpki.Template{Seed: fmt.Sprint("t", i), NotBefore: from, NotAfter: from.Add(90 * 24 * time.Hour), Serial: []byte{0x10, byte(i + 1)}}
		der := g.ca.Certificate(tmpl)
		entry := testlog.FinalEntry(g.ca, der, uint64(from.UnixMilli()))
		if i == 5 {
			entry = testlog.PrecertEntry(g.ca, tmpl, uint64(from.UnixMilli()))
		}
		if _, err := g.log.Add(entry); err != nil {
			t.Fatal(err)
		}
		hash := sampler.HashCert(der).String()
		switch i {
		case 0:
			continue
		case 1:
			fmt.Fprintf(&b, "10%02x,%s,2023-08-01\n", i+1, strings.Repeat("cd", 32))
		case 2:
			hash = strings.Repeat("ab", 32)
		case 5:
			hash = ""
		}
		fmt.Fprintf(&b, "10%02x,%s,2023-08-01\n", i+1, hash)
	}
	g.publish(at("2023-08-21T17:00:00Z"))
	g.write("export.csv", b.String())
	g.write("selfaudit.toml", string(g.read("selfaudit.toml"))+`
[[records]]
path = "export.csv"
system = "database"
extracted_at = "2023-08-20T00:00:00Z"
serial_format = "hex"
issuer = "ca.der"
[records.columns]
serial = "serial"
fingerprint = "sha256"
issued_at = "issued"
[collect]
mode = "logs"
`)
	g.run(exitOK, "run", "--rehearsal", "--dice", digits, "--audit", "r1", "--from", "2023-07-01T00:00:00Z", "--until", "2023-08-20T15:59:24Z", "--now", "2023-11-22T09:00:00Z", "--yes", "-q")
	g.tamperWithRecords()
}

// sealedPackage is the folder of a package, for tests that forge it.
type sealedPackage struct {
	*bench
	folder string
}

func (p *sealedPackage) data(name string) string { return p.folder + "/data/" + name }

// manifest makes the package's hashes fit again.
func (p *sealedPackage) manifest() {
	p.t.Helper()
	var size, count int64
	var payload strings.Builder
	err := filepath.WalkDir(filepath.Join(p.dir, p.folder, "data"), func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		raw, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(filepath.Join(p.dir, p.folder), path)
		size, count = size+int64(len(raw)), count+1
		fmt.Fprintf(&payload, "%x  %s\n", sha256.Sum256(raw), filepath.ToSlash(rel))
		return err
	})
	if err != nil {
		p.t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSuffix(payload.String(), "\n"), "\n")
	slices.SortFunc(lines, func(a, b string) int { return strings.Compare(a[66:], b[66:]) })
	p.write(p.folder+"/manifest-sha256.txt", strings.Join(lines, "\n")+"\n")
	info := regexp.MustCompile(`Payload-Oxum: .*`).ReplaceAllString(string(p.read(p.folder+"/bag-info.txt")), fmt.Sprintf("Payload-Oxum: %d.%d", size, count))
	p.write(p.folder+"/bag-info.txt", info)
	var tags strings.Builder
	for _, name := range []string{"bag-info.txt", "bagit.txt", "manifest-sha256.txt"} {
		fmt.Fprintf(&tags, "%x  %s\n", sha256.Sum256(p.read(p.folder+"/"+name)), name)
	}
	p.write(p.folder+"/tagmanifest-sha256.txt", tags.String())
}

// commit makes lists, reconciliation, snapshot and commitment fit each other again.
func (p *sealedPackage) commit() {
	p.t.Helper()
	doc, err := sampler.ParseReconciliation(p.read(p.data(sampler.ReconciliationFile)))
	if err != nil {
		p.t.Fatal(err)
	}
	for i, l := range doc.Lists {
		raw := p.read(p.data(sampler.ReconciliationListFile(l.Name)))
		doc.Lists[i].SHA256, doc.Lists[i].Rows = sampler.HashDoc(raw), int64(bytes.Count(raw, []byte("\n"))-1)
	}
	raw, err := doc.Bytes()
	if err != nil {
		p.t.Fatal(err)
	}
	p.write(p.data(sampler.ReconciliationFile), string(raw))
	snap, err := sampler.ParseSnapshot(p.read(p.data("draw/snapshot.json")))
	if err != nil {
		p.t.Fatal(err)
	}
	snap.Reconciliation = &sampler.SnapshotReconciliation{Document: sampler.HashDoc(raw), Counts: doc.Counts, Lists: doc.Lists}
	if raw, err = snap.Bytes(); err != nil {
		p.t.Fatal(err)
	}
	p.write(p.data("draw/snapshot.json"), string(raw))
	c, err := sampler.ParseCommitment(p.read(p.data("draw/commitment.txt")))
	if err != nil {
		p.t.Fatal(err)
	}
	c.SnapshotHash = sampler.HashDoc(raw)
	if raw, err = c.Bytes(); err != nil {
		p.t.Fatal(err)
	}
	p.write(p.data("draw/commitment.txt"), string(raw))
}

// tamperWithRecords changes each document about the records, with all hashes of the
// package right, and then those of the commitment too: the check of the records must say
// what is wrong.
func (b *bench) tamperWithRecords() {
	b.t.Helper()
	p := b.sealedOf("r1")
	tampered := 0
	for _, name := range append(reconciliationDocuments(), sampler.RecordRowsFile) {
		good := p.read(p.data(name))
		for what, bad := range map[string][]byte{"line removed": withoutLine(good), "line changed": changedLine(good)} {
			if what == "line changed" && name == sampler.RecordRowsFile {
				continue // a text of the CA's row, which only the export itself can contradict
			}
			p.write(p.data(name), string(bad))
			p.manifest()
			stdout, _ := b.run(exitVerify, "verify", filepath.Join(b.dir, p.folder))
			if !strings.Contains(stdout, "FAIL     records: ") {
				b.t.Errorf("%s, %s: the check of the records does not fail", name, what)
			}
			tampered++
		}
		p.write(p.data(name), string(good))
	}
	if tampered < 17 {
		b.t.Errorf("only %d changes were made", tampered)
	}
	for name, want := range map[string]string{
		sampler.ListNotInRecords: "has the finding that belongs to records/not-in-records.tsv, but is not there",
		sampler.ListOtherBytes:   "has the finding that belongs to records/other-certificate.tsv, but is not there",
		sampler.ListDuplicates:   "records/duplicates.tsv has 0 rows, reconciliation.json counts 1",
		sampler.ListPrecertOnly:  "has form precert; that it is in records/precertificate-only.tsv is false",
	} {
		file := p.data(sampler.ReconciliationListFile(name))
		before := map[string]string{}
		for _, d := range []string{file, p.data(sampler.ReconciliationFile), p.data("draw/snapshot.json"), p.data("draw/commitment.txt")} {
			before[d] = string(p.read(d))
		}
		p.write(file, string(withoutLine(p.read(file))))
		p.commit()
		p.manifest()
		stdout, _ := b.run(exitVerify, "verify", filepath.Join(b.dir, p.folder))
		b.must(stdout, "FAIL     records: ", want)
		for d, text := range before {
			p.write(d, text)
		}
	}
	p.manifest()
	b.run(exitOK, "verify", filepath.Join(b.dir, p.folder))
}

// withoutLine takes the last line off.
func withoutLine(b []byte) []byte {
	i := bytes.LastIndexByte(bytes.TrimSuffix(b, []byte("\n")), '\n')
	return bytes.Clone(b[:i+1])
}

// changedLine changes a digit of the last line that has one.
func changedLine(b []byte) []byte {
	out := bytes.Clone(b)
	for i := len(out) - 1; i >= 0; i-- {
		if out[i] >= '0' && out[i] <= '8' {
			out[i]++
			break
		}
	}
	return out
}
