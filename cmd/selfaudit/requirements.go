package main

import (
	"context"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"selfaudit/lint/requirements"
	"selfaudit/sampler"
)

// staleTables is the age from which a table is said to be old: BR and its siblings change
// every few months.
const staleTables = 90 * 24 * time.Hour

// requirementsOptions are the flags of `selfaudit requirements`.
type requirementsOptions struct {
	On       time.Time
	Upcoming bool
	Coverage bool
	Tables   string
	Online   bool
	review   reviewOptions
}

func newRequirementsCommand(e *env) *cobra.Command {
	var o requirementsOptions
	var on string
	cmd := &cobra.Command{
		Use:   "requirements",
		Short: "Which version of the requirements was in force, what comes",
		Long: `Say which version of the CA/Browser Forum's documents was in force on a day, what
is to come (--upcoming), and which sections of them no lint looks at (--coverage).
The tables are part of the program and carry a date; --tables replaces them, and so does
[requirements] tables in selfaudit.toml.

--review keeps the CA's register of reviews, requirements-review.csv in the workspace: who
looked at which version, and what followed. The report shows each version that came into
force in the audited period with its review, or that none is recorded.`,
		Example: `  selfaudit requirements --on 2020-02-10
  selfaudit requirements --upcoming
  selfaudit requirements --coverage
  selfaudit requirements --tables newer/ --json
  selfaudit requirements --review
  selfaudit requirements --review --record TLS-BR:2.2.7 --reviewed-by "A. Example" --impact none
  selfaudit requirements --online`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			o.On = e.Now()
			if on != "" {
				day, err := time.Parse(time.DateOnly, on)
				if err != nil {
					return usageErrorf("write it like 2020-02-10", "--on %q is not a date", on)
				}
				o.On = day
			}
			if err := o.review.check(); err != nil {
				return err
			}
			if (o.Online || o.review.Review) && (o.Coverage || o.Upcoming || on != "") || o.Online && o.review.Review {
				return usageErrorf("ask for one at a time", "--review, --online, --on, --upcoming and --coverage exclude each other")
			}
			if o.Coverage && (o.Upcoming || on != "") {
				return usageErrorf("ask for one at a time", "--coverage goes with neither --on nor --upcoming")
			}
			return runRequirements(cmd.Context(), e, o)
		},
	}
	f := cmd.Flags()
	f.StringVar(&on, "on", "", "the `date` to ask about, such as 2020-02-10 (default: today)")
	f.BoolVar(&o.Upcoming, "upcoming", false, "what becomes effective after that day")
	f.BoolVar(&o.Coverage, "coverage", false, "which sections have lints and which have none")
	f.StringVar(&o.Tables, "tables", "", "`folder` with newer tables (default: as configured in the workspace, else the program's own)")
	f.BoolVar(&o.Online, "online", false, "ask GitHub for the newest release of zlint and say how old this program's is")
	o.review.flags(cmd)
	return cmd
}

// tablesNote says in every document which tables gave the answer.
type tablesNote struct {
	Edition string `json:"edition"`
	Date    string `json:"date"`
	AgeDays int    `json:"age_days"`
	Old     bool   `json:"old"` // older than 90 days
}

func runRequirements(ctx context.Context, e *env, o requirementsOptions) error {
	if o.Online {
		doc, err := e.zlintRelease(ctx)
		return show(e, doc, err)
	}
	tables := requirements.Embedded()
	var err error
	if o.Tables != "" {
		tables, err = loadTables(o.Tables, o.Tables, "--tables")
	} else if cfg, broken := e.loadConfig(); broken == nil { // without a workspace, the program's own will do
		tables, err = configuredTables(cfg)
	}
	if err != nil {
		return err
	}
	age := e.Now().Sub(tables.Date())
	note := tablesNote{tables.Edition(), tables.Date().Format(time.DateOnly), max(int(age/(24*time.Hour)), 0), age > staleTables}
	if note.Old {
		e.notef("the tables are %s old: versions published since %s are missing from the answer", sampler.Counted(note.AgeDays, "day", "days"), note.Date)
	}
	switch {
	case o.review.Review:
		return runReview(e, o.review, tables, note)
	case o.Coverage:
		doc, err := coverageDocumentOf(tables, note)
		return show(e, doc, err)
	case o.Upcoming:
		doc, err := upcomingDocumentOf(tables, note, o.On)
		return show(e, doc, err)
	}
	return show(e, inForceDocumentOf(tables, note, o.On), nil)
}

// inForceDocument is what `requirements --on --json` writes.
type inForceDocument struct {
	Schema    string           `json:"schema"`
	On        string           `json:"on"`
	Tables    tablesNote       `json:"tables"`
	Documents []inForceVersion `json:"documents"`
}

