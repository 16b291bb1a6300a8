package evidence

import (
	"crypto/sha256"
	"fmt"
	"strings"
	"testing"

	"selfaudit/internal/testlog"
	"selfaudit/sampler"
	"selfaudit/sampler/ct"
)

// treeOf returns the leaf hashes of a tree and its root. Trees of different names differ
// from entry 3 on.
func treeOf(t *testing.T, name string, size uint64) ([]ct.Hash, ct.Hash) {
	t.Helper()
	tree, leaves := ct.NewRange(0), make([]ct.Hash, size)
	for i := range leaves {
		text := fmt.Sprint(i)
		if i >= 3 {
			text += name
		}
		leaves[i] = sha256.Sum256([]byte(text))
		tree.Append(leaves[i])
	}
	root, err := tree.Root()
	if err != nil {
		t.Fatal(err)
	}
	return leaves, root
}

func consistencyOf(t *testing.T, leaves []ct.Hash, from uint64) [][]byte {
	t.Helper()
	proof, err := ct.ConsistencyProof(from, uint64(len(leaves)), testlog.NodesOf(leaves))
	if err != nil {
		t.Fatal(err)
	}
	out := [][]byte{}
	for _, h := range proof {
		out = append(out, h[:])
	}
	return out
}

// rangeLog is a proven log of 40 entries, read from entry 16 on, whose earlier tree had 21.
func rangeLog(t *testing.T) *log {
	leaves, root := treeOf(t, "", 40)
	_, before := treeOf(t, "", 21)
	return &log{proven: true, head: ct.TreeHead{Size: 40, Root: root}, listed: &sampler.SnapshotLog{LogID: strings.Repeat("ab", 32), Status: sampler.LogProven,
		TreeSize: 40, RootHash: root.String(), Entries: 24, Coverage: sampler.CoverageRange, FirstEntry: 16, FirstReason: "cursor", Cursor: &sampler.SnapshotCursor{NextFirstEntry: 40},
		Previous: &sampler.SnapshotPrevious{AuditID: "before", TreeSize: 21, RootHash: before.String(), TimestampMS: 7, Consistency: consistencyOf(t, leaves, 21)}}}
}

