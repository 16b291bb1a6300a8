package collect_test

import (
	"errors"
	"testing"

	"selfaudit/internal/auditdir"
	"selfaudit/sampler"
	"selfaudit/sampler/collect"
	"selfaudit/sampler/ct"
	"selfaudit/sampler/ctlog"
)

// knownOf is a log's tree head as an audit before would know it.
func knownOf(t *testing.T, audit, kind string, l *ctlog.Log, key []byte) collect.Known {
	t.Helper()
	raw, head, err := l.Head(t.Context())
	must(t, err)
	return collect.Known{AuditID: audit, Head: head, Raw: raw, PublicKey: key, Origin: logOrigin, File: headName(kind)}
}

// A log that is looked into, and not read, proves that it has only grown since the audits before.
func TestLookedUpLogsHaveGrown(t *testing.T) {
	oldest, before, now := newSCTWorld(t, 70, nil), newSCTWorld(t, 200, nil), newSCTWorld(t, 300, nil)
	harvest := func(t *testing.T, dir auditdir.Dir, static, rfc []collect.Known) []collect.SCTResult {
		t.Helper()
		h := &collect.Harvest{Dir: dir, Issuers: newIssuers(t, ourCA), Observer: quiet{}, LogKeys: map[ct.LogID][]byte{now.static.ID(): staticKey.SPKI, now.rfc.ID(): rfcKey.SPKI}}
		files, err := h.Files(t.Context(), []collect.FileReader{derFiles(now.finals)})
		must(t, err)
		results, err := h.SCTs(t.Context(), []collect.SCTLog{{Log: now.static, HeadFile: "ct/heads/static.checkpoint", Indexed: true, Origin: logOrigin, Known: static},
			{Log: now.rfc, HeadFile: "ct/heads/rfc.sth.json", Known: rfc}}, collect.Harvested{Files: files})
		must(t, err)
		return results
	}
	heads := func(w *sctWorld, audit string) (a, b collect.Known) {
		return knownOf(t, audit, static, w.static, staticKey.SPKI), knownOf(t, audit, rfc, w.rfc, rfcKey.SPKI)
	}
	s1, r1 := heads(oldest, "oldest")
	s2, r2 := heads(before, "before")
	dir := auditdir.At(t.TempDir())
	for range 2 { // units that are there already change nothing
		for i, r := range harvest(t, dir, []collect.Known{s2, s1}, []collect.Known{r2, r1}) {
			must(t, r.Err)
			known := []collect.Known{s2, r2}[i]
			p := r.Previous
			if p == nil || p.AuditID != "before" || p.TreeSize != 200 || p.RootHash != known.Head.Root.String() || p.TimestampMS != known.Head.Timestamp || r.Proven != 300 {
				t.Fatalf("log %d: previous %+v, %d proven", i, p, r.Proven)
			}
			var proof []ct.Hash
			for _, h := range p.Consistency {
				proof = append(proof, ct.Hash(h))
			}
			must(t, ct.VerifyConsistency(200, r.Head.Size, known.Head.Root, r.Head.Root, proof))
		}
	}

	// Nothing new, and nothing before.
	s3, r3 := heads(now, "same")
	for i, r := range harvest(t, auditdir.At(t.TempDir()), []collect.Known{s3}, nil) {
		must(t, r.Err)
		if p := r.Previous; (p != nil) != (i == 0) || p != nil && (p.TreeSize != 300 || len(p.Consistency) != 0) {
			t.Errorf("log %d: %+v", i, p)
		}
	}

	// A tree that does not begin with the one before, or has its size and another root, is refused with evidence.
	s2.Head.Root[0] ^= 1
	r3.Head.Root[0] ^= 1
	dir = auditdir.At(t.TempDir())
	for i, r := range harvest(t, dir, []collect.Known{s2}, []collect.Known{r3}) {
		var le *ctlog.Error
		if !errors.As(r.Err, &le) || le.Kind != ctlog.Invalid || r.Previous != nil {
			t.Errorf("log %d: %v, %+v", i, r.Err, r.Previous)
		}
		raw, err := dir.Read("ct/conflicts/" + r.Log.ID().String() + "/conflict.json")
		must(t, err)
		if c, err := sampler.ParseConflict(raw); err != nil || c.Kind != sampler.ConflictFork || (c.Proof != nil) != (i == 0) {
			t.Errorf("log %d: %+v, %v", i, c, err)
		}
	}
}
