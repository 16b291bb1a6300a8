package evidence

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/xuri/excelize/v2"

	"selfaudit/internal/auditdir"
	"selfaudit/internal/jsonlines"
	"selfaudit/internal/testaudit"
	"selfaudit/lint"
	"selfaudit/sampler"
	"selfaudit/sampler/draw"
)

// attack alters a package's documents; the test then makes all manifests right again,
// which costs an attacker nothing.
type attack struct {
	name string
	make func(a *attacked)
	want []string // every check that must fail, at least one of them; others may
}

// attacked is a package folder under attack.
type attacked struct {
	*testing.T
	dir string
}

func (a *attacked) path(name string) string {
	return filepath.Join(a.dir, payloadFolder, filepath.FromSlash(name))
}

func (a *attacked) read(name string) []byte {
	raw, err := os.ReadFile(a.path(name))
	must(a, err)
	return raw
}

func (a *attacked) write(name string, data []byte) {
	must(a, os.MkdirAll(filepath.Dir(a.path(name)), 0o755))
	must(a, os.WriteFile(a.path(name), data, 0o644))
}

// replace changes the first occurrence of old, which must be there.
func (a *attacked) replace(name, old, new string) {
	a.Helper()
	raw := a.read(name)
	if !bytes.Contains(raw, []byte(old)) {
		a.Fatalf("%s does not hold %q", name, old)
	}
	a.write(name, bytes.Replace(raw, []byte(old), []byte(new), 1))
}

// sightings changes the sightings and writes them again.
func (a *attacked) sightings(change func(list []sampler.Sighting) []sampler.Sighting) {
	list, err := sampler.ParseSightings(bytes.NewReader(a.read("ct/sightings.jsonl")))
	must(a, err)
	var out bytes.Buffer
	for _, s := range change(list) {
		line, err := s.Line()
		must(a, err)
		out.Write(line)
	}
	a.write("ct/sightings.jsonl", out.Bytes())
}

// first changes the first sighting.
func (a *attacked) first(change func(s *sampler.Sighting)) {
	a.sightings(func(list []sampler.Sighting) []sampler.Sighting {
		change(&list[0])
		return list
	})
}

// recommit changes documents under the commitment and makes the commitment fit again: a
// CA can do that too, unless the auditor has the commitment's hash.
func (a *attacked) recommit() {
	c, err := sampler.ParseCommitment(a.read("draw/commitment.txt"))
	must(a, err)
	c.SnapshotHash = sampler.HashDoc(a.read("draw/snapshot.json"))
	c.StrataHash = sampler.HashDoc(a.read("draw/strata.tsv"))
	c.PopulationHash = sampler.HashDoc(a.read("draw/population.tsv"))
	raw, err := c.Bytes()
	must(a, err)
	a.write("draw/commitment.txt", raw)
}

// snapshot changes the snapshot and the commitment with it.
func (a *attacked) snapshot(change func(s *sampler.Snapshot)) {
	s, err := sampler.ParseSnapshot(a.read("draw/snapshot.json"))
	must(a, err)
	change(s)
	raw, err := s.Bytes()
	must(a, err)
	a.write("draw/snapshot.json", raw)
	a.recommit()
}

// population changes the rows and the commitment with them.
func (a *attacked) population(change func(rows []sampler.Row)) {
	r := sampler.NewPopulationReader(bytes.NewReader(a.read("draw/population.tsv")))
	var rows []sampler.Row
	for {
		row, err := r.Next()
		if err != nil {
			break
		}
		rows = append(rows, row)
	}
	change(rows)
	var out bytes.Buffer
	w := sampler.NewPopulationWriter(&out)
	for _, row := range rows {
		must(a, w.Write(row))
	}
	must(a, w.Flush())
	a.write("draw/population.tsv", out.Bytes())
	a.recommit()
}

