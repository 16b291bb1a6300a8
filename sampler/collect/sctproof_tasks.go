package collect

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

	"selfaudit/internal/auditdir"
	"selfaudit/sampler"
	"selfaudit/sampler/ct"
)

// sctTask is one embedded SCT of a configured log.
type sctTask struct {
	rec    record // the certificate's sighting: where its bytes are
	number uint16 // of the SCT in the certificate, from 0
	timeMS uint64
	index  uint64  // as the SCT says; only if indexed
	leaf   ct.Hash // of the entry that the SCT promises
	key    [32]byte

	indexed bool
	decided sampler.SCTOutcome // what needs no asking; "" if the log is to be asked
	detail  string
}

// spillSCTs goes through all final certificates and writes the tasks of each log to its spill.
func (h *Harvest) spillSCTs(ctx context.Context, from *Collected, logs map[ct.LogID]*sctSpill) error {
	keys := map[ct.LogID]*ct.PublicKey{}
	for id, spki := range h.LogKeys {
		keys[id] = ct.NewPublicKey(spki)
	}
	err := from.items(ctx, from.workFolder(), func(sightings []record) error {
		it := item{sightings: sightings}
		for _, r := range it.certs(sampler.FormFinal) {
			if err := h.certificateSCTs(from, it, r, keys, logs); err != nil {
				return err
			}
		}
		return nil
	})
	for _, s := range logs {
		err = errors.Join(err, s.w.Flush())
	}
	return err
}

// certificateSCTs makes the tasks of one certificate.
func (h *Harvest) certificateSCTs(from *Collected, it item, r *record, keys map[ct.LogID]*ct.PublicKey, logs map[ct.LogID]*sctSpill) error {
	der, _, _, err := from.units[r.unit].bytes(r)
	if err != nil {
		return err
	}
	cert, err := ct.ParseCertificate(der)
	if err != nil {
		return fmt.Errorf("%s: certificate %s: %w", from.units[r.unit].path, r.cert, err) // it was readable when it was kept
	}
	list, err := cert.SCTs()
	if err != nil {
		return nil // the record has flagSCTList
	}
	var tbs []byte
	for i, s := range list {
		spill := logs[s.LogID]
		if spill == nil {
			continue // the record has the log among others
		}
		if tbs == nil {
			if tbs, err = cert.PairingTBS(); err != nil {
				return nil // flagPairingFailed: nothing can be rebuilt
			}
		}
		t := h.task(r, uint16(i), s, tbs, keys[s.LogID])
		switch {
		case t.decided != "":
		case spill.log.Excluded != "":
			t.decided, t.detail = sampler.SCTExcluded, spill.log.Excluded
		case spill.log.Indexed && !t.indexed:
			t.decided = sampler.SCTNoIndex
		default:
			if err := from.wasRead(it, &t, s.LogID); err != nil {
				return err
			}
		}
		if err := spill.add(&t); err != nil {
			return err
		}
	}
	return nil
}

// task verifies an SCT and rebuilds the leaf of the entry that it promises (RFC 6962 section 3.2).
func (h *Harvest) task(r *record, number uint16, s ct.SCT, tbs []byte, key *ct.PublicKey) sctTask {
	t := sctTask{rec: *r, number: number, timeMS: s.Timestamp}
	var noIndex error
	if t.index, noIndex = ct.LeafIndex(s.Extensions); noIndex == nil {
		t.indexed = true
	} else {
		t.detail = noIndex.Error()
	}
	if s.Timestamp > maxTimestamp {
		t.decided, t.detail = sampler.SCTInvalid, fmt.Sprintf("its time stamp of %d ms is after the year 9999", s.Timestamp)
		return t
	}
	err := errors.New("its issuer is not audited")
	if iss := h.Issuers.byKey[r.item.Issuer]; iss != nil {
		for _, t.key = range iss.keys {
			if err = key.VerifySCT(s, t.key, tbs); err == nil {
				break
			}
		}
	}
	if err != nil {
		t.decided, t.detail = sampler.SCTInvalid, err.Error()
		return t
	}
	t.leaf = ct.HashLeaf(ct.PrecertLeaf(s.Timestamp, t.key, tbs, s.Extensions))
	return t
}

