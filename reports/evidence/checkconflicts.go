package evidence

import (
	"bytes"
	"errors"
	"fmt"
	"path"
	"strings"

	"selfaudit/sampler"
	"selfaudit/sampler/ct"
)

const conflictFolder = "ct/conflicts"

// checkConflicts checks the evidence against logs: both tree heads are signed by the log,
// and they contradict each other. It stands alone: the log need not be part of the audit.
func (v *verifier) checkConflicts() {
	const name = "conflicts"
	folders, err := v.data.ReadDir(conflictFolder)
	if err != nil {
		return // there are none
	}
	var bad failures
	var kept []*sampler.Conflict
	for _, folder := range folders {
		id := folder.Name()
		c, err := v.checkConflict(id, v.data.in(path.Join(conflictFolder, id)))
		if err != nil {
			bad.add("log %s: %v", id, err)
			continue
		}
		kept = append(kept, c)
	}
	if !bad.close(v, name, "%d pairs of signed tree heads that contradict each other", len(kept)) {
		return
	}
	for _, c := range kept {
		v.note(name, "log %s, %s: %s", c.LogID, c.Kind, c.Reason)
	}
}

// checkConflict checks one log's folder.
func (v *verifier) checkConflict(id string, files []string) (*sampler.Conflict, error) {
	raw, err := v.data.ReadFile(path.Join(conflictFolder, id, "conflict.json"))
	if err != nil {
		return nil, err
	}
	c, err := sampler.ParseConflict(raw)
	if err == nil {
		err = sameBytes(raw, c.Bytes)
	}
	if err != nil {
		return nil, err
	}
	if c.LogID != id || ct.LogIDOf(c.Served.PublicKey).String() != id {
		return nil, fmt.Errorf("is about log %s, whose key is that of log %s", c.LogID, ct.LogIDOf(c.Served.PublicKey))
	}
	for _, f := range files {
		if base := path.Base(f); base != "conflict.json" && base != c.Known.File && base != c.Served.File {
			return nil, fmt.Errorf("%s: conflict.json does not name it", f)
		}
	}
	known, err := v.conflictHead(id, &c.Known)
	if err != nil {
		return nil, err
	}
	served, err := v.conflictHead(id, &c.Served)
	if err != nil {
		return nil, err
	}
	if err := contradict(c, known, served); err != nil {
		return nil, err
	}
	if l := v.docs.logs[id]; l != nil && l.proven {
		return nil, errors.New("there is evidence against it, and the snapshot calls it proven")
	}
	return c, nil
}

// conflictHead verifies one of the tree heads and compares it with its description.
func (v *verifier) conflictHead(id string, h *sampler.ConflictHead) (head ct.TreeHead, err error) {
	raw, err := v.data.ReadFile(path.Join(conflictFolder, id, h.File))
	if err != nil {
		return head, err
	}
	if strings.HasSuffix(h.File, ".checkpoint") {
		head, err = ct.ParseCheckpoint(raw, h.Origin, h.PublicKey)
	} else {
		head, err = ct.ParseSTH(raw, h.PublicKey)
	}
	if err != nil {
		return head, fmt.Errorf("%s: %w", h.File, err)
	}
	if head.Size != h.TreeSize || head.Root.String() != h.RootHash || head.Timestamp != h.TimestampMS {
		return head, fmt.Errorf("%s: size %d, root %s, time stamp %d; conflict.json says %d, %s, %d", h.File, head.Size, head.Root, head.Timestamp, h.TreeSize, h.RootHash, h.TimestampMS)
	}
	return head, nil
}

// contradict checks that the two heads cannot both be true, for the reason given.
func contradict(c *sampler.Conflict, known, served ct.TreeHead) error {
	sameKey := bytes.Equal(c.Known.PublicKey, c.Served.PublicKey)
	if sameKey == (c.Kind == sampler.ConflictKey) {
		return fmt.Errorf("kind %s, and the keys of both heads are the same: %v", c.Kind, sameKey)
	}
	switch {
	case c.Kind == sampler.ConflictKey:
		return nil
	case c.Kind == sampler.ConflictRollback:
		if served.Size >= known.Size {
			return fmt.Errorf("rollback from %d to %d entries", known.Size, served.Size)
		}
		if served.Timestamp < known.Timestamp { // RFC 6962 section 3.5; a front end that lags behind serves such a head
			return fmt.Errorf("rollback from the tree head of %d ms to an older one of %d ms, which may be right", known.Timestamp, served.Timestamp)
		}
		return nil
	case known.Size == served.Size:
		if known.Root == served.Root {
			return errors.New("both heads are of one tree")
		}
		return nil
	case c.Proof == nil:
		return fmt.Errorf("trees of %d and %d entries, without a proof that one does not begin with the other", known.Size, served.Size)
	}
	implied, err := sampler.ParseDocHash(c.Proof.ImpliedRoot)
	if err != nil {
		return err
	}
	root := ct.Hash(implied)
	if root == known.Root {
		return errors.New("the proof leads from the known tree: the heads do not contradict each other")
	}
	proof := make([]ct.Hash, len(c.Proof.Consistency))
	for i, h := range c.Proof.Consistency {
		copy(proof[i][:], h) // 32 bytes each: ParseConflict has checked it
	}
	return ct.VerifyConsistency(known.Size, served.Size, root, served.Root, proof)
}
