package main

import (
	"fmt"
	"io"

	"selfaudit/internal/terminal"
	"selfaudit/sampler"
)

// freezeDocument reads back what freeze wrote.
func (w *workspace) freezeDocument(a *audit) (*freezeDocument, error) {
	raw, err := a.dir.Read(docCommitment)
	if err != nil {
		return nil, err
	}
	c := a.commitment
	d := &freezeDocument{Schema: "selfaudit.freeze/v1", AuditID: a.id, Mode: c.Mode, Commitment: sampler.HashDoc(raw).String(), Population: c.PopulationCount,
		Strata: []stratumRow{}, Beacon: c.Beacon, BeaconChain: c.BeaconChain, BeaconRound: c.BeaconRound, BeaconTime: sampler.FormatTime(c.BeaconTime),
		CommittedAt: sampler.FormatTime(c.CommittedAt), Next: "selfaudit draw --audit " + a.id}
	if c.Beacon == sampler.BeaconDrand {
		d.BeaconURL = roundURL(w.cfg.Drand.Relays[0], c)
	}
	rawStrata, err := a.dir.Read(docStrata)
	if err != nil {
		return nil, err
	}
	strata, err := sampler.ParseStrata(rawStrata)
	if err != nil {
		return nil, err
	}
	rawSnapshot, err := a.dir.Read(docSnapshot)
	if err != nil {
		return nil, err
	}
	snap, err := sampler.ParseSnapshot(rawSnapshot)
	if err != nil {
		return nil, err
	}
	d.tell(strata, snap)
	return d, nil
}

// tell fills in what strata and snapshot say of the population.
func (d *freezeDocument) tell(strata []sampler.Stratum, snap *sampler.Snapshot) {
	for _, s := range strata {
		d.Sample += s.Sample
		d.Strata = append(d.Strata, stratumRow{s.ID.String(), s.Text(), s.Population, s.RateBP, s.Sample, s.Reserve})
	}
	for _, n := range snap.Findings {
		d.ItemFindings += n
	}
	d.Late, d.Waiting, d.Notes = snap.Counts.Late, snap.Counts.Waiting, snap.Notes
	if snap.Outside != nil {
		d.Carried = snap.Outside.Carried
	}
	d.Completeness = snap.Completeness
}

// showSummary writes to standard error what a question about the population is about.
func (e *env) showSummary(d *freezeDocument) {
	if !e.Quiet {
		d.summary(e.Stderr, terminal.NewTable(e.Stderr, e.Width(), e.errOut()))
	}
}

// summary writes what was found: strata with their sizes, what contradicts itself, what
// was done for completeness, and notes.
func (d *freezeDocument) summary(w io.Writer, t *terminal.Table) {
	if len(d.Strata) == 0 {
		fmt.Fprintf(w, "No certificate was issued in the period: the population is empty, and that is an audit too.\n")
	} else {
		t.Header("stratum", "population", "rate", "sample", "reserve")
		for _, s := range d.Strata {
			t.Row(terminal.Escape(s.Label), terminal.Count(s.Population), percent(s.RateBP), terminal.Count(s.Sample), terminal.Count(s.Reserve))
		}
		_ = t.Flush() // a failed write shows at the end, in Main
	}
	if d.ItemFindings > 0 {
		fmt.Fprintf(w, "contradictions inside items: %s, in findings/items.jsonl\n", sampler.Counted(d.ItemFindings, "finding", "findings"))
	}
	for _, line := range d.Completeness {
		fmt.Fprintf(w, "%s\n", terminal.Escape(line))
	}
	for _, n := range d.Notes {
		fmt.Fprintf(w, "note: %s\n", terminal.Escape(n))
	}
}

// render writes the document for people.
func (d *freezeDocument) render(e *env) {
	if d.Voided != "" {
		e.printf("voided: commitment %s; it stays on record\nthe configuration names other issuers, logs or files now, so the population is collected again\nnext: %s\n", d.Voided, d.Next)
		return
	}
	if !(d.asked && e.StdoutTTY) { // it stands above the question, on the same screen
		d.summary(e.Stdout, e.table())
	}
	e.printf("commitment: %s\n", d.Commitment)
	if d.Beacon == sampler.BeaconDice {
		e.printf("randomness: 20 rolls of a ten-sided die, witnessed, at or after %s\n", d.BeaconTime)
	} else {
		e.printf("randomness: drand round %d, at %s\n            %s\n", d.BeaconRound, d.BeaconTime, d.BeaconURL)
		if d.Mode == sampler.ModeAudit {
			e.printf("before that time: send draw/commitment.txt to your auditor and keep the receipt\n")
		}
	}
	e.printf("next: %s\n", d.Next)
}

func percent(bp int) string {
	if bp%100 == 0 {
		return fmt.Sprintf("%d%%", bp/100)
	}
	return fmt.Sprintf("%d.%02d%%", bp/100, bp%100)
}
