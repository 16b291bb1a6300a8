package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"selfaudit/internal/config"
	"selfaudit/internal/terminal"
	"selfaudit/sampler"
	"selfaudit/sampler/draw"
)

// auditorOptions are the flags of `selfaudit draw --for-auditor`.
type auditorOptions struct {
	Source  string // a package, an audit folder or an audit's id
	Size    int64
	Rate    string
	Strata  []string
	CSV     bool
	sizeSet bool
}

func (o *auditorOptions) flags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&o.Source, "for-auditor", "", "draw an auditor's own sample from this sealed `package` (zip, folder, audit folder or audit id), with his dice; writes nothing")
	f.Int64Var(&o.Size, "size", 0, "with --for-auditor: `number` of items to draw from every stratum (default: as many as the CA drew)")
	f.StringVar(&o.Rate, "rate", "", "with --for-auditor: `percentage` of every stratum to draw, rounded up, instead of --size")
	f.StringArrayVar(&o.Strata, "stratum", nil, "with --for-auditor: draw from this stratum only, by `id` or label; may be repeated")
	f.BoolVar(&o.CSV, "csv", false, "with --for-auditor: the request list as CSV")
}

// misplaced refuses flags that only --for-auditor knows. A value from the environment,
// which may be meant for another command, is passed over.
func (o *auditorOptions) misplaced(e *env, cmd *cobra.Command) error {
	for _, name := range []string{"size", "rate", "stratum", "csv"} {
		if cmd.Flags().Changed(name) && e.Getenv(envName(name)) == "" {
			return usageErrorf("add --for-auditor PACKAGE; the sizes of the CA's own draw were fixed by freeze", "--%s is for an auditor's own draw", name)
		}
	}
	return nil
}

// auditorDraw is what `draw --for-auditor --json` writes: the request list, with all that
// is needed to derive it again.
type auditorDraw struct {
	Schema         string           `json:"schema"`
	AuditID        string           `json:"audit_id"`
	Mode           string           `json:"mode"`
	Commitment     string           `json:"commitment_sha256"`
	PopulationHash string           `json:"population_sha256"`
	Population     int64            `json:"population"`
	SeedText       string           `json:"seed_text"` // docs/format-draw.md, appendix A
	Seed           string           `json:"seed"`
	Strata         []auditorStratum `json:"strata"`
	Requests       []auditorRequest `json:"requests"`
}

type auditorStratum struct {
	ID         string `json:"stratum_id"`
	Label      string `json:"label"`
	Population int64  `json:"population"`
	Sample     int64  `json:"sample"`
}

// auditorRequest is one certificate that the auditor asks the CA for.
type auditorRequest struct {
	Stratum  string `json:"stratum_id"`
	Label    string `json:"stratum"`
	Rank     int64  `json:"rank"`
	Serial   string `json:"serial"`
	SHA256   string `json:"sha256"`
	ItemID   string `json:"item_id"`
	Ticket   string `json:"ticket"`
	CASample *bool  `json:"ca_sample"` // also in the CA's sample; null before the CA's draw
	CrtSh    string `json:"crt_sh"`
}

// drawForAuditor draws and shows the list. It needs no workspace and writes no file.
func (e *env) drawForAuditor(ctx context.Context, o drawOptions) error {
	if o.BeaconFile != "" || o.Contribution != "" {
		return usageErrorf("leave --beacon-file and --contribution out: an auditor draws with his own dice", "--for-auditor does not repeat the CA's draw; `selfaudit verify` does")
	}
	if o.Auditor.CSV && e.JSON {
		return usageErrorf("choose one", "--csv and --json exclude each other")
	}
	rateBP, err := o.Auditor.rate()
	if err != nil {
		return err
	}
	f, err := e.openFrozen(ctx, o.Auditor.Source)
	if err != nil {
		return err
	}
	defer f.close() // only read from: nothing is lost if closing fails
	d, err := f.drawForAuditor(ctx, e, o, rateBP)
	if err != nil {
		return err
	}
	if f.commitment.Mode == sampler.ModeRehearsal {
		e.notef("%s", e.errOut().Warn(rehearsalBanner))
	}
	if o.Auditor.CSV {
		return d.csv(e)
	}
	return show(e, d, nil)
}

func (o auditorOptions) rate() (int, error) {
	switch {
	case o.Size != 0 && o.Rate != "":
		return 0, usageErrorf("choose one", "--size and --rate exclude each other")
	case o.Size < 0 || o.sizeSet && o.Size == 0:
		return 0, usageErrorf("give 1 or more", "--size %d draws nothing", o.Size)
	case o.Rate == "":
		return 0, nil
	}
	bp, err := config.ParseRate(o.Rate)
	if err == nil && (bp == 0 || bp > sampler.MaxRateBP) {
		err = fmt.Errorf("rate %s is outside 0.01%% to 100%%", o.Rate)
	}
	if err != nil {
		return 0, usageErrorf("write it like 5% or 0.5%", "--rate: %w", err)
	}
	return bp, nil
}

