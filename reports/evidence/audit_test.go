package evidence

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"selfaudit/internal/auditdir"
	"selfaudit/internal/config"
	"selfaudit/internal/jsonlines"
	"selfaudit/internal/testaudit"
	"selfaudit/lint"
	"selfaudit/reports"
	"selfaudit/reports/auditlint"
	"selfaudit/reports/workbook"
	"selfaudit/sampler"
)

// smallIssuers keep the packages of these tests small: hundreds of them are verified.
var smallIssuers = []testaudit.Issuer{
	{Label: "Alpha DV CA 1", Class: sampler.ClassDV, Count: 40},
	{Label: "Alpha EV CA 1", Class: sampler.ClassEV, Count: 5},
}

// small are the options of most tests' audit: a rehearsal without defects.
func small() testaudit.Options {
	return testaudit.Options{Issuers: smallIssuers, Flawless: true}
}

// makeAudit writes an audit folder with the documents of all stages, as the commands
// leave them, and returns its path. The caller may change it.
func makeAudit(t testing.TB, o testaudit.Options) string {
	t.Helper()
	packages.Lock()
	defer packages.Unlock()
	key := fmt.Sprintf("%+v", o)
	if packages.audits[key] == "" {
		packages.audits[key] = packages.folder(t)
		writeAudit(t, packages.audits[key], o)
	}
	dir := filepath.Join(t.TempDir(), "audit")
	must(t, os.CopyFS(dir, os.DirFS(packages.audits[key])))
	return dir
}

func writeAudit(t testing.TB, dir string, o testaudit.Options) {
	t.Helper()
	files := testaudit.Build(t, o)
	ca := o.CA
	if ca == "" {
		ca = "Fixture Trust Alpha"
	}
	put := func(name string, data []byte) { files[name] = &fstest.MapFile{Data: data, Mode: 0o644} }
	put("config/selfaudit.toml", configOf(t, ca, o, files).Effective())
	if o.Stage == testaudit.Linted {
		lintAgain(t, files, o, put)
	}
	must(t, os.CopyFS(dir, files))
	if o.Stage == testaudit.Linted {
		writeReports(t, dir, o)
	}
}

// configOf is the configuration that an audit's snapshot and commitment come from.
func configOf(t testing.TB, ca string, o testaudit.Options, files fstest.MapFS) *config.Config {
	t.Helper()
	s, err := sampler.ParseSnapshot(files["draw/snapshot.json"].Data)
	must(t, err)
	c, err := config.Parse([]byte("[ca]\nname = \"CA\"\n"), "defaults") // of every section
	must(t, err)
	c.CA = config.CA{Name: ca}
	c.Audit = config.Audit{RateBP: s.Rules.RateBP, Floor: s.Rules.Floor, IssuanceTime: string(s.IssuanceTime), EVRA: s.Rules.EVRA,
		DrawLeadDays: config.DefaultDrawLeadDays, Beacon: config.BeaconDice}
	c.LogList = config.LogList{Select: config.SelectNone}
	c.Drand = config.Drand{Relays: config.DefaultRelays()}
	if o.Drand {
		c.Audit.Beacon = config.BeaconQuicknet
	}
	if s.Mode == sampler.ModeAudit {
		c.Chain.Reason = s.Chain.Reason
	}
	for i, x := range s.Issuers {
		c.Issuers = append(c.Issuers, config.Issuer{Certificates: []string{fmt.Sprintf("issuers/%d.pem", i)}, Label: x.Label})
	}
	for _, l := range s.Logs {
		c.Logs = append(c.Logs, config.Log{Type: l.Type, URL: l.URL, Origin: l.Origin, PublicKey: l.PublicKey, Label: l.Label})
	}
	return c
}

// lintAgain writes the lint stage's documents with the linter of this very test binary.
func lintAgain(t testing.TB, files fstest.MapFS, o testaudit.Options, put func(string, []byte)) {
	t.Helper()
	lintOn(t, files, o.ReportedAt(), put)
}

