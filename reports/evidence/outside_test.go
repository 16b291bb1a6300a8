package evidence

import (
	"bytes"
	"context"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"selfaudit/sampler"
)

// outsideWorld is what an audit says of the items that it saw. The documents and their
// hashes are made of it when it is checked: whatever is changed in it has right hashes.
type outsideWorld struct {
	commitment *sampler.Commitment
	snapshot   *sampler.Snapshot
	rows       []sampler.Row
	pairs      []sampler.Pairing
	outside    []sampler.Outside
	findings   []sampler.ItemFinding
	earlier    *outsideWorld
}

var (
	outsideKey                = sampler.KeyHash{1}
	outLogA, outLogB, outGone = strings.Repeat("aa", 32), strings.Repeat("bb", 32), strings.Repeat("cc", 32)
)

func outsideItem(serial string) sampler.ItemID {
	return sampler.ItemID{Issuer: outsideKey, Serial: sampler.Serial(serial)}
}

func onDay(month time.Month, day int) time.Time {
	return time.Date(2026, month, day, 0, 0, 0, 0, time.UTC)
}

func (w *outsideWorld) row(serial string, form sampler.Form, issued time.Time) {
	w.rows = append(w.rows, sampler.Row{Item: outsideItem(serial), Stratum: sampler.StratumID{Issuer: outsideKey, Class: sampler.ClassDV}, Form: form,
		Cert: certOf(serial, form), Issued: issued, NotBefore: issued, NotAfter: issued.AddDate(0, 3, 0)})
}

func certOf(serial string, form sampler.Form) sampler.CertHash {
	return sampler.HashCert([]byte(serial + string(form)))
}

func (w *outsideWorld) pair(serial string, form sampler.Form) {
	w.pairs = append(w.pairs, sampler.Pairing{Item: outsideItem(serial), Form: form, Cert: certOf(serial, form)})
}

func (w *outsideWorld) out(serial string, v sampler.Verdict, issued time.Time, source sampler.OutsideSource, entry uint64) {
	w.outside = append(w.outside, sampler.Outside{Item: outsideItem(serial), Verdict: v, Issued: issued, Source: source, Entry: entry})
}

func (w *outsideWorld) lost(serial string) {
	w.findings = append(w.findings, sampler.ItemFinding{ItemID: outsideItem(serial), Lint: sampler.LintWaitingNotFound, Severity: "error"})
}

// without drops the lines of an item from ct/outside.tsv.
func (w *outsideWorld) without(serial string) {
	w.outside = slices.DeleteFunc(w.outside, func(o sampler.Outside) bool { return o.Item == outsideItem(serial) })
}

func readLog(id string, first, size, cursor uint64) sampler.SnapshotLog {
	l := sampler.SnapshotLog{LogID: id, Status: sampler.LogProven, TreeSize: size, RootHash: strings.Repeat("0", 64), Entries: int64(size - first),
		Coverage: sampler.CoverageWhole, FirstEntry: first, FirstReason: "x", Cursor: &sampler.SnapshotCursor{NextFirstEntry: cursor}}
	if first > 0 {
		l.Coverage = sampler.CoverageRange
	}
	return l
}