// sampledRow changes the population's row of the first drawn item.
func (a *attacked) sampledRow(change func(row *sampler.Row)) {
	drawn, err := sampler.ParseSample(a.read("draw/sample.tsv"))
	must(a, err)
	a.population(func(rows []sampler.Row) {
		i := slices.IndexFunc(rows, func(r sampler.Row) bool { return r.Item == drawn[0].Item })
		change(&rows[i])
	})
}

func flip(b []byte) []byte {
	out := bytes.Clone(b)
	out[len(out)/2] ^= 1
	return out
}

var attacks = []attack{
	{"another instruction for the auditor", func(a *attacked) { a.replace("README.txt", "sha256sum --quiet", "true") }, []string{"README.txt"}},
	{"a program instead of the script", func(a *attacked) { a.replace("draw/draw_reference.py", "import hashlib", "import hashlib, shutil") }, []string{"draw_reference.py"}},
	{"another mode", func(a *attacked) { a.replace("audit.json", `"rehearsal"`, `"audit"`) }, []string{"audit.json"}},
	{"opened by another program", func(a *attacked) { a.replace("audit.json", `"version": "test"`, `"version": "best"`) }, []string{"snapshot"}},
	{"opened earlier", func(a *attacked) {
		a.replace("audit.json", `"opened_at": "2026-11-02T01`, `"opened_at": "2026-11-02T00`)
	}, []string{"snapshot"}},
	{"spaces in a document", func(a *attacked) { a.replace("audit.json", `"mode": `, `"mode":  `) }, []string{"audit.json"}},
	{"a key twice", func(a *attacked) {
		a.replace("audit.json", `"mode": "rehearsal"`, "\"mode\": \"rehearsal\",\n  \"mode\": \"rehearsal\"")
	}, []string{"audit.json"}},
	{"another population line", func(a *attacked) { a.replace("draw/population.tsv", "\tfinal\t", "\tprecert\t") }, []string{"population"}},
	{"another label of a stratum", func(a *attacked) { a.replace("draw/strata.tsv", "Alpha DV", "Bravo DV") }, []string{"strata"}},
	{"another label, committed", func(a *attacked) { a.replace("draw/strata.tsv", "Alpha DV", "Bravo DV"); a.recommit() }, []string{"strata"}},
	{"another snapshot", func(a *attacked) { a.replace("draw/snapshot.json", "the first audit", "the last audit") }, []string{"snapshot"}},
	{"other dice", func(a *attacked) { a.replace("draw/seed.txt", "314159", "314158") }, []string{"sample"}},
	{"one die less", func(a *attacked) { a.replace("draw/seed.txt", "314159", "31415") }, []string{"seed"}},
	{"sample and reserve swapped", func(a *attacked) { a.replace("draw/sample.tsv", "\tsample\t", "\treserve\t") }, []string{"sample"}},
	{"another beacon for dice", func(a *attacked) { a.write("draw/beacon.json", []byte("{}\n")) }, []string{"documents"}},
	{"a filter", func(a *attacked) {
		a.snapshot(func(s *sampler.Snapshot) { s.Filters = []string{"only those that are fine"} })
	}, []string{"snapshot"}},
	{"items lost on the way", func(a *attacked) { a.snapshot(func(s *sampler.Snapshot) { s.Counts.ItemsSeen += 7 }) }, []string{"snapshot"}},
	{"another log read", func(a *attacked) { a.snapshot(func(s *sampler.Snapshot) { s.Logs[0].TreeSize-- }) }, []string{"logs"}},
	{"half a log read", func(a *attacked) { a.snapshot(func(s *sampler.Snapshot) { s.Logs[0].Entries-- }) }, []string{"logs"}},
	{"another log's id", func(a *attacked) {
		a.snapshot(func(s *sampler.Snapshot) { s.Logs[0].LogID = strings.Repeat("ab", 32) })
	}, []string{"logs"}},
	{"a late item not counted", func(a *attacked) { a.snapshot(func(s *sampler.Snapshot) { s.Counts.Late++ }) }, []string{"population"}},
	{"findings not counted", func(a *attacked) {
		a.snapshot(func(s *sampler.Snapshot) { s.Findings = map[string]int64{"e_serial": 1} })
	}, []string{"contradictions"}},
	{"an issuer without its certificate", func(a *attacked) {
		a.snapshot(func(s *sampler.Snapshot) { s.Issuers = s.Issuers[:1] })
	}, []string{"population", "issuers"}},
	{"backdated item", func(a *attacked) {
		a.sampledRow(func(r *sampler.Row) { r.Issued = r.Issued.Add(-1e9) })
	}, []string{"items"}},
	{"item moved to an easier class", func(a *attacked) {
		a.sampledRow(func(r *sampler.Row) { r.Stratum.Class = sampler.ClassOV })
	}, []string{"strata", "items", "sample"}},
	{"other validity", func(a *attacked) {
		a.sampledRow(func(r *sampler.Row) { r.NotAfter = r.NotAfter.Add(1e9) })
	}, []string{"items"}},
	{"another certificate", func(a *attacked) {
		a.first(func(s *sampler.Sighting) { a.write(certName(s.Cert), flip(a.read(certName(s.Cert)))) })
	}, []string{"sightings"}},
	{"a certificate removed", func(a *attacked) { a.first(func(s *sampler.Sighting) { must(a, os.Remove(a.path(certName(s.Cert)))) }) }, []string{"sightings"}},
	{"a certificate added", func(a *attacked) { a.write(certName(sampler.HashCert([]byte("x"))), []byte("x")) }, []string{"certificates"}},
	{"another issuer certificate added", func(a *attacked) { a.write("issuers/"+sampler.HashCert([]byte("x")).String()+".der", []byte("x")) }, []string{"issuers"}},
	{"a leaf altered", func(a *attacked) { a.first(func(s *sampler.Sighting) { s.Leaf = flip(s.Leaf) }) }, []string{"sightings"}},
	{"a proof altered", func(a *attacked) { a.first(func(s *sampler.Sighting) { s.Proof[0] = flip(s.Proof[0]) }) }, []string{"sightings"}},
	{"a proof cut", func(a *attacked) { a.first(func(s *sampler.Sighting) { s.Proof = s.Proof[1:] }) }, []string{"sightings"}},
	{"another index", func(a *attacked) { a.first(func(s *sampler.Sighting) { s.Index ^= 1 }) }, []string{"sightings"}},
	{"another time stamp", func(a *attacked) { a.first(func(s *sampler.Sighting) { s.TimestampMS-- }) }, []string{"sightings"}},
	{"another form", func(a *attacked) {
		a.first(func(s *sampler.Sighting) {
			s.Form = map[sampler.Form]sampler.Form{sampler.FormFinal: sampler.FormPrecert, sampler.FormPrecert: sampler.FormFinal}[s.Form]
		})
	}, []string{"sightings"}},
	{"a log that nobody named", func(a *attacked) { a.first(func(s *sampler.Sighting) { s.LogID = strings.Repeat("ab", 32) }) }, []string{"sightings"}},
	{"a file that nobody named", func(a *attacked) {
		a.first(func(s *sampler.Sighting) {
			*s = sampler.Sighting{ItemID: s.ItemID, Cert: s.Cert, Form: s.Form, Source: sampler.SightingFile, File: "export/a.pem"}
		})
	}, []string{"sightings"}},
	{"sightings of a drawn item left out", func(a *attacked) {
		a.sightings(func(list []sampler.Sighting) []sampler.Sighting {
			return slices.DeleteFunc(list, func(s sampler.Sighting) bool { return s.ItemID == list[len(list)-1].ItemID })
		})
	}, []string{"items"}},
	{"sightings out of order", func(a *attacked) {
		a.sightings(func(list []sampler.Sighting) []sampler.Sighting { slices.Reverse(list); return list })
	}, []string{"sightings"}},
	{"the serial of another item", func(a *attacked) {
		a.first(func(s *sampler.Sighting) {
			drawn, err := sampler.ParseSample(a.read("draw/sample.tsv"))
			must(a, err)
			for _, r := range drawn {
				if r.Item != s.ItemID {
					s.ItemID = r.Item
				}
			}
		})
	}, []string{"sightings"}},
	{"another log key", func(a *attacked) { a.write(onlyFile(a, "ct/keys"), flip(a.read(onlyFile(a, "ct/keys")))) }, []string{"logs"}},
	{"another tree head", func(a *attacked) { a.replace(onlyFile(a, "ct/heads"), `"tree_size":`, `"tree_size": `) }, nil},
	{"a tree head altered", func(a *attacked) { a.replace(onlyFile(a, "ct/heads"), `"timestamp":1`, `"timestamp":2`) }, []string{"logs"}},
	{"a key of no log", func(a *attacked) { a.write("ct/keys/"+strings.Repeat("ab", 32)+".pem", []byte("x")) }, []string{"logs"}},
	{"a finding hidden", func(a *attacked) { a.hideFinding() }, []string{"lint again"}},
	{"a result left out", func(a *attacked) {
		raw := a.read("lint/results.jsonl")
		a.write("lint/results.jsonl", raw[bytes.IndexByte(raw, '\n')+1:])
	}, []string{"lint"}},
	{"a result twice", func(a *attacked) {
		raw := a.read("lint/results.jsonl")
		a.write("lint/results.jsonl", append(bytes.Clone(raw), raw[:bytes.IndexByte(raw, '\n')+1]...))
	}, []string{"lint"}},
	{"another number of lints", func(a *attacked) { a.replace("lint/linter.json", `"cert": `, `"cert": 1`) }, []string{"lint"}},
	{"a lint left out", func(a *attacked) {
		a.replace("lint/linter.json", `"left_out": [`, "\"left_out\": [\n    {\n      \"lint\": \"e_mine\",\n      \"reason\": \"x\"\n    },")
		a.hideFinding()
	}, []string{"lint again"}},
	{"a problem left out of the lists", func(a *attacked) { a.replace("findings/findings.json", `"items": `, `"items": 1`) }, []string{"findings/findings.json"}},
	{"another population in the lists", func(a *attacked) { a.replace("findings/findings.json", `"population": 45`, `"population": 46`) }, []string{"findings/findings.json"}},
	{"a better bound", func(a *attacked) { a.replace("report/summary.json", `"upper_bound": `, `"upper_bound": 1`) }, []string{"report/summary.json"}},
	{"an open point removed", func(a *attacked) { a.replace("report/summary.json", "Signatures: none", "Signatures: all") }, []string{"report/summary.json"}},
	{"another cell", func(a *attacked) { a.cell("Summary") }, []string{"workbook"}},
	{"another sheet", func(a *attacked) { a.sheet() }, []string{"workbook"}},
	{"no workbook", func(a *attacked) { a.write("report/workbook.xlsx", []byte("PK\x05\x06 no workbook")) }, []string{"workbook"}},
	{"an event changed", func(a *attacked) { a.replace("log/events.jsonl", `"stage":"draw"`, `"stage":"drew"`) }, []string{"events"}},
	{"a record of other documents", func(a *attacked) {
		must(a, os.Remove(a.path("log/events.jsonl")))
		must(a, auditdir.At(filepath.Join(a.dir, payloadFolder)).Record(auditdir.Event{Stage: "draw", Documents: map[string]string{"draw/sample.tsv": strings.Repeat("ab", 32)}}))
	}, []string{"events"}},
	{"another CA in the configuration", func(a *attacked) { a.replace("config/selfaudit.toml", "Fixture", "Picture") }, []string{"configuration"}},
	{"another issuance time in the configuration", func(a *attacked) { a.replace("config/selfaudit.toml", `"ct"`, `"not_before"`) }, []string{"configuration"}},
	{"a void draw out of nowhere", func(a *attacked) {
		a.write("draw/void-1/commitment.txt", a.read("draw/commitment.txt"))
	}, []string{"voided draws"}},
}

