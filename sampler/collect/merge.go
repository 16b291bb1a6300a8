package collect

import (
	"container/heap"
	"context"

	"selfaudit/sampler"
	"selfaudit/sampler/ct"
)

// source says where a unit's sightings come from.
type source struct {
	log   ct.LogID // of a log
	file  string   // of files: the path as configured
	isLog bool
}

// Collected is everything that was harvested, ready to be merged; Reopen makes one.
type Collected struct {
	units []*unit
	logs  map[ct.LogID][]*unit // in order of entries, for inclusion proofs
	sizes map[ct.LogID]uint64

	reported map[sampler.ItemID][]sampler.CertHash // named by findings of earlier audits
}

func (c *Collected) add(src *source, units []*unit) {
	for _, u := range units {
		u.src = src
		c.units = append(c.units, u)
	}
}

// items runs through all sightings grouped by item, in ascending order of item_id. The
// slice given to fn is reused.
func (c *Collected) items(ctx context.Context, fn func(sightings []record) error) error {
	m := &merger{}
	defer m.close()
	for i, u := range c.units {
		if u.foot.Records == 0 {
			continue
		}
		rr, err := u.records(i)
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
	var group []record
	for n := 0; len(m.heap) > 0; n++ {
		if n%1024 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		top := m.heap[0]
		if len(group) > 0 && group[0].item != top.cur.item {
			if err := fn(group); err != nil {
				return err
			}
			group = group[:0]
		}
		group = append(group, top.cur)
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
	if len(group) > 0 {
		return fn(group)
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
