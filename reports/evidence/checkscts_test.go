package evidence

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"selfaudit/internal/testaudit"
	"selfaudit/sampler"
)

// bothAudit makes a package one in which logs were read and SCTs looked up: every final certificate has
// an SCT whose entry is among those read. lines are what the list has; change sees the snapshot last.
func (a *attacked) bothAudit(lines []sampler.NotProven, change func(s *sampler.Snapshot)) {
	var list bytes.Buffer
	w := sampler.NewNotProvenWriter(&list)
	for _, l := range lines {
		must(a, w.Write(l))
	}
	must(a, w.Flush())
	a.write(sampler.NotProvenFile, list.Bytes())
	finals := int64(0)
	rows := sampler.NewPopulationReader(bytes.NewReader(a.read("draw/population.tsv")))
	for {
		row, err := rows.Next()
		if err != nil {
			break
		}
		if row.Form == sampler.FormFinal {
			finals++
		}
	}
	a.snapshot(func(s *sampler.Snapshot) {
		s.Logs[0].LookedUp, s.Logs[0].ProvenSCTs = finals, finals
		s.SCTs = &sampler.SnapshotSCTs{Mode: sampler.CollectBoth, Items: s.Counts.Population, ItemsProven: s.Counts.Population, Certificates: finals,
			Outcomes: []sampler.SCTOutcomeCount{{LogID: s.Logs[0].LogID, Outcome: sampler.SCTProven, SCTs: finals}}, List: w.Hash(), ListRows: w.Count()}
		s.Completeness = sampler.Completeness(s)
		if change != nil {
			change(s)
		}
	})
}

// drawn returns a drawn item with a final certificate, and the log.
func (a *attacked) drawn() (sampler.ItemID, sampler.CertHash, string) {
	list, err := sampler.ParseSightings(bytes.NewReader(a.read("ct/sightings.jsonl")))
	must(a, err)
	for _, s := range list {
		if s.Form == sampler.FormFinal {
			return s.ItemID, s.Cert, s.LogID
		}
	}
	a.Fatal("no final certificate was drawn")
	return sampler.ItemID{}, sampler.CertHash{}, ""
}

