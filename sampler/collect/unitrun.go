package collect

import (
	"errors"
	"fmt"
	"os"
	"path"
)

// unitRun cuts what a source gives, one after the other, into units. Units that a run before
// left behind are taken over, the others are written.
type unitRun struct {
	h         *Harvest
	dir, name string // folder of the units; the source, for the observer
	total     uint64 // of the source
	madeFor   string
	rows      bool // units of the CA's rows, which have a footer of their own
	left      int  // how many more unreadable ones may have their reason kept

	cur   *unitWriter
	skip  bool // the unit begun last exists already
	units []*unit
}

func (r *unitRun) unitEnd(start uint64) uint64 { return min(start+unitEntries, r.total) }

func (r *unitRun) unitName(start uint64) string {
	return path.Join(r.dir, fmt.Sprintf("%012d-%012d.unit", start, r.unitEnd(start)))
}

// next makes room for number n, from 0: at the beginning of a unit, the one before is
// committed and the next one begun.
func (r *unitRun) next(n uint64) error {
	if n%unitEntries != 0 {
		return nil
	}
	if err := r.finish(); err != nil {
		return err
	}
	return r.begin(n)
}

func (r *unitRun) begin(start uint64) error {
	name := r.unitName(start)
	u, ok, err := haveUnit(r.h.Dir.Path(name), start, r.unitEnd(start), r.madeFor)
	if err != nil {
		return err
	}
	if r.skip = ok && (u.foot.Rows != nil) == r.rows; r.skip {
		r.have(u)
		kept := u.foot.Kept
		if u.foot.Rows != nil { // not their certificates, which are records of the unit too
			kept = uint64(u.foot.Rows.Kept)
		}
		r.h.Observer.Advance(r.name, u.foot.End-u.foot.Start, kept)
		return nil
	}
	if r.cur, err = newUnit(r.h.Dir, name, start, r.madeFor); err == nil && r.rows {
		r.cur.foot.Rows = newRowsFooter()
	}
	return err
}

func (r *unitRun) have(u *unit) {
	u.foot.Unreadable = first(u.foot.Unreadable, &r.left)
	r.units = append(r.units, u)
}

// finish commits the unit in work, if any.
func (r *unitRun) finish() error {
	if r.cur == nil {
		return nil
	}
	w := r.cur
	r.cur = nil
	if err := w.commit(); err != nil {
		return err
	}
	u, err := openUnit(r.h.Dir.Path(r.unitName(w.foot.Start)))
	if err != nil {
		return err
	}
	r.have(u)
	return nil
}

// abort gives up the unit in work. If the source is no more what it was, none of its units
// may stay.
func (r *unitRun) abort(err error) error {
	if r.cur != nil {
		r.cur.abort()
	}
	if errors.Is(err, errFilesChanged) {
		for _, u := range r.units {
			err = errors.Join(err, os.Remove(u.path))
		}
	}
	return err
}
