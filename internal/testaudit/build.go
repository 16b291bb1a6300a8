package testaudit

import (
	"bytes"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"selfaudit/internal/config"
	"selfaudit/internal/jsonlines"
	"selfaudit/internal/testpki"
	"selfaudit/lint"
	"selfaudit/lint/waivers"
	"selfaudit/reports/auditlint"
	"selfaudit/sampler"
	"selfaudit/sampler/draw"
)

// Dice are the digits of every audit with dice.
const Dice = "31415926535897932384"

// quicknet round 1000, as the draw protocol publishes it.
const (
	round1000Signature  = "b44679b9a59af2ec876b1a6b1ad52ea9b1615fc3982b19576350f93447cb1125e342b73a8dd2bacbe47e4b6b63ed5e39"
	round1000Randomness = "fe290beca10872ef2fb164d2aa4442de4566183ec51c56ff3cd603d930e54fdd"
)

// builder collects the documents of one audit.
type builder struct {
	t       testing.TB
	o       Options
	files   fstest.MapFS
	cas     []*testpki.CA
	items   []issued
	log     *log
	strata  []sampler.Stratum
	snap    *sampler.Snapshot
	commit  *sampler.Commitment
	popFile []byte
	sample  []sampler.SampleRow
}

// Build returns an audit folder of the given stage.
func Build(t testing.TB, o Options) fstest.MapFS {
	t.Helper()
	b := &builder{t: t, o: o.withDefaults(), files: fstest.MapFS{}}
	b.issue()
	b.freeze()
	if b.o.Stage != Frozen {
		b.draw()
	}
	if b.o.Stage == Linted {
		b.lint()
	}
	return b.files
}

// Dir writes an audit folder to a temporary directory and returns its path.
func Dir(t testing.TB, o Options) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, Build(t, o)); err != nil {
		t.Fatalf("writing the audit folder: %v", err)
	}
	return dir
}

func (b *builder) put(name string, data []byte) {
	b.files[name] = &fstest.MapFile{Data: data, Mode: 0o644}
}

// must stops the test on an error of a writer.
func (b *builder) must(data []byte, err error) []byte {
	b.t.Helper()
	if err != nil {
		b.t.Fatalf("building the audit: %v", err)
	}
	return data
}

func (b *builder) issue() {
	root := testpki.NewRoot("Fixture Trust Alpha Root", testpki.CAOptions{})
	for _, is := range b.o.Issuers {
		ca := root.NewCA(is.Label, testpki.CAOptions{})
		b.cas = append(b.cas, ca)
		if !b.o.Empty {
			b.items = append(b.items, b.o.certificates(ca, is)...)
		}
		b.put("issuers/"+sampler.HashCert(ca.Cert).String()+".der", ca.Cert)
	}
	slices.SortFunc(b.items, func(x, y issued) int { return x.item.Compare(y.item) })
	_, _, committed, _ := b.o.period()
	b.log = newLog(b.t, b.items, committed.Add(-time.Hour))
	b.put("ct/heads/"+b.log.id.String()+".sth.json", b.log.head)
	b.put("ct/keys/"+b.log.id.String()+".pem", b.log.key.PublicPEM())
}

// main is the certificate that the population names for an item.
func (it issued) main() (der []byte, form sampler.Form) {
	if len(it.finals) == 0 {
		return it.precert, sampler.FormPrecert
	}
	der = it.finals[0]
	for _, f := range it.finals[1:] {
		if sampler.HashCert(f).String() < sampler.HashCert(der).String() {
			der = f
		}
	}
	return der, sampler.FormFinal
}

func (b *builder) freeze() {
	start, end, committed, beacon := b.o.period()
	var population bytes.Buffer
	w := sampler.NewPopulationWriter(&population)
	counts := map[sampler.StratumID]int64{}
	for _, it := range b.items {
		der, form := it.main()
		counts[it.stratum]++
		row := sampler.Row{Item: it.item, Stratum: it.stratum, Form: form, Cert: sampler.HashCert(der), Issued: it.at, NotBefore: it.from, NotAfter: it.to}
		if err := w.Write(row); err != nil {
			b.t.Fatalf("building the population: %v", err)
		}
	}
	if err := w.Flush(); err != nil {
		b.t.Fatalf("building the population: %v", err)
	}
	b.popFile = population.Bytes()
	rules := sampler.Rules{RateBP: b.o.RateBP, Floor: 1, EVRA: "none", Issuers: map[sampler.KeyHash]sampler.IssuerRule{}}
	for i, ca := range b.cas {
		rules.Issuers[sampler.KeyHash(ca.IssuerKeyHash())] = sampler.IssuerRule{Label: b.o.Issuers[i].Label}
	}
	var err error
	if b.strata, err = rules.Plan(counts); err != nil {
		b.t.Fatalf("building the strata: %v", err)
	}
	strata := b.must(sampler.FormatStrata(b.strata))
	b.snapshot(start, end)
	snapshot := b.must(b.snap.Bytes())
	b.commit = &sampler.Commitment{AuditID: b.o.AuditID, Mode: b.o.mode(), ChainStart: start, PeriodStart: start, PeriodEnd: end,
		PopulationHash: w.Hash(), PopulationCount: w.Count(), StrataHash: sampler.HashDoc(strata), StrataCount: int64(len(b.strata)),
		SnapshotHash: sampler.HashDoc(snapshot), DrawMethod: sampler.DrawMethod, Beacon: sampler.BeaconDice, BeaconTime: beacon, CommittedAt: committed}
	if b.o.Drand {
		b.commit.Beacon, b.commit.BeaconChain, b.commit.DrawLeadDays, b.commit.BeaconRound = sampler.BeaconDrand, sampler.Quicknet.Hash, 3, 1000
	}
	if b.o.Voided {
		b.void()
	}
	b.put("audit.json", b.opening(start, end))
	b.put("config/selfaudit.toml", []byte(fmt.Sprintf("[ca]\nname = %q\n", b.o.CA)))
	b.put("draw/population.tsv", b.popFile)
	b.put("draw/strata.tsv", strata)
	b.put("draw/snapshot.json", snapshot)
	b.put("draw/commitment.txt", b.must(b.commit.Bytes()))
	b.put("findings/items.jsonl", b.itemFindings())
}

