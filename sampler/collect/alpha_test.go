package collect_test

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/pem"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"selfaudit/internal/auditdir"
	"selfaudit/sampler"
	"selfaudit/sampler/collect"
	"selfaudit/sampler/ct"
	"selfaudit/sampler/ctlog"
)

const alpha = "../../testdata/ctlogs/alpha"

// quiet is an Observer that shows nothing.
type quiet struct{}

func (quiet) Begin(string, uint64)           {}
func (quiet) Advance(string, uint64, uint64) {}
func (quiet) End(string, string)             {}

func (quiet) State(string, string, time.Duration) {}

func readPEM(t testing.TB, path string) []byte {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode(raw)
	if block == nil {
		t.Fatalf("%s: no PEM", path)
	}
	return block.Bytes
}

func alphaIssuers(t testing.TB) *collect.Issuers {
	t.Helper()
	var given []collect.Issuer
	for i := 1; i <= 4; i++ {
		given = append(given, collect.Issuer{Certificates: [][]byte{readPEM(t, fmt.Sprintf("%s/issuer-%d.pem", alpha, i))}})
	}
	set, err := collect.NewIssuers(given)
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// alphaLogs returns the bundled logs, and log a too where its folder is.
func alphaLogs(t testing.TB) (logs []testLog, names string) {
	t.Helper()
	open := func(dir, kind, origin string) {
		key := readPEM(t, dir+"/key.pub.pem")
		l, err := ctlog.Open(ctlog.Config{Type: kind, URL: dir, Origin: origin, PublicKey: key, HashTiles: true})
		if err != nil {
			t.Fatal(err)
		}
		logs = append(logs, testLog{l, key, kind == ctlog.StaticCT})
		names += filepath.Base(dir)
	}
	open(alpha+"/b", ctlog.RFC6962, "")
	open(alpha+"/c", ctlog.StaticCT, "alpha-c.ct.example/2026h2")
	if a := "../../../shared/data/ctlogs/alpha/a"; dirExists(a) {
		open(a, ctlog.StaticCT, "alpha-a.ct.example/2026h2")
	}
	return logs, names
}

type testLog struct {
	*ctlog.Log
	key    []byte
	static bool
}

func dirExists(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

// harvestAll reads the logs into dir and reopens the collection.
func harvestAll(t testing.TB, dir auditdir.Dir, issuers *collect.Issuers, logs []testLog) *collect.Collected {
	t.Helper()
	h := &collect.Harvest{Dir: dir, Issuers: issuers, LogKeys: map[ct.LogID][]byte{}, Observer: quiet{}, Parallel: 2}
	var sources []collect.Source
	for _, l := range logs {
		h.LogKeys[l.ID()] = l.key
		sources = append(sources, collect.Source{Log: l.Log, HeadFile: "ct/heads/" + l.ID().String(), HashTiles: l.static})
	}
	results, err := h.Logs(context.Background(), sources)
	if err != nil {
		t.Fatal(err)
	}
	saved := h.Save(results, nil)
	for _, r := range results {
		if r.Err != nil {
			t.Fatalf("log %s: %v", r.Log.Name(), r.Err)
		}
		saved.Logs = append(saved.Logs, sampler.SnapshotLog{LogID: r.Log.ID().String(), Status: sampler.LogProven, TreeSize: r.Head.Size, RootHash: r.Head.Root.String()})
	}
	c, err := collect.Reopen(dir, issuers, &saved)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// frozen runs Population and returns its rows and findings as text.
func frozen(t testing.TB, c *collect.Collected, m sampler.Membership) (rows []sampler.Row, findings []sampler.ItemFinding, res *collect.Result) {
	t.Helper()
	res, err := c.Population(context.Background(), m, nil,
		func(r sampler.Row) error { rows = append(rows, r); return nil },
		func(f sampler.ItemFinding) error { findings = append(findings, f); return nil })
	if err != nil {
		t.Fatal(err)
	}
	return rows, findings, res
}

func day(s string) time.Time {
	t, err := time.Parse(time.DateOnly, s)
	if err != nil {
		panic(err)
	}
	return t
}

// TestAlphaPopulation compares the frozen population with the generator's own record.
func TestAlphaPopulation(t *testing.T) {
	logs, names := alphaLogs(t)
	issuers := alphaIssuers(t)
	c := harvestAll(t, auditdir.At(t.TempDir()), issuers, logs)
	everything := sampler.Membership{ChainStart: day("2020-01-01"), PeriodStart: day("2020-01-01"), PeriodEnd: day("2030-01-01"), Setting: sampler.IssuedByCT}
	period := sampler.Membership{ChainStart: day("2026-08-01"), PeriodStart: day("2026-08-01"), PeriodEnd: day("2026-11-01"), Setting: sampler.IssuedByNotBefore}

	f, err := os.Open(alpha + "/entries.csv")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	lines, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	keys := map[string]string{}
	for i := 1; i <= 4; i++ {
		file := fmt.Sprintf("issuer-%d.pem", i)
		keys[file] = issuers.Of(readPEM(t, alpha+"/"+file)).Key.String()
	}
	all, inPeriod, labels := map[string]bool{}, map[string]bool{}, map[string]string{}
	for _, l := range lines[1:] {
		if !seen(l[11], names) && !seen(l[12], names) {
			continue
		}
		id := keys[l[0]] + ":" + l[1]
		all[id] = true
		if l[5] == "true" {
			inPeriod[id] = true
		}
		labels[id] = l[6]
	}
	rows, findings, _ := frozen(t, c, everything)
	compareItems(t, rows, all)
	if names == "bca" && len(rows) != 3010 {
		t.Errorf("%d items over all three logs, want 3010", len(rows))
	}
	rows, _, res := frozen(t, c, period)
	compareItems(t, rows, inPeriod)
	if res.Counts.ByNotBefore != int64(len(rows)) {
		t.Errorf("%d of %d items dated by notBefore", res.Counts.ByNotBefore, len(rows))
	}
	got := map[string]string{}
	for _, f := range findings {
		got[f.ItemID.String()] += f.Lint + " "
	}
	for id, want := range map[string]string{"duplicate_serial": "e_several_", "final_tbs_mismatch": "e_certificate_does_not_match_precertificate"} {
		for item, label := range labels {
			if label == id && both(lines, item, keys, names) && !strings.Contains(got[item], want) {
				t.Errorf("item %s (%s): findings %q", item, label, got[item])
			}
		}
	}
	for item := range got {
		if l := labels[item]; l != "duplicate_serial" && l != "final_tbs_mismatch" {
			t.Errorf("item %s (%s) has findings %q and should have none", item, l, got[item])
		}
	}
}

// seen says whether one of the logs (by letter) is in a list such as "a:17;b;c:3".
func seen(list, logs string) bool {
	for _, s := range strings.Split(list, ";") {
		if s != "" && strings.Contains(logs, s[:1]) {
			return true
		}
	}
	return false
}

// both says whether at least two of the item's certificates are in the logs at hand, so
// that their contradiction can show.
func both(lines [][]string, item string, keys map[string]string, logs string) bool {
	n := 0
	for _, l := range lines[1:] {
		if keys[l[0]]+":"+l[1] == item {
			if seen(l[11], logs) {
				n++
			}
			if seen(l[12], logs) {
				n++
			}
		}
	}
	return n >= 2
}

func compareItems(t *testing.T, rows []sampler.Row, want map[string]bool) {
	t.Helper()
	got := map[string]bool{}
	for _, r := range rows {
		got[r.Item.String()] = true
		if !want[r.Item.String()] {
			t.Errorf("item %s is in the population and should not be", r.Item)
		}
	}
	for id := range want {
		if !got[id] {
			t.Errorf("item %s is missing from the population", id)
		}
	}
}

// TestExtract checks that every sighting's leaf and inclusion proof lead to the signed root.
func TestExtract(t *testing.T) {
	logs, _ := alphaLogs(t)
	dir := auditdir.At(t.TempDir())
	c := harvestAll(t, dir, alphaIssuers(t), logs)
	rows, _, _ := frozen(t, c, sampler.Membership{ChainStart: day("2020-01-01"), PeriodStart: day("2020-01-01"), PeriodEnd: day("2030-01-01")})
	want := map[sampler.ItemID]bool{}
	for i, r := range rows {
		if i%7 == 0 {
			want[r.Item] = true
		}
	}
	heads := map[string]ct.TreeHead{}
	for _, l := range logs {
		_, head, err := l.Head(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		heads[l.ID().String()] = head
	}
	n := 0
	err := c.Extract(context.Background(), dir, want, func(s sampler.Sighting, cert, _ []byte) error {
		n++
		if sampler.HashCert(cert) != s.Cert {
			t.Errorf("item %s: certificate and hash differ", s.ItemID)
		}
		var proof []ct.Hash
		for _, h := range s.Proof {
			proof = append(proof, ct.Hash(h))
		}
		head := heads[s.LogID]
		return ct.VerifyInclusion(ct.HashLeaf(s.Leaf), s.Index, head.Size, proof, head.Root)
	})
	if err != nil {
		t.Fatal(err)
	}
	if n < len(want) {
		t.Errorf("%d sightings for %d items", n, len(want))
	}
}

// TestResume interrupts harvesting by deleting units and compares the populations.
func TestResume(t *testing.T) {
	logs, _ := alphaLogs(t)
	m := sampler.Membership{ChainStart: day("2020-01-01"), PeriodStart: day("2020-01-01"), PeriodEnd: day("2030-01-01")}
	text := func(dir auditdir.Dir) []byte {
		rows, _, _ := frozen(t, harvestAll(t, dir, alphaIssuers(t), logs), m)
		var b bytes.Buffer
		w := sampler.NewPopulationWriter(&b)
		for _, r := range rows {
			if err := w.Write(r); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Flush(); err != nil {
			t.Fatal(err)
		}
		return b.Bytes()
	}
	dir := auditdir.At(t.TempDir())
	first := text(dir)
	units, err := filepath.Glob(dir.Path("work/logs/*/*.unit"))
	if err != nil || len(units) < 2 {
		t.Fatalf("units: %v %v", units, err)
	}
	if err := os.Remove(units[0]); err != nil {
		t.Fatal(err)
	}
	if again := text(dir); !bytes.Equal(first, again) {
		t.Error("the population differs after a resumed harvest")
	}
}