// newOutsideWorld is the second audit of a chain, of February, after one of January.
func newOutsideWorld() *outsideWorld {
	newOne := func(from, until time.Time, previous sampler.DocHash) *outsideWorld {
		return &outsideWorld{commitment: &sampler.Commitment{AuditID: "now", ChainStart: onDay(1, 1), PeriodStart: from, PeriodEnd: until, PreviousCommitment: previous},
			snapshot: &sampler.Snapshot{IssuanceTime: sampler.IssuedByCT, Issuers: []sampler.SnapshotIssuer{{KeySHA256: outsideKey}}, Files: []sampler.SnapshotFile{{Path: "f"}},
				Records: []sampler.SnapshotRecords{{}}, Reconciliation: &sampler.SnapshotReconciliation{}, Outside: &sampler.SnapshotOutside{}}}
	}
	old := onDay(1, 1).AddDate(0, 0, -20)
	b := newOne(onDay(1, 1), onDay(2, 1), sampler.DocHash{})
	b.commitment.AuditID = "before"
	b.snapshot.Logs = []sampler.SnapshotLog{readLog(outLogA, 0, 40, 30), readLog(outGone, 0, 9, 5)}
	b.row("a1", sampler.FormPrecert, onDay(1, 5))
	b.pair("a1", sampler.FormPrecert)
	b.out("b1", sampler.Waiting, onDay(2, 1), sampler.OutsideLog(outLogA), 30) // enters now
	b.out("c1", sampler.TooOld, old, sampler.OutsideLog(outLogA), 3)           // logged again now
	b.pair("c1", sampler.FormFinal)                                            //
	b.out("c2", sampler.TooOld, old, sampler.OutsideFiles, 0)                  // CT shows now that it is not
	b.out("d1", sampler.Waiting, onDay(2, 3), sampler.OutsideFiles, 0)         // not given again
	b.out("d2", sampler.Waiting, onDay(2, 3), sampler.OutsideLog(outGone), 5)  // its log is excluded now
	b.out("d3", sampler.Waiting, onDay(2, 4), sampler.OutsideRecords, 0)       // a row, left out by hand now
	b.out("e1", sampler.Waiting, onDay(3, 4), sampler.OutsideLog(outLogA), 31) // waits on
	b.snapshot.Counts = sampler.SnapshotCounts{Waiting: 4, TooOld: 2}          //
	b.snapshot.Reconciliation.Counts = sampler.ReconciliationCounts{RecordsWaiting: 1}

	w := newOne(onDay(2, 1), onDay(3, 1), sampler.DocHash{7})
	w.earlier = b
	w.snapshot.Logs = []sampler.SnapshotLog{readLog(outLogA, 16, 60, 31), {LogID: outLogB, Status: sampler.LogLookedUp, TreeSize: 20, RootHash: strings.Repeat("0", 64)},
		{LogID: outGone, Status: sampler.LogExcluded, Reason: "x"}}
	w.snapshot.Outside = &sampler.SnapshotOutside{Previous: "before", Carried: 2}
	w.snapshot.Exclusions = []sampler.SnapshotExclusion{{Issuer: outsideKey, Serial: "d3", Effect: sampler.ExclusionApplied}}
	w.pair("a1", sampler.FormFinal) // the certificate to an earlier population's precertificate
	w.row("b1", sampler.FormFinal, onDay(2, 1))
	w.row("b2", sampler.FormPrecert, onDay(2, 5))
	w.pair("b2", sampler.FormPrecert)
	w.out("c1", sampler.TooOld, onDay(1, 1).Add(-time.Second), sampler.OutsideEarlier, 0)
	w.row("c2", sampler.FormFinal, onDay(2, 6))
	w.out("c3", sampler.TooOld, old, sampler.OutsideLog(outLogA), 50)
	w.pair("c3", sampler.FormPrecert)
	w.out("c4", sampler.TooOld, old, sampler.OutsideRecords, 0)
	w.out("d1", sampler.Carried, onDay(2, 3), sampler.OutsideFiles, 0)
	w.lost("d1")
	w.out("d2", sampler.Carried, onDay(2, 3), sampler.OutsideLog(outGone), 5)
	w.out("e1", sampler.Waiting, onDay(3, 4), sampler.OutsideLog(outLogA), 31)
	w.out("e1", sampler.Waiting, onDay(3, 4), sampler.OutsideLog(outLogA), 55)
	w.out("e1", sampler.Waiting, onDay(3, 4), sampler.OutsideRecords, 0)
	w.out("e2", sampler.Waiting, onDay(3, 1), sampler.OutsideFiles, 0)
	w.out("e2", sampler.Waiting, onDay(3, 1), sampler.OutsideProvenSCT(outLogB), 19)
	w.out("e3", sampler.Waiting, onDay(3, 1), sampler.OutsideRecords, 0)
	w.snapshot.Counts = sampler.SnapshotCounts{Waiting: 2, TooOld: 2}
	w.snapshot.Reconciliation.Counts = sampler.ReconciliationCounts{RecordsWaiting: 2}
	return w
}

