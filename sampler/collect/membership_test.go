package collect_test

import (
	"cmp"
	"context"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"selfaudit/internal/auditdir"
	"selfaudit/internal/testlog"
	"selfaudit/internal/testpki"
	"selfaudit/sampler"
	"selfaudit/sampler/collect"
	"selfaudit/sampler/ct"
)

// memoryLog is an RFC 6962 log in memory that grows; its tree heads are not signed.
type memoryLog struct {
	id      ct.LogID
	entries []*ct.Entry
}

func (l *memoryLog) ID() ct.LogID { return l.id }
func (l *memoryLog) Name() string { return "memory log " + l.id.String()[:2] }
func (l *memoryLog) Head(context.Context) ([]byte, ct.TreeHead, error) {
	raw := fmt.Appendf(nil, "%d", len(l.entries))
	head, err := l.ParseHead(raw)
	return raw, head, err
}

func (l *memoryLog) ParseHead(raw []byte) (ct.TreeHead, error) {
	head := ct.TreeHead{LogID: l.id}
	if _, err := fmt.Sscan(string(raw), &head.Size); err != nil {
		return head, err
	}
	tree := ct.NewRange(0)
	for _, e := range l.entries[:head.Size] {
		tree.Append(e.LeafHash())
	}
	var err error
	head.Root, err = tree.Root()
	return head, err
}

func (l *memoryLog) Read(_ context.Context, _ ct.TreeHead, start, end uint64, fn func(*ct.Entry) error) error {
	for i := start; i < end; i++ {
		e := *l.entries[i]
		e.Index = i
		if err := fn(&e); err != nil {
			return err
		}
	}
	return nil
}

func (l *memoryLog) Issuer(context.Context, ct.Fingerprint) ([]byte, error) { panic("no issuer files") }
func (l *memoryLog) CheckHashTile(context.Context, uint64, int, []ct.Hash) error {
	panic("no hash tiles")
}
func (l *memoryLog) CheckNodeTile(context.Context, uint, uint64, []ct.Hash) error {
	panic("no hash tiles")
}

func (l *memoryLog) nodes(size uint64) ct.NodeFunc {
	var leaves []ct.Hash
	for _, e := range l.entries[:size] {
		leaves = append(leaves, e.LeafHash())
	}
	return testlog.NodesOf(leaves)
}

func (l *memoryLog) InclusionProof(_ context.Context, head ct.TreeHead, index uint64) (ct.Hash, []ct.Hash, error) {
	path, err := ct.InclusionProof(index, head.Size, l.nodes(head.Size))
	return l.entries[index].LeafHash(), path, err
}

func (l *memoryLog) ConsistencyProof(_ context.Context, size1 uint64, head ct.TreeHead) ([]ct.Hash, error) {
	return ct.ConsistencyProof(size1, head.Size, l.nodes(head.Size))
}

// made is one certificate or precertificate that somebody submitted to a log.
type made struct {
	item   sampler.ItemID
	der    []byte
	tbs    []byte // of a precertificate
	log    int
	at     time.Time // time stamp
	merged time.Time // when it became visible in the tree

	template testpki.Template
	foreign  bool // of a CA that is not audited
}

func (m made) entry() *ct.Entry {
	e := &ct.Entry{Timestamp: uint64(m.at.UnixMilli()), Certificate: m.der, Chain: ourCA.Chain()}
	if m.tbs != nil {
		e.Type, e.Certificate, e.TBS, e.Precertificate, e.IssuerKeyHash = ct.PrecertEntry, nil, m.tbs, m.der, ourCA.IssuerKeyHash()
	}
	if m.foreign {
		e.IssuerKeyHash = foreignCA.IssuerKeyHash()
	}
	e.Leaf = append([]byte{0, 0}, encodeTimestamped(e)...)
	return e
}

// chainOfAudits is four audits in a row, each a month, whose logs are read some days after
// the end.
type chainOfAudits struct {
	setting     sampler.IssuanceTime
	notBefore   map[sampler.ItemID]time.Time
	made        []made
	populations []string
	findings    []string
	seen        map[sampler.ItemID]int // audit in whose population the item is
}

