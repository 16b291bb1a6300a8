package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"selfaudit/internal/terminal"
	"selfaudit/sampler"
	"selfaudit/sampler/collect"
	"selfaudit/sampler/draw"
)

// drawOptions are the flags of `selfaudit draw`.
type drawOptions struct {
	BeaconFile   string
	Dice         string
	Contribution string
	Auditor      auditorOptions // of `draw` alone
}

func (o *drawOptions) flags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&o.BeaconFile, "beacon-file", "", "the round's answer in a `file`, obtained elsewhere (for machines without network)")
	f.StringVar(&o.Dice, "dice", "", "the 20 `digits` that were rolled; asked for if not given")
	f.StringVar(&o.Contribution, "contribution", "", "the auditor's revealed value in `hex`, if one was committed")
}

func newDrawCommand(e *env) *cobra.Command {
	var o drawOptions
	cmd := &cobra.Command{
		Use:   "draw",
		Short: "Fetch and verify the randomness, draw the sample",
		Long: `Fetch the committed drand round from a relay (or take --beacon-file), verify its BLS
signature against the key in this program, and draw the sample. With dice, the 20 digits
are asked for. Before the round's time the command exits 5: run it again later.

With --for-auditor an auditor draws a sample of his own from a frozen population, offline
and with his own dice, and gets the list of certificates to ask for. Nothing is written.`,
		Example: `  selfaudit draw
  selfaudit draw --beacon-file round-1000.json
  selfaudit draw --dice 58201734659120384756
  selfaudit draw --for-auditor 2026-Q3.zip --size 5 --csv > requests.csv`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if o.Auditor.Source != "" {
				o.Auditor.sizeSet = cmd.Flags().Changed("size")
				return e.drawForAuditor(cmd.Context(), o)
			}
			if err := o.Auditor.misplaced(e, cmd); err != nil {
				return err
			}
			w, a, err := openPicked(e, "draw")
			if err != nil {
				return err
			}
			defer w.close()
			doc, err := w.draw(cmd.Context(), a, o)
			return show(e, doc, err)
		},
	}
	o.flags(cmd)
	o.Auditor.flags(cmd)
	return cmd
}

// drawDocument is what `draw --json` writes.
type drawDocument struct {
	Schema       string `json:"schema"`
	AuditID      string `json:"audit_id"`
	Mode         string `json:"mode"`
	Seed         string `json:"seed"`
	Population   int64  `json:"population"`
	Sample       int    `json:"sample"`
	Reserve      int    `json:"reserve"`
	SampleHash   string `json:"sample_sha256"`
	Certificates int    `json:"certificates"`
	Next         string `json:"next"`
}

// draw runs the stage on audit a.
func (w *workspace) draw(ctx context.Context, a *audit, o drawOptions) (*drawDocument, error) {
	if err := a.finishVoid(); err != nil {
		return nil, err
	}
	if err := a.need(stageDraw); err != nil {
		return nil, err
	}
	if a.dir.Has(docSeed) {
		if err := a.sameRandomness(o); err != nil {
			return nil, err
		}
	}
	if a.done(stageDraw) {
		if err := a.recordDraw(w.e); err != nil {
			return nil, err
		}
		return w.drawnAlready(a)
	}
	if err := a.dir.Sweep(); err != nil {
		return nil, err
	}
	if !a.dir.Has(docSeed) {
		if err := w.seed(ctx, a, o); err != nil {
			return nil, err
		}
	}
	rows, hash, err := w.sample(a)
	if err != nil {
		return nil, err
	}
	doc, err := a.drawDocument(rows, hash)
	if err != nil {
		return nil, err
	}
	if doc.Certificates, err = w.extract(ctx, a, rows); err != nil {
		return nil, err
	}
	return doc, a.recordDraw(w.e)
}

func (a *audit) recordDraw(e *env) error {
	documents := []string{docSeed, docSample, docSightings}
	if a.commitment.Beacon == sampler.BeaconDrand {
		documents = append(documents, docBeacon)
	}
	if a.dir.Has(sampler.RecordRowsFile) {
		documents = append(documents, sampler.RecordRowsFile)
	}
	return a.record(e, "draw", "", documents...)
}

// sameRandomness refuses digits or a contribution other than those drawn with: the draw
// has happened.
func (a *audit) sameRandomness(o drawOptions) error {
	raw, err := a.dir.Read(docSeed)
	if err != nil {
		return err
	}
	randomness, contribution, err := draw.ParseSeed(raw)
	if err != nil {
		return fmt.Errorf("%s: %w", a.dir.Path(docSeed), err)
	}
	dice := strings.Join(strings.Fields(o.Dice), "")
	if dice != "" && dice != randomness || o.Contribution != "" && o.Contribution != contribution {
		return usageErrorf("leave the flag out to go on", "audit %s is drawn, with another value than the one given now", a.id)
	}
	return nil
}