// documents writes the three documents and puts their hashes where they belong.
func (w *outsideWorld) documents(t *testing.T) map[string][]byte {
	t.Helper()
	slices.SortFunc(w.rows, func(a, b sampler.Row) int { return a.Item.Compare(b.Item) })
	slices.SortFunc(w.pairs, sampler.Pairing.Compare)
	slices.SortFunc(w.outside, sampler.Outside.Compare)
	var pop, pairs, outside bytes.Buffer
	p, q, o := sampler.NewPopulationWriter(&pop), sampler.NewPairingWriter(&pairs), sampler.NewOutsideWriter(&outside)
	for _, write := range []func() error{
		func() error { return each(w.rows, p.Write) }, p.Flush, func() error { return each(w.pairs, q.Write) }, q.Flush, func() error { return each(w.outside, o.Write) }, o.Flush,
	} {
		if err := write(); err != nil {
			t.Fatal(err)
		}
	}
	w.commitment.PopulationHash, w.commitment.PopulationCount = p.Hash(), p.Count()
	w.snapshot.Pairings = q.Describe()
	if d := o.Describe(); w.snapshot.Outside != nil {
		w.snapshot.Outside.SHA256, w.snapshot.Outside.Lines = d.SHA256, d.Lines
	}
	return map[string][]byte{"draw/population.tsv": pop.Bytes(), "ct/pairings.tsv": pairs.Bytes(), sampler.OutsideFile: outside.Bytes(), "draw/commitment.txt": []byte("x")}
}

func each[T any](list []T, fn func(T) error) error {
	for _, x := range list {
		if err := fn(x); err != nil {
			return err
		}
	}
	return nil
}

// check runs the check, with the audit before if given, and returns its lines.
func (w *outsideWorld) check(t *testing.T, change func(docs map[string][]byte), given bool, lacking ...string) []Check {
	t.Helper()
	v := &verifier{ctx: context.Background(), report: &Report{}, options: Options{Limits: Limits{}.withDefaults()},
		docs: documentSet{commitment: w.commitment, snapshot: w.snapshot, findings: append([]sampler.ItemFinding{}, w.findings...), opening: &sampler.Opening{Program: sampler.ProgramInfo{Name: "other"}}}}
	docs := w.documents(t)
	if change != nil {
		change(docs)
	}
	files := map[string]int64{}
	for name, text := range docs {
		files[name] = int64(len(text))
	}
	v.data = newTree(files, func(name string) (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(docs[name])), nil })
	if given && w.earlier != nil {
		dir := t.TempDir()
		for name, text := range w.earlier.documents(t) {
			if slices.Contains(lacking, name) {
				continue
			}
			if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o777); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(dir, name), text, 0o666); err != nil {
				t.Fatal(err)
			}
		}
		v.options.Earlier = []string{dir}
		v.docs.earlier = []*earlierDocs{{commitment: w.earlier.commitment, snapshot: w.earlier.snapshot}}
	}
	v.checkOutside()
	if v.fatal != nil {
		t.Fatal(v.fatal)
	}
	return v.report.Checks
}

// said joins the lines of one status.
func said(list []Check, status Status) string {
	var out []string
	for _, c := range list {
		if c.Status == status {
			out = append(out, c.Detail)
		}
	}
	return strings.Join(out, "; ")
}

