package collect

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"strings"

	"selfaudit/sampler"
	"selfaudit/sampler/ct"
	"selfaudit/sampler/ctlog"
)

// conflictFolder is where the evidence against a log is kept.
func conflictFolder(log ct.LogID) string { return path.Join("ct", "conflicts", log.String()) }

// conflictSide is one of two tree heads that contradict each other.
type conflictSide struct {
	raw    []byte
	head   ct.TreeHead
	from   string
	key    []byte
	origin string
	file   string // whose ending says the form of raw
}

func (k Known) side() conflictSide {
	return conflictSide{raw: k.Raw, head: k.Head, from: "audit " + k.AuditID, key: k.PublicKey, origin: k.Origin, file: k.File}
}

func (h *Harvest) servedSide(src Source, raw []byte, head ct.TreeHead, from string) conflictSide {
	return conflictSide{raw: raw, head: head, from: from, key: h.LogKeys[src.Log.ID()], origin: src.Origin, file: src.HeadFile}
}

// document describes the side; name is known or served.
func (s conflictSide) document(name string) sampler.ConflictHead {
	d := sampler.ConflictHead{File: name + ".sth.json", From: s.from, PublicKey: s.key,
		TreeSize: s.head.Size, RootHash: s.head.Root.String(), TimestampMS: s.head.Timestamp}
	if strings.HasSuffix(s.file, ".checkpoint") {
		d.File, d.Origin = name+".checkpoint", s.origin
	}
	return d
}

// conflict keeps both tree heads and returns the log's failure.
func (h *Harvest) conflict(src Source, kind, reason string, known, served conflictSide, c *contradiction) error {
	folder := conflictFolder(src.Log.ID())
	doc := sampler.Conflict{Kind: kind, LogID: src.Log.ID().String(), Reason: reason, Known: known.document("known"), Served: served.document("served")}
	if c != nil && known.head.Size < served.head.Size {
		doc.Proof = &sampler.ConflictProof{ImpliedRoot: c.implied.String()}
		for _, h := range c.proof {
			doc.Proof.Consistency = append(doc.Proof.Consistency, h[:])
		}
	}
	raw, err := doc.Bytes()
	if err != nil {
		return err
	}
	// conflict.json comes last: what it names is there.
	for _, d := range []struct {
		name string
		raw  []byte
	}{{doc.Known.File, known.raw}, {doc.Served.File, served.raw}, {"conflict.json", raw}} {
		if err := h.Dir.Replace(path.Join(folder, d.name), d.raw); err != nil {
			return err
		}
	}
	return h.refused(src, &doc)
}

// refused is the failure of a log that has signed two things that cannot both be true.
func (h *Harvest) refused(src Source, c *sampler.Conflict) error {
	return &ctlog.Error{Log: src.Log.Name(), Kind: ctlog.Invalid, Where: conflictFolder(src.Log.ID()),
		Err: fmt.Errorf("%s: %s; both tree heads are kept as evidence", c.Kind, c.Reason)}
}

// keptConflict refuses a log against which an earlier run of this audit has kept evidence
// that nothing can undo. Another key may have been a mistake in the configuration.
func (h *Harvest) keptConflict(src Source) error {
	raw, err := h.Dir.Read(path.Join(conflictFolder(src.Log.ID()), "conflict.json"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	c, err := sampler.ParseConflict(raw)
	if err != nil {
		return fmt.Errorf("%s: %w", h.Dir.Path(conflictFolder(src.Log.ID())), err)
	}
	if c.Kind == sampler.ConflictKey {
		return nil // looked at again at once
	}
	return h.refused(src, c)
}

// resolved removes what was kept while the log's address stood for another key.
func (h *Harvest) resolved(src Source) error {
	return os.RemoveAll(h.Dir.Path(conflictFolder(src.Log.ID())))
}
