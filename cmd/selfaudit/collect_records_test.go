package main

import (
	"archive/zip"
	"bytes"
	"encoding/pem"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"selfaudit/internal/config"
	"selfaudit/sampler"
	"selfaudit/sampler/ct"
	"selfaudit/sampler/ctlog"
)

// finalsOfAlpha returns the final certificates that the configured logs hold, as PEM.
func (b *bench) finalsOfAlpha() string {
	b.t.Helper()
	cfg, err := config.Load(filepath.Join(b.dir, "selfaudit.toml"))
	if err != nil {
		b.t.Fatal(err)
	}
	var out strings.Builder
	seen := map[sampler.CertHash]bool{}
	for _, l := range cfg.Logs {
		log, err := ctlog.Open(ctlog.Config{Type: l.Type, URL: l.URL, Origin: l.Origin, PublicKey: l.PublicKey})
		if err != nil {
			b.t.Fatal(err)
		}
		_, head, err := log.Head(b.t.Context())
		if err == nil {
			err = log.Read(b.t.Context(), head, 0, head.Size, func(e *ct.Entry) error {
				if e.Type == ct.X509Entry && !seen[sampler.HashCert(e.Certificate)] {
					seen[sampler.HashCert(e.Certificate)] = true
					return pem.Encode(&out, &pem.Block{Type: "CERTIFICATE", Bytes: e.Certificate})
				}
				return nil
			})
		}
		if err != nil {
			b.t.Fatal(err)
		}
	}
	return out.String()
}

// recordsFirstWorkspace is alpha's with its final certificates as the CA's records. more is appended to the configuration.
func recordsFirstWorkspace(t *testing.T, more string) *bench {
	t.Helper()
	b, _ := alphaWorkspace(t, "")
	b.write("export/finals.pem", b.finalsOfAlpha())
	b.write("selfaudit.toml", string(b.read("selfaudit.toml"))+more)
	return b
}

const certificateRecords = `[[records]]
path = "export"
kind = "certificates"
system = "Fixture CA, production"
query = "all certificates"
operator = "A. Person"
extracted_at = "2026-11-21T20:00:00Z"
`

func (b *bench) frozenSnapshot(audit string) *sampler.Snapshot {
	b.t.Helper()
	s, err := sampler.ParseSnapshot(b.read("audits/" + audit + "/draw/snapshot.json"))
	if err != nil {
		b.t.Fatal(err)
	}
	return s
}

// With certificates in the CA's records, they come first: the logs are asked for their entries only.
func TestRecordsFirst(t *testing.T) {
	b := recordsFirstWorkspace(t, certificateRecords)
	stdout, _ := b.run(exitOK, rehearsal("r1")...)
	b.must(stdout, "looked-up", "SCTs that were looked up are proven", "by the CA's records (export, 2026-11-21T20:00:00Z, Fixture CA, production)", "proven in CT", "listed in records/not-proven.tsv",
		"No log was read", "complete against the CA's records as it gave them")
	s := b.frozenSnapshot("r1")
	if s.SCTs == nil || s.SCTs.Mode != sampler.CollectRecords || s.SCTs.ItemsProven < 10 {
		t.Fatalf("%+v", s.SCTs)
	}
	for _, l := range s.Logs {
		if l.Status != sampler.LogLookedUp || l.Entries != 0 || l.LookedUp == 0 {
			t.Errorf("log %s: %+v", l.URL, l)
		}
	}
	if !slices.Equal(s.Completeness, sampler.Completeness(s)) {
		t.Error("the statement is not what was done")
	}
	b.must(string(b.read("audits/r1/report/summary.json")), "complete against the CA's records")
	b.must(string(b.read("audits/r1/config/selfaudit.toml")), `mode = "records"`)
	verified, _ := b.run(exitOK, "verify", filepath.Join(b.dir, rehearsalZip))
	b.must(verified, "items proven in CT", "sentences follow from the rest of snapshot.json")
	if sightings := string(b.read("audits/r1/ct/sightings.jsonl")); !strings.Contains(sightings, `"source":"sct"`) || strings.Contains(sightings, `"source":"log"`) {
		t.Error("the sightings are not of SCTs and records")
	}
	b.tamperWithSCTs()
	// The same again gives the same bytes.
	two := recordsFirstWorkspace(t, certificateRecords)
	two.run(exitOK, rehearsal("r1")...)
	if !bytes.Equal(b.read(rehearsalZip), two.read(rehearsalZip)) {
		t.Error("two runs with the same --now give different packages")
	}
	item := strings.Fields(strings.Split(string(b.read("audits/r1/draw/sample.tsv")), "\n")[1])[0]
	_, serial, _ := strings.Cut(item, ":")
	shown, _ := b.run(exitOK, "population", "--audit", "r1", "--serial", serial, "--proof")
	b.must(shown, "its precertificate in log", "inclusion proof, checked")
}

