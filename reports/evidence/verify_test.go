package evidence

import (
	"bytes"
	"context"
	"encoding/pem"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"selfaudit/internal/jsonlines"
	"selfaudit/internal/testaudit"
	"selfaudit/sampler"
	"selfaudit/sampler/draw"
)

// TestOwnCopies: with the auditor's own keys and certificates, comparing becomes checking.
func TestOwnCopies(t *testing.T) {
	res := sealed(t, small())
	data := filepath.Join(res.Dir, payloadFolder)
	keys, err := filepath.Glob(filepath.Join(data, "ct/keys/*.pem"))
	must(t, err)
	certs, err := filepath.Glob(filepath.Join(data, "issuers/*.der"))
	must(t, err)
	statuses := func(r *Report, name string) (out []Status) {
		for _, c := range r.Checks {
			if c.Name == name {
				out = append(out, c.Status)
			}
		}
		return out
	}
	r := verify(t, res.Dir, Options{})
	if got := append(statuses(r, "log id"), statuses(r, "issuer")...); !slices.Equal(got, []Status{Compare, Compare, Compare}) {
		t.Errorf("without own copies: %v", got)
	}
	r = verify(t, res.Dir, Options{LogKeys: keys, Issuers: certs})
	if got := append(statuses(r, "log id"), statuses(r, "issuer")...); !slices.Equal(got, []Status{OK, OK, OK}) || r.Failed() {
		t.Errorf("with own copies: %v", got)
	}
	r = verify(t, res.Dir, Options{Issuers: certs[:1]})
	if got := statuses(r, "issuer"); !slices.Contains(got, OK) || !slices.Contains(got, Fail) {
		t.Errorf("with one of two issuers: %v", got)
	}
	pemKey, err := os.ReadFile(keys[0])
	must(t, err)
	block, _ := pem.Decode(pemKey)
	for name, raw := range map[string][]byte{
		"DER":      block.Bytes,
		"base64":   bytes.Join(bytes.Split(pemKey, []byte("\n"))[1:3], nil),
		"log list": []byte(`{"operators":[{"logs":[],"tiled_logs":[{"key":"` + string(bytes.Join(bytes.Split(pemKey, []byte("\n"))[1:3], nil)) + `"}]}]}`),
	} {
		got, err := logKeysIn(raw)
		if err != nil || len(got) != 1 || !bytes.Equal(got[0], block.Bytes) {
			t.Errorf("%s: %v %v", name, got, err)
		}
	}
	foreign := filepath.Join(t.TempDir(), "key.der")
	must(t, os.WriteFile(foreign, append(bytes.Clone(block.Bytes), 0), 0o644))
	if r := verify(t, res.Dir, Options{LogKeys: []string{foreign}}); !slices.Equal(failed(r), []string{"log id"}) {
		t.Errorf("a foreign key: %v", failed(r))
	}
	if _, err := Verify(context.Background(), res.Dir, Options{LogKeys: []string{filepath.Join(t.TempDir(), "none")}}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a missing file of the auditor's: %v", err)
	}
}

