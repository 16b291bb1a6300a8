package main

import (
	"cmp"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"selfaudit/internal/auditdir"
	"selfaudit/internal/terminal"
	"selfaudit/lint/requirements"
	"selfaudit/sampler"
)

// reviewOptions are the flags of `requirements --review`.
type reviewOptions struct {
	Review     bool
	From       string
	Until      string
	Record     []string // DOCUMENT:VERSION
	ReviewedBy string
	ReviewedOn string
	Impact     string
	Change     string
	ApprovedBy string
}

func (o *reviewOptions) flags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.BoolVar(&o.Review, "review", false, "which versions came into force, and who in the CA has reviewed them")
	f.StringVar(&o.From, "from", "", "with --review: versions effective from this `date` on (default: since the last review)")
	f.StringVar(&o.Until, "until", "", "with --review: versions effective before this `date` (default: today's end)")
	f.StringArrayVar(&o.Record, "record", nil, "with --review: record a review of this `version`, such as TLS-BR:2.2.7; may be repeated")
	f.StringVar(&o.ReviewedBy, "reviewed-by", "", "with --record: the `name` of who reviewed it")
	f.StringVar(&o.ReviewedOn, "reviewed-on", "", "with --record: the `date` of the review (default: today)")
	f.StringVar(&o.Impact, "impact", "", "with --record: what it means for the CA, as `text`")
	f.StringVar(&o.Change, "change", "", "with --record: `what` was changed in CPS or profiles for it")
	f.StringVar(&o.ApprovedBy, "approved-by", "", "with --record: the `name` of who approved it")
}

// check says which flags do not go together.
func (o *reviewOptions) check() error {
	given := map[string]string{"--reviewed-by": o.ReviewedBy, "--reviewed-on": o.ReviewedOn, "--impact": o.Impact, "--change": o.Change, "--approved-by": o.ApprovedBy}
	for _, name := range []string{"--reviewed-by", "--reviewed-on", "--impact", "--change", "--approved-by"} {
		if given[name] != "" && len(o.Record) == 0 {
			return usageErrorf("add --record DOCUMENT:VERSION", "%s works only with --record", name)
		}
	}
	switch {
	case !o.Review && (len(o.Record) > 0 || o.From != "" || o.Until != ""):
		return usageErrorf("add --review", "--record, --from and --until work only with --review")
	case len(o.Record) > 0 && (o.From != "" || o.Until != ""):
		return usageErrorf("ask first, record then", "--record goes with neither --from nor --until")
	case len(o.Record) > 0 && (o.ReviewedBy == "" || o.Impact == ""):
		return usageErrorf("say who reviewed it and what it means for the CA; \"none\" is an answer", "--record needs --reviewed-by and --impact")
	}
	return nil
}

// reviewDocument is what `requirements --review --json` writes.
type reviewDocument struct {
	Schema   string           `json:"schema"`
	Register string           `json:"register"` // path of the register
	Exists   bool             `json:"exists"`
	From     string           `json:"from"` // "" = since each document's last review
	Until    string           `json:"until"`
	Tables   tablesNote       `json:"tables"`
	Versions []reviewedOf     `json:"versions"`
	Unknown  []string         `json:"unknown"`            // rows that the tables do not know
	Recorded []reviewRecorded `json:"recorded,omitempty"` // by this command
	Missing  int              `json:"without_review"`     // versions in force without a review
}

// reviewedOf is one version with its reviews.
type reviewedOf struct {
	Document  string                `json:"document"`
	Version   string                `json:"version"`
	Effective string                `json:"effective"`
	Ballots   []string              `json:"ballots"`
	Upcoming  bool                  `json:"upcoming"` // not in force yet
	Reviews   []requirements.Review `json:"reviews"`
}

type reviewRecorded struct {
	Document string `json:"document"`
	Version  string `json:"version"`
}

// runReview shows what came into force, and records reviews.
func runReview(e *env, o reviewOptions, tables *requirements.Tables, note tablesNote) error {
	cfg, err := e.loadConfig()
	if err != nil {
		return err
	}
	if len(o.Record) > 0 {
		host, err := os.Hostname()
		if err != nil {
			host = "this machine"
		}
		// The audit's report reads the register while it holds the same lock.
		release, err := auditdir.Lock(cfg.Dir, auditdir.Holder{PID: os.Getpid(), Host: host, Command: "requirements", Since: sampler.FormatTime(e.SystemTime())})
		if err != nil {
			return err
		}
		defer release()
	}
	register, _, err := e.readRegister()
	if err != nil {
		return err
	}
	exists := register != nil
	if !exists {
		register = requirements.NewRegister()
	}
	recorded, err := o.record(e, register, tables)
	if err != nil {
		return err
	}
	if len(recorded) > 0 {
		raw, err := register.Bytes()
		if err != nil {
			return err
		}
		if err := auditdir.At(e.Workspace).Replace(requirements.RegisterFile, raw); err != nil {
			return err
		}
		exists = true
	}
	d, err := o.document(e, register, tables, note)
	if err != nil {
		return err
	}
	d.Exists, d.Recorded = exists, recorded
	return show(e, d, nil)
}

