package evidence

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"selfaudit/internal/testaudit"
)

func TestSealedPackageVerifies(t *testing.T) {
	drand := small()
	drand.Drand = true
	empty := small()
	empty.Empty = true
	audit := small()
	audit.Audit = true
	for name, o := range map[string]testaudit.Options{"rehearsal": small(), "drand": drand, "dice": audit, "empty": empty} {
		t.Run(name, func(t *testing.T) {
			res := sealed(t, o)
			for _, path := range []string{res.Dir, res.Zip} {
				r := verify(t, path, Options{})
				if r.Failed() || !r.Verified || r.Incomplete {
					t.Errorf("%s:\n%s", filepath.Base(path), text(t, r))
				}
				if got := strings.HasSuffix(text(t, r), "\nREHEARSAL, NOT EVIDENCE\n"); got != r.Rehearsal || r.Rehearsal != (name == "rehearsal" || name == "empty") {
					t.Errorf("last line says rehearsal: %v, report: %v", got, r.Rehearsal)
				}
				for _, c := range r.Checks {
					if c.Status == Skipped {
						t.Errorf("skipped: %s: %s", c.Name, c.Detail)
					}
				}
			}
			if res.ZipHash == res.TagManifestHash || res.Incomplete || res.Existed {
				t.Errorf("result %+v", res)
			}
		})
	}
}

func TestSealIsDeterministic(t *testing.T) {
	dir := makeAudit(t, small())
	info := infoOf(t, dir, small())
	var zips [][]byte
	for range 2 {
		out := t.TempDir()
		res, err := Seal(context.Background(), dir, out, info)
		must(t, err)
		raw, err := os.ReadFile(res.Zip)
		must(t, err)
		zips = append(zips, raw)
		entries, err := os.ReadDir(out)
		must(t, err)
		if len(entries) != 2 {
			t.Errorf("left behind: %v", entries)
		}
	}
	if !bytes.Equal(zips[0], zips[1]) {
		t.Error("two runs gave different zips")
	}
}

func TestSealNeverRewrites(t *testing.T) {
	dir := makeAudit(t, small())
	info := infoOf(t, dir, small())
	out := filepath.Join(dir, "sealed")
	first, err := Seal(context.Background(), dir, out, info)
	must(t, err)
	before, err := os.ReadFile(first.Zip)
	must(t, err)

	again, err := Seal(context.Background(), dir, out, info)
	must(t, err)
	if !again.Existed || again.ZipHash != first.ZipHash || again.TagManifestHash != first.TagManifestHash {
		t.Errorf("sealing the same again: %+v", again)
	}

	// A process killed between the two renames leaves the folder without the zip.
	must(t, os.Remove(first.Zip))
	completed, err := Seal(context.Background(), dir, out, info)
	must(t, err)
	if after, err := os.ReadFile(first.Zip); err != nil || completed.Existed || !bytes.Equal(before, after) {
		t.Errorf("the zip was not completed: %v", err)
	}

	later := info
	later.SealedAt = info.SealedAt.Add(time.Second)
	if _, err := Seal(context.Background(), dir, out, later); !errors.Is(err, ErrExists) {
		t.Errorf("another package under the same name: %v", err)
	}
	if after, err := os.ReadFile(first.Zip); err != nil || !bytes.Equal(before, after) {
		t.Errorf("the package was rewritten: %v", err)
	}
	if names, err := filepath.Glob(filepath.Join(out, "*.partial")); err != nil || len(names) > 0 {
		t.Errorf("left behind: %v %v", names, err)
	}
}