func certName(h sampler.CertHash) string { return "certificates/" + h.String() + ".der" }

func onlyFile(a *attacked, folder string) string {
	entries, err := os.ReadDir(a.path(folder))
	must(a, err)
	return folder + "/" + entries[0].Name()
}

// hideFinding removes the first finding from the lint results.
func (a *attacked) hideFinding() {
	var out bytes.Buffer
	hidden := false
	for line := range bytes.Lines(a.read("lint/results.jsonl")) {
		var r lint.Result
		must(a, json.Unmarshal(line, &r))
		if !hidden && len(r.Findings) > 0 {
			r.Findings, hidden = r.Findings[1:], true
		}
		again, err := jsonlines.Line(r)
		must(a, err)
		out.Write(again)
	}
	if !hidden {
		a.Fatal("there is no finding to hide")
	}
	a.write("lint/results.jsonl", out.Bytes())
}

// cell changes one number of the workbook.
func (a *attacked) cell(sheet string) {
	a.edit(func(f *excelize.File) { must(a, f.SetCellValue(sheet, "C9", 4711)) })
}

func (a *attacked) sheet() {
	a.edit(func(f *excelize.File) {
		_, err := f.NewSheet("More")
		must(a, err)
	})
}

func (a *attacked) edit(change func(f *excelize.File)) {
	f, err := excelize.OpenReader(bytes.NewReader(a.read("report/workbook.xlsx")))
	must(a, err)
	defer f.Close()
	change(f)
	b, err := f.WriteToBuffer()
	must(a, err)
	a.write("report/workbook.xlsx", b.Bytes())
}