// inForceVersion is one document's answer; Version is "" before its first version.
type inForceVersion struct {
	Document  string   `json:"document"`
	Version   string   `json:"version"`
	Effective string   `json:"effective"`
	Ballots   []string `json:"ballots"`
	Source    string   `json:"source"`
	Remark    string   `json:"remark"`
}

func inForceDocumentOf(t *requirements.Tables, note tablesNote, on time.Time) *inForceDocument {
	d := &inForceDocument{Schema: "selfaudit.requirements/v1", On: on.UTC().Format(time.DateOnly), Tables: note}
	for _, name := range requirements.Documents() {
		row := inForceVersion{Document: name, Ballots: []string{}}
		if v, ok := t.InForce(name, on); ok {
			row = versionRow(v)
			row.Remark = requirements.Remark(name, on)
		} else {
			row.Remark = "no version was in force yet"
		}
		if on.After(t.Date()) {
			row.Remark = strings.TrimPrefix(row.Remark+"; the day is after that of the table", "; ")
		}
		d.Documents = append(d.Documents, row)
	}
	return d
}

func versionRow(v requirements.Version) inForceVersion {
	return inForceVersion{Document: v.Document, Version: v.Number, Effective: v.Effective.Format(time.DateOnly), Ballots: v.Ballots, Source: v.Source}
}

func (d *inForceDocument) render(e *env) {
	e.printf("in force on %s\n", d.On)
	t := e.table()
	t.Header("DOCUMENT", "VERSION", "EFFECTIVE", "BALLOTS", "REMARK")
	for _, v := range d.Documents {
		t.Row(v.Document, dash(v.Version), dash(v.Effective), dash(strings.Join(v.Ballots, ", ")), v.Remark)
	}
	if t.Flush() == nil { // the program notices a failed write at its end
		e.printf("%s\n", d.Tables.Edition)
	}
}

// upcomingDocument is what `requirements --upcoming --json` writes.
type upcomingDocument struct {
	Schema   string           `json:"schema"`
	After    string           `json:"after"`
	Tables   tablesNote       `json:"tables"`
	Versions []inForceVersion `json:"versions"`
	Dates    []upcomingDate   `json:"dates"`
	Pending  []pendingBallot  `json:"pending"`
}

// upcomingDate is one requirement that binds from a later day on.
type upcomingDate struct {
	Document    string `json:"document"`
	Date        string `json:"date"`
	Section     string `json:"section"`
	Requirement string `json:"requirement"`
}

// pendingBallot is a ballot whose version or effective date the table does not know.
type pendingBallot struct {
	Document    string `json:"document"`
	Ballot      string `json:"ballot"`
	Description string `json:"description"`
	Source      string `json:"source"`
}

func upcomingDocumentOf(t *requirements.Tables, note tablesNote, after time.Time) (*upcomingDocument, error) {
	d := &upcomingDocument{
		Schema: "selfaudit.requirements-upcoming/v1", After: after.UTC().Format(time.DateOnly), Tables: note,
		Versions: []inForceVersion{}, Dates: []upcomingDate{}, Pending: []pendingBallot{},
	}
	for _, name := range requirements.Documents() {
		for _, v := range t.Upcoming(name, after) {
			d.Versions = append(d.Versions, versionRow(v))
		}
		dates, err := t.UpcomingDates(name, after)
		if err != nil {
			return nil, err
		}
		for _, r := range dates {
			d.Dates = append(d.Dates, upcomingDate{r.Document, r.Date.Format(time.DateOnly), r.Section, r.Requirement})
		}
		pending, err := t.Pending(name)
		if err != nil {
			return nil, err
		}
		for _, p := range pending {
			d.Pending = append(d.Pending, pendingBallot{p.Document, p.Ballot, p.Description, p.Source})
		}
	}
	return d, nil
}

func (d *upcomingDocument) render(e *env) {
	e.printf("effective after %s\n", d.After)
	t := e.table()
	t.Header("DATE", "DOCUMENT", "SECTION", "WHAT")
	for _, v := range d.Versions {
		t.Row(v.Effective, v.Document, "-", "version "+v.Version+" ("+strings.Join(v.Ballots, ", ")+")")
	}
	for _, r := range d.Dates {
		t.Row(r.Date, r.Document, r.Section, r.Requirement)
	}
	for _, p := range d.Pending {
		t.Row("not known", p.Document, "-", "ballot "+p.Ballot+": "+p.Description)
	}
	if t.Flush() == nil {
		e.printf("%s\n", d.Tables.Edition)
	}
}