func TestSealRefuses(t *testing.T) {
	write := func(name string) func(t *testing.T, dir string, info *Info) {
		return func(t *testing.T, dir string, _ *Info) {
			must(t, os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755))
			must(t, os.WriteFile(filepath.Join(dir, name), []byte("x"), 0o644))
		}
	}
	for _, c := range []struct {
		name string
		make func(t *testing.T, dir string, info *Info)
		want string
	}{
		{"unknown file", write("notes.txt"), "notes.txt"},
		{"unknown certificate name", write("certificates/abc.der"), "certificates/abc.der"},
		{"file that seal writes itself", write("README.txt"), "README.txt"},
		{"strange name", write("log/events copy.jsonl"), "events copy.jsonl"},
		{"another certificate", func(t *testing.T, dir string, _ *Info) {
			must(t, os.WriteFile(firstIn(t, dir, "certificates"), []byte("x"), 0o644))
		}, ".der: its SHA-256 is 2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881"},
		{"a certificate missing", func(t *testing.T, dir string, _ *Info) { must(t, os.Remove(firstIn(t, dir, "certificates"))) },
			".der is missing: ct/sightings.jsonl names it"},
		{"a certificate of no sighting", write("certificates/2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881.der"),
			"certificates/2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881.der: ct/sightings.jsonl does not name it"},
		{"broken sightings", write("ct/sightings.jsonl"), "sightings.jsonl"},
		{"unfinished void", write("draw/void.json"), "draw/void.json"},
		{"symbolic link", func(t *testing.T, dir string, _ *Info) {
			must(t, os.Remove(filepath.Join(dir, "draw/seed.txt")))
			must(t, os.Symlink("commitment.txt", filepath.Join(dir, "draw/seed.txt")))
		}, "draw/seed.txt: not a regular file but a symbolic link"},
		{"linked folder", func(t *testing.T, dir string, _ *Info) {
			must(t, os.Rename(filepath.Join(dir, "issuers"), filepath.Join(dir, "work")))
			must(t, os.Symlink("work", filepath.Join(dir, "issuers")))
		}, "issuers: not a regular file but a symbolic link"},
		{"missing document", func(t *testing.T, dir string, _ *Info) { must(t, os.Remove(filepath.Join(dir, "lint/results.jsonl"))) },
			"lint/results.jsonl (stages still open: lint)"},
		{"no audit", func(t *testing.T, dir string, _ *Info) { must(t, os.Remove(filepath.Join(dir, "audit.json"))) }, "audit.json"},
		{"another audit", func(_ *testing.T, _ string, info *Info) { info.AuditID = "2026-Q4" }, `"2026-Q4"`},
		{"another mode", func(_ *testing.T, _ string, info *Info) { info.Mode = "audit" }, "mode"},
		{"no name", func(_ *testing.T, _ string, info *Info) { info.CAName = "" }, "[ca] name"},
		{"line feed in the name", func(_ *testing.T, _ string, info *Info) { info.CAName = "A\nSelfaudit-Status: complete" }, "unprintable"},
		{"bidi control in the name", func(_ *testing.T, _ string, info *Info) { info.CAName = "A\u202eB" }, "unprintable"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := makeAudit(t, small())
			info := infoOf(t, dir, small())
			c.make(t, dir, &info)
			out := filepath.Join(dir, "sealed")
			_, err := Seal(context.Background(), dir, out, info)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("error %v, want one with %q", err, c.want)
			}
			if entries, _ := os.ReadDir(out); len(entries) > 0 {
				t.Errorf("left behind: %v", entries)
			}
		})
	}
}

// firstIn returns the path of a folder's first file.
func firstIn(t *testing.T, dir, folder string) string {
	t.Helper()
	entries, err := os.ReadDir(filepath.Join(dir, folder))
	must(t, err)
	return filepath.Join(dir, folder, entries[0].Name())
}

func TestSealLeavesOutWorkAndSealed(t *testing.T) {
	dir := makeAudit(t, small())
	for _, name := range []string{"work/units/0001", "sealed/old.zip", "lint/results.jsonl.partial"} {
		must(t, os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755))
		must(t, os.WriteFile(filepath.Join(dir, name), []byte("x"), 0o644))
	}
	res, err := Seal(context.Background(), dir, t.TempDir(), infoOf(t, dir, small()))
	must(t, err)
	for _, name := range []string{"work", "sealed", "lint/results.jsonl.partial"} {
		if _, err := os.Stat(filepath.Join(res.Dir, payloadFolder, name)); err == nil {
			t.Errorf("%s is in the package", name)
		}
	}
}