// TestAttacksWithRightManifests: with every manifest right again, each alteration is
// still found, by a check that derives.
func TestAttacksWithRightManifests(t *testing.T) {
	res := sealed(t, small())
	for _, c := range attacks {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			a := &attacked{T: t, dir: copyDir(t, res.Dir)}
			c.make(a)
			rebag(t, a.dir)
			r := verify(t, a.dir, Options{})
			got := failed(r)
			if len(got) == 0 && c.want != nil {
				t.Fatalf("accepted:\n%s", text(t, r))
			}
			for _, want := range c.want {
				if !slices.Contains(got, want) {
					t.Errorf("%q does not fail, failed: %q\n%s", want, got, text(t, r))
				}
			}
			for _, name := range []string{fileManifest, fileTagManifest, fileBagInfo, "internal"} {
				if slices.Contains(got, name) {
					t.Errorf("%s fails: the attack did not keep the manifests right, or a check panicked: %v", name, r.Checks)
				}
			}
		})
	}
}

// rebagWithoutEvents also records the changed documents again.
func rebagWithoutEvents(a *attacked) {
	recordStages(a, filepath.Join(a.dir, payloadFolder), small())
	rebag(a, a.dir)
}

// TestAnotherZlint: a package that names another zlint is linted again, differences are
// listed, and nothing is called tampering; what the reports derive from the results must
// still hold.
func TestAnotherZlint(t *testing.T) {
	res := sealed(t, small())
	a := &attacked{T: t, dir: copyDir(t, res.Dir)}
	a.replace("lint/linter.json", `"path": "github.com/zmap/zlint/v3",
      "version": "`, `"path": "github.com/zmap/zlint/v3",
      "version": "v3.0.0-`)
	a.hideFinding()
	a.rewriteReports()
	rebagWithoutEvents(a)
	r := verify(t, a.dir, Options{})
	out := text(t, r)
	if r.Failed() {
		t.Fatalf("%s", out)
	}
	for _, want := range []string{"note:    lint: made with github.com/zmap/zlint/v3 v3.0.0-", "found but not recorded", "skipped: lint again"} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
	if strings.Contains(out, "ok       lint again") {
		t.Error("the skipped comparison is shown as passed")
	}
}

