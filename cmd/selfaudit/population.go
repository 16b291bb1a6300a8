package main

import (
	"context"
	"fmt"
	"io/fs"
	"strings"

	"github.com/spf13/cobra"

	"selfaudit/sampler"
)

// populationOptions are the flags of `selfaudit population`.
type populationOptions struct {
	Serial, SHA256, Name, Issuer string
	From, Until                  string
	Stratum, Status, Format      string
	Proof                        bool
}

// Values of --format.
var populationFormats = []string{"table", "csv", "json", "jsonl", "pem"}

func newPopulationCommand(e *env) *cobra.Command {
	var o populationOptions
	cmd := &cobra.Command{
		Use:   "population [PACKAGE]",
		Short: "Was this certificate in it? Query and export what was collected",
		Long: `Query and export what an audit collected. Reads only, and changes nothing.

With --serial or --sha256 the answer is yes or no, with the row, how the item was dated,
where it was seen, and whether it was sampled. --proof adds the inclusion proof of every
sighting in a log, with the log's signed tree head and how to check it.

As long as the audit's work folder is there, everything collected is searched, also what is
not in the population, with the reason. Otherwise, or with PACKAGE (a sealed package, zip
or folder, or an audit's folder), the documents are searched, and the answer says what they
cannot tell.`,
		Example: `  selfaudit population --serial 04:3f:9a:11
  selfaudit population 2026-Q3.zip --sha256 5f0c… --proof
  selfaudit population --status waiting --format csv > waiting.csv
  selfaudit population --name example.org --format pem`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 1 {
				return usageErrorf(helpLine(cmd), "%s takes one PACKAGE at most, got %d", cmd.CommandPath(), len(args))
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			return e.population(cmd.Context(), o, args)
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.Serial, "serial", "", "serial number in `hex`, with or without colons")
	f.StringVar(&o.SHA256, "sha256", "", "SHA-256 of the certificate or precertificate, 64 `hex` digits")
	f.StringVar(&o.Name, "name", "", "`text` in the subject or in a name of the certificate, in any case")
	f.StringVar(&o.Issuer, "issuer", "", "`label` of the issuer, or the beginning of its key's SHA-256")
	f.StringVar(&o.From, "from", "", "issued at or after this `time`, RFC 3339")
	f.StringVar(&o.Until, "until", "", "issued before this `time`, RFC 3339")
	f.StringVar(&o.Stratum, "stratum", "", "stratum by `id` or label")
	f.StringVar(&o.Status, "status", "", "`what` became of it: population, current, late, waiting, carried, too-old, predated or in-earlier")
	f.StringVar(&o.Format, "format", "table", "`form` of the result: table, csv, json, jsonl or pem")
	f.BoolVar(&o.Proof, "proof", false, "with every sighting in a log its inclusion proof and the signed tree head")
	setCompletion(cmd, "format", oneOfWords(populationFormats...))
	setCompletion(cmd, "status", oneOfWords(statusWords...))
	return cmd
}

// populationSource gives items in ascending order, those of the population and, as far as
// it knows them, the others.
type populationSource interface {
	// about says what is searched and what cannot be answered from it.
	about() populationAbout
	// each calls fn with every item that q may want; the item is valid during the call.
	each(ctx context.Context, q *populationQuery, fn func(*populationItem) error) error
	close() error
}

// populationAbout describes a source; it stands in front of every JSON result.
type populationAbout struct {
	Schema     string   `json:"schema"`
	AuditID    string   `json:"audit_id"`
	Mode       string   `json:"mode"`
	Source     string   `json:"source"` // sourceWork or sourceDocuments
	Frozen     bool     `json:"frozen"` // false: what stands here is preliminary
	Drawn      bool     `json:"drawn"`
	Population *int64   `json:"population"` // items; null before freeze
	Searched   []string `json:"searched"`   // the logs and files that were read
	Cannot     []string `json:"cannot_answer"`

	outside bool // ct/outside.tsv is there: it names what is in no population
}

const (
	sourceWork      = "work"
	sourceDocuments = "documents"
)

// population runs the command.
func (e *env) population(ctx context.Context, o populationOptions, args []string) (err error) {
	if err := o.settle(e); err != nil {
		return err
	}
	src, known, err := e.populationSource(ctx, args)
	if err != nil {
		return err
	}
	defer src.close() // only read from: nothing is lost if closing fails
	about := src.about()
	q, err := o.query(about, known)
	if err != nil {
		return err
	}
	if about.Mode == sampler.ModeRehearsal {
		e.notef("%s", e.errOut().Warn(rehearsalBanner))
	}
	view := newPopulationView(e, o, about, q)
	if err := view.begin(); err != nil {
		return err
	}
	n := 0
	err = src.each(ctx, q, func(it *populationItem) error {
		n++
		return view.item(it)
	})
	if err != nil {
		return err
	}
	return view.end(n)
}

// settle checks what needs no audit.
func (o *populationOptions) settle(e *env) error {
	if e.JSON {
		if o.Format != "table" && o.Format != "json" {
			return usageErrorf("leave --json out", "--json and --format %s exclude each other", o.Format)
		}
		o.Format = "json"
	}
	for _, f := range populationFormats {
		if o.Format == f {
			if o.Proof && (f == "csv" || f == "pem") {
				return usageErrorf("use --format table, json or jsonl", "--format %s has no place for proofs", f)
			}
			return nil
		}
	}
	return usageErrorf("use "+strings.Join(populationFormats, ", "), "unknown --format %q", o.Format)
}

// populationSource opens the documents that PACKAGE names, or the workspace's audit: its
// work folder if it is there.
func (e *env) populationSource(ctx context.Context, args []string) (populationSource, *knownIssuers, error) {
	if len(args) == 1 {
		f, err := e.openFrozen(ctx, args[0])
		if err != nil {
			return nil, nil, err
		}
		return newDocumentSource(f), issuersOfSnapshot(f.snapshot), nil
	}
	a, err := e.pick()
	if err != nil {
		return nil, nil, err
	}
	var f *frozenAudit
	if a.commitment != nil {
		if f, err = readFrozen(a.dir.FS(), a.dir.Path("")); err != nil {
			return nil, nil, err
		}
	}
	switch {
	case a.dir.Has(docCollected):
		return e.newWorkSource(a, f)
	case f != nil:
		return newDocumentSource(f), issuersOfSnapshot(f.snapshot), nil
	}
	return nil, nil, &exitError{code: exitUsage, id: "out_of_order", err: fmt.Errorf("audit %s has collected nothing yet: %w", a.id, fs.ErrNotExist),
		hint: fmt.Sprintf("run `selfaudit collect --audit %s` first", a.id)}
}
