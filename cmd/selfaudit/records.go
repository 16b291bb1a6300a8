package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"selfaudit/internal/config"
	"selfaudit/sampler/collect"
	"selfaudit/sampler/records"
)

// recordsFlags are the flags of `selfaudit records`.
type recordsFlags struct {
	Rows int
}

func newRecordsCommand(e *env) *cobra.Command {
	var o recordsFlags
	cmd := &cobra.Command{
		Use:   "records [EXPORT]",
		Short: "Look at the CA's own export: preview, mapping, problems",
		Long: `Show what is made of every [[records]] of selfaudit.toml: encoding, columns, the first rows
as they are read, problems by column, and counts. With EXPORT, a file, folder or archive
that is not configured yet, the columns are guessed from their names and content, and a
[[records]] to paste into selfaudit.toml is printed. Nothing is written.`,
		Example: `  selfaudit records exports/2026Q3.csv        a first look, and a mapping to paste
  selfaudit records                           what is made of the configured exports
  selfaudit records --json | jq '.exports[].problems'`,
		Args: atMostOne("EXPORT"),
		RunE: func(cmd *cobra.Command, args []string) error {
			doc, err := e.records(cmd.Context(), o, args)
			return show(e, doc, err)
		},
	}
	cmd.Flags().IntVar(&o.Rows, "rows", 5, "show so many `rows` of each export")
	return cmd
}

func atMostOne(what string) cobra.PositionalArgs {
	return func(_ *cobra.Command, args []string) error {
		if len(args) > 1 {
			return usageErrorf("name one "+what+", or none", "too many arguments")
		}
		return nil
	}
}

// recordsDocument is what `records --json` writes.
type recordsDocument struct {
	Schema  string          `json:"schema"`
	Exports []recordsExport `json:"exports"`
}

type recordsExport struct {
	Path         string            `json:"path"`
	Configured   bool              `json:"configured"`
	Kind         string            `json:"kind"`
	SHA256       string            `json:"sha256"`
	Bytes        int64             `json:"bytes"`
	Encoding     string            `json:"encoding,omitempty"`
	Delimiter    string            `json:"delimiter,omitempty"`
	SerialFormat string            `json:"serial_format,omitempty"`
	Header       []string          `json:"header,omitempty"`
	Columns      map[string]string `json:"columns"` // field to header, as configured or guessed
	Ignored      []string          `json:"ignored_columns,omitempty"`
	Preview      []recordsPreview  `json:"preview"`
	Rows         int64             `json:"rows"`
	Readable     int64             `json:"readable"`
	Unreadable   int64             `json:"unreadable"`
	Issuers      []recordsIssuer   `json:"issuers"`
	Problems     []recordsProblem  `json:"problems"`
	Notes        []string          `json:"notes"`
	Suggestion   string            `json:"suggestion,omitempty"` // TOML to paste
	Error        string            `json:"error,omitempty"`      // why it cannot be used as it is
}

type recordsPreview struct {
	Row    int64             `json:"row"`
	Line   int               `json:"line,omitempty"`
	Fields map[string]string `json:"fields"`
}

type recordsIssuer struct {
	Text   string `json:"text"`
	Issuer string `json:"issuer"` // label of the audited issuer, "" if it is none
	Rows   int64  `json:"rows"`
	Error  string `json:"error,omitempty"`
}

// recordsProblem sums up what is wrong in one column.
type recordsProblem struct {
	Column string `json:"column"` // "" for the row as a whole
	Field  string `json:"field"`
	Rows   int64  `json:"rows"`
	First  string `json:"first"` // where, and why
}