// rewriteReports makes the report stage's documents again.
func (a *attacked) rewriteReports() {
	writeReports(a, filepath.Join(a.dir, payloadFolder), small())
}

// TestConsistentLies: with a rate of 100 % every item is drawn, so that a CA can make all
// documents fit a lie about one of them. Only the certificates themselves contradict.
func TestConsistentLies(t *testing.T) {
	o := small()
	o.RateBP = 10000
	o.Issuers = []testaudit.Issuer{{Label: "Alpha DV CA 1", Class: sampler.ClassDV, Count: 9}}
	res := sealed(t, o)
	for name, lie := range map[string]func(row *sampler.Row){
		"class":       func(r *sampler.Row) { r.Stratum.Class = sampler.ClassOV },
		"issued":      func(r *sampler.Row) { r.Issued = r.Issued.Add(-1e9) },
		"not_before":  func(r *sampler.Row) { r.NotBefore = r.NotBefore.Add(1e9) },
		"not_after":   func(r *sampler.Row) { r.NotAfter = sampler.Row{}.NotAfter },
		"certificate": func(r *sampler.Row) { r.Cert[0] ^= 1 },
		"nothing":     func(*sampler.Row) {},
	} {
		t.Run(name, func(t *testing.T) {
			a := &attacked{T: t, dir: copyDir(t, res.Dir)}
			a.population(func(rows []sampler.Row) { lie(&rows[3]) })
			a.drawAgain(o)
			rebag(t, a.dir)
			want := []string{"items"}
			if name == "nothing" {
				want = nil
			}
			if r := verify(t, a.dir, Options{}); !slices.Equal(failed(r), want) {
				t.Errorf("failed %q, want %q\n%s", failed(r), want, text(t, r))
			}
		})
	}
}