// void puts an earlier commitment on record; a rehearsal has none by the protocol's rules.
func (b *builder) void() {
	earlier := *b.commit
	earlier.CommittedAt = earlier.CommittedAt.Add(-6 * time.Hour)
	data := b.must(earlier.Bytes())
	b.put("draw/void-1/commitment.txt", data)
	b.put("draw/void-1/void.json", b.must(jsonlines.Document(struct {
		Schema     string `json:"schema"`
		Commitment string `json:"commitment_sha256"`
		Reason     string `json:"reason"`
		Ground     string `json:"ground"`
		VoidedAt   string `json:"voided_at"`
		Clock      string `json:"clock"`
	}{"selfaudit.void/v1", sampler.HashDoc(data).String(), "an issuing CA was missing in the configuration", "before-round",
		sampler.FormatTime(earlier.CommittedAt.Add(time.Hour)), sampler.ClockGiven})))
	if b.commit.Mode == sampler.ModeAudit {
		b.commit.Replaces = sampler.HashDoc(data)
	}
}

func (b *builder) opening(start, end time.Time) []byte {
	o := &sampler.Opening{AuditID: b.o.AuditID, Mode: b.o.mode(), PeriodStart: sampler.FormatTime(start), PeriodEnd: sampler.FormatTime(end),
		ChainStart: sampler.FormatTime(start), OpenedAt: sampler.FormatTime(end.Add(25 * time.Hour)), Clock: sampler.ClockGiven, Program: program}
	return b.must(o.Bytes())
}

var program = sampler.ProgramInfo{Name: "selfaudit", Version: "test", Revision: "none", Go: "go"}

func (b *builder) snapshot(start, end time.Time) {
	var final, precert, both int64
	for _, it := range b.items {
		if len(it.finals) == 0 {
			precert++
		} else {
			both++
		}
	}
	n := int64(len(b.items))
	b.snap = &sampler.Snapshot{AuditID: b.o.AuditID, Mode: b.o.mode(), Period: sampler.SnapshotPeriod{Start: sampler.FormatTime(start), End: sampler.FormatTime(end)},
		Chain:        sampler.SnapshotChain{Start: sampler.FormatTime(start), Evidence: "none", Reason: "the first audit with this program"},
		IssuanceTime: sampler.IssuedByCT, OpenedAt: sampler.FormatTime(end.Add(25 * time.Hour)), Clock: sampler.ClockGiven, Program: program,
		Rules: sampler.SnapshotRules{RateBP: b.o.RateBP, Floor: 1, EVRA: "none"}, LintPolicy: sampler.SnapshotLinter{Linter: "zlint", Version: "v3.7.3", RuleSet: "all"},
		Counts: sampler.SnapshotCounts{ItemsSeen: n, Population: n, IssuedByCT: n, FinalOnly: final, PrecertOnly: precert, Both: both}}
	for i, ca := range b.cas {
		b.snap.Issuers = append(b.snap.Issuers, sampler.SnapshotIssuer{KeySHA256: sampler.KeyHash(ca.IssuerKeyHash()), Subject: "CN=" + b.o.Issuers[i].Label,
			Label: b.o.Issuers[i].Label, Certificates: []sampler.CertHash{sampler.HashCert(ca.Cert)}})
	}
	for _, it := range b.items {
		if len(it.finals) > 1 { // as itemFindings records it
			if b.snap.Findings == nil {
				b.snap.Findings = map[string]int64{}
			}
			b.snap.Findings["e_several_certificates_with_one_serial"]++
			b.snap.Findings["e_certificate_does_not_match_precertificate"]++
		}
	}
	entries := int64(len(b.log.entries))
	b.snap.Logs = []sampler.SnapshotLog{{LogID: b.log.id.String(), Type: "rfc6962", Label: "Alpha 2026h2", URL: "https://ct.alpha.test/2026h2", PublicKey: b.log.key.SPKI, Status: sampler.LogProven,
		TreeSize: uint64(entries), RootHash: b.log.root.String(), TimestampMS: b.log.headMS, HeadFile: "ct/heads/" + b.log.id.String() + ".sth.json", Entries: entries, Kept: entries}}
	if b.o.Excluded {
		b.snap.Logs = append(b.snap.Logs, sampler.SnapshotLog{LogID: strings.Repeat("ee", 32), Type: "rfc6962", URL: "https://ct.retired.test/", PublicKey: []byte{},
			Status: sampler.LogExcluded, Reason: "the log was retired on 2026-09-30 and no longer answers"})
	}
}

