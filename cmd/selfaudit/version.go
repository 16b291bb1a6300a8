package main

import (
	"context"
	"runtime"
	"runtime/debug"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"selfaudit/lint/requirements"
	"selfaudit/sampler"
)

// versionOverride is the program's version when the build sets it with
// -ldflags "-X main.versionOverride=v1.2.3"; a plain `go install` needs nothing.
var versionOverride string

// revisionOverride is the commit, for builds in which the go command may not ask git.
var revisionOverride string

// programModule is a dependency whose version decides results.
type programModule struct {
	Path    string `json:"path"`
	Version string `json:"version"`
	Sum     string `json:"sum,omitempty"` // empty in a build from a vendor folder
}

// dataTable is embedded data with the day it describes: for the table itself
// the day it was the newest state known, for a document's version the day it
// became effective.
type dataTable struct {
	Name string `json:"name"`
	Date string `json:"date"`
}

// versionDocument is what `version --json` writes.
type versionDocument struct {
	Schema       string          `json:"schema"`
	Version      string          `json:"version"`
	Revision     string          `json:"revision,omitempty"` // commit; empty when the build does not know
	RevisionTime string          `json:"revision_time,omitempty"`
	Modified     bool            `json:"modified"` // built from changed files
	Go           string          `json:"go"`
	Platform     string          `json:"platform"`
	Linters      []programModule `json:"linters"`
	Tables       []dataTable     `json:"tables"`
	Protocols    []string        `json:"protocols"` // written, and all that are read
}

// protocols are the formats that this program writes. It reads these and no
// other; a reader for an old version is added when there is a new one.
var protocols = []string{
	"selfaudit-population-v1", "selfaudit-strata-v1", "selfaudit-commitment-v1",
	"selfaudit-seed-v1", "selfaudit-ticket-v1", "selfaudit-sample-v1",
}

// linterModules are the modules whose version decides lint results: the lints,
// the parser, and the list of public suffixes.
var linterModules = []string{
	"github.com/zmap/zlint/v3", "github.com/zmap/zcrypto", "github.com/weppos/publicsuffix-go",
}

func newVersionCommand(e *env) *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Versions of the program, the linter and the data tables",
		Long: `Versions of the program, of the linter it was built with (zlint's module, not
its constant "3"), and of the embedded data tables with their dates.`,
		Example: `  selfaudit version
  selfaudit version --json
  selfaudit version --json | jq -r '.linters[0].version'`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return runVersion(cmd.Context(), e) },
	}
}

func runVersion(_ context.Context, e *env) error {
	doc := versionInfo()
	if e.JSON {
		return e.writeJSON(doc)
	}
	t := e.table()
	t.Row("selfaudit", doc.Version)
	if doc.Revision != "" {
		changed := ""
		if doc.Modified {
			changed = " with changes"
		}
		t.Row("commit", doc.Revision+changed)
		t.Row("date", doc.RevisionTime)
	}
	t.Row("go", doc.Go+" "+doc.Platform)
	for _, m := range doc.Linters {
		t.Row(strings.TrimPrefix(m.Path, "github.com/"), m.Version)
	}
	for _, d := range doc.Tables {
		t.Row(d.Name, d.Date)
	}
	t.Row("protocols", strings.Join(doc.Protocols, " "))
	return t.Flush()
}

// programVersion is the version in one word.
func programVersion() string {
	if versionOverride != "" {
		return versionOverride
	}
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "" {
		return "(devel)"
	}
	return info.Main.Version
}

// versionInfo gathers everything from the build information of the binary.
func versionInfo() versionDocument {
	doc := versionDocument{
		Schema:    "selfaudit.version/v1",
		Version:   programVersion(),
		Go:        runtime.Version(),
		Platform:  runtime.GOOS + "/" + runtime.GOARCH,
		Linters:   []programModule{},
		Tables:    dataTables(),
		Protocols: protocols,
		Revision:  revisionOverride,
	}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return doc
	}
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			doc.Revision = s.Value
		case "vcs.time":
			doc.RevisionTime = s.Value
		case "vcs.modified":
			doc.Modified = s.Value == "true"
		}
	}
	for _, path := range linterModules {
		for _, dep := range info.Deps {
			if dep.Path == path {
				doc.Linters = append(doc.Linters, moduleOf(dep))
			}
		}
	}
	return doc
}

// moduleOf names what was really built: the replacement, if there is one.
func moduleOf(dep *debug.Module) programModule {
	if dep.Replace != nil {
		dep = dep.Replace
	}
	return programModule{Path: dep.Path, Version: dep.Version, Sum: dep.Sum}
}

// dataTables lists the embedded data: the table of document versions as a
// whole, then the newest version of each document in it.
func dataTables() []dataTable {
	tables := []dataTable{{Name: "requirement-versions", Date: requirements.TableDate.Format(time.DateOnly)}}
	for _, document := range requirements.Documents() {
		if v, ok := requirements.Newest(document); ok {
			tables = append(tables, dataTable{Name: document + " " + v.Number, Date: v.Effective.Format(time.DateOnly)})
		}
	}
	return tables
}

// programInfo names this program in the documents it writes.
func programInfo() sampler.ProgramInfo {
	v := versionInfo()
	return sampler.ProgramInfo{Name: "selfaudit", Version: v.Version, Revision: v.Revision, Go: v.Go}
}