// drawAgain makes every document after the population anew.
func (a *attacked) drawAgain(o testaudit.Options) {
	counts := map[sampler.StratumID]int64{}
	r := sampler.NewPopulationReader(bytes.NewReader(a.read("draw/population.tsv")))
	for row, err := r.Next(); err == nil; row, err = r.Next() {
		counts[row.Stratum]++
	}
	snapshot, err := sampler.ParseSnapshot(a.read("draw/snapshot.json"))
	must(a, err)
	plan, err := rulesOf(snapshot).Plan(counts)
	must(a, err)
	strata, err := sampler.FormatStrata(plan)
	must(a, err)
	a.write("draw/strata.tsv", strata)
	c, err := sampler.ParseCommitment(a.read("draw/commitment.txt"))
	must(a, err)
	c.StrataHash, c.StrataCount, c.PopulationHash = sampler.HashDoc(strata), int64(len(plan)), r.Hash()
	raw, err := c.Bytes()
	must(a, err)
	a.write("draw/commitment.txt", raw)
	rows, err := draw.Select(sampler.NewPopulationReader(bytes.NewReader(a.read("draw/population.tsv"))), plan, draw.SeedHex(a.read("draw/seed.txt")))
	must(a, err)
	a.write("draw/sample.tsv", sampler.FormatSample(rows))
	files := fstest.MapFS{}
	for _, folder := range []string{"draw", "ct", "certificates", "issuers"} {
		entries, err := os.ReadDir(a.path(folder))
		must(a, err)
		for _, e := range entries {
			if !e.IsDir() {
				files[folder+"/"+e.Name()] = &fstest.MapFile{Data: a.read(folder + "/" + e.Name())}
			}
		}
	}
	lintAgain(a, files, o, a.write)
	must(a, os.Remove(a.path("log/events.jsonl")))
	writeReports(a, filepath.Join(a.dir, payloadFolder), o)
}