const audits = 4

var chainStart = day("2026-01-01")

func periodOf(k int) sampler.Membership {
	return sampler.Membership{ChainStart: chainStart, PeriodStart: chainStart.AddDate(0, k, 0), PeriodEnd: chainStart.AddDate(0, k+1, 0)}
}

// run collects and freezes audit k.
func (c *chainOfAudits) run(t testing.TB, k int) documents {
	t.Helper()
	dir, err := os.MkdirTemp("", "audit")
	must(t, err)
	defer os.RemoveAll(dir)
	m := periodOf(k)
	m.Setting = c.setting
	logs := []*memoryLog{{id: ct.LogID{1}}, {id: ct.LogID{2}}}
	for _, x := range c.made {
		if x.merged.Before(m.PeriodEnd.AddDate(0, 0, 3)) {
			logs[x.log].entries = append(logs[x.log].entries, x.entry())
		}
	}
	h := &collect.Harvest{Dir: auditdir.At(dir), Issuers: newIssuers(t, ourCA), Observer: quiet{}}
	var sources []collect.Source
	for _, l := range logs {
		sources = append(sources, collect.Source{Log: l, HeadFile: "ct/heads/" + l.id.String()})
	}
	results, err := h.Logs(context.Background(), sources)
	must(t, err)
	saved := h.Save(results, nil)
	for _, r := range results {
		must(t, r.Err)
		saved.Logs = append(saved.Logs, snapshotOf(r))
	}
	got, err := collect.Reopen(h.Dir, h.Issuers, &saved)
	must(t, err)
	for _, f := range c.findings {
		must(t, got.Reported(strings.NewReader(f)))
	}
	d := freeze(t, got, m, c.populations...)
	c.populations, c.findings = append(c.populations, d.population), append(c.findings, d.items)
	return d
}

// templates are made once: signing takes the time here.
var templates = func() []testpki.Template {
	var out []testpki.Template
	for i := range 12 {
		out = append(out, testpki.Template{Seed: fmt.Sprint("m", i)})
	}
	return out
}()

// drawChain makes up items that are logged with delays, into one log or two, as
// precertificate, certificate or both, with clocks that disagree.
func drawChain(t *rapid.T) *chainOfAudits {
	c := &chainOfAudits{notBefore: map[sampler.ItemID]time.Time{}, seen: map[sampler.ItemID]int{},
		setting: rapid.SampledFrom([]sampler.IssuanceTime{sampler.IssuedByCT, sampler.IssuedByNotBefore}).Draw(t, "setting")}
	for i := range rapid.IntRange(1, 6).Draw(t, "items") {
		// From a month before the chain to a month after the last period, at full hours.
		submitted := chainStart.Add(time.Hour * time.Duration(rapid.IntRange(-31*24, 151*24).Draw(t, "submitted")))
		skew := rapid.SampledFrom([]int{0, 0, -1, 1, -47, -48, 48, -24 * 40, 24 * 40}).Draw(t, "skew")
		template := templates[i]
		template.NotBefore = submitted.Add(time.Hour * time.Duration(skew))
		id := itemOf(ourCA, template)
		c.notBefore[id] = template.NotBefore
		for range rapid.IntRange(1, 3).Draw(t, "sightings") {
			at := submitted.Add(time.Minute * time.Duration(rapid.SampledFrom([]int{0, 0, 1, 60 * 24, 60 * 24 * 45}).Draw(t, "later")))
			delay := rapid.SampledFrom([]int{0, 0, 0, 24, 24 * 20, 24 * 65}).Draw(t, "delay")
			x := made{item: id, template: template, log: rapid.IntRange(0, 1).Draw(t, "log"), at: at, merged: at.Add(time.Hour * time.Duration(delay))}
			if rapid.Bool().Draw(t, "final") {
				x.der = ourCA.Certificate(template)
			} else {
				x.der, x.tbs = ourCA.Precertificate(template), ourCA.TBS(template)
			}
			c.made = append(c.made, x)
		}
	}
	slices.SortStableFunc(c.made, func(a, b made) int { return a.merged.Compare(b.merged) })
	return c
}

