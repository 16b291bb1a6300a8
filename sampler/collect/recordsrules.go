package collect

import (
	"context"
	"slices"

	"selfaudit/sampler"
	"selfaudit/sampler/records"
)

// RecordsRules are the CA's choices about its records that decide how items are dated,
// divided into strata and reconciled.
type RecordsRules struct {
	Exports    []sampler.SnapshotRecords // as collect saved them
	StrataBy   []string                  // columns that strata are divided by, of records.StrataColumns
	Exclusions []sampler.ItemID          // rows left out by hand
}

// recordsState is what UseRecords prepared.
type recordsState struct {
	by       []string
	columns  []int // positions of by among records.FreeColumns
	labels   map[string]string
	used     map[string]string // labels of members, with their text
	covered  map[sampler.KeyHash]bool
	divided  map[sampler.KeyHash]bool // issuers whose items have labels
	excluded map[sampler.ItemID]*exclusion
}

// exclusion is what became of the rows of one item that were left out by hand.
type exclusion struct {
	rows    int64
	certain bool // a certificate of the item is known, so it stays
}

// UseRecords prepares what the CA's records say of labels, coverage and exclusions. It must
// come before Population and Query where [[records]] are configured; without it rows date
// their items and nothing else.
func (c *Collected) UseRecords(ctx context.Context, r RecordsRules) error {
	s := &recordsState{by: r.StrataBy, used: map[string]string{}, covered: map[sampler.KeyHash]bool{}, divided: map[sampler.KeyHash]bool{},
		excluded: map[sampler.ItemID]*exclusion{}}
	for _, e := range r.Exports {
		for _, key := range e.Covers {
			s.covered[key], s.divided[key] = true, true
		}
		for _, i := range e.Issuers {
			s.divided[i.Issuer] = s.divided[i.Issuer] || i.Rows > 0
		}
	}
	for _, id := range r.Exclusions {
		s.excluded[id] = &exclusion{}
	}
	for _, column := range r.StrataBy {
		s.columns = append(s.columns, slices.Index(records.FreeColumns[:], column))
	}
	if len(s.by) > 0 {
		values, err := c.distinctValues(ctx, s)
		if err != nil {
			return err
		}
		if s.labels, err = sampler.Labels(s.by, values); err != nil {
			return err
		}
	}
	c.rec = s
	return nil
}

// distinctValues reads all rows once for the texts that labels are made of: which label a
// text has depends on the others.
func (c *Collected) distinctValues(ctx context.Context, s *recordsState) ([][]string, error) {
	seen := map[string]bool{}
	var out [][]string
	for i, u := range c.units {
		if !u.src.isRecords {
			continue
		}
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		rr, err := u.records(i)
		if err != nil {
			return nil, err
		}
		err = func() error {
			defer rr.close()
			for {
				ok, err := rr.next()
				if err != nil || !ok {
					return err
				}
				if rr.cur.form != formRow {
					continue
				}
				values := s.values(rr.cur.row)
				if text := sampler.LabelText(s.by, values); !seen[text] {
					seen[text] = true
					out = append(out, values)
				}
			}
		}()
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (s *recordsState) values(r *recordsRow) []string {
	out := make([]string, len(s.columns))
	for i, at := range s.columns {
		out[i] = r.free[at]
	}
	return out
}

// rowsOf are the item's rows that count. A row that was left out by hand counts all the
// same where a certificate of its item is known: nothing but issuer key and time selects
// items (draw protocol section 3).
func (s *recordsState) rowsOf(it item) (rows []record, leftOut int) {
	if s == nil || len(s.excluded) == 0 || len(it.rows) == 0 {
		return it.rows, 0
	}
	x := s.excluded[it.id()]
	if x == nil {
		return it.rows, 0
	}
	x.rows, x.certain = int64(len(it.rows)), len(it.sightings) > 0
	if x.certain {
		return it.rows, 0
	}
	return nil, len(it.rows)
}

// label is the division of its stratum that the item belongs to; "" for none. The first
// row decides, in the order of the exports.
func (s *recordsState) label(it item) string {
	if s == nil || len(s.by) == 0 || !s.divided[it.id().Issuer] {
		return ""
	}
	if len(it.rows) == 0 {
		return sampler.LabelUnassigned
	}
	return s.labelOf(&it.rows[0])
}

func (s *recordsState) labelOf(r *record) string {
	return s.labels[sampler.LabelText(s.by, s.values(r.row))]
}

// use remembers the text of a label that a member has.
func (s *recordsState) use(it item, label string) {
	if s == nil || label == "" {
		return
	}
	text := ""
	if len(it.rows) > 0 {
		text = sampler.LabelText(s.by, s.values(it.rows[0].row))
	}
	if label != sampler.LabelUnassigned {
		s.used[label] = text
	} else {
		s.used[label] = "nothing in these columns, or no row"
	}
}
