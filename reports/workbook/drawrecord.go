package workbook

import (
	"fmt"
	"strings"
	"time"

	"github.com/xuri/excelize/v2"

	"selfaudit/sampler"
)

// drawRecord writes what an auditor needs to derive the draw again, in the order in
// which it came into being.
func (b *book) drawRecord() error {
	s, err := b.addSheet(page{name: sheetDraw, portrait: true, widths: []float64{30, 78}}, nil)
	if err != nil {
		return err
	}
	s.title("Draw record", "What was fixed before the draw, where the randomness came from, and what was drawn. With the files in the folder draw/ everything here can be derived again (python3 draw_reference.py verify).")
	b.commitmentBlock(s)
	s.skip(1)
	b.randomnessBlock(s)
	s.skip(1)
	b.sampleBlock(s)
	return s.close()
}

// pair writes one key and value.
func (s *sheet) pair(key, value string, l look) {
	s.write(max(rowData, height(wrapped(value, l, s.p.widths[1]), l.size)), cell{v: key, l: lookKey}, cell{v: value, l: l})
}

func (b *book) commitmentBlock(s *sheet) {
	c, snap := b.audit.Commitment, b.audit.Snapshot
	s.wide(1, 2, "1   Commitment, made before the randomness existed", lookBlock, 24)
	s.pair("Audit, mode", c.AuditID+", "+c.Mode, lookValue)
	s.pair("Period", sampler.FormatTime(c.PeriodStart)+" to "+sampler.FormatTime(c.PeriodEnd)+" (end not included)", lookValue)
	s.pair("Chain of audits since", sampler.FormatTime(c.ChainStart), lookValue)
	s.hash("Previous commitment", c.PreviousCommitment, "none: the first audit of the chain")
	s.hash("Replaces", c.Replaces, "none")
	s.withHash("Population", counted(int(c.PopulationCount), "item", "items")+", draw/population.tsv, SHA-256:", c.PopulationHash.String())
	s.withHash("Strata", counted(int(c.StrataCount), "stratum", "strata")+", draw/strata.tsv, SHA-256:", c.StrataHash.String())
	s.withHash("How it was obtained", "draw/snapshot.json, SHA-256:", c.SnapshotHash.String())
	for _, l := range snap.Logs {
		name := brief(l.URL, briefDetail, "draw/snapshot.json")
		if l.Status == sampler.LogExcluded {
			s.pair("Log, excluded", name+"\n"+brief(l.Reason, briefDetail, "draw/snapshot.json"), lookValue.as(statusOpen))
			continue
		}
		if l.Status == sampler.LogLookedUp && l.LookedUp == 0 {
			s.pair("Log, not asked", lookedUpText(name, &l), lookValue)
			continue
		}
		if l.Status == sampler.LogLookedUp {
			s.withHash("Log, looked up", lookedUpText(name, &l), l.RootHash)
			continue
		}
		s.withHash("Log, proven", fmt.Sprintf("%s\n%s read, %s of the audited issuers; tree head of %s verified; root hash, recomputed from all entries:",
			name, counted(int(l.Entries), "entry", "entries"), number(l.Kept), time.UnixMilli(int64(l.TimestampMS)).UTC().Format("2006-01-02 15:04:05 UTC")), l.RootHash)
	}
	for _, f := range snap.Files {
		if f.Kind == sampler.FileIndex {
			s.pair("Index", indexText(snap, f), lookValue)
			continue
		}
		s.pair("File", fmt.Sprintf("%s: %s, %s of the audited issuers", brief(f.Path, briefDetail, "draw/snapshot.json"), sampler.Counted(f.Certificates, "certificate", "certificates"), number(f.Kept)), lookValue)
	}
	for _, r := range snap.Records {
		s.withHash("The CA's records", fmt.Sprintf("%s: %s of audited issuers, extracted %s; SHA-256 of the export:", brief(r.Path, briefDetail, "draw/snapshot.json"),
			counted(int(r.Kept), "row", "rows"), r.Provenance.ExtractedAt), r.SHA256.String())
	}
	s.pair("Method of the draw", c.DrawMethod, lookValue)
	s.pair("Committed at", sampler.FormatTime(c.CommittedAt)+" by the clock of the CA", lookValue)
	s.pair("Commitment, SHA-256", b.summary.Commitment, lookMonoText)
	s.pair("Assurance", "Level C by the documents in this package: the clock of the CA only. Level B with an independent time stamp, level A with the auditor's signed receipt or an agreed publication, made before the round.", lookValue)
}

// indexText says what a public index was asked and what that is worth.
func indexText(snap *sampler.Snapshot, f sampler.SnapshotFile) string {
	text := fmt.Sprintf("%s: %s, %s of the audited issuers. A cross-check: what it does not know proves nothing.", f.Path, sampler.Counted(f.Certificates, "certificate", "certificates"), number(f.Kept))
	if x := snap.Index; x != nil && !x.Complete {
		text += " It could not be asked to the end: " + brief(x.Reason, briefDetail, "draw/snapshot.json")
	}
	return text
}