// TestVoidedDraws: a commitment given up before its round stays in the package.
func TestVoidedDraws(t *testing.T) {
	o := small()
	o.Audit, o.Stage = true, testaudit.Frozen
	res := sealedVoid(t, o, nil)
	r := verify(t, res.Dir, Options{})
	if out := text(t, r); r.Failed() || !strings.Contains(out, "ok       voided draws: 1") || !strings.Contains(out, "an issuing CA was missing") {
		t.Fatalf("%s", out)
	}
	for name, change := range map[string]func(files fstest.MapFS){
		"no reason":    func(f fstest.MapFS) { edit(f, "draw/void-1/void.json", "an issuing CA was missing", "") },
		"no void.json": func(f fstest.MapFS) { delete(f, "draw/void-1/void.json") },
		"other ground": func(f fstest.MapFS) { edit(f, "draw/void-1/void.json", "before-round", "we did not like it") },
		"a ground that the commitment cannot have": func(f fstest.MapFS) { edit(f, "draw/void-1/void.json", "before-round", "contribution") },
		"after the round":                          func(f fstest.MapFS) { edit(f, "draw/void-1/void.json", "2026-11-01T21", "2026-12-01T21") },
		"other population":                         func(f fstest.MapFS) { f["draw/void-1/population.tsv"] = f["draw/strata.tsv"] },
		"no population":                            func(f fstest.MapFS) { delete(f, "draw/void-1/population.tsv") },
		"no findings":                              func(f fstest.MapFS) { delete(f, "draw/void-1/findings/items.jsonl") },
		"no configuration":                         func(f fstest.MapFS) { delete(f, "draw/void-1/config/selfaudit.toml") },
		"pairings that nobody names": func(f fstest.MapFS) {
			f["draw/void-1/ct/pairings.tsv"] = &fstest.MapFile{Data: []byte("#x\n"), Mode: 0o644}
		},
		"not replaced":      func(f fstest.MapFS) { f["draw/void-1/commitment.txt"] = f["draw/commitment.txt"] },
		"a folder left out": func(f fstest.MapFS) { moveFolder(f, "draw/void-1/", "draw/void-2/") },
	} {
		r := verify(t, sealedVoid(t, o, change).Dir, Options{})
		if !slices.Equal(failed(r), []string{"voided draws"}) {
			t.Errorf("%s: failed %v", name, failed(r))
		}
	}
}

func edit(files fstest.MapFS, name, old, new string) {
	files[name] = &fstest.MapFile{Data: bytes.Replace(files[name].Data, []byte(old), []byte(new), 1), Mode: 0o644}
}

func moveFolder(files fstest.MapFS, from, to string) {
	for name, f := range files {
		if rest, ok := strings.CutPrefix(name, from); ok {
			delete(files, name)
			files[to+rest] = f
		}
	}
}

// sealedVoid seals a frozen audit that repeats a voided commitment.
func sealedVoid(t *testing.T, o testaudit.Options, change func(files fstest.MapFS), then ...func(dir string)) *Result {
	t.Helper()
	dir := makeAudit(t, o)
	files := fstest.MapFS{}
	for _, name := range []string{"commitment.txt", "population.tsv", "strata.tsv", "snapshot.json"} {
		raw, err := os.ReadFile(filepath.Join(dir, "draw", name))
		must(t, err)
		files["draw/"+name] = &fstest.MapFile{Data: raw, Mode: 0o644}
		files["draw/void-1/"+name] = &fstest.MapFile{Data: raw, Mode: 0o644}
	}
	for _, name := range []string{"config/selfaudit.toml", "findings/items.jsonl", "ct/pairings.tsv", sampler.OutsideFile} {
		if raw, err := os.ReadFile(filepath.Join(dir, name)); err == nil {
			files["draw/void-1/"+name] = &fstest.MapFile{Data: raw, Mode: 0o644}
		}
	}
	old := files["draw/commitment.txt"].Data
	c, err := sampler.ParseCommitment(old)
	must(t, err)
	c.Replaces, c.CommittedAt = sampler.HashDoc(old), c.CommittedAt.Add(time.Hour)
	again, err := c.Bytes()
	must(t, err)
	files["draw/commitment.txt"] = &fstest.MapFile{Data: again, Mode: 0o644}
	record, err := jsonlines.Document(voidRecord{voidSchema, sampler.HashDoc(old).String(), "an issuing CA was missing", "before-round", "2026-11-01T21:00:00Z", "given"})
	must(t, err)
	files["draw/void-1/void.json"] = &fstest.MapFile{Data: record, Mode: 0o644}
	if change != nil {
		change(files)
	}
	must(t, os.RemoveAll(filepath.Join(dir, "draw")))
	for name, f := range files {
		must(t, os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755))
		must(t, os.WriteFile(filepath.Join(dir, name), f.Data, 0o644))
	}
	for _, fn := range then {
		fn(dir)
	}
	info := infoOf(t, dir, o)
	info.Incomplete = true
	res, err := Seal(context.Background(), dir, t.TempDir(), info)
	must(t, err)
	return res
}