// wasRead decides a task whose entry is among those that were read and proven with the log.
func (c *Collected) wasRead(it item, t *sctTask, log ct.LogID) error {
	for i := range it.sightings {
		r := &it.sightings[i]
		src := c.units[r.unit].src
		if !src.isLog || src.log != log || r.form != sampler.FormPrecert || r.entryMS != t.timeMS || r.pairing != t.rec.pairing {
			continue
		}
		s, _, _, err := c.sighting(r)
		if err != nil {
			return err
		}
		if ct.HashLeaf(s.Leaf) == t.leaf && (!t.indexed || t.index == r.index) {
			t.decided, t.index = sampler.SCTProven, r.index
			return nil
		}
	}
	return nil
}

// sortTasks brings tasks into the order in which they are asked for.
func sortTasks(tasks []sctTask, indexed bool) {
	if indexed {
		slices.SortStableFunc(tasks, func(a, b sctTask) int { return cmp.Compare(a.index, b.index) })
	}
}

// sctSpill holds the tasks of one log in a temporary file, in the order of the items.
type sctSpill struct {
	log   SCTLog
	f     *os.File
	w     *bufio.Writer
	count uint64
	buf   []byte
}

func newSCTSpill(dir auditdir.Dir) (*sctSpill, error) {
	if err := os.MkdirAll(dir.Path("work"), 0o777); err != nil {
		return nil, err
	}
	f, err := os.CreateTemp(dir.Path("work"), "scts-*.partial")
	if err != nil {
		return nil, err
	}
	return &sctSpill{f: f, w: bufio.NewWriter(auditdir.Writer(f))}, nil
}

func (s *sctSpill) close() { removeFile(s.f) }

func (s *sctSpill) add(t *sctTask) error {
	b := binary.BigEndian.AppendUint32(s.buf[:0], uint32(t.rec.unit))
	b = appendRecord(b, &t.rec)
	b = binary.BigEndian.AppendUint16(b, t.number)
	b = binary.BigEndian.AppendUint64(b, t.timeMS)
	b = binary.BigEndian.AppendUint64(b, t.index)
	b = append(b, t.leaf[:]...)
	b = append(b, t.key[:]...)
	indexed := byte(0)
	if t.indexed {
		indexed = 1
	}
	b = append(b, indexed)
	b = appendString(b, string(t.decided))
	b = appendString(b, t.detail[:min(len(t.detail), 1<<15)])
	s.buf = b
	s.count++
	_, err := s.w.Write(binary.BigEndian.AppendUint32(nil, uint32(len(b))))
	if err == nil {
		_, err = s.w.Write(b)
	}
	return err
}

// sctTaskReader reads tasks back.
type sctTaskReader struct{ r *bufio.Reader }

func (s *sctSpill) reader() (*sctTaskReader, error) {
	if _, err := s.f.Seek(0, io.SeekStart); err != nil {
		return nil, err
	}
	return &sctTaskReader{bufio.NewReader(s.f)}, nil
}

// next returns up to most tasks.
func (s *sctTaskReader) next(most int) ([]sctTask, error) {
	var out []sctTask
	for len(out) < most {
		var n [4]byte
		if _, err := io.ReadFull(s.r, n[:]); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return nil, err
		}
		b := make([]byte, binary.BigEndian.Uint32(n[:]))
		if _, err := io.ReadFull(s.r, b); err != nil {
			return nil, err
		}
		t, err := decodeTask(b)
		if err != nil {
			return nil, err
		}
		out = append(out, t)
	}
	return out, nil
}

func decodeTask(b []byte) (t sctTask, err error) {
	d := decoder{b: b}
	unit := d.u32()
	if t.rec, err = decodeRecord(d.take(int(d.u32()))); err != nil {
		return t, err
	}
	t.rec.unit = int(unit)
	if n := d.take(2); n != nil {
		t.number = binary.BigEndian.Uint16(n)
	}
	t.timeMS, t.index = d.u64(), d.u64()
	copy(t.leaf[:], d.take(len(t.leaf)))
	copy(t.key[:], d.take(len(t.key)))
	t.indexed = bytes.Equal(d.take(1), []byte{1})
	t.decided = sampler.SCTOutcome(d.text())
	t.detail = d.text()
	return t, d.err
}