// itemFindings records the serial numbers that two certificates share, as collect would.
func (b *builder) itemFindings() []byte {
	var out []byte
	for _, it := range b.items {
		if len(it.finals) < 2 {
			continue
		}
		f := sampler.ItemFinding{ItemID: it.item, Lint: "e_several_certificates_with_one_serial", Severity: "error", Source: "selfaudit",
			Citation: "MRSP 5.2; RFC 5280 4.1.2.2", Details: "2 different certificates share this issuer key and serial number", InPopulation: true}
		for _, der := range it.finals {
			f.Certificates = append(f.Certificates, sampler.HashCert(der))
		}
		slices.SortFunc(f.Certificates, func(x, y sampler.CertHash) int { return strings.Compare(x.String(), y.String()) })
		out = append(out, b.must(f.Line())...)
		f.Lint, f.Citation = "e_certificate_does_not_match_precertificate", "BR 7.1.2.9; MRSP 5.4; RFC 6962 3.2"
		f.Details = "the certificate's TBSCertificate without poison and SCT list is not that of its precertificate"
		f.Certificates = []sampler.CertHash{sampler.HashCert(it.finals[1]), sampler.HashCert(it.precert)}
		out = append(out, b.must(f.Line())...)
	}
	return out
}

func (b *builder) draw() {
	randomness := Dice
	if b.o.Drand {
		randomness = round1000Randomness
		b.put("draw/beacon.json", []byte(`{"round":1000,"randomness":"`+round1000Randomness+`","signature":"`+round1000Signature+`"}`+"\n"))
	}
	seed := b.must(draw.BuildSeed(b.commit, randomness, ""))
	b.put("draw/seed.txt", seed)
	var err error
	if b.sample, err = draw.Select(sampler.NewPopulationReader(bytes.NewReader(b.popFile)), b.strata, draw.SeedHex(seed)); err != nil {
		b.t.Fatalf("drawing: %v", err)
	}
	b.put("draw/sample.tsv", sampler.FormatSample(b.sample))
	var sightings []byte
	for index, it := range b.named() {
		for _, s := range b.log.sightings(b.t, index, it) {
			sightings = append(sightings, b.must(s.Line())...)
		}
		for _, der := range append([][]byte{it.precert}, it.finals...) {
			b.put("certificates/"+sampler.HashCert(der).String()+".der", der)
		}
	}
	b.put("ct/sightings.jsonl", sightings)
}

// named yields the sampled items and those a finding names, in the order of items.
func (b *builder) named() func(yield func(int, issued) bool) {
	sampled := b.sampled()
	return func(yield func(int, issued) bool) {
		for i, it := range b.items {
			if (sampled[it.item] || len(it.finals) > 1) && !yield(i, it) {
				return
			}
		}
	}
}

func (b *builder) sampled() map[sampler.ItemID]bool {
	sampled := map[sampler.ItemID]bool{}
	for _, r := range b.sample {
		if r.Role == sampler.RoleSample {
			sampled[r.Item] = true
		}
	}
	return sampled
}

// lint runs the lint stage: the real linter over the sample.
func (b *builder) lint() {
	plan, err := auditlint.Read(b.files)
	if err != nil {
		b.t.Fatalf("building the lint results: %v", err)
	}
	var results, asIf []byte
	info, err := plan.Run(b.t.Context(), auditlint.Options{Day: b.o.ReportedAt(), Workers: 2}, auditlint.Emit{
		Result: func(r lint.Result) error { results = append(results, b.must(auditlint.Line(r))...); return nil },
		AsIf:   func(r lint.Result) error { asIf = append(asIf, b.must(auditlint.Line(r))...); return nil },
	})
	if err != nil {
		b.t.Fatalf("building the lint results: %v", err)
	}
	for i := range info.Modules { // a test binary does not know them
		info.Modules[i].Version, info.Modules[i].Sum = "test", "unknown"
	}
	if len(info.Modules) > 0 {
		info.Modules[0].Version = "v3.7.3"
	}
	b.put(auditlint.LinterName, b.must(jsonlines.Document(info)))
	b.put(auditlint.ResultsName, results)
	b.put(auditlint.AsIfName, asIf)
	b.waivers()
}

// waivers captures the waivers as the report stage does: the program's own and Options.Waivers.
func (b *builder) waivers() {
	w := config.NoWaivers()
	w.Waivers = b.o.Waivers
	w.AppliedOn = b.o.ReportedAt().Truncate(24 * time.Hour)
	b.put("config/waivers.toml", waivers.WithBuiltin(w).Captured())
}
