package collect

import (
	"cmp"
	"container/heap"
	"context"
	"io"

	"selfaudit/internal/auditdir"
	"selfaudit/sampler"
	"selfaudit/sampler/ct"
)

// source says where a unit's sightings come from.
type source struct {
	log   ct.LogID // of a log
	file  string   // of files: the path as configured
	kind  string   // of files: "", or sampler.FileIndex for what an index answered
	isLog bool
	// isRecords: of files, that they are an export of the CA's records.
	isRecords bool
	isSCT     bool // SCTs of the log, looked up one by one
}

// Collected is everything that was harvested, ready to be merged; Reopen makes one.
type Collected struct {
	dir   auditdir.Dir
	units []*unit
	logs  map[ct.LogID][]*unit // in order of entries, for inclusion proofs
	sizes map[ct.LogID]uint64
	roots map[ct.LogID]ct.Hash
	left  map[ct.LogID]leftNodes // of the entries that were not read
	own   ownLogs

	mergeWidth int // for tests; 0 means the constant

	reported map[sampler.ItemID][]sampler.CertHash // named by findings of earlier audits

	pairingsOf []io.Reader                 // of earlier audits
	pairing    func(sampler.Pairing) error // takes this audit's; nil for none
	outside    *OutsideInput               // nil for none

	sctMode string // what SCTs were looked up for, as in SnapshotSCTs; "" if none were
	// NotProven receives the lines of records/not-proven.tsv from Population, in order. It is
	// needed if SCTs were looked up.
	NotProven func(sampler.NotProven) error

	issuers *Issuers      // nil if Reopen was given none
	rec     *recordsState // nil without UseRecords
	// Reconciled receives what Population finds by comparing with the CA's records. It is
	// needed after UseRecords.
	Reconciled RecordsOutput
}

func (c *Collected) add(src *source, units []*unit) {
	for _, u := range units {
		u.src = src
		c.units = append(c.units, u)
	}
}

// mergeWidth is how many files are merged at the same time: more are first merged into
// fewer, so that open files and memory do not grow with the logs.
const mergeWidth = 256

// items runs through all sightings grouped by item, in ascending order of item_id. The
// slice given to fn is reused. Temporary files go to folder; "" for one of their own. What
// only the CA's records know has no certificate and is left out; see everything.
func (c *Collected) items(ctx context.Context, folder string, fn func(sightings []record) error) error {
	return c.everything(ctx, folder, func(it item) error {
		if len(it.sightings) == 0 {
			return nil
		}
		return fn(it.sightings)
	})
}

// everything is items with the rows of the CA's records.
func (c *Collected) everything(ctx context.Context, folder string, fn func(item) error) error {
	m := &merging{folder: folder, width: cmp.Or(c.mergeWidth, mergeWidth)}
	defer m.removeRuns()
	var list []opener
	for i, u := range c.units {
		if u.foot.Records > 0 {
			list = append(list, func() (*recordReader, error) { return u.records(i) })
		}
	}
	list, err := m.narrow(ctx, list)
	if err != nil {
		return err
	}
	var group []record
	err = merge(ctx, list, func(r *record) error {
		if len(group) > 0 && group[0].item != r.item {
			if err := fn(splitRows(group)); err != nil {
				return err
			}
			group = group[:0]
		}
		group = append(group, *r)
		return nil
	})
	if err == nil && len(group) > 0 {
		err = fn(splitRows(group))
	}
	return err
}

// workFolder is where stages that hold the audit's lock merge: it has room for all there is.
func (c *Collected) workFolder() string { return c.dir.Path("work") }

// opener opens a sorted sequence of records.
type opener func() (*recordReader, error)

// merge passes the records of several sorted sequences to fn in their common order.
func merge(ctx context.Context, list []opener, fn func(*record) error) error {
	m := &merger{}
	defer m.close()
	for _, open := range list {
		rr, err := open()
		if err != nil {
			return err
		}
		m.all = append(m.all, rr)
		ok, err := rr.next()
		if err != nil {
			return err
		}
		if ok {
			m.heap = append(m.heap, rr)
		}
	}
	heap.Init(&m.heap)
	for n := 0; len(m.heap) > 0; n++ {
		if n%1024 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		top := m.heap[0]
		if err := fn(&top.cur); err != nil {
			return err
		}
		ok, err := top.next()
		if err != nil {
			return err
		}
		if ok {
			heap.Fix(&m.heap, 0)
		} else {
			heap.Pop(&m.heap)
		}
	}
	return nil
}

// merger is a k-way merge of sorted record readers.
type merger struct {
	all  []*recordReader
	heap readerHeap
}

func (m *merger) close() {
	for _, r := range m.all {
		r.close()
	}
}

type readerHeap []*recordReader

func (h readerHeap) Len() int           { return len(h) }
func (h readerHeap) Less(i, j int) bool { return h[i].cur.compare(&h[j].cur) < 0 }
func (h readerHeap) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *readerHeap) Push(x any)        { *h = append(*h, x.(*recordReader)) }
func (h *readerHeap) Pop() any {
	old := *h
	last := old[len(old)-1]
	*h = old[:len(old)-1]
	return last
}