// TestChain: the earlier audits that the auditor gives are compared, newest first.
func TestChain(t *testing.T) {
	o := small()
	o.Audit, o.Stage = true, testaudit.Frozen
	earlier := filepath.Join(t.TempDir(), "draw")
	must(t, os.MkdirAll(earlier, 0o755))
	start := time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC)
	hash := earlierAudit(t, earlier, start, nil)
	path := followUp(t, o, hash, start)
	if r := verify(t, path, Options{Earlier: []string{earlier}}); r.Failed() || !strings.Contains(text(t, r), "ok       chain: with 1 earlier audit:") {
		t.Errorf("%s", text(t, r))
	}
	r := verify(t, path, Options{})
	if r.Failed() || !strings.Contains(text(t, r), "skipped: chain: chain not checked before") {
		t.Errorf("%s", text(t, r))
	}
	// The same item in both, another commitment, no audit at all.
	rows, err := os.ReadFile(filepath.Join(path, "data/draw/population.tsv"))
	must(t, err)
	other := filepath.Join(t.TempDir(), "audit", "draw")
	must(t, os.MkdirAll(other, 0o755))
	twice := earlierAudit(t, other, start, rows)
	if r := verify(t, followUp(t, o, twice, start), Options{Earlier: []string{filepath.Dir(other)}}); !slices.Equal(failed(r), []string{"chain"}) {
		t.Errorf("an item twice: %v\n%s", failed(r), text(t, r))
	}
	if r := verify(t, path, Options{Earlier: []string{other}}); !slices.Equal(failed(r), []string{"chain"}) {
		t.Errorf("another commitment: %v", failed(r))
	}
	if r := verify(t, path, Options{Earlier: []string{t.TempDir()}}); !slices.Equal(failed(r), []string{"chain"}) {
		t.Errorf("an empty folder: %v", failed(r))
	}
	if _, err := Verify(context.Background(), path, Options{Earlier: []string{filepath.Join(earlier, "none")}}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("nothing there: %v", err)
	}
}

// earlierAudit writes commitment and population of the audit before, with the given
// population or an empty one.
func earlierAudit(t *testing.T, dir string, start time.Time, population []byte) sampler.DocHash {
	t.Helper()
	end := time.Date(2026, 8, 1, 0, 0, 0, 0, time.UTC)
	count := int64(bytes.Count(population, []byte("\n")) - 1)
	if population == nil {
		var b bytes.Buffer
		must(t, sampler.NewPopulationWriter(&b).Flush())
		population, count = b.Bytes(), 0
	}
	c := &sampler.Commitment{AuditID: "2026-Q2", Mode: sampler.ModeAudit, ChainStart: start, PeriodStart: start, PeriodEnd: end, PopulationHash: sampler.HashDoc(population),
		PopulationCount: count, StrataHash: sampler.HashDoc(nil), SnapshotHash: sampler.HashDoc(nil), DrawMethod: sampler.DrawMethod, Beacon: sampler.BeaconDice,
		BeaconTime: end.Add(48 * time.Hour), CommittedAt: end.Add(24 * time.Hour)}
	raw, err := c.Bytes()
	must(t, err)
	must(t, os.WriteFile(filepath.Join(dir, "commitment.txt"), raw, 0o644))
	must(t, os.WriteFile(filepath.Join(dir, "population.tsv"), population, 0o644))
	return sampler.HashDoc(raw)
}

// followUp seals a frozen audit that follows another one.
func followUp(t *testing.T, o testaudit.Options, previous sampler.DocHash, chainStart time.Time) string {
	t.Helper()
	dir := makeAudit(t, o)
	change := func(name string, edit func(raw []byte) ([]byte, error)) []byte {
		raw, err := os.ReadFile(filepath.Join(dir, name))
		must(t, err)
		raw, err = edit(raw)
		must(t, err)
		must(t, os.WriteFile(filepath.Join(dir, name), raw, 0o644))
		return raw
	}
	change("audit.json", func(raw []byte) ([]byte, error) {
		a, err := sampler.ParseOpening(raw)
		must(t, err)
		a.ChainStart, a.PreviousAudit = sampler.FormatTime(chainStart), "2026-Q2"
		return a.Bytes()
	})
	snapshot := change("draw/snapshot.json", func(raw []byte) ([]byte, error) {
		s, err := sampler.ParseSnapshot(raw)
		must(t, err)
		s.Chain.Start, s.Chain.PreviousAudit = sampler.FormatTime(chainStart), "2026-Q2"
		return s.Bytes()
	})
	change("draw/commitment.txt", func(raw []byte) ([]byte, error) {
		c, err := sampler.ParseCommitment(raw)
		must(t, err)
		c.ChainStart, c.PreviousCommitment, c.SnapshotHash = chainStart, previous, sampler.HashDoc(snapshot)
		return c.Bytes()
	})
	info := infoOf(t, dir, o)
	info.Incomplete = true
	res, err := Seal(context.Background(), dir, t.TempDir(), info)
	must(t, err)
	return res.Dir
}

