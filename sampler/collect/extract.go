package collect

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/binary"
	"fmt"
	"maps"
	"os"
	"slices"
	"strconv"

	"selfaudit/internal/auditdir"
	"selfaudit/sampler"
	"selfaudit/sampler/ct"
)

// Extract brings the certificates of the wanted items out of the work folder, in the
// order of the items: every sighting with its log entry and inclusion proof. It first
// makes the proofs log by log in the order of the entries, because each needs the leaf
// hashes of one unit, and keeps them in a temporary file in the work folder.
func (c *Collected) Extract(ctx context.Context, dir auditdir.Dir, want map[sampler.ItemID]bool,
	fn func(s sampler.Sighting, cert, signer []byte) error) error {
	var picked []record
	err := c.items(ctx, c.workFolder(), func(s []record) error {
		if !want[s[0].item] {
			return nil
		}
		for i := range s {
			if show, err := c.shown(&s[i]); err != nil {
				return err
			} else if show {
				picked = append(picked, s[i])
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	if err := allPicked(want, picked); err != nil {
		return err
	}
	proofs, err := c.proofs(ctx, dir, picked)
	if err != nil {
		return err
	}
	defer proofs.close()
	found := map[sampler.ItemID]bool{}
	for i := range picked {
		r := &picked[i]
		found[r.item] = true
		s, cert, signer, err := c.sighting(r)
		if err != nil {
			return err
		}
		if s.Source != sampler.SightingSCT { // that of an SCT was kept with it
			if s.Proof, err = proofs.get(i); err == nil && s.Proof != nil {
				err = c.checkProof(r, &s)
			}
			if err != nil {
				return fmt.Errorf("%s: entry %d: %w", c.units[r.unit].path, r.index, err)
			}
		}
		if err := fn(s, cert, signer); err != nil {
			return err
		}
	}
	return nil
}

// allPicked says which wanted item was not picked; picked is in the order of the items.
func allPicked(want map[sampler.ItemID]bool, picked []record) error {
	var found []sampler.ItemID
	for i := range picked {
		if i == 0 || picked[i].item != picked[i-1].item {
			found = append(found, picked[i].item)
		}
	}
	if len(found) == len(want) {
		return nil
	}
	for _, id := range slices.SortedFunc(maps.Keys(want), sampler.ItemID.Compare) {
		if len(found) == 0 || found[0] != id {
			return fmt.Errorf("item %s is in the population but not in the work folder, which must be the one the population was frozen from", id)
		}
		found = found[1:]
	}
	return nil
}

// sighting rebuilds the full sighting from a record, with the log entry as the tree covers it.
func (c *Collected) sighting(r *record) (s sampler.Sighting, cert, signer []byte, err error) {
	u := c.units[r.unit]
	if u.src.isSCT {
		s, cert, err = c.sctSighting(r)
		return s, cert, nil, err
	}
	cert, signer, ext, err := u.bytes(r)
	if err != nil {
		return s, nil, nil, err
	}
	s = sampler.Sighting{ItemID: r.item, Cert: r.cert, Form: r.form, Source: "log", Index: r.index, TimestampMS: r.entryMS}
	if len(signer) > 0 {
		s.PrecertSigner = sampler.HashCert(signer)
	}
	if !u.src.isLog {
		s.Source = "file"
		name, block, ok := bytes.Cut(ext, []byte{0})
		n, err := strconv.Atoi(string(block))
		if !ok || err != nil {
			return s, nil, nil, fmt.Errorf("%s: %w", u.path, errRecord)
		}
		s.File, s.Block, s.Index = u.src.file+"/"+string(name), n, 0
		return s, cert, signer, nil
	}
	s.LogID = u.src.log.String()
	s.Leaf, err = leaf(r, cert, signer, ext)
	return s, cert, signer, err
}

// leaf rebuilds the entry's MerkleTreeLeaf (RFC 6962 section 3.4) from what was kept.
func leaf(r *record, cert, signer, ext []byte) ([]byte, error) {
	b := []byte{0, 0}
	b = binary.BigEndian.AppendUint64(b, r.entryMS)
	body := cert
	if r.form == sampler.FormPrecert {
		pre, err := ct.ParseCertificate(cert)
		if err != nil {
			return nil, err
		}
		if len(ext) < 32 {
			return nil, errRecord
		}
		ikh := ext[:32]
		ext = ext[32:]
		var by *ct.Certificate
		if len(signer) > 0 {
			if by, err = ct.ParseCertificate(signer); err != nil {
				return nil, err
			}
		}
		if body, err = pre.PrecertTBS(by); err != nil {
			return nil, err
		}
		b = append(append(b, 0, 1), ikh...)
	} else {
		b = append(b, 0, 0)
	}
	b = append(b, byte(len(body)>>16), byte(len(body)>>8), byte(len(body)))
	b = append(b, body...)
	b = binary.BigEndian.AppendUint16(b, uint16(len(ext)))
	return append(b, ext...), nil
}

// checkProof holds the leaf that was rebuilt from what was kept, and its inclusion proof,
// against the signed root: what is damaged on disk must not become evidence.
func (c *Collected) checkProof(r *record, s *sampler.Sighting) error {
	log := c.units[r.unit].src.log
	path := make([]ct.Hash, len(s.Proof))
	for i := range path {
		path[i] = ct.Hash(s.Proof[i])
	}
	if err := ct.VerifyInclusion(ct.HashLeaf(s.Leaf), r.index, c.sizes[log], path, c.roots[log]); err != nil {
		return fmt.Errorf("what was kept of it is not what was read: %w: %w", errDamaged, err)
	}
	return nil
}

// proofFile holds, per picked record that is a log entry, the inclusion proof.
type proofFile struct {
	f   *os.File
	at  []int64 // position in f, -1 for none
	len []int32 // hashes
}

func (p *proofFile) close() {
	p.f.Close()
	os.Remove(p.f.Name())
}

// get returns the proof of picked record i, nil if it is not a log entry.
func (p *proofFile) get(i int) ([][]byte, error) {
	if p.at[i] < 0 {
		return nil, nil
	}
	raw := make([]byte, 32*int(p.len[i]))
	if _, err := p.f.ReadAt(raw, p.at[i]); err != nil {
		return nil, err
	}
	out := make([][]byte, p.len[i])
	for k := range out {
		out[k] = raw[32*k : 32*k+32]
	}
	return out, nil
}

// proofs computes the inclusion proofs of picked in the order of the log entries.
func (c *Collected) proofs(ctx context.Context, dir auditdir.Dir, picked []record) (*proofFile, error) {
	if err := os.MkdirAll(dir.Path("work"), 0o777); err != nil {
		return nil, err
	}
	f, err := os.CreateTemp(dir.Path("work"), "proofs-*.partial")
	if err != nil {
		return nil, err
	}
	out := &proofFile{f: f, at: make([]int64, len(picked)), len: make([]int32, len(picked))}
	order := make([]int, len(picked))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int {
		return cmp.Or(cmp.Compare(picked[a].unit, picked[b].unit), cmp.Compare(picked[a].index, picked[b].index))
	})
	w := bufio.NewWriter(auditdir.Writer(f))
	trees := treeReader{c: c, unit: -1}
	var pos int64
	for n, i := range order {
		if n%256 == 0 && ctx.Err() != nil {
			out.close()
			return nil, ctx.Err()
		}
		out.at[i] = -1
		r := &picked[i]
		src := c.units[r.unit].src
		if !src.isLog {
			continue
		}
		proof, err := ct.InclusionProof(r.index, c.sizes[src.log], func(level uint, idx uint64) (ct.Hash, error) {
			return trees.node(src.log, level, idx)
		})
		if err != nil {
			out.close()
			return nil, fmt.Errorf("proving entry %d of log %s: %w", r.index, src.log, err)
		}
		out.at[i], out.len[i] = pos, int32(len(proof))
		for _, h := range proof {
			if _, err := w.Write(h[:]); err != nil {
				out.close()
				return nil, err
			}
			pos += 32
		}
	}
	if err := w.Flush(); err != nil {
		out.close()
		return nil, err
	}
	return out, nil
}

// treeReader answers for the roots of complete subtrees, keeping two units' trees: that of the unit asked for, and that of the
// log's last unit, of which every proof needs nodes if it is not a whole one.
type treeReader struct {
	c     *Collected
	log   ct.LogID
	unit  int
	tree  *unitTree
	last  *unitTree
	upper map[[2]uint64]ct.Hash // (level, index) above the units
}

// node returns the root of the complete subtree idx at level.
func (t *treeReader) node(log ct.LogID, level uint, idx uint64) (ct.Hash, error) {
	if log != t.log || t.upper == nil {
		t.log, t.unit, t.last, t.upper = log, -1, nil, map[[2]uint64]ct.Hash{}
	}
	if level >= logUnitLevel {
		return t.above(level, idx)
	}
	n := int(idx<<level>>logUnitLevel) - t.c.left[log].units()
	if n < 0 {
		return ct.Hash{}, fmt.Errorf("the subtree %d at level %d lies before what was read", idx, level)
	}
	tree, err := t.load(n)
	if err != nil {
		return ct.Hash{}, err
	}
	return tree.node(level, idx&(1<<(logUnitLevel-level)-1))
}

func (t *treeReader) above(level uint, idx uint64) (ct.Hash, error) {
	key := [2]uint64{uint64(level), idx}
	if h, ok := t.upper[key]; ok {
		return h, nil
	}
	if h, ok := t.c.left[t.log].nodes[key]; ok {
		return h, nil
	}
	var h ct.Hash
	if level == logUnitLevel {
		units := t.c.logs[t.log]
		before := uint64(t.c.left[t.log].units())
		if idx < before || idx-before >= uint64(len(units)) {
			return h, fmt.Errorf("no complete subtree %d at level %d", idx, level)
		}
		idx -= before
		span, err := units[idx].span()
		if err != nil {
			return h, err
		}
		if len(span.Nodes) != 1 || span.End-span.Begin != logUnit() {
			return h, fmt.Errorf("no complete subtree %d at level %d", idx, level)
		}
		h = span.Nodes[0]
	} else {
		l, err := t.above(level-1, 2*idx)
		if err != nil {
			return h, err
		}
		r, err := t.above(level-1, 2*idx+1)
		if err != nil {
			return h, err
		}
		h = ct.HashNode(l, r)
	}
	t.upper[key] = h
	return h, nil
}

// load returns the tree of the log's unit n, reading it unless it is kept.
func (t *treeReader) load(n int) (*unitTree, error) {
	units := t.c.logs[t.log]
	switch {
	case n >= len(units):
		return nil, fmt.Errorf("no unit %d", n)
	case n == t.unit:
		return t.tree, nil
	case n == len(units)-1 && t.last != nil:
		return t.last, nil
	}
	tree, err := units[n].treeNodes()
	if err != nil {
		return nil, err
	}
	if n == len(units)-1 {
		t.last = tree
	} else {
		t.tree, t.unit = tree, n
	}
	return tree, nil
}
