package main

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"selfaudit/reports/evidence"
	"selfaudit/sampler"
)

// frozen reads the documents that freeze has written in an audit's folder.
func (b *bench) frozen(audit string) map[string][]byte {
	b.t.Helper()
	out := map[string][]byte{}
	folder := filepath.Join(b.dir, "audits", audit)
	err := fs.WalkDir(os.DirFS(folder), ".", func(name string, e fs.DirEntry, err error) error {
		if err == nil && e.Type().IsRegular() && !strings.HasPrefix(name, "work/") && evidence.WrittenByFreeze(name) {
			out[name] = b.read("audits/" + audit + "/" + name)
		}
		return err
	})
	if err != nil {
		b.t.Fatal(err)
	}
	return out
}

// TestVoidSetsAside: a voided freeze leaves nothing in its places, not what a freeze after it would replace, nor what that one does not
// write any more; all of it is in the void folder, in the package, and verify holds it against the voided snapshot.
func TestVoidSetsAside(t *testing.T) {
	b := recordsFirstWorkspace(t, certificateRecords)
	from := []string{"collect", "--rehearsal", "--from", "2026-08-01T00:00:00Z", "--until", "2026-11-01T00:00:00Z"}
	now := []string{"--audit", "r1", "--now", "2026-11-22T09:00:00Z", "--yes", "-q"}
	b.run(exitOK, append(from, now...)...)
	b.run(exitOK, append([]string{"freeze"}, now...)...)
	first := b.frozen("r1")
	for _, name := range append(reconciliationDocuments(), sampler.NotProvenFile, docPairings, docOutside, docItems, docConfig, docTables+"/edition.txt") {
		if first[name] == nil {
			t.Fatalf("freeze did not write %s", name)
		}
	}
	// Without the records, the next freeze has fewer documents.
	b.write("selfaudit.toml", strings.Replace(string(b.read("selfaudit.toml")), certificateRecords, "", 1))
	b.run(exitOK, append([]string{"freeze", "--void", "the records were another CA's"}, now...)...)
	if left := b.frozen("r1"); len(left) > 0 {
		t.Errorf("left behind: %d documents", len(left))
	}
	for name, raw := range first {
		if got := b.read("audits/r1/draw/void-1/" + strings.TrimPrefix(name, "draw/")); !bytes.Equal(got, raw) {
			t.Errorf("%s is another one in the void folder", name)
		}
	}
	b.run(exitOK, append([]string{"collect"}, now...)...)
	b.run(exitOK, append([]string{"run", "--dice", digits}, now...)...)
	if again := b.frozen("r1"); again[sampler.ReconciliationFile] != nil || again[docPairings] == nil {
		t.Errorf("%d documents", len(again))
	}
	p := b.sealedOf("r1")
	b.run(exitOK, "verify", filepath.Join(b.dir, p.folder))
	for name, want := range map[string]string{
		"ct/pairings.tsv":          "ct/pairings.tsv is not the one that its snapshot.json names",
		sampler.OutsideFile:        "ct/outside.tsv is not the one that its snapshot.json names",
		sampler.NotProvenFile:      "records/not-proven.tsv is not the one that its snapshot.json names",
		sampler.ReconciliationFile: "records/reconciliation.json is not the one",
		"records/duplicates.tsv":   "records/duplicates.tsv is not the one",
		docConfig:                  "the SHA-256 of draw/void-1/config/selfaudit.toml is",
		docItems:                   "the SHA-256 of draw/void-1/findings/items.jsonl is",
	} {
		name = p.data("draw/void-1/" + name)
		good := p.read(name)
		p.write(name, string(good)+"#\n")
		p.manifest()
		stdout, _ := b.run(exitVerify, "verify", filepath.Join(b.dir, p.folder))
		b.must(stdout, want)
		if err := os.Remove(filepath.Join(b.dir, name)); err != nil {
			t.Fatal(err)
		}
		p.manifest()
		b.run(exitVerify, "verify", filepath.Join(b.dir, p.folder))
		p.write(name, string(good))
	}
	p.manifest()
	b.run(exitOK, "verify", filepath.Join(b.dir, p.folder))
}