func (f *frozenAudit) drawForAuditor(ctx context.Context, e *env, o drawOptions, rateBP int) (*auditorDraw, error) {
	var only []sampler.StratumID
	for _, text := range o.Auditor.Strata {
		id, err := f.stratum(text)
		if err != nil {
			return nil, err
		}
		only = append(only, id)
	}
	sized, err := draw.AuditorStrata(f.strata, only, o.Auditor.Size, rateBP)
	if err != nil {
		return nil, usageErrorf("", "%w", err)
	}
	dice, err := e.auditorDice(ctx, o.Dice)
	if err != nil {
		return nil, err
	}
	seed, err := draw.AuditorSeed(f.commitment.PopulationHash, dice)
	if err != nil {
		return nil, usageErrorf("roll a ten-sided die 20 times and give the digits in order", "%w", err)
	}
	pop, end, err := f.population()
	if err != nil {
		return nil, err
	}
	rows, err := draw.Select(pop, sized, draw.SeedHex(seed))
	if err != nil {
		return nil, f.broken(docPopulation, err)
	}
	if err := end(); err != nil {
		return nil, err
	}
	return f.requests(seed, sized, rows), nil
}

func (f *frozenAudit) requests(seed []byte, sized []sampler.Stratum, rows []sampler.SampleRow) *auditorDraw {
	c := f.commitment
	d := &auditorDraw{Schema: "selfaudit.auditor-draw/v1", AuditID: c.AuditID, Mode: c.Mode, Commitment: f.commitHash.String(), PopulationHash: c.PopulationHash.String(),
		Population: c.PopulationCount, SeedText: string(seed), Seed: draw.SeedHex(seed), Strata: []auditorStratum{}, Requests: []auditorRequest{}}
	for _, s := range sized {
		d.Strata = append(d.Strata, auditorStratum{s.ID.String(), s.Text(), s.Population, s.Sample})
	}
	for _, r := range rows {
		q := auditorRequest{Stratum: r.Stratum.String(), Label: f.label(r.Stratum), Rank: r.Rank, Serial: string(r.Item.Serial), SHA256: r.Cert.String(),
			ItemID: r.Item.String(), Ticket: fmt.Sprintf("%x", r.Ticket), CrtSh: crtShURL(r.Cert)}
		if f.drawn {
			own, ok := f.sample[r.Item]
			in := ok && own.Role == sampler.RoleSample
			q.CASample = &in
		}
		d.Requests = append(d.Requests, q)
	}
	return d
}

// crtShURL is where the public can look at a logged certificate or precertificate.
func crtShURL(h sampler.CertHash) string { return "https://crt.sh/?sha256=" + h.String() }

// auditorDice takes the auditor's digits from the flag or asks for them.
func (e *env) auditorDice(ctx context.Context, text string) (string, error) {
	if text == "" {
		var err error
		text, err = terminal.Ask(ctx, e.Stdin, e.Stderr, e.StdinTTY && e.StderrTTY, "Your 20 digits, in the order you rolled them: ")
		if errors.Is(err, terminal.ErrNotTerminal) {
			return "", usageErrorf("add --dice DIGITS: 20 rolls of a ten-sided die", "your own draw needs your own dice, and standard input is not a terminal")
		}
		if err != nil {
			return "", err
		}
	}
	return strings.Join(strings.Fields(text), ""), nil
}

// csv writes the request list for a spreadsheet.
func (d *auditorDraw) csv(e *env) error {
	w := newCSVWriter(e.Stdout)
	if err := w.row("stratum", "rank", "serial", "sha256", "also_in_ca_sample", "crt_sh", "stratum_id", "item_id", "ticket"); err != nil {
		return err
	}
	for _, r := range d.Requests {
		if err := w.row(r.Label, fmt.Sprint(r.Rank), r.Serial, r.SHA256, answered(r.CASample), r.CrtSh, r.Stratum, r.ItemID, r.Ticket); err != nil {
			return err
		}
	}
	return w.flush()
}

// answered words a question that may have no answer yet.
func answered(b *bool) string {
	switch {
	case b == nil:
		return "unknown"
	case *b:
		return "yes"
	}
	return "no"
}

// render writes the document for people.
func (d *auditorDraw) render(e *env) {
	e.printf("audit %s, population of %s items, SHA-256 %s\ncommitment: %s\n\n", d.AuditID, terminal.Count(d.Population), d.PopulationHash, d.Commitment)
	t := e.table()
	t.Header("stratum", "rank", "serial", "SHA-256", "in CA's sample", "crt.sh")
	for _, r := range d.Requests {
		t.Row(terminal.Escape(r.Label), fmt.Sprint(r.Rank), r.Serial, r.SHA256, answered(r.CASample), r.CrtSh)
	}
	_ = t.Flush() // a failed write shows at the end, in Main
	for _, s := range d.Strata {
		e.printf("%s: %s of %s\n", terminal.Escape(s.Label), terminal.Count(s.Sample), terminal.Count(s.Population))
	}
	e.printf("\nYour seed document, to be kept with your working papers (its SHA-256 is the seed):\n\n%s\nseed: %s\n", d.SeedText, d.Seed)
	e.printf("a ticket: printf 'selfaudit-ticket-v1:%%s:%%s' %s ITEM_ID | sha256sum; rank 1 is the lowest of its stratum\n", d.Seed)
}