// TestOutsideTampered changes one thing after the other in an audit and in the one before,
// with all hashes right.
func TestOutsideTampered(t *testing.T) {
	for name, c := range map[string]struct {
		edit func(w *outsideWorld)
		want string // "" for a change that must pass
	}{
		"nothing": {func(w *outsideWorld) {}, ""},

		// 1. counts
		"waiting item dropped": {func(w *outsideWorld) { w.without("e2") }, "1 item is waiting without those that only the CA's records have, snapshot.json counts 2"},
		"one place dropped": {func(w *outsideWorld) {
			w.outside = slices.DeleteFunc(w.outside, func(o sampler.Outside) bool { return o.Entry == 55 })
		}, ""}, // nothing shows it: the lowest entry decides
		"old item dropped":            {func(w *outsideWorld) { w.without("c1") }, "1 item is too-old"},
		"row dropped":                 {func(w *outsideWorld) { w.without("e3") }, "1 item that waits is in the CA's records, snapshot.json counts 2"},
		"row as certificate":          {func(w *outsideWorld) { w.snapshot.Counts.Waiting = 3 }, "2 items are waiting"},
		"carried count":               {func(w *outsideWorld) { w.snapshot.Outside.Carried = 1 }, "2 items are carried without those"},
		"predated that are none":      {func(w *outsideWorld) { w.snapshot.Counts.Predated = 1 }, "0 items are predated"},
		"carried, counted as waiting": {func(w *outsideWorld) { w.snapshot.Counts.Waiting++; w.snapshot.Outside.Carried-- }, "2 items are waiting"},

		// 2. in a population
		"member waits": {func(w *outsideWorld) { w.out("b1", sampler.Waiting, onDay(3, 1), sampler.OutsideFiles, 0) }, "is waiting and in this population"},
		"member of before": {func(w *outsideWorld) {
			w.out("a1", sampler.TooOld, onDay(1, 1).Add(-time.Hour), sampler.OutsideFiles, 0)
		}, "is too-old and in the population of an audit before"},
		"member of before, 2": {func(w *outsideWorld) { w.out("a1", sampler.Carried, onDay(2, 3), sampler.OutsideFiles, 0) }, "is carried and in the population of an audit before"},

		// 3. times
		"waits too early": {func(w *outsideWorld) {
			w.without("e2")
			w.out("e2", sampler.Waiting, onDay(2, 28), sampler.OutsideFiles, 0)
		}, "waits with the time 2026-02-28T00:00:00Z"},
		"old too late": {func(w *outsideWorld) {
			w.without("c4")
			w.out("c4", sampler.TooOld, onDay(1, 1), sampler.OutsideRecords, 0)
		}, "is too-old with the time 2026-01-01T00:00:00Z"},
		"predated by CT": {func(w *outsideWorld) {
			w.out("f1", sampler.Predated, onDay(1, 1).Add(-1), sampler.OutsideLog(outLogA), 40)
		}, `is predated, with issuance_time = "ct"`},
		"predated by a file": {func(w *outsideWorld) {
			w.notBefore()
			w.out("f1", sampler.Predated, onDay(1, 1).Add(-time.Hour), sampler.OutsideFiles, 0)
		}, "which is no time in CT"},
		"predated": {func(w *outsideWorld) {
			w.notBefore()
			w.snapshot.Counts.Predated = 1
			w.out("f1", sampler.Predated, onDay(1, 1).Add(-time.Hour), sampler.OutsideLog(outLogA), 40)
		}, ""},
		"carried from before": {func(w *outsideWorld) {
			w.edited("d1", func(o *sampler.Outside) { o.Issued = onDay(1, 1).Add(-time.Hour) })
		}, "which is before the chain's start"},

		// 4. logs and cursors
		"cursor too high": {func(w *outsideWorld) { w.snapshot.Logs[0].Cursor.NextFirstEntry = 60 }, "its cursor must be 31"},
		"cursor too low":  {func(w *outsideWorld) { w.snapshot.Logs[0].Cursor.NextFirstEntry = 30 }, "its cursor must be 31"},
		"no cursor":       {func(w *outsideWorld) { w.snapshot.Logs[0].Cursor = nil }, "snapshot.json says nothing"},
		"cursor, no item": {func(w *outsideWorld) {
			w.edited("e1", func(o *sampler.Outside) { o.Source, o.Entry = sampler.OutsideFiles, 0 })
		}, "its cursor must be 60"},
		"entry after tree":   {func(w *outsideWorld) { w.edited("c3", func(o *sampler.Outside) { o.Entry = 60 }) }, "the tree has 60 entries"},
		"entry before range": {func(w *outsideWorld) { w.edited("c3", func(o *sampler.Outside) { o.Entry = 15 }) }, "the entry was not read"},
		"unknown log": {func(w *outsideWorld) {
			w.edited("c3", func(o *sampler.Outside) { o.Source = sampler.OutsideLog(strings.Repeat("dd", 32)) })
		}, "no tree head of the log"},
		"excluded log": {func(w *outsideWorld) {
			w.edited("c3", func(o *sampler.Outside) { o.Source = sampler.OutsideLog(outGone) })
		}, "no tree head of the log"},
		"looked-up as read": {func(w *outsideWorld) {
			w.edited("c3", func(o *sampler.Outside) { o.Source, o.Entry = sampler.OutsideLog(outLogB), 3 })
		}, "the entry was not read"},
		"SCT after tree": {func(w *outsideWorld) {
			w.edited("e2", func(o *sampler.Outside) { o.Source, o.Entry = sampler.OutsideProvenSCT(outLogB), 20 })
		}, "the tree has 20 entries"},
		"no index":            {func(w *outsideWorld) { w.edited("c4", func(o *sampler.Outside) { o.Source = sampler.OutsideIndex }) }, "seen in crt.sh, which the audit did not have"},
		"no records":          {func(w *outsideWorld) { w.snapshot.Records = nil }, "seen in the CA's records, which the audit did not have"},
		"waits by SCT":        {func(w *outsideWorld) { w.edited("e3", func(o *sampler.Outside) { o.Source = sampler.OutsideSCT }) }, "where no item is seen"},
		"issuer not audited":  {func(w *outsideWorld) { w.snapshot.Issuers = nil }, "lists no issuer with its key"},
		"waits by an earlier": {func(w *outsideWorld) { w.edited("e3", func(o *sampler.Outside) { o.Source = sampler.OutsideEarlier }) }, "where no item is seen"},

		// 5. pairings
		"made-up line":           {func(w *outsideWorld) { w.pair("f0", sampler.FormFinal) }, "neither in a population nor older than the chain by CT"},
		"line of a waiting item": {func(w *outsideWorld) { w.pair("e2", sampler.FormFinal) }, "neither in a population nor older than the chain by CT"},
		"line of an old file":    {func(w *outsideWorld) { w.pair("c4", sampler.FormFinal) }, "neither in a population nor older than the chain by CT"},
		"old and not remembered": {func(w *outsideWorld) { w.pairs = withoutPairs(w.pairs, "c3") }, "no ct/pairings.tsv remembers that"},
		"old, remembered twice":  {func(w *outsideWorld) { w.pair("c3", sampler.FormFinal) }, "that it is older than the chain: 2"},
		"old, remembered again": {func(w *outsideWorld) {
			w.edited("c1", func(o *sampler.Outside) { o.Source, o.Entry = sampler.OutsideLog(outLogA), 41 })
			w.pair("c1", sampler.FormFinal)
		}, "1, and 1 of audits before; one is due"},
		"old, known before": {func(w *outsideWorld) {
			w.edited("c1", func(o *sampler.Outside) { o.Source, o.Entry = sampler.OutsideLog(outLogA), 41 })
		}, ""},
		"old by a made-up before": {func(w *outsideWorld) { w.edited("c4", func(o *sampler.Outside) { o.Source = sampler.OutsideEarlier }) }, "none has it in ct/pairings.tsv"},
		"precertificate left out": {func(w *outsideWorld) { w.pairs = withoutPairs(w.pairs, "b2") }, "is not the first one that ct/pairings.tsv has of it"},
		"another precertificate": {func(w *outsideWorld) {
			w.pairs = withoutPairs(w.pairs, "b2")
			w.pairs = append(w.pairs, sampler.Pairing{Item: outsideItem("b2"), Form: sampler.FormPrecert})
		}, "is not the first one"},
		"line of a certificate":  {func(w *outsideWorld) { w.pair("b1", sampler.FormPrecert) }, "its certificate was seen, and ct/pairings.tsv has 1 line about it"},
		"precertificate of then": {func(w *outsideWorld) { w.pair("a1", sampler.FormPrecert) }, "and ct/pairings.tsv has its precertificate"},
		"certificate known then": {func(w *outsideWorld) {
			w.earlier.rows[0].Form = sampler.FormFinal
			w.earlier.rows[0].Cert = certOf("a1", sampler.FormFinal)
		}, "which an audit before had already"},

		// 6. what waited
		"lost":        {func(w *outsideWorld) { w.without("d1"); w.findings = nil; w.snapshot.Outside.Carried-- }, "it waited in audit before, and is neither"},
		"lost member": {func(w *outsideWorld) { w.rows = w.rows[1:] }, "it waited in audit before, and is neither"},
		"carried then, lost": {func(w *outsideWorld) {
			w.earlier.edited("b1", func(o *sampler.Outside) { o.Verdict = sampler.Carried })
			w.rows = w.rows[1:]
		}, "it waited in audit before, and is neither"},
		"row not left out":     {func(w *outsideWorld) { w.snapshot.Exclusions = nil }, "it waited in audit before, and is neither"},
		"certificate left out": {func(w *outsideWorld) { w.earlier.out("d3", sampler.Waiting, onDay(2, 4), sampler.OutsideFiles, 0) }, "it waited in audit before, and is neither"},
		"exclusion unused":     {func(w *outsideWorld) { w.snapshot.Exclusions[0].Effect = sampler.ExclusionUnused }, "it waited in audit before, and is neither"},
		"carried from nowhere": {func(w *outsideWorld) {
			w.snapshot.Outside.Carried++
			w.out("f2", sampler.Carried, onDay(2, 3), sampler.OutsideFiles, 0)
			w.lost("f2")
		}, "did not wait in audit before"},
		"carried, old then": {func(w *outsideWorld) {
			w.snapshot.Outside.Carried++
			w.snapshot.Counts.TooOld--
			w.edited("c1", func(o *sampler.Outside) {
				o.Verdict, o.Issued, o.Source = sampler.Carried, onDay(2, 3), sampler.OutsideFiles
			})
			w.lost("c1")
		}, "did not wait in audit before"},
		"carried elsewhere":     {func(w *outsideWorld) { w.edited("d1", func(o *sampler.Outside) { o.Source = sampler.OutsideRecords }) }, "with other lines than audit before"},
		"carried, no finding":   {func(w *outsideWorld) { w.findings = nil }, "there is no finding e_waiting_certificate_not_found"},
		"finding of the other":  {func(w *outsideWorld) { w.lost("d2") }, "although it is known why nothing shows it"},
		"finding of nothing":    {func(w *outsideWorld) { w.lost("e2") }, "is about nothing that is carried on"},
		"compared with nothing": {func(w *outsideWorld) { w.snapshot.Outside.Previous = "" }, "the newest audit before with such a document is before"},
		"compared with another": {func(w *outsideWorld) { w.snapshot.Outside.Previous = "else" }, "the newest audit before with such a document is before"},
		"none in audit before":  {func(w *outsideWorld) { w.earlier.snapshot.Outside = nil }, "which is none of the audits before"},
		"document not written":  {func(w *outsideWorld) { w.snapshot.Outside = nil }, "snapshot.json does not name it"},
		"carried, first audit":  {func(w *outsideWorld) { w.commitment.PreviousCommitment = sampler.DocHash{}; w.earlier = nil }, "there is no audit before"},

		// 7. what CT saw before the chain
		"old, now a member": {func(w *outsideWorld) {
			w.without("c1")
			w.snapshot.Counts.TooOld--
			w.row("c1", sampler.FormFinal, onDay(2, 7))
		}, "it is in this population, and CT saw it before the chain began"},
		"old long ago, member": {func(w *outsideWorld) {
			w.earlier.without("c1")
			w.without("c1")
			w.snapshot.Counts.TooOld--
			w.row("c1", sampler.FormFinal, onDay(2, 7))
		}, "it is in this population, and CT saw it before the chain began"},
		"old, now waiting": {func(w *outsideWorld) {
			w.without("c1")
			w.snapshot.Counts.TooOld--
			w.snapshot.Counts.Waiting++
			w.out("c1", sampler.Waiting, onDay(3, 7), sampler.OutsideFiles, 0)
		}, "it is waiting, and CT saw it before"},
		"another setting": {func(w *outsideWorld) {
			w.notBefore()
			w.without("c1")
			w.snapshot.Counts.TooOld--
			w.row("c1", sampler.FormFinal, onDay(2, 7))
		}, ""},
		"notBefore too early": {func(w *outsideWorld) { w.notBefore(); w.rows[0].NotBefore = onDay(1, 1).Add(-time.Second) }, "that never enters"},
	} {
		w := newOutsideWorld()
		c.edit(w)
		list := w.check(t, nil, true)
		if got := said(list, Fail); (got == "") != (c.want == "") || !strings.Contains(got, c.want) {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
		if c.want == "" && (len(list) != 2 || !strings.Contains(list[1].Detail, "2 items were waiting in audit before and not shown by anything")) {
			t.Errorf("%s: %+v", name, list)
		}
	}
}

// notBefore makes the setting of this audit the other one.
func (w *outsideWorld) notBefore() { w.snapshot.IssuanceTime = sampler.IssuedByNotBefore }

// edited changes the lines of an item in ct/outside.tsv; what then is there twice, once.
func (w *outsideWorld) edited(serial string, edit func(*sampler.Outside)) {
	var out []sampler.Outside
	for _, o := range w.outside {
		if o.Item == outsideItem(serial) {
			edit(&o)
		}
		if !slices.Contains(out, o) {
			out = append(out, o)
		}
	}
	w.outside = out
}

func withoutPairs(list []sampler.Pairing, serial string) []sampler.Pairing {
	return slices.DeleteFunc(list, func(p sampler.Pairing) bool { return p.Item == outsideItem(serial) })
}

// TestOutsideDocuments changes documents without their hashes.
func TestOutsideDocuments(t *testing.T) {
	for name, c := range map[string]struct {
		change func(docs map[string][]byte)
		want   string
	}{
		"outside":  {func(d map[string][]byte) { d[sampler.OutsideFile] = withoutLast(d[sampler.OutsideFile]) }, "ct/outside.tsv is not the committed one"},
		"pairings": {func(d map[string][]byte) { d["ct/pairings.tsv"] = withoutLast(d["ct/pairings.tsv"]) }, "ct/pairings.tsv is not the committed one"},
		"order": {func(d map[string][]byte) {
			d[sampler.OutsideFile] = append(d[sampler.OutsideFile], d[sampler.OutsideFile][60:]...)
		}, "line"},
		"garbage": {func(d map[string][]byte) { d[sampler.OutsideFile] = []byte("x\n") }, "header differs"},
	} {
		if got := said(newOutsideWorld().check(t, c.change, true), Fail); !strings.Contains(got, c.want) {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
	if got := said(newOutsideWorld().check(t, func(d map[string][]byte) { delete(d, sampler.OutsideFile) }, true), Skipped); !strings.Contains(got, sampler.OutsideFile) {
		t.Errorf("without the document: %q", got)
	}
}

func withoutLast(b []byte) []byte {
	i := bytes.LastIndexByte(bytes.TrimSuffix(b, []byte("\n")), '\n')
	return bytes.Clone(b[:i+1])
}

// TestOutsideWithoutEarlier says what only the audits before could show.
func TestOutsideWithoutEarlier(t *testing.T) {
	list := newOutsideWorld().check(t, nil, false)
	if got := said(list, Fail); got != "" {
		t.Error(got)
	}
	skipped := said(list, Skipped)
	for _, want := range []string{"that all that waited in audit before is in this population or waits on", "2 items of ct/pairings.tsv or of ct/outside.tsv that only the audits before can explain"} {
		if !strings.Contains(skipped, want) {
			t.Errorf("%q, want %q", skipped, want)
		}
	}
	skipped = said(newOutsideWorld().check(t, nil, true, sampler.OutsideFile, "ct/pairings.tsv"), Skipped)
	for _, want := range []string{"that all that waited in audit before is in this population", "missing: audit before, ct/pairings.tsv, audit before, ct/outside.tsv"} {
		if !strings.Contains(skipped, want) {
			t.Errorf("the draw folder alone: %q, want %q", skipped, want)
		}
	}
	w := newOutsideWorld()
	w.pair("e2", sampler.FormFinal) // nobody needs the audits before for this
	if got := said(w.check(t, nil, false), Fail); !strings.Contains(got, "neither in a population") {
		t.Errorf("%q", got)
	}
}

// TestOutsideOfBefore takes audits of programs that wrote no such document.
func TestOutsideOfBefore(t *testing.T) {
	strip := func(d map[string][]byte) { delete(d, sampler.OutsideFile) }
	w := newOutsideWorld()
	w.snapshot.Outside, w.earlier.snapshot.Outside = nil, nil
	list := w.check(t, strip, true)
	if said(list, Fail) != "" || !strings.Contains(said(list, Note), "no document names the items that wait (2), are older than the chain (2) or predated (0)") {
		t.Errorf("%+v", list)
	}
	w = newOutsideWorld()
	w.snapshot.Outside = nil
	if got := said(w.check(t, strip, true), Fail); !strings.Contains(got, "always writes") {
		t.Errorf("the audit before had one: %q", got)
	}
	w = newOutsideWorld()
	w.earlier.snapshot.Outside, w.snapshot.Outside.Previous, w.snapshot.Outside.Carried = nil, "", 0
	w.without("d1")
	w.without("d2")
	w.findings = nil
	list = w.check(t, nil, true)
	if said(list, Fail) != "" || !strings.Contains(said(list, Note), "no audit before left a document of what waited in it") {
		t.Errorf("%+v", list)
	}
}