// TestWrongBeacon: another signature, another round and another randomness are refused.
func TestWrongBeacon(t *testing.T) {
	o := small()
	o.Drand = true
	res := sealed(t, o)
	for name, change := range map[string][2]string{
		"signature":  {`"signature":"b4`, `"signature":"b5`},
		"round":      {`"round":1000`, `"round":1001`},
		"randomness": {`"randomness":"fe`, `"randomness":"ff`},
		"no JSON":    {`{`, `[`},
	} {
		a := &attacked{T: t, dir: copyDir(t, res.Dir)}
		a.replace("draw/beacon.json", change[0], change[1])
		rebag(t, a.dir)
		if got := failed(verify(t, a.dir, Options{})); !slices.Contains(got, "randomness") {
			t.Errorf("%s: failed %v", name, got)
		}
	}
	a := &attacked{T: t, dir: copyDir(t, res.Dir)}
	must(t, os.Remove(a.path("draw/beacon.json")))
	rebag(t, a.dir)
	if got := failed(verify(t, a.dir, Options{})); !slices.Contains(got, "documents") || !slices.Contains(got, "randomness") {
		t.Errorf("without beacon.json: failed %v", got)
	}
	if _, err := draw.ParseBeacon([]byte("[]")); err == nil {
		t.Error("a list is no beacon")
	}
}

func TestVerifyWithoutPackage(t *testing.T) {
	if _, err := Verify(context.Background(), filepath.Join(t.TempDir(), "none"), Options{}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no package: %v", err)
	}
	empty := filepath.Join(t.TempDir(), "empty.zip")
	must(t, os.WriteFile(empty, nil, 0o644))
	for _, path := range []string{t.TempDir(), empty} {
		if r := verify(t, path, Options{}); !r.Failed() || r.Verified {
			t.Errorf("%s: %s", path, text(t, r))
		}
	}
	res := sealed(t, small())
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Verify(ctx, res.Zip, Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("interrupted: %v", err)
	}
	if _, err := Seal(ctx, res.Dir, t.TempDir(), Info{}); err == nil {
		t.Error("sealing something else than an audit folder")
	}
}

// TestSealFolderIsRefused: this version knows no seals, so it accepts none.
func TestSealFolderIsRefused(t *testing.T) {
	dir := copyDir(t, sealed(t, small()).Dir)
	must(t, os.Mkdir(filepath.Join(dir, sealFolder), 0o755))
	must(t, os.WriteFile(filepath.Join(dir, sealFolder, "tagmanifest-sha256.txt.sig"), []byte("x"), 0o644))
	if r := verify(t, dir, Options{}); !slices.Equal(failed(r), []string{"form"}) {
		t.Errorf("failed %v", failed(r))
	}
}

// TestScriptIsTheDocumentedOne: the format document states the script's hash, and its
// bytes belong to the format.
func TestScriptIsTheDocumentedOne(t *testing.T) {
	doc, err := os.ReadFile("../../docs/format-package.md")
	must(t, err)
	if hash := sampler.HashDoc(drawReference).String(); !bytes.Contains(doc, []byte(hash)) {
		t.Errorf("docs/format-package.md does not state the SHA-256 of draw_reference.py, %s", hash)
	}
}

// TestRehearsalSaidAsAudit: the label cannot be taken off by making the manifests right.
func TestRehearsalSaidAsAudit(t *testing.T) {
	res := sealed(t, small())
	dir := copyDir(t, res.Dir)
	raw, err := os.ReadFile(filepath.Join(dir, fileBagInfo))
	must(t, err)
	raw = bytes.Replace(raw, []byte(rehearsalMode), []byte("audit"), 1)
	manifest, err := os.ReadFile(filepath.Join(dir, fileManifest))
	must(t, err)
	rebagTags(t, dir, raw, manifest)
	got := failed(verify(t, dir, Options{}))
	for _, want := range []string{"README.txt", "audit.json", "commitment"} {
		if !slices.Contains(got, want) {
			t.Errorf("%s does not fail: %v", want, got)
		}
	}
}