// keptBeacon is the round's answer that an interrupted draw left, verified again;
// fs.ErrNotExist when there is none.
func (w *workspace) keptBeacon(a *audit) ([]byte, draw.Beacon, error) {
	raw, err := a.dir.Read(docBeacon)
	if err != nil {
		return nil, draw.Beacon{}, err
	}
	chain, ok := sampler.ChainByHash(a.commitment.BeaconChain)
	if !ok {
		return nil, draw.Beacon{}, fmt.Errorf("unknown drand chain %s", a.commitment.BeaconChain)
	}
	b, err := verifiedBeacon(chain, a.commitment, raw)
	if err != nil {
		return nil, b, fmt.Errorf("%s: %w", a.dir.Path(docBeacon), err)
	}
	return raw, b, nil
}

// seed obtains the randomness and writes seed.txt, with beacon.json before it.
func (w *workspace) seed(ctx context.Context, a *audit, o drawOptions) error {
	c := a.commitment
	if w.e.Now().Before(c.BeaconTime) && !a.rehearsal() {
		return w.notYet(a)
	}
	if c.Contribution != "" && o.Contribution == "" {
		// Before anything is fetched or written: this draw may have to be voided.
		return &exitError{code: exitUsage, id: "contribution_missing", err: fmt.Errorf("audit %s committed to a contribution of the auditor, which is not revealed", a.id),
			hint: "add --contribution HEX, the value that the auditor reveals; if he does not, `selfaudit freeze --void REASON --void-ground contribution` (draw protocol 6.3, 9)"}
	}
	randomness, raw := "", []byte(nil)
	switch {
	case c.Beacon == sampler.BeaconDice && o.BeaconFile != "":
		return usageErrorf("give the digits with --dice", "audit %s is drawn by dice, not by a drand round", a.id)
	case c.Beacon != sampler.BeaconDice && o.Dice != "":
		return usageErrorf("leave --dice out: the round decides", "audit %s is committed to drand round %d", a.id, c.BeaconRound)
	case c.Beacon == sampler.BeaconDice:
		digits, err := w.dice(ctx, o)
		if err != nil {
			return err
		}
		randomness = digits
	default:
		answer, b, err := w.keptBeacon(a)
		if errors.Is(err, fs.ErrNotExist) {
			answer, b, err = w.beacon(ctx, c, o)
		}
		if err != nil {
			return err
		}
		raw = answer
		randomness = fmt.Sprintf("%x", b.Randomness)
	}
	seed, err := draw.BuildSeed(c, randomness, o.Contribution)
	if err != nil {
		// Nothing is written yet: after a void the next round's answer takes this place.
		return usageErrorf("", "%w", err)
	}
	if raw != nil {
		if err := a.dir.WriteOnce(docBeacon, raw); err != nil {
			return err
		}
	}
	return a.dir.WriteOnce(docSeed, seed)
}

// notYet says which round is waited for and where it will be found.
func (w *workspace) notYet(a *audit) error {
	c := a.commitment
	hint := fmt.Sprintf("run `selfaudit draw --audit %s` (or `selfaudit run`) at or after %s", a.id, sampler.FormatTime(c.BeaconTime))
	if c.Beacon == sampler.BeaconDrand {
		hint += "; it will be at " + roundURL(w.cfg.Drand.Relays[0], c)
	}
	return &exitError{code: exitNotYet, id: "beacon_not_ready", hint: hint,
		err: fmt.Errorf("audit %s waits for its randomness: %s; it is %s now", a.id, beaconWords(c), sampler.FormatTime(w.e.Now()))}
}

// dice takes the digits from the flag or asks for them.
func (w *workspace) dice(ctx context.Context, o drawOptions) (string, error) {
	text := o.Dice
	if text == "" {
		var err error
		text, err = terminal.Ask(ctx, w.e.Stdin, w.e.Stderr, w.e.StdinTTY && w.e.StderrTTY, "The 20 digits, in the order they were rolled: ")
		if errors.Is(err, terminal.ErrNotTerminal) {
			return "", usageErrorf("add --dice DIGITS, after the dice were rolled before the auditor", "this audit is drawn by dice, and standard input is not a terminal")
		}
		if err != nil {
			return "", err
		}
	}
	text = strings.Join(strings.Fields(text), "")
	if len(text) != 20 || strings.Trim(text, "0123456789") != "" {
		return "", usageErrorf("roll a ten-sided die 20 times and give the digits in order", "dice: exactly 20 digits are needed (66 bits), got %d characters", len(text))
	}
	return text, nil
}