// expect says what the protocol (section 3.1) makes of the item in audit k, from what is
// visible then: "" for an item that no log shows yet.
func (c *chainOfAudits) expect(k int, id sampler.ItemID) (verdict string, issued time.Time) {
	m := periodOf(k)
	var ctTime time.Time
	for _, x := range c.made {
		if x.item == id && x.merged.Before(m.PeriodEnd.AddDate(0, 0, 3)) && (ctTime.IsZero() || x.at.Before(ctTime)) {
			ctTime = x.at
		}
	}
	if ctTime.IsZero() {
		return "", ctTime
	}
	issued = ctTime
	if _, earlier := c.seen[id]; earlier {
		return "earlier", issued
	}
	switch nb := c.notBefore[id]; {
	case c.setting == sampler.IssuedByNotBefore && nb.Before(chainStart) && !ctTime.Before(chainStart):
		return "predated", issued
	case c.setting == sampler.IssuedByNotBefore && nb.Before(chainStart):
		return "too old", issued
	case c.setting == sampler.IssuedByNotBefore && (nb.Before(ctTime) || ctTime.Before(chainStart)):
		issued = nb
	case ctTime.Before(chainStart):
		if c.setting == sampler.IssuedByCT {
			return "too old", issued
		}
	}
	switch {
	case !issued.Before(m.PeriodEnd):
		return "waiting", issued
	case issued.Before(m.PeriodStart):
		return "late", issued
	}
	return "current", issued
}

// TestEveryItemInOnePopulation runs four audits over growing logs.
func TestEveryItemInOnePopulation(t *testing.T) {
	checks := flag.Lookup("rapid.checks").Value
	if before := checks.String(); before == "100" { // each check is four audits
		must(t, checks.Set("25"))
		defer func() { must(t, checks.Set(before)) }()
	}
	rapid.Check(t, func(rt *rapid.T) {
		c := drawChain(rt)
		ids := make([]sampler.ItemID, 0, len(c.notBefore))
		for id := range c.notBefore {
			ids = append(ids, id)
		}
		slices.SortFunc(ids, func(a, b sampler.ItemID) int { return a.Compare(b) })
		for k := range audits {
			want := collect.Counts{}
			members := map[sampler.ItemID]time.Time{}
			for _, id := range ids {
				verdict, issued := c.expect(k, id)
				if verdict != "" {
					want.ItemsSeen++
				}
				switch verdict {
				case "predated":
					want.Predated++
				case "too old":
					want.TooOld++
				case "earlier":
					want.InEarlier++
				case "waiting":
					want.Waiting++
				case "late":
					want.Late++
					members[id] = issued
				case "current":
					members[id] = issued
				}
			}
			want.Population = int64(len(members))
			d := c.run(t, k)
			got := d.res.Counts
			got.ByCT, got.ByNotBefore, got.PrecertOnly, got.FinalOnly, got.Both = 0, 0, 0, 0, 0
			if got != want {
				rt.Fatalf("audit %d (%s): counts %+v, want %+v", k, c.setting, got, want)
			}
			for _, r := range d.rows {
				if issued, ok := members[r.Item]; !ok || !issued.Equal(r.Issued) {
					rt.Fatalf("audit %d: item %s issued %s, want member %v, issued %s", k, r.Item, r.Issued, ok, issued)
				}
				if before, twice := c.seen[r.Item]; twice {
					rt.Fatalf("item %s is in the populations of audits %d and %d", r.Item, before, k)
				}
				c.seen[r.Item] = k
			}
			if len(d.findings) > 0 {
				rt.Fatalf("audit %d: findings %v", k, d.findings)
			}
		}
		for _, id := range ids { // nothing issued in the chain is left out
			verdict, _ := c.expect(audits-1, id)
			if _, member := c.seen[id]; !member && cmp.Or(verdict, "waiting") != "waiting" && verdict != "too old" && verdict != "predated" {
				rt.Fatalf("item %s is %s and in no population", id, verdict)
			}
		}
	})
}
