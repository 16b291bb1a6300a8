package sampler

import (
	"bytes"
	"slices"
	"strings"
	"testing"
)

func goodConflict() *Conflict {
	hash := strings.Repeat("ab", 32)
	return &Conflict{Kind: ConflictFork, LogID: hash, Reason: "two histories",
		Known:  ConflictHead{File: "known.checkpoint", From: "audit a", Origin: "log.example/1", PublicKey: []byte{1}, TreeSize: 4, RootHash: hash, TimestampMS: 1},
		Served: ConflictHead{File: "served.sth.json", From: "the log", PublicKey: []byte{1}, TreeSize: 9, RootHash: hash, TimestampMS: 2},
		Proof:  &ConflictProof{ImpliedRoot: hash, Consistency: [][]byte{bytes.Repeat([]byte{1}, 32)}}}
}

func TestConflict(t *testing.T) {
	raw, err := goodConflict().Bytes()
	if err != nil {
		t.Fatal(err)
	}
	c, err := ParseConflict(raw)
	if err != nil || c.Kind != ConflictFork || len(c.Proof.Consistency) != 1 {
		t.Fatalf("%+v, %v", c, err)
	}
	if again, err := c.Bytes(); err != nil || !bytes.Equal(again, raw) {
		t.Errorf("written back as %s (%v)", again, err)
	}
	for name, edit := range map[string]func(*Conflict){
		"kind":             func(c *Conflict) { c.Kind = "quarrel" },
		"log":              func(c *Conflict) { c.LogID = "ab" },
		"reason":           func(c *Conflict) { c.Reason = "" },
		"file":             func(c *Conflict) { c.Known.File = "../known.checkpoint" },
		"other's file":     func(c *Conflict) { c.Known.File = "served.checkpoint" },
		"from":             func(c *Conflict) { c.Served.From = "" },
		"root":             func(c *Conflict) { c.Served.RootHash = "x" },
		"rollback":         func(c *Conflict) { c.Kind = ConflictRollback },
		"sizes":            func(c *Conflict) { c.Known.TreeSize = 9 },
		"implied root":     func(c *Conflict) { c.Proof.ImpliedRoot = "" },
		"hash of 31 bytes": func(c *Conflict) { c.Proof.Consistency[0] = make([]byte, 31) },
		"endless proof":    func(c *Conflict) { c.Proof.Consistency = slices.Repeat(c.Proof.Consistency, 200) },
	} {
		c := goodConflict()
		edit(c)
		if _, err := c.Bytes(); err == nil {
			t.Errorf("%s: written", name)
		}
	}
	rollback := func(served, at uint64) error {
		c := goodConflict()
		c.Kind, c.Proof, c.Served.TreeSize, c.Served.TimestampMS = ConflictRollback, nil, served, at
		_, err := c.Bytes()
		return err
	}
	for name, c := range map[string]struct {
		served, at uint64
		good       bool
	}{"later": {3, 2, true}, "at once": {3, 1, true}, "before": {3, 0, false}, "same size": {4, 2, false}, "larger": {5, 2, false}} {
		if err := rollback(c.served, c.at); (err == nil) != c.good {
			t.Errorf("rollback, %s: %v", name, err)
		}
	}
	if _, err := ParseConflict(bytes.Replace(raw, []byte(`"kind"`), []byte(`"sort"`), 1)); err == nil {
		t.Error("an unknown key is read")
	}
}

// FuzzConflict reads anything; what is accepted is written back byte for byte once.
func FuzzConflict(f *testing.F) {
	raw, err := goodConflict().Bytes()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(raw)
	f.Fuzz(func(t *testing.T, raw []byte) {
		c, err := ParseConflict(raw)
		if err != nil {
			return
		}
		first, err := c.Bytes()
		if err != nil {
			t.Fatal(err)
		}
		again, err := ParseConflict(first)
		if err != nil {
			t.Fatal(err)
		}
		if second, err := again.Bytes(); err != nil || !bytes.Equal(first, second) {
			t.Fatalf("%s\n%s (%v)", first, second, err)
		}
	})
}

func TestSnapshotRange(t *testing.T) {
	hash := strings.Repeat("ab", 32)
	good := func() *SnapshotLog {
		return &SnapshotLog{LogID: hash, Status: LogProven, RootHash: hash, TreeSize: 40000, Coverage: CoverageRange, FirstEntry: 16384, FirstReason: "a cursor",
			Cursor:   &SnapshotCursor{NextFirstEntry: 30000},
			Previous: &SnapshotPrevious{AuditID: "a", TreeSize: 20000, RootHash: hash, Consistency: [][]byte{make([]byte, 32)}}}
	}
	if err := good().check(); err != nil {
		t.Fatal(err)
	}
	if first, read := good().First(); first != 16384 || !read {
		t.Errorf("first entry %d, %v", first, read)
	}
	if root, ok := good().Previous.Root(); !ok || root[0] != 0xab {
		t.Errorf("root %x, %v", root, ok)
	}
	for name, edit := range map[string]func(*SnapshotLog){
		"first after the end": func(l *SnapshotLog) { l.FirstEntry = 40001 },
		"whole from 16384":    func(l *SnapshotLog) { l.Coverage = CoverageWhole },
		"range from 0":        func(l *SnapshotLog) { l.FirstEntry = 0 },
		"another coverage":    func(l *SnapshotLog) { l.Coverage = "some" },
		"another, of nothing": func(l *SnapshotLog) {
			*l = SnapshotLog{LogID: hash, Status: LogProven, RootHash: hash, TreeSize: 40000, Coverage: "some"}
		},
		"no reason":               func(l *SnapshotLog) { l.FirstReason = "" },
		"cursor before the start": func(l *SnapshotLog) { l.Cursor.NextFirstEntry = 16383 },
		"cursor after the end":    func(l *SnapshotLog) { l.Cursor.NextFirstEntry = 40001 },
		"previous is larger":      func(l *SnapshotLog) { l.Previous.TreeSize = 40001 },
		"previous without a root": func(l *SnapshotLog) { l.Previous.RootHash = "" },
		"previous without a name": func(l *SnapshotLog) { l.Previous.AuditID = "" },
		"short hash":              func(l *SnapshotLog) { l.Previous.Consistency[0] = nil },
		"excluded, with a cursor": func(l *SnapshotLog) { l.Status, l.Reason = LogExcluded, "gone" },
	} {
		l := good()
		edit(l)
		if l.check() == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}