// withHash writes words and under them the hash they end in.
func (s *sheet) withHash(key, words, hash string) {
	runs := []excelize.RichTextRun{
		{Text: words + "\n", Font: &excelize.Font{Family: textFont, Size: lookValue.size, Color: ink}},
		{Text: hash, Font: &excelize.Font{Family: monoFont, Size: lookMonoText.size, Color: ink}},
	}
	lines := wrapped(words, lookValue, s.p.widths[1]) + wrapped(hash, lookMonoText, s.p.widths[1])
	s.write(height(lines, lookValue.size), cell{v: key, l: lookKey}, cell{v: runs, l: lookValue})
}

// hash writes a hash, or the words for none.
func (s *sheet) hash(key string, h sampler.DocHash, none string) {
	if h.IsZero() {
		s.pair(key, none, lookValue)
		return
	}
	s.pair(key, h.String(), lookMonoText)
}

func (b *book) randomnessBlock(s *sheet) {
	c, r := b.audit.Commitment, b.audit.Randomness
	s.wide(1, 2, "2   Public randomness", lookBlock, 24)
	if c.Beacon == sampler.BeaconDice {
		source := "20 rolls of a ten-sided die, after the commitment"
		if b.rehearsal != "" {
			source = "Digits given in advance, which only a rehearsal may use: this draw could have been chosen"
		}
		s.pair("Source", source, lookValue)
		s.pair("Appointed for", sampler.FormatTime(c.BeaconTime), lookValue)
	} else {
		name := c.BeaconChain
		if chain, ok := sampler.ChainByHash(c.BeaconChain); ok {
			name = chain.Name
		}
		s.pair("Source", "drand, chain "+name, lookValue)
		s.pair("Chain hash", c.BeaconChain, lookMonoText)
		rule := counted(c.DrawLeadDays, "day", "days") + " after the end of the period"
		if !c.Replaces.IsZero() {
			rule = "a multiple of " + counted(c.DrawLeadDays, "day", "days") + " after the end of the period, the least that was still to come"
		}
		s.pair("Round", fmt.Sprintf("%d at %s, by rule: the first round %s", c.BeaconRound, sampler.FormatTime(c.BeaconTime), rule), lookValue)
	}
	if !b.audit.Drawn {
		s.pair("Value", "Open: not drawn yet", lookValue.as(statusOpen))
		return
	}
	s.pair("Value", r.Value, lookMonoText)
	if r.Signature != "" {
		s.pair("Signature of the beacon", r.Signature, lookMonoText)
	}
	contribution := "none"
	l := lookValue
	if r.Contribution != "" {
		contribution, l = r.Contribution, lookMonoText
	}
	s.pair("Contribution of the auditor", contribution, l)
	s.pair("Seed, SHA-256 of draw/seed.txt", r.Seed, lookMonoText)
}

func (b *book) sampleBlock(s *sheet) {
	s.wide(1, 2, "3   Sample, after the randomness was known", lookBlock, 24)
	if b.audit.Drawn {
		s.pair("Drawn", fmt.Sprintf("%s in the sample, %s in reserve", number(deref(b.summary.Sampled)), number(deref(b.summary.Reserve))), lookValue)
		s.pair("draw/sample.tsv, SHA-256", b.audit.SampleHash.String(), lookMonoText)
	} else {
		s.pair("Drawn", "Open: not drawn yet", lookValue.as(statusOpen))
	}
	s.pair("Replacements", "none", lookValue)
	if len(b.audit.Voided) == 0 {
		s.pair("Voided draws", "none", lookValue)
	}
	for _, v := range b.audit.Voided {
		text := brief(v.Reason, briefDetail, v.Folder+"/void.json")
		if text == "" {
			text = "no reason recorded"
		}
		var facts []string
		if v.Ground != "" {
			facts = append(facts, "ground: "+brief(v.Ground, briefName, v.Folder+"/void.json"))
		}
		if v.VoidedAt != "" {
			facts = append(facts, brief(v.VoidedAt, briefName, v.Folder+"/void.json"))
		}
		if len(facts) > 0 {
			text += " (" + strings.Join(facts, ", ") + ")"
		}
		s.pair("Voided draw, "+v.Folder, text, lookValue.as(statusOpen))
		s.hash("Its commitment", v.Commitment, "not recorded")
	}
	if len(b.summary.Notes) == 0 {
		s.pair("Choices to note", "none", lookValue)
	}
	if len(b.summary.Notes) > 0 {
		var notes []string
		for _, n := range b.summary.Notes {
			notes = append(notes, title(plain(n, "report/summary.json"))+".")
		}
		s.pair("Choices to note", strings.Join(notes, "\n"), lookValue)
	}
}