// lintOn is lintAgain on a day.
func lintOn(t testing.TB, files fstest.MapFS, day time.Time, put func(string, []byte)) {
	t.Helper()
	plan, err := auditlint.Read(files)
	must(t, err)
	var results, asIf bytes.Buffer
	add := func(b *bytes.Buffer) func(lint.Result) error {
		return func(r lint.Result) error {
			line, err := auditlint.Line(r)
			b.Write(line)
			return err
		}
	}
	info, err := plan.Run(context.Background(), auditlint.Options{Day: day, Workers: 2}, auditlint.Emit{Result: add(&results), AsIf: add(&asIf)})
	must(t, err)
	doc, err := jsonlines.Document(info)
	must(t, err)
	put(auditlint.LinterName, doc)
	put(auditlint.ResultsName, results.Bytes())
	put(auditlint.AsIfName, asIf.Bytes())
}

// writeReports does what the report stage does, and records the stages.
func writeReports(t testing.TB, dir string, o testaudit.Options) {
	t.Helper()
	a, err := reports.Load(os.DirFS(dir))
	must(t, err)
	summary := a.Summary(o.ReportedAt(), sampler.ClockGiven)
	findings, err := reports.FindingsDocument(a)
	must(t, err)
	book, err := workbook.Write(a, summary, a.Opening.Program.Name+" "+a.Opening.Program.Version)
	must(t, err)
	text, err := reports.SummaryDocument(summary)
	must(t, err)
	d := auditdir.At(dir)
	must(t, d.Replace("findings/findings.json", findings))
	must(t, d.Replace("report/workbook.xlsx", book))
	must(t, d.Replace("report/summary.json", text))
	recordStages(t, dir, o)
}

// stageDocuments are what the commands record of each stage; collect's are found.
var stageDocuments = map[string][]string{
	"freeze": {"config/selfaudit.toml", "draw/snapshot.json", "draw/population.tsv", "draw/strata.tsv", "findings/items.jsonl", "draw/commitment.txt"},
	"draw":   {"draw/seed.txt", "draw/sample.tsv", "ct/sightings.jsonl"},
	"lint":   {"lint/as-if.jsonl", "lint/linter.json", "lint/results.jsonl"},
	"report": {"config/waivers.toml", "findings/findings.json", "report/workbook.xlsx", "report/summary.json"},
}

// recordStages writes the record of operations anew, as the commands do.
func recordStages(t testing.TB, dir string, o testaudit.Options, stages ...string) {
	t.Helper()
	if stages == nil {
		stages = []string{"collect", "freeze", "draw", "lint", "report"}
	}
	d := auditdir.At(dir)
	must(t, d.Remove(auditdir.EventsFile))
	for _, stage := range stages {
		recordStage(t, d, o, stage)
	}
}

func recordStage(t testing.TB, d auditdir.Dir, o testaudit.Options, stage string) {
	t.Helper()
	raw, err := d.Read("audit.json")
	must(t, err)
	opening, err := sampler.ParseOpening(raw)
	must(t, err)
	raw, err = d.Read("draw/commitment.txt")
	must(t, err)
	c, err := sampler.ParseCommitment(raw)
	must(t, err)
	at := map[string]string{"collect": opening.OpenedAt, "freeze": sampler.FormatTime(c.CommittedAt), "draw": sampler.FormatTime(c.BeaconTime)}[stage]
	if at == "" {
		at = sampler.FormatTime(o.ReportedAt())
	}
	names := slices.Clone(stageDocuments[stage])
	if stage == "collect" {
		names = []string{"audit.json"}
		for _, pattern := range []string{"ct/log_list.*", "ct/heads/*", "ct/keys/*", "issuers/*"} {
			found, err := fs.Glob(d.FS(), pattern)
			must(t, err)
			names = append(names, found...)
		}
	}
	if stage == "draw" && d.Has("draw/beacon.json") {
		names = append(names, "draw/beacon.json")
	}
	if stage == "freeze" {
		found, err := fs.Glob(d.FS(), "config/requirements/*")
		must(t, err)
		names = append(names, found...)
	}
	for _, name := range []string{"config/requirements-review.csv", "lint/population.jsonl", "lint/second-opinion.jsonl"} {
		if stage == "report" && d.Has(name) {
			names = append(names, name)
		}
	}
	documents, err := d.HashDocuments(names...)
	must(t, err)
	must(t, d.Record(auditdir.Event{At: at, Clock: sampler.ClockGiven, Stage: stage, Documents: documents}))
}