// record adds the reviews that the flags describe; all of them or none.
func (o *reviewOptions) record(e *env, r *requirements.Register, t *requirements.Tables) ([]reviewRecorded, error) {
	var out []reviewRecorded
	on := cmp.Or(o.ReviewedOn, e.Now().Format(time.DateOnly))
	if on > e.Now().Format(time.DateOnly) {
		return nil, usageErrorf("a review is recorded when it has been made", "--reviewed-on %s is still to come", on)
	}
	for _, name := range o.Record {
		document, number, ok := strings.Cut(name, ":")
		v, known := t.Find(document, number)
		switch {
		case !ok:
			return nil, usageErrorf("write it like TLS-BR:2.2.7", "--record %q", name)
		case !known:
			return nil, usageErrorf("the documents are "+strings.Join(requirements.Documents(), ", ")+"; newer versions need newer tables (--tables, or [requirements] tables)",
				"--record %s: the table does not know this version (%s)", name, t.Edition())
		}
		err := r.Add(requirements.Review{Document: document, Version: number, Effective: v.Effective.Format(time.DateOnly), ReviewedBy: o.ReviewedBy, ReviewedOn: on,
			Impact: o.Impact, Change: o.Change, ApprovedBy: o.ApprovedBy}, t)
		if err != nil {
			return nil, usageErrorf("", "--record %s: %w", name, err)
		}
		out = append(out, reviewRecorded{document, number})
	}
	return out, nil
}

// document lists the versions asked about with their reviews.
func (o *reviewOptions) document(e *env, r *requirements.Register, t *requirements.Tables, note tablesNote) (*reviewDocument, error) {
	d := &reviewDocument{Schema: "selfaudit.requirements-review/v1", Register: e.registerPath(), From: o.From, Tables: note, Versions: []reviewedOf{}, Unknown: []string{}}
	today := e.Now().Truncate(24 * time.Hour)
	until := today.AddDate(0, 0, 1)
	var from time.Time
	for _, f := range []struct {
		flag, text string
		to         *time.Time
	}{{"--from", o.From, &from}, {"--until", o.Until, &until}} {
		if f.text == "" {
			continue
		}
		day, err := time.Parse(time.DateOnly, f.text)
		if err != nil {
			return nil, usageErrorf("write it like 2026-07-01", "%s %q is not a date", f.flag, f.text)
		}
		*f.to = day
	}
	d.Until = until.Format(time.DateOnly)
	for _, document := range requirements.Documents() {
		for _, v := range o.versions(t, r, document, from, until, today) {
			row := reviewedOf{Document: document, Version: v.Number, Effective: v.Effective.Format(time.DateOnly), Ballots: v.Ballots, Upcoming: v.Effective.After(today),
				Reviews: append([]requirements.Review{}, r.Of(document, v.Number)...)}
			if len(row.Reviews) == 0 && !row.Upcoming {
				d.Missing++
			}
			d.Versions = append(d.Versions, row)
		}
	}
	for _, v := range r.Reviews {
		if why := t.Unknown(v); why != "" {
			d.Unknown = append(d.Unknown, why)
		}
	}
	return d, nil
}

// versions are those of one document to show: by date if a date was given, else the highest
// reviewed one and all after it, else the one in force and those to come.
func (o *reviewOptions) versions(t *requirements.Tables, r *requirements.Register, document string, from, until, today time.Time) []requirements.Version {
	if o.From != "" || o.Until != "" {
		return t.Between(document, from, until)
	}
	last := ""
	for _, v := range r.Reviews {
		if v.Document == document && (last == "" || requirements.Higher(v.Version, last)) {
			last = v.Version
		}
	}
	var out []requirements.Version
	if last != "" {
		if v, ok := t.Find(document, last); ok {
			out = append(out, v)
		}
		return append(out, t.After(document, last)...)
	}
	if v, ok := t.InForce(document, today); ok {
		out = append(out, v)
		last = v.Number
	}
	return append(out, t.After(document, last)...)
}

func (d *reviewDocument) render(e *env) {
	for _, r := range d.Recorded {
		e.printf("recorded: %s %s in %s\n", r.Document, r.Version, terminal.Escape(shownPath(d.Register)))
	}
	t := e.table()
	t.Header("DOCUMENT", "VERSION", "EFFECTIVE", "REVIEWED ON", "BY", "APPROVED BY", "IMPACT", "CPS OR PROFILE CHANGE")
	for _, v := range d.Versions {
		effective := v.Effective
		if v.Upcoming {
			effective += " (to come)"
		}
		if len(v.Reviews) == 0 {
			t.Row(v.Document, v.Version, effective, "NONE RECORDED", "-", "-", "-", "-")
		}
		for _, r := range v.Reviews {
			t.Row(v.Document, v.Version, effective, r.ReviewedOn, terminal.Escape(r.ReviewedBy), dash(terminal.Escape(r.ApprovedBy)), terminal.Escape(r.Impact), dash(terminal.Escape(r.Change)))
		}
	}
	if t.Flush() != nil { // the program notices a failed write at its end
		return
	}
	for _, why := range d.Unknown {
		e.notef("the register has a row that is not believed: %s", terminal.Escape(why))
	}
	if d.Missing > 0 {
		e.printf("without a review: %s in force\n", sampler.Counted(d.Missing, "version", "versions"))
	}
	if !d.Exists {
		e.printf("no register yet: --record DOCUMENT:VERSION begins %s\n", terminal.Escape(shownPath(d.Register)))
	}
	e.printf("%s\n", d.Tables.Edition)
}