func TestIncompletePackage(t *testing.T) {
	for stage, want := range map[testaudit.Stage][]string{
		testaudit.Frozen: {"collect", "draw", "lint", "report"}, // the record of events is missing too
		testaudit.Drawn:  {"collect", "lint", "report"},
	} {
		o := small()
		o.Stage = stage
		dir := makeAudit(t, o)
		info := infoOf(t, dir, o)
		if _, err := Seal(context.Background(), dir, t.TempDir(), info); err == nil {
			t.Fatal("an incomplete audit was sealed as a complete one")
		}
		info.Incomplete = true
		res, err := Seal(context.Background(), dir, t.TempDir(), info)
		must(t, err)
		if !res.Incomplete || !strings.Contains(filepath.Base(res.Dir), "INCOMPLETE_") || !strings.Contains(filepath.Base(res.Zip), "INCOMPLETE_") {
			t.Errorf("not labelled: %+v", res)
		}
		r := verify(t, res.Zip, Options{})
		if r.Failed() || !r.Incomplete || !strings.Contains(text(t, r), "INCOMPLETE") {
			t.Errorf("%s", text(t, r))
		}
		var open []string
		for _, c := range r.Checks {
			if c.Status == Open && slices.Contains([]string{"collect", "freeze", "draw", "lint", "report"}, c.Name) {
				open = append(open, c.Name)
			}
			if c.Status == OK && slices.Contains([]string{"lint", "lint again", "workbook", "report/summary.json"}, c.Name) {
				t.Errorf("shown as passed although it was not done: %s", c.Name)
			}
		}
		if !slices.Equal(open, want) {
			t.Errorf("open %v, want %v", open, want)
		}
	}
}

// TestIncompleteIsOnlyALabelWhenSomethingIsMissing: asking for an incomplete package of a
// complete audit gives a complete one.
func TestIncompleteIsOnlyALabelWhenSomethingIsMissing(t *testing.T) {
	dir := makeAudit(t, small())
	info := infoOf(t, dir, small())
	info.Incomplete = true
	res, err := Seal(context.Background(), dir, t.TempDir(), info)
	must(t, err)
	if res.Incomplete || strings.Contains(res.Dir, "INCOMPLETE") {
		t.Errorf("labelled incomplete: %+v", res)
	}
}

// TestCommonToolsAgree runs the commands that data/README.txt names.
func TestCommonToolsAgree(t *testing.T) {
	o := small()
	o.Drand = true
	res := sealed(t, o)
	for _, command := range [][]string{
		{"sha256sum", "--quiet", "-c", fileManifest},
		{"sha256sum", "--quiet", "-c", fileTagManifest},
		{"python3", "-B", "data/draw/draw_reference.py", "verify", "data/draw"},
		{"python3", "-B", "-m", "zipfile", "-t", res.Zip},
	} {
		t.Run(command[0], func(t *testing.T) {
			if _, err := exec.LookPath(command[0]); err != nil {
				t.Skipf("%s is not installed", command[0])
			}
			cmd := exec.Command(command[0], command[1:]...)
			cmd.Dir = res.Dir
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Errorf("%v: %v\n%s", command, err, out)
			}
		})
	}
}

func TestPackageNames(t *testing.T) {
	for _, c := range []struct {
		ca, mode   string
		incomplete bool
		dir, zip   string
	}{
		{"Example CA", "audit", false, "example-ca_2026-Q3_selfaudit", "2026-Q3.zip"},
		{"Ünïcode & Söhne, Inc.", "audit", true, "INCOMPLETE_n-code-s-hne-inc_2026-Q3_selfaudit", "INCOMPLETE_2026-Q3.zip"},
		{"例", "rehearsal", false, "REHEARSAL-NOT-EVIDENCE_ca_2026-Q3_selfaudit", "REHEARSAL-NOT-EVIDENCE_2026-Q3.zip"},
		{"A", "rehearsal", true, "REHEARSAL-NOT-EVIDENCE_INCOMPLETE_a_2026-Q3_selfaudit", "REHEARSAL-NOT-EVIDENCE_INCOMPLETE_2026-Q3.zip"},
	} {
		if got := PackageName(c.ca, "2026-Q3", c.mode, c.incomplete); got != c.dir {
			t.Errorf("PackageName %q, want %q", got, c.dir)
		}
		if got := ZipName("2026-Q3", c.mode, c.incomplete); got != c.zip {
			t.Errorf("ZipName %q, want %q", got, c.zip)
		}
	}
}