func TestCheckRange(t *testing.T) {
	_, other := treeOf(t, "other", 21)
	for name, c := range map[string]struct {
		edit func(*log)
		want string
	}{
		"good":              {func(*log) {}, ""},
		"no earlier audit":  {func(l *log) { l.listed.Previous = nil }, ""},
		"entries":           {func(l *log) { l.listed.Entries = 40 }, "the root cannot have been computed"},
		"another tree":      {func(l *log) { l.listed.Previous.RootHash = other.String() }, "with audit before"},
		"another size":      {func(l *log) { l.listed.Previous.TreeSize = 20 }, "with audit before"},
		"no proof":          {func(l *log) { l.listed.Previous.Consistency = nil }, "the proof is empty"},
		"whole, of the old": {func(l *log) { l.listed.Coverage, l.listed.Previous, l.listed.Entries = "", nil, 40 }, ""},
	} {
		l := rangeLog(t)
		c.edit(l)
		if err := l.checkRange(); (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}

func TestTied(t *testing.T) {
	was := func() *earlierDocs {
		p := rangeLog(t).listed.Previous
		return &earlierDocs{commitment: &sampler.Commitment{AuditID: "before"}, snapshot: &sampler.Snapshot{Logs: []sampler.SnapshotLog{{LogID: strings.Repeat("ab", 32),
			Status: sampler.LogProven, TreeSize: p.TreeSize, RootHash: p.RootHash, TimestampMS: p.TimestampMS, Cursor: &sampler.SnapshotCursor{NextFirstEntry: 17}}}}}
	}
	for name, c := range map[string]struct {
		edit func(*log, *earlierDocs)
		want string
	}{
		"good":          {func(*log, *earlierDocs) {}, ""},
		"size":          {func(l *log, e *earlierDocs) { e.snapshot.Logs[0].TreeSize = 22 }, "previous is audit before, size 21"},
		"root":          {func(l *log, e *earlierDocs) { e.snapshot.Logs[0].RootHash = strings.Repeat("0", 64) }, "previous is audit before"},
		"time":          {func(l *log, e *earlierDocs) { e.snapshot.Logs[0].TimestampMS = 8 }, "previous is audit before"},
		"another audit": {func(l *log, e *earlierDocs) { e.commitment.AuditID = "else" }, "previous is audit before"},
		"no previous":   {func(l *log, e *earlierDocs) { l.listed.Previous = nil }, "does not say that the log only grew"},
		"as if of before": {func(l *log, e *earlierDocs) {
			l.listed.Coverage, l.listed.FirstEntry, l.listed.Entries, l.listed.Previous = "", 0, 40, nil
		}, "does not say that the log only grew"},
		"never used": {func(l *log, e *earlierDocs) {
			e.snapshot.Logs[0].Status = sampler.LogExcluded
			e.commitment.AuditID = "else"
		}, "not among the earlier audits"},
		"entries left out": {func(l *log, e *earlierDocs) { e.snapshot.Logs[0].Cursor.NextFirstEntry = 15 }, "left off at 15"},
	} {
		l, e := rangeLog(t), was()
		c.edit(l, e)
		v := &verifier{docs: documentSet{earlier: []*earlierDocs{e}}}
		ok, err := v.tied(l)
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) || err == nil && !ok {
			t.Errorf("%s: %v %v, want %q", name, ok, err, c.want)
		}
	}
}

func TestContradict(t *testing.T) {
	leaves, root := treeOf(t, "", 40)
	_, before := treeOf(t, "", 21)
	_, other := treeOf(t, "other", 21)
	good := func() (*sampler.Conflict, ct.TreeHead, ct.TreeHead) {
		return &sampler.Conflict{Kind: sampler.ConflictFork, Known: sampler.ConflictHead{PublicKey: []byte{1}}, Served: sampler.ConflictHead{PublicKey: []byte{1}},
			Proof: &sampler.ConflictProof{ImpliedRoot: before.String(), Consistency: consistencyOf(t, leaves, 21)}}, ct.TreeHead{Size: 21, Root: other}, ct.TreeHead{Size: 40, Root: root}
	}
	for name, c := range map[string]struct {
		edit func(c *sampler.Conflict, known, served *ct.TreeHead)
		want string
	}{
		"fork":      {func(c *sampler.Conflict, known, served *ct.TreeHead) {}, ""},
		"no fork":   {func(c *sampler.Conflict, known, served *ct.TreeHead) { known.Root = before }, "do not contradict"},
		"made up":   {func(c *sampler.Conflict, known, served *ct.TreeHead) { c.Proof.ImpliedRoot = strings.Repeat("12", 32) }, "consistency of size 21"},
		"no proof":  {func(c *sampler.Conflict, known, served *ct.TreeHead) { c.Proof = nil }, "without a proof"},
		"two keys":  {func(c *sampler.Conflict, known, served *ct.TreeHead) { c.Known.PublicKey = []byte{2} }, "keys of both heads"},
		"same size": {func(c *sampler.Conflict, known, served *ct.TreeHead) { known.Size = 40 }, ""},
		"same tree": {func(c *sampler.Conflict, known, served *ct.TreeHead) { *known = *served }, "one tree"},
		"rollback": {func(c *sampler.Conflict, known, served *ct.TreeHead) {
			c.Kind, known.Size = sampler.ConflictRollback, 41
		}, ""},
		"no rollback": {func(c *sampler.Conflict, known, served *ct.TreeHead) { c.Kind = sampler.ConflictRollback }, "rollback from 21 to 40"},
		"rollback at once": {func(c *sampler.Conflict, known, served *ct.TreeHead) {
			c.Kind, known.Size, known.Timestamp, served.Timestamp = sampler.ConflictRollback, 41, 7, 7
		}, ""},
		"rollback of before": {func(c *sampler.Conflict, known, served *ct.TreeHead) {
			c.Kind, known.Size, known.Timestamp, served.Timestamp = sampler.ConflictRollback, 41, 7, 6
		}, "which may be right"},
		"changed key": {func(c *sampler.Conflict, known, served *ct.TreeHead) {
			c.Kind, c.Known.PublicKey = sampler.ConflictKey, []byte{2}
		}, ""},
		"no changed key": {func(c *sampler.Conflict, known, served *ct.TreeHead) { c.Kind = sampler.ConflictKey }, "keys of both heads"},
	} {
		conflict, known, served := good()
		c.edit(conflict, &known, &served)
		if err := contradict(conflict, known, served); (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}

func TestPairingLines(t *testing.T) {
	item := sampler.ItemID{Issuer: sampler.KeyHash{1}, Serial: "01"}
	pre, final := sampler.CertHash{1}, sampler.CertHash{2}
	line := func(cert sampler.CertHash, form sampler.Form) sampler.Pairing {
		return sampler.Pairing{Item: item, Form: form, Cert: cert, Key: [32]byte{9}}
	}
	for name, c := range map[string]struct {
		form  sampler.Form // of the population's row; "" for an item of an earlier population
		certs []sampler.CertHash
		lines []sampler.Pairing
		want  string
	}{
		"precertificate":       {sampler.FormPrecert, []sampler.CertHash{pre}, []sampler.Pairing{line(pre, sampler.FormPrecert)}, ""},
		"left out":             {sampler.FormPrecert, []sampler.CertHash{pre}, nil, "no line for precertificate"},
		"certificate":          {sampler.FormFinal, []sampler.CertHash{final, pre}, nil, ""},
		"needless":             {sampler.FormFinal, []sampler.CertHash{final, pre}, []sampler.Pairing{line(pre, sampler.FormPrecert)}, "1 lines"},
		"not seen":             {sampler.FormPrecert, []sampler.CertHash{pre}, []sampler.Pairing{line(sampler.CertHash{7}, sampler.FormPrecert), line(pre, sampler.FormPrecert)}, "not among its sightings"},
		"another form":         {sampler.FormPrecert, []sampler.CertHash{pre}, []sampler.Pairing{line(pre, sampler.FormFinal)}, "the certificate gives precert"},
		"of an earlier audit":  {"", []sampler.CertHash{final}, []sampler.Pairing{line(final, sampler.FormFinal)}, ""},
		"of an earlier, false": {"", []sampler.CertHash{final}, []sampler.Pairing{line(final, sampler.FormPrecert)}, "the certificate gives final"},
	} {
		v := &verifier{docs: documentSet{items: map[sampler.ItemID]*itemSightings{item: {certs: c.certs}}, population: &populationFacts{rows: map[sampler.ItemID]sampler.Row{}},
			certs: map[sampler.CertHash]*certificate{pre: {item: item, form: sampler.FormPrecert, pairKey: [32]byte{9}}, final: {item: item, form: sampler.FormFinal, pairKey: [32]byte{9}}}}}
		if c.form != "" {
			v.docs.population.rows[item] = sampler.Row{Item: item, Form: c.form}
		}
		p := &pairingsCheck{v: v, lines: map[sampler.ItemID][]sampler.Pairing{}}
		for _, l := range c.lines {
			p.line(l)
		}
		p.members()
		got := strings.Join(p.bad.list, "; ")
		if (got == "") != (c.want == "") || !strings.Contains(got, c.want) {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

// TestUnreadBefore names the entries of a log that neither this audit nor one that was given
// has read for all issuers.
func TestUnreadBefore(t *testing.T) {
	one, two := sampler.SnapshotIssuer{Certificates: []sampler.CertHash{{1}}}, sampler.SnapshotIssuer{Certificates: []sampler.CertHash{{2}}}
	before := func() *earlierDocs {
		return &earlierDocs{commitment: &sampler.Commitment{AuditID: "before"}, snapshot: &sampler.Snapshot{Issuers: []sampler.SnapshotIssuer{one},
			Logs: []sampler.SnapshotLog{{LogID: strings.Repeat("ab", 32), Status: sampler.LogProven, TreeSize: 21, RootHash: "x", Cursor: &sampler.SnapshotCursor{NextFirstEntry: 17}}}}}
	}
	for name, c := range map[string]struct {
		issuers []sampler.SnapshotIssuer
		earlier []*earlierDocs
		first   uint64
		want    string
	}{
		"goes on":       {[]sampler.SnapshotIssuer{one}, []*earlierDocs{before()}, 16, ""},
		"read whole":    {[]sampler.SnapshotIssuer{two}, nil, 0, ""},
		"first audit":   {[]sampler.SnapshotIssuer{one}, nil, 16, "were read by no audit given: cursor"},
		"no cursor":     {[]sampler.SnapshotIssuer{one}, []*earlierDocs{{commitment: &sampler.Commitment{AuditID: "before"}}}, 16, "were read by no audit given: cursor"},
		"a new issuer":  {[]sampler.SnapshotIssuer{one, two}, []*earlierDocs{before()}, 16, "audit before did not look for certificates of issuer"},
		"new, all read": {[]sampler.SnapshotIssuer{one, two}, []*earlierDocs{before()}, 0, ""},
	} {
		l := rangeLog(t)
		if l.listed.FirstEntry = c.first; c.first == 0 {
			l.listed.Coverage = sampler.CoverageWhole
		}
		v := &verifier{docs: documentSet{earlier: c.earlier, snapshot: &sampler.Snapshot{Issuers: c.issuers}}}
		if got := v.unreadBefore(l); (got == "") != (c.want == "") || !strings.Contains(got, c.want) {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

// TestOfNow refuses documents that do without what programs of now always write.
func TestOfNow(t *testing.T) {
	for name, c := range map[string]struct {
		s       sampler.Snapshot
		earlier []*earlierDocs
		want    bool
	}{
		"of before":       {sampler.Snapshot{Logs: []sampler.SnapshotLog{{}}}, nil, false},
		"coverage":        {sampler.Snapshot{Logs: []sampler.SnapshotLog{{Coverage: sampler.CoverageWhole}}}, nil, true},
		"sentences":       {sampler.Snapshot{Completeness: []string{"x"}}, nil, true},
		"pairings":        {sampler.Snapshot{Pairings: &sampler.SnapshotPairings{}}, nil, true},
		"records":         {sampler.Snapshot{Reconciliation: &sampler.SnapshotReconciliation{}}, nil, true},
		"earlier":         {sampler.Snapshot{}, []*earlierDocs{{snapshot: &sampler.Snapshot{Pairings: &sampler.SnapshotPairings{}}}}, true},
		"earlier, before": {sampler.Snapshot{}, []*earlierDocs{{snapshot: &sampler.Snapshot{}}, {}}, false},
	} {
		v := &verifier{docs: documentSet{earlier: c.earlier, snapshot: &c.s}}
		if got := v.ofNow(); got != c.want {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}