// sample draws and writes sample.tsv; the hash is the document's.
func (w *workspace) sample(a *audit) ([]sampler.SampleRow, sampler.DocHash, error) {
	var none sampler.DocHash
	raw, err := a.dir.Read(docStrata)
	if err != nil {
		return nil, none, err
	}
	strata, err := sampler.ParseStrata(raw)
	if err != nil {
		return nil, none, err
	}
	seed, err := a.dir.Read(docSeed)
	if err != nil {
		return nil, none, err
	}
	f, err := os.Open(a.dir.Path(docPopulation))
	if err != nil {
		return nil, none, err
	}
	defer f.Close()
	pop := sampler.NewPopulationReader(f)
	rows, err := draw.Select(pop, strata, draw.SeedHex(seed))
	if err != nil {
		return nil, none, fmt.Errorf("%s: %w", a.dir.Path(docPopulation), err)
	}
	if pop.Hash() != a.commitment.PopulationHash || sampler.HashDoc(raw) != a.commitment.StrataHash {
		return nil, none, &exitError{code: exitVerify, id: "not_committed", err: fmt.Errorf("%s or strata.tsv is not the committed one", a.dir.Path(docPopulation)),
			hint: "bring back the documents as freeze wrote them"}
	}
	text := sampler.FormatSample(rows)
	return rows, sampler.HashDoc(text), a.dir.WriteOnce(docSample, text)
}

// extract brings the certificates of sampled and finding-named items into the audit
// folder, with every sighting and its inclusion proof.
func (w *workspace) extract(ctx context.Context, a *audit, rows []sampler.SampleRow) (certificates int, err error) {
	want := map[sampler.ItemID]bool{}
	for _, r := range rows {
		if r.Role == sampler.RoleSample {
			want[r.Item] = true
		}
	}
	items, err := a.itemFindings()
	if err != nil {
		return 0, err
	}
	for _, f := range items {
		if len(f.Certificates) > 0 { // else nothing shows the item: sampler.LintWaitingNotFound
			want[f.ItemID] = true
		}
	}
	collected, err := w.reopen(a)
	if err != nil {
		return 0, err
	}
	out, err := a.dir.Create(docSightings)
	if err != nil {
		return 0, err
	}
	defer out.Abort()
	lines := bufio.NewWriter(out)
	certs := a.dir.Batch()
	defer certs.Abort()
	written := map[sampler.CertHash]bool{}
	keep := func(der []byte) error {
		h := sampler.HashCert(der)
		if len(der) == 0 || written[h] {
			return nil
		}
		written[h] = true
		return certs.WriteOnce("certificates/"+h.String()+".der", der)
	}
	err = collected.Extract(ctx, a.dir, want, func(s sampler.Sighting, cert, signer []byte) error {
		line, err := s.Line()
		if err != nil {
			return err
		}
		if err := errors.Join(keep(cert), keep(signer)); err != nil {
			return err
		}
		_, err = lines.Write(line)
		return err
	})
	if err != nil {
		return 0, err
	}
	if err := errors.Join(certs.Commit(), lines.Flush()); err != nil {
		return 0, err
	}
	if err := a.writeRecordRows(ctx, collected, want); err != nil {
		return 0, err
	}
	return len(written), out.Commit()
}

func (a *audit) itemFindings() ([]sampler.ItemFinding, error) {
	f, err := os.Open(a.dir.Path(docItems))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return sampler.ParseItemFindings(f)
}

// reopen finds the collection of a frozen audit again, with the issuers of the evidence,
// not those of a configuration that may have changed since.
func (w *workspace) reopen(a *audit) (*collect.Collected, error) {
	raw, err := a.dir.Read(docCollected)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s is missing: the work folder must stay until the audit is sealed; bring it back", a.dir.Path(docCollected))
	}
	if err != nil {
		return nil, err
	}
	saved, err := collect.ParseSaved(raw)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", a.dir.Path(docCollected), err)
	}
	return collect.Reopen(a.dir, nil, saved)
}

// drawnAlready describes the draw that is done.
func (w *workspace) drawnAlready(a *audit) (*drawDocument, error) {
	raw, err := a.dir.Read(docSample)
	if err != nil {
		return nil, err
	}
	rows, err := sampler.ParseSample(raw)
	if err != nil {
		return nil, err
	}
	return a.drawDocument(rows, sampler.HashDoc(raw))
}

// drawDocument describes the draw with these rows, as far as the draw itself goes; hash is that of sample.tsv.
func (a *audit) drawDocument(rows []sampler.SampleRow, hash sampler.DocHash) (*drawDocument, error) {
	seed, err := a.dir.Read(docSeed)
	if err != nil {
		return nil, err
	}
	d := &drawDocument{Schema: "selfaudit.draw/v1", AuditID: a.id, Mode: a.opening.Mode, Seed: draw.SeedHex(seed), Population: a.commitment.PopulationCount,
		SampleHash: hash.String(), Next: "selfaudit lint --audit " + a.id}
	for _, r := range rows {
		if r.Role == sampler.RoleSample {
			d.Sample++
		} else {
			d.Reserve++
		}
	}
	return d, nil
}

// render writes the document for people.
func (d *drawDocument) render(e *env) {
	e.printf("drawn: %s of %s items (and %s in reserve)\nseed: %s\nnext: %s\n", terminal.Count(int64(d.Sample)), terminal.Count(d.Population),
		terminal.Count(int64(d.Reserve)), d.Seed, d.Next)
}