func TestReportEscapesHostileText(t *testing.T) {
	r := &Report{AuditID: "x", CA: "evil\x1b[31m", Rehearsal: true}
	r.add("snapshot", Note, "%s", "line\nFAIL forged\u202e\x07")
	out := text(t, r)
	if strings.ContainsAny(out, "\x1b\x07\u202e") || strings.Count(out, "\n") != 4 {
		t.Errorf("%q", out)
	}
	if !strings.HasSuffix(out, "\nREHEARSAL, NOT EVIDENCE\n") {
		t.Errorf("last line of %q", out)
	}
}

func TestTree(t *testing.T) {
	tr := memoryTree(map[string][]byte{"a": []byte("x"), "b/c": nil, "b/d/e.txt": []byte("longer"), "b.x": []byte("y")})
	if err := fstest.TestFS(tr, "a", "b/c", "b/d/e.txt", "b.x"); err != nil {
		t.Error(err)
	}
	if err := fstest.TestFS(tr.sub("b"), "c", "d/e.txt"); err != nil {
		t.Error(err)
	}
	if got := tr.in("b"); !slices.Equal(got, []string{"b/c"}) {
		t.Errorf("in b: %v", got)
	}
	if names := tr.sub("none").names(); len(names) != 0 {
		t.Errorf("below nothing: %v", names)
	}
}

func TestPaths(t *testing.T) {
	for _, bad := range []string{"", "/", "/a", "a/", "a//b", ".", "..", "a/..", "../a", `a\b`, "C:a", "a b", "a\x00", "ä", "a*", "NUL", "nul.txt", "x/COM1", "lpt9.log", "a.", strings.Repeat("a", 401)} {
		if checkPath(bad) == nil {
			t.Errorf("%q is accepted", bad)
		}
	}
	for _, good := range []string{"a", "a/b/c.txt", ".hidden", "a..b", "console", "com10", "nulls.txt", "A-b_c.1"} {
		if err := checkPath(good); err != nil {
			t.Error(err)
		}
	}
	for _, clash := range [][]string{{"a", "a"}, {"a", "A"}, {"a/b", "a"}, {"a", "a/b"}, {"a/b", "A/c"}, {"x/a/b", "x/A"}} {
		s := newNameSet()
		if err := errors.Join(s.add(clash[0]), s.add(clash[1])); err == nil {
			t.Errorf("%q are accepted together", clash)
		}
	}
	s := newNameSet()
	if err := errors.Join(s.add("a/b"), s.add("a/c"), s.add("ab"), s.add("a.b"), s.add("a/d/e"), s.add("a/d/f")); err != nil {
		t.Error(err)
	}
}

func TestLayout(t *testing.T) {
	hash := strings.Repeat("0a", 32)
	for _, name := range []string{"audit.json", "certificates/" + hash + ".der", "ct/heads/" + hash + ".sth.json", "draw/void-12/void.json",
		"draw/void-1/ct/pairings.tsv", "draw/void-999/records/not-proven.tsv", "draw/void-1/config/requirements/zlint-3.7.3-br-coverage.csv"} {
		if _, ok := findDocument(name); !ok {
			t.Errorf("%s is not known", name)
		}
	}
	for _, name := range []string{"audit.json/x", "certificates/" + hash, "certificates/" + strings.ToUpper(hash) + ".der", "ct/heads/" + hash + ".pem", "draw/void-0/void.json",
		"draw/void-01/void.json", "draw/void-/void.json", "draw/void-1000/void.json", "draw/void-1/x", "Audit.json",
		"draw/void-1/draw/strata.tsv", "draw/void-1/audit.json", "draw/void-1/ct/log_list.json", "draw/void-1/draw/void-2/ct/pairings.tsv", "draw/void-0/ct/pairings.tsv", "draw/void-1/"} {
		if _, ok := findDocument(name); ok {
			t.Errorf("%s is known", name)
		}
	}
}