// Modes are chosen by flag and configuration, and stay what they were.
func TestCollectModes(t *testing.T) {
	b := recordsFirstWorkspace(t, certificateRecords+"[collect]\nmode = \"both\"\n")
	stdout, _ := b.run(exitOK, rehearsal("r1")...)
	b.must(stdout, "proven against the tree head", "SCTs that were looked up in it are proven", "read whole")
	if s := b.frozenSnapshot("r1"); s.SCTs == nil || s.SCTs.Mode != sampler.CollectBoth {
		t.Errorf("%+v", s.SCTs)
	}
	b.run(exitOK, "verify", filepath.Join(b.dir, rehearsalZip))
	collectArgs := []string{"collect", "--audit", "r2", "--rehearsal", "--from", "2026-08-01T00:00:00Z", "--until", "2026-11-01T00:00:00Z", "-q"}
	_, stderr := b.run(exitUsage, append(collectArgs, "--mode", "everything")...)
	b.must(stderr, "no mode is called")
	b.run(exitOK, append(collectArgs, "--mode", "logs")...)
	_, stderr = b.run(exitUsage, append(collectArgs, "--mode", "records")...)
	b.must(stderr, "was collected in mode logs, not records")
	// The flag decided otherwise than the file, and later commands go by what was done.
	b.run(exitOK, rehearsal("r2")...)
	b.must(string(b.read("audits/r2/config/selfaudit.toml")), `mode = "logs"`)
	bare, _ := alphaWorkspace(t, "")
	_, stderr = bare.run(exitUsage, append(collectArgs, "--mode", "records")...)
	b.must(stderr, "there is no [[records]] and no [[files]]")
}

// A log that does not answer stops a records-first audit, until it is excluded with a reason.
func TestRecordsFirstLogGone(t *testing.T) {
	b := recordsFirstWorkspace(t, certificateRecords)
	text := string(b.read("selfaudit.toml"))
	gone := strings.Replace(text, "/b\"\npublic_key", "/gone\"\npublic_key", 1)
	b.write("selfaudit.toml", gone)
	stdout, stderr := b.run(exitFailed, rehearsal("r1")...)
	b.must(stdout+stderr, "unreachable", "--exclude-log")
	stdout, _ = b.run(exitIncomplete, rehearsal("r1", "--exclude-log", "alpha-c.ct.example/2026h2=for this test", "--exclude-log", fmt.Sprintf("%s=it is gone", b.goneURL()))...)
	b.must(stdout, "excluded", "it is gone")
	if s := b.frozenSnapshot("r1"); !slices.ContainsFunc(s.SCTs.Outcomes, func(o sampler.SCTOutcomeCount) bool { return o.Outcome == sampler.SCTExcluded && o.SCTs > 0 }) {
		t.Errorf("no SCT of an excluded log: %+v", s.SCTs.Outcomes)
	}
}

// goneURL is the address of the first configured log.
func (b *bench) goneURL() string {
	cfg, err := config.Load(filepath.Join(b.dir, "selfaudit.toml"))
	if err != nil {
		b.t.Fatal(err)
	}
	return cfg.Logs[0].URL
}

// unpack unpacks a sealed package and returns its folder.
func (b *bench) unpack(name string) string {
	b.t.Helper()
	raw := b.read(name)
	z, err := zip.NewReader(bytes.NewReader(raw), int64(len(raw)))
	if err == nil {
		err = os.CopyFS(filepath.Join(b.dir, "unpacked"), z)
	}
	if err != nil {
		b.t.Fatal(err)
	}
	folders := must(filepath.Glob(filepath.Join(b.dir, "unpacked", "*")))
	if len(folders) != 1 {
		b.t.Fatalf("folders in %s: %v", name, folders)
	}
	return folders[0]
}