func (e *env) records(ctx context.Context, o recordsFlags, args []string) (*recordsDocument, error) {
	if o.Rows < 1 || o.Rows > 1000 {
		return nil, usageErrorf("take 1 to 1000", "--rows %d", o.Rows)
	}
	cfg, found, err := e.configOrEmpty()
	if err != nil {
		return nil, err
	}
	doc := &recordsDocument{Schema: "selfaudit.records/v1", Exports: []recordsExport{}}
	var issuers *collect.Issuers
	if found && len(cfg.Issuers) > 0 {
		if issuers, err = loadIssuers(cfg); err != nil {
			return nil, err
		}
	}
	list := cfg.Records
	if len(args) == 1 {
		list = []config.Records{e.namedExport(cfg, args[0])}
	} else if len(list) == 0 {
		return nil, usageErrorf("give the export: selfaudit records exports/2026Q3.csv", "there is no [[records]] in the configuration")
	}
	unusable := false
	for _, r := range list {
		one, err := e.lookAtRecords(ctx, cfg, issuers, r, o)
		if err != nil {
			return nil, err
		}
		unusable = unusable || one.Error != "" || one.Unreadable > 0
		doc.Exports = append(doc.Exports, *one)
	}
	if unusable {
		return doc, &exitError{code: exitIncomplete, id: "records_unusable", quiet: true, err: errors.New("an export cannot be used as it is"), hint: "mend the mapping or the export, and look again"}
	}
	return doc, nil
}

// namedExport is the configured export of that path, or one that is not configured.
func (e *env) namedExport(cfg *config.Config, path string) config.Records {
	abs, err := filepath.Abs(path)
	if i := slices.IndexFunc(cfg.Records, func(r config.Records) bool {
		set, err2 := filepath.Abs(cfg.Resolve(r.Path))
		return r.Path == path || err == nil && err2 == nil && set == abs
	}); i >= 0 {
		return cfg.Records[i]
	}
	if _, err := os.Stat(path); err == nil {
		path = workspacePath(cfg.Dir, path)
	}
	return config.Records{Path: path, Kind: "auto", SerialFormat: "auto", TimeFormat: "auto", TimeZone: "UTC", Encoding: "auto", Delimiter: "auto",
		Rows: config.NotGiven, CounterFirst: config.NotGiven, CounterLast: config.NotGiven}
}

// lookAtRecords looks at one export. What is wrong with it is part of the answer.
func (e *env) lookAtRecords(ctx context.Context, cfg *config.Config, issuers *collect.Issuers, r config.Records, o recordsFlags) (*recordsExport, error) {
	configured := slices.ContainsFunc(cfg.Records, func(c config.Records) bool { return c.Path == r.Path })
	one := &recordsExport{Path: r.Path, Configured: configured, Columns: map[string]string{}, Preview: []recordsPreview{}, Issuers: []recordsIssuer{},
		Problems: []recordsProblem{}, Notes: []string{}}
	path := cfg.Resolve(r.Path)
	bare, err := recordsOptions(r)
	if err != nil {
		return nil, err
	}
	bare.Columns = nil // a look without the mapping, which may be what is wrong
	x, err := records.Open(ctx, path, bare)
	if err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if _, statErr := os.Stat(path); statErr != nil {
			return nil, usageErrorf("name a CSV file, or a folder or archive of certificates", "%w", statErr)
		}
		one.Error = err.Error()
		return one, nil
	}
	one.Kind, one.SHA256, one.Bytes, one.Rows = x.Kind, fmt.Sprintf("%x", x.SHA256), x.Bytes, x.Rows
	one.Encoding, one.Delimiter, one.Header = x.Encoding, x.Delimiter, x.Header
	one.Notes = append(one.Notes, x.Notes...)
	s := &recordsLook{e: e, cfg: cfg, issuers: issuers, set: r, path: path, out: one, rows: o.Rows}
	if err := s.mapping(ctx, x); err != nil {
		return nil, err
	}
	if err := s.read(ctx); err != nil {
		return nil, err
	}
	return one, nil
}

// workspacePath writes a path as selfaudit.toml would have it: relative to the workspace
// where it is inside, else absolute.
func workspacePath(workspace, path string) string {
	base, err := filepath.Abs(workspace)
	if err != nil {
		return path
	}
	abs, err := filepath.Abs(path)
	if err != nil {
		return path
	}
	rel, err := filepath.Rel(base, abs)
	if err != nil || rel == ".." || strings.HasPrefix(rel, ".."+string(filepath.Separator)) {
		return filepath.ToSlash(abs)
	}
	return filepath.ToSlash(rel)
}