func TestSCTsAreChecked(t *testing.T) {
	res := sealed(t, testaudit.Options{SCTs: true, Flawless: true})
	row := func(a *attacked, o sampler.SCTOutcome) []sampler.NotProven {
		item, cert, log := a.drawn()
		if o == sampler.SCTNone || o == sampler.SCTUnreadable {
			log = sampler.NoLog
		}
		return []sampler.NotProven{{Item: item, Cert: cert, LogID: log, Outcome: o, Detail: "SCT 1: as claimed"}}
	}
	counted := func(o sampler.SCTOutcome) func(s *sampler.Snapshot) {
		return func(s *sampler.Snapshot) {
			s.SCTs.Outcomes[0].SCTs--
			s.Logs[0].ProvenSCTs--
			s.SCTs.Outcomes = append(s.SCTs.Outcomes, sampler.SCTOutcomeCount{LogID: s.Logs[0].LogID, Outcome: o, SCTs: 1})
			s.Completeness = sampler.Completeness(s)
		}
	}
	for _, c := range []struct {
		name string
		make func(a *attacked)
		want string // the check that fails; "" for none of these
	}{
		{"as it should be", func(a *attacked) { a.bothAudit(nil, nil) }, ""},
		{"invented contradiction", func(a *attacked) { a.bothAudit(row(a, sampler.SCTInvalid), counted(sampler.SCTInvalid)) }, "scts"},
		{"contradiction that is not counted", func(a *attacked) { a.bothAudit(row(a, sampler.SCTNoEntry), nil) }, "scts"},
		{"contradiction that is not listed", func(a *attacked) { a.bothAudit(nil, counted(sampler.SCTNoEntry)) }, "scts"},
		{"configured log called unknown", func(a *attacked) { a.bothAudit(row(a, sampler.SCTUnknownLog), counted(sampler.SCTUnknownLog)) }, "scts"},
		{"more proven than were looked up", func(a *attacked) {
			a.bothAudit(nil, func(s *sampler.Snapshot) { s.SCTs.Outcomes[0].SCTs += 5 })
		}, "scts"},
		{"another list", func(a *attacked) {
			a.bothAudit(row(a, sampler.SCTExcluded), func(s *sampler.Snapshot) { s.SCTs.List = sampler.DocHash{1} })
		}, "scts"},
		{"item of another population", func(a *attacked) {
			r := row(a, sampler.SCTExcluded)
			r[0].Item.Serial = "0102030405"
			a.bothAudit(r, nil)
		}, "scts"},
		{"list without a summary", func(a *attacked) {
			a.bothAudit(nil, func(s *sampler.Snapshot) {
				s.SCTs, s.Completeness = nil, nil
				s.Logs[0].LookedUp, s.Logs[0].ProvenSCTs = 0, 0
			})
		}, "scts"},
		{"entry that proves it is gone", func(a *attacked) {
			a.bothAudit(nil, nil)
			item, _, _ := a.drawn()
			a.sightings(func(list []sampler.Sighting) []sampler.Sighting {
				return slices.DeleteFunc(list, func(s sampler.Sighting) bool { return s.ItemID == item && s.Form == sampler.FormPrecert })
			})
		}, "scts"},
		{"proven item called not proven", func(a *attacked) {
			a.bothAudit(row(a, sampler.SCTNotDue), func(s *sampler.Snapshot) {
				counted(sampler.SCTNotDue)(s)
				s.SCTs.ItemsProven, s.SCTs.ItemsNotProven = s.SCTs.ItemsProven-1, 1
				s.Completeness = sampler.Completeness(s)
			})
		}, "scts"},
		{"one certificate more", func(a *attacked) { a.bothAudit(nil, func(s *sampler.Snapshot) { s.SCTs.Certificates++ }) }, "scts"},
		{"one that was looked up less", func(a *attacked) {
			a.bothAudit(nil, func(s *sampler.Snapshot) {
				s.Logs[0].LookedUp, s.Logs[0].ProvenSCTs = s.Logs[0].LookedUp-1, s.Logs[0].ProvenSCTs-1
				s.Completeness = sampler.Completeness(s)
			})
		}, "scts"},
		{"logs said not to have been read", func(a *attacked) {
			a.bothAudit(nil, func(s *sampler.Snapshot) { s.SCTs.Mode = sampler.CollectRecords })
		}, "scts"},
		{"embellished statement", func(a *attacked) {
			a.bothAudit(nil, func(s *sampler.Snapshot) {
				s.Completeness[len(s.Completeness)-1] = strings.Replace(s.Completeness[len(s.Completeness)-1], "complete against", "complete, even against", 1)
			})
		}, "completeness"},
		{"one sentence less", func(a *attacked) {
			a.bothAudit(nil, func(s *sampler.Snapshot) { s.Completeness = s.Completeness[1:] })
		}, "completeness"},
		{"one sentence more", func(a *attacked) {
			a.bothAudit(nil, func(s *sampler.Snapshot) { s.Completeness = append(s.Completeness, "Nothing is missing.") })
		}, "completeness"},
		{"no statement", func(a *attacked) { a.bothAudit(nil, func(s *sampler.Snapshot) { s.Completeness = nil }) }, "completeness"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			a := &attacked{T: t, dir: copyDir(t, res.Dir)}
			c.make(a)
			rebag(t, a.dir)
			r := verify(t, a.dir, Options{})
			for _, check := range []string{"scts", "completeness", "sightings"} {
				if check == "sightings" && c.want != "" {
					continue
				}
				if got := slices.Contains(failed(r), check); got != (check == c.want) && (got || check == c.want) {
					t.Errorf("%s fails: %v\n%s", check, got, text(t, r))
				}
			}
		})
	}
}