// forge replaces a document of an unpacked package and makes the manifests right again, which costs an attacker nothing.
func (b *bench) forge(dir, document string, data []byte) {
	b.t.Helper()
	read := func(name string) string { return string(must(os.ReadFile(filepath.Join(dir, name)))) }
	write := func(name string, data []byte) {
		if err := os.WriteFile(filepath.Join(dir, filepath.FromSlash(name)), data, 0o644); err != nil {
			b.t.Fatal(err)
		}
	}
	old := must(os.ReadFile(filepath.Join(dir, filepath.FromSlash(document))))
	write(document, data)
	// The number of octets in bag-info.txt, then the hashes, then the hashes of these.
	var octets, files int64
	info := read("bag-info.txt")
	_, oxum, _ := strings.Cut(info, "Payload-Oxum: ")
	if _, err := fmt.Sscanf(oxum, "%d.%d", &octets, &files); err != nil {
		b.t.Fatal(err)
	}
	info = strings.Replace(info, fmt.Sprintf("%d.%d", octets, files), fmt.Sprintf("%d.%d", octets+int64(len(data)-len(old)), files), 1)
	swap := func(text string, old, now []byte) string {
		if !strings.Contains(text, sampler.HashDoc(old).String()) {
			b.t.Fatalf("no hash of %d bytes in a manifest", len(old))
		}
		return strings.Replace(text, sampler.HashDoc(old).String(), sampler.HashDoc(now).String(), 1)
	}
	manifest := swap(read("manifest-sha256.txt"), old, data)
	tags := swap(read("tagmanifest-sha256.txt"), []byte(read("manifest-sha256.txt")), []byte(manifest))
	tags = swap(tags, []byte(read("bag-info.txt")), []byte(info))
	write("manifest-sha256.txt", []byte(manifest))
	write("bag-info.txt", []byte(info))
	write("tagmanifest-sha256.txt", []byte(tags))
}

// tamperWithSCTs forges what the package says of SCTs: the checks of SCTs and of the statement must notice, whatever the hashes say.
func (b *bench) tamperWithSCTs() {
	b.t.Helper()
	dir := b.unpack(rehearsalZip)
	const list, sightings, snapshot = "data/records/not-proven.tsv", "data/ct/sightings.jsonl", "data/draw/snapshot.json"
	replace := func(old, new string) func([]byte) []byte {
		return func(good []byte) []byte { return bytes.Replace(good, []byte(old), []byte(new), 1) }
	}
	lineWith := func(word string) func([]byte) []byte {
		return func(good []byte) []byte {
			i := bytes.Index(good, []byte(word))
			if i < 0 {
				return good
			}
			from, to := bytes.LastIndexByte(good[:i], '\n')+1, i+bytes.IndexByte(good[i:], '\n')+1
			return slices.Concat(good[:from], good[to:])
		}
	}
	for _, c := range []struct {
		file, what string
		change     func([]byte) []byte
		want       string
	}{
		{list, "contradiction removed", lineWith("\tinvalid\t"), "with outcome invalid, "},
		{list, "contradiction made harmless", replace("\tinvalid\t", "\tnot-yet-due\t"), "with outcome not-yet-due are listed"},
		{list, "another certificate", changedLine, "records/not-proven.tsv"},
		{sightings, "proof left out", lineWith(`"source":"sct"`), "records/not-proven.tsv"},
		{sightings, "log entry claimed", replace(`"source":"sct"`, `"source":"log"`), "sightings"},
		{sightings, "other time", replace(`"timestamp_ms":1`, `"timestamp_ms":2`), "no SCT of this log and time"},
		{snapshot, "statement embellished", replace("No log was read", "Every log was read"), "draw/snapshot.json is not the committed one"},
	} {
		good := must(os.ReadFile(filepath.Join(dir, filepath.FromSlash(c.file))))
		bad := c.change(good)
		if bytes.Equal(bad, good) {
			b.t.Errorf("%s: %s: nothing was changed", c.file, c.what)
			continue
		}
		b.forge(dir, c.file, bad)
		stdout, stderr := b.run(exitVerify, "verify", dir)
		if !strings.Contains(stdout+stderr, c.want) {
			b.t.Errorf("%s: %s: %q is missing in:\n%s", c.file, c.what, c.want, stdout)
		}
		b.forge(dir, c.file, good)
	}
	b.run(exitOK, "verify", dir)
}