// infoOf returns what the seal command passes for an audit folder.
func infoOf(t testing.TB, dir string, o testaudit.Options) Info {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(dir, "audit.json"))
	must(t, err)
	opening, err := sampler.ParseOpening(raw)
	must(t, err)
	ca := o.CA
	if ca == "" {
		ca = "Fixture Trust Alpha"
	}
	return Info{CAName: ca, AuditID: opening.AuditID, Mode: opening.Mode, SealedAt: o.ReportedAt().Add(time.Hour), Clock: sampler.ClockGiven, Program: opening.Program}
}

// packages keeps the audits and packages that tests share: making one takes longer than
// most tests.
var packages = &sharedPackages{audits: map[string]string{}, made: map[string]*Result{}}

type sharedPackages struct {
	sync.Mutex
	dir     string
	folders int
	audits  map[string]string
	made    map[string]*Result
}

// folder returns a new folder that lasts as long as the test binary runs.
func (p *sharedPackages) folder(t testing.TB) string {
	t.Helper()
	if p.dir == "" {
		dir, err := os.MkdirTemp("", "evidence-test-")
		must(t, err)
		p.dir = dir
	}
	p.folders++
	dir := filepath.Join(p.dir, fmt.Sprint(p.folders))
	must(t, os.Mkdir(dir, 0o755))
	return dir
}

func TestMain(m *testing.M) {
	code := m.Run()
	if packages.dir != "" {
		if err := os.RemoveAll(packages.dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	os.Exit(code)
}

// sealed makes an audit and its package, which other tests use too: copy what you damage.
func sealed(t testing.TB, o testaudit.Options) *Result {
	t.Helper()
	dir := makeAudit(t, o)
	packages.Lock()
	defer packages.Unlock()
	key := fmt.Sprintf("%+v", o)
	if packages.made[key] == nil {
		res, err := Seal(context.Background(), dir, packages.folder(t), infoOf(t, dir, o))
		must(t, err)
		packages.made[key] = res
	}
	return packages.made[key]
}

// verify runs Verify and fails the test on anything but a verdict.
func verify(t testing.TB, path string, o Options) *Report {
	t.Helper()
	r, err := Verify(context.Background(), path, o)
	must(t, err)
	return r
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// failed returns the names of the failed checks, each once.
func failed(r *Report) []string {
	var out []string
	for _, c := range r.Checks {
		if c.Status == Fail && !slices.Contains(out, c.Name) {
			out = append(out, c.Name)
		}
	}
	return out
}

// text is the report as it is printed.
func text(t testing.TB, r *Report) string {
	t.Helper()
	var b bytes.Buffer
	must(t, r.Write(&b))
	return b.String()
}

// copyDir copies a package folder, so that a test can damage it.
func copyDir(t testing.TB, dir string) string {
	t.Helper()
	to := filepath.Join(t.TempDir(), filepath.Base(dir))
	must(t, os.CopyFS(to, os.DirFS(dir)))
	return to
}

// rebag computes Payload-Oxum and all manifests of a package folder again, as whoever
// alters a package can.
func rebag(t testing.TB, dir string) {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(dir, fileBagInfo))
	must(t, err)
	bag, err := ParseBagInfo(raw)
	must(t, err)
	bag.PayloadBytes, bag.PayloadFiles = 0, 0
	var payload []manifestEntry
	must(t, filepath.WalkDir(filepath.Join(dir, payloadFolder), func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		must(t, err)
		rel, err := filepath.Rel(dir, path)
		must(t, err)
		payload = append(payload, manifestEntry{hash: sampler.HashDoc(data), path: filepath.ToSlash(rel)})
		bag.PayloadBytes += int64(len(data))
		bag.PayloadFiles++
		return nil
	}))
	info, err := bag.Bytes()
	must(t, err)
	rebagTags(t, dir, info, formatManifest(payload))
}

// rebagTags writes bag-info.txt, the manifest and the tag manifest over them.
func rebagTags(t testing.TB, dir string, info, manifest []byte) {
	t.Helper()
	declaration, err := os.ReadFile(filepath.Join(dir, fileBagIt))
	must(t, err)
	tags := formatManifest([]manifestEntry{
		{sampler.HashDoc(declaration), fileBagIt}, {sampler.HashDoc(info), fileBagInfo}, {sampler.HashDoc(manifest), fileManifest}})
	must(t, os.WriteFile(filepath.Join(dir, fileBagInfo), info, 0o644))
	must(t, os.WriteFile(filepath.Join(dir, fileManifest), manifest, 0o644))
	must(t, os.WriteFile(filepath.Join(dir, fileTagManifest), tags, 0o644))
}
