package collect

import (
	"time"

	"selfaudit/sampler/ct"
)

// A log that the CA operates is the CA's own clock: its times date items, but what it says of
// the time before the chain takes none out (draw protocol 3.1). So its entries and SCTs are
// kept apart from those of other logs wherever an item is dated.

// ctTimes are the item's earliest CT times, log entries and verified SCTs: of logs that the
// CA does not operate, and of its own; zero if those do not know it.
func (c *Collected) ctTimes(it item) (others, own time.Time) {
	var first, firstOwn uint64
	for i := range it.sightings {
		a, b := c.ctMS(&it.sightings[i])
		first, firstOwn = earlierMS(first, a), earlierMS(firstOwn, b)
	}
	return timeOfMS(first), timeOfMS(firstOwn)
}

// ctMS is ctTimes of one sighting, in milliseconds; 0 for none.
func (c *Collected) ctMS(r *record) (others, own uint64) {
	if c.own[c.units[r.unit].src.log] {
		return r.sctMS, earlierMS(r.ownMS, r.entryMS)
	}
	return earlierMS(r.sctMS, r.entryMS), r.ownMS
}

// earlierMS is the earlier of two times; 0 is none.
func earlierMS(a, b uint64) uint64 {
	if a == 0 || b != 0 && b < a {
		return b
	}
	return a
}

func timeOfMS(ms uint64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(int64(ms)).UTC()
}

// addSCT notes the time of a verified embedded SCT.
func (r *record) addSCT(ms uint64, own bool) {
	if own {
		r.ownMS = earlierMS(r.ownMS, ms)
		r.flags |= flagOwnSCT
		return
	}
	r.sctMS = earlierMS(r.sctMS, ms)
}

// hasSCT says whether a verified SCT of any configured log is embedded.
func (r *record) hasSCT() bool { return r.sctMS != 0 || r.ownMS != 0 }

// ownLogs are the ids of logs that the CA operates.
type ownLogs map[ct.LogID]bool
