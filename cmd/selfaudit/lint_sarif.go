package main

import (
	"cmp"
	"fmt"
	"net/url"
	"path/filepath"
	"strings"

	"selfaudit/internal/terminal"
	"selfaudit/lint"
)

// SARIF 2.1.0 (OASIS Standard, 2020-03-27). Only what is used here; names are the
// standard's own.
type sarifLog struct {
	Schema  string     `json:"$schema"`
	Version string     `json:"version"`
	Runs    []sarifRun `json:"runs"`
}

type sarifRun struct {
	Tool        sarifTool         `json:"tool"`
	Automation  *sarifAutomation  `json:"automationDetails,omitempty"`
	Invocations []sarifInvocation `json:"invocations"`
	Results     []sarifResult     `json:"results"`
	ColumnKind  string            `json:"columnKind"`
	Properties  map[string]any    `json:"properties,omitempty"`
}

type sarifAutomation struct {
	ID          string    `json:"id"`
	Description sarifText `json:"description"`
}

type sarifTool struct {
	Driver     sarifComponent   `json:"driver"`
	Extensions []sarifComponent `json:"extensions,omitempty"`
}

type sarifComponent struct {
	Name    string      `json:"name"`
	Version string      `json:"version"`
	Rules   []sarifRule `json:"rules,omitempty"`
}

type sarifRule struct {
	ID         string         `json:"id"`
	Short      sarifText      `json:"shortDescription"`
	Help       sarifText      `json:"help"`
	Default    sarifLevel     `json:"defaultConfiguration"`
	Properties map[string]any `json:"properties"`
}

type sarifLevel struct {
	Level string `json:"level"`
}

type sarifText struct {
	Text string `json:"text"`
}

type sarifInvocation struct {
	Successful    bool                `json:"executionSuccessful"`
	Notifications []sarifNotification `json:"toolExecutionNotifications,omitempty"`
}

type sarifNotification struct {
	Level     string          `json:"level"`
	Message   sarifText       `json:"message"`
	Locations []sarifLocation `json:"locations"`
}

type sarifResult struct {
	RuleID       string             `json:"ruleId"`
	RuleIndex    int                `json:"ruleIndex"`
	Level        string             `json:"level"`
	Message      sarifText          `json:"message"`
	Locations    []sarifLocation    `json:"locations"`
	Fingerprints map[string]string  `json:"partialFingerprints,omitempty"`
	Suppressions []sarifSuppression `json:"suppressions,omitempty"`
	Properties   map[string]any     `json:"properties"`
}

type sarifSuppression struct {
	Kind          string `json:"kind"`
	Justification string `json:"justification"`
}

type sarifLocation struct {
	Physical sarifPhysical  `json:"physicalLocation"`
	Logical  []sarifLogical `json:"logicalLocations,omitempty"`
}

type sarifPhysical struct {
	Artifact sarifArtifact `json:"artifactLocation"`
}

type sarifArtifact struct {
	URI string `json:"uri"`
}

type sarifLogical struct {
	Name string `json:"name"`
	Kind string `json:"kind"`
}

// sarifView is --format sarif.
type sarifView struct {
	e     *env
	run   sarifRun
	rules map[string]int // index in run.Tool.Driver.Rules
}

func newSARIFView(e *env, info lint.Info) *sarifView {
	v := &sarifView{e: e, rules: map[string]int{}}
	v.run = sarifRun{
		Tool:        sarifTool{Driver: sarifComponent{Name: "selfaudit", Version: programVersion()}},
		Invocations: []sarifInvocation{{Successful: true}}, Results: []sarifResult{}, ColumnKind: "unicodeCodePoints",
		Properties: map[string]any{"listSha256": info.ListSHA256, "engine": info.Engine},
	}
	for _, m := range info.Modules {
		v.run.Tool.Extensions = append(v.run.Tool.Extensions, sarifComponent{Name: m.Path, Version: m.Version})
	}
	if info.AsIf != "" {
		v.run.Automation = &sarifAutomation{"as-if/" + info.AsIf, sarifText{"as if every certificate were issued on " + info.AsIf + ": no judgement of the certificates as they were issued"}}
		v.run.Properties["asIf"] = info.AsIf
	}
	return v
}

func (v *sarifView) result(a lint.Artifact, r lint.Result) error {
	for i, f := range r.Findings {
		text := cmp.Or(lint.Meaning(f.Lint), f.Lint)
		if f.Details != "" {
			text += ": " + f.Details
		}
		if r.AsIf != "" {
			text = "[as if issued on " + r.AsIf + "] " + text
		}
		result := sarifResult{
			RuleID: f.Lint, RuleIndex: v.rule(f), Level: sarifLevelOf(f.Severity), Message: sarifText{terminal.Escape(text)},
			Locations: []sarifLocation{sarifPlace(a)}, Properties: map[string]any{"severity": f.Severity.String(), "kind": string(r.Kind)},
		}
		if r.SHA256 != "" {
			result.Fingerprints = map[string]string{"artifactAndLint/v1": r.SHA256 + "/" + f.Lint}
			result.Properties["sha256"] = r.SHA256
		}
		if r.AsIf != "" {
			result.Properties["asIf"] = r.AsIf
		}
		if waived := waivedText(r, i); waived != "" {
			result.Suppressions = []sarifSuppression{{"external", waived}}
		}
		if g := groundOf(r, f); g != nil {
			result.Properties["revocation"] = groundText(g)
		}
		if versions := inForce(r, issuedOn(r)); len(versions) > 0 {
			result.Properties["inForce"] = versions
		}
		v.run.Results = append(v.run.Results, result)
	}
	return nil
}

// rule returns the index of a finding's rule and describes the rule when it is new.
func (v *sarifView) rule(f lint.Finding) int {
	if i, ok := v.rules[f.Lint]; ok {
		return i
	}
	i := len(v.run.Tool.Driver.Rules)
	v.rules[f.Lint] = i
	level := f.Severity
	if r, ok := lint.RuleNamed(f.Lint); ok {
		level = r.Severity
	}
	meaning := cmp.Or(lint.Meaning(f.Lint), f.Lint)
	help := meaning
	if f.Citation != "" {
		help += " (" + f.Citation + ")"
	}
	v.run.Tool.Driver.Rules = append(v.run.Tool.Driver.Rules, sarifRule{
		ID: f.Lint, Short: sarifText{meaning}, Help: sarifText{help}, Default: sarifLevel{sarifLevelOf(level)},
		Properties: map[string]any{"source": f.Source, "citation": f.Citation},
	})
	return i
}

// sarifLevelOf translates a severity; SARIF has nothing worse than error.
func sarifLevelOf(s lint.Severity) string {
	switch s {
	case lint.Error, lint.Fatal:
		return "error"
	case lint.Warn:
		return "warning"
	}
	return "note"
}

// sarifPlace says where an artifact is.
func sarifPlace(a lint.Artifact) sarifLocation {
	l := sarifLocation{Physical: sarifPhysical{sarifArtifact{fileURI(a.File)}}}
	if a.Block > 0 {
		l.Logical = []sarifLogical{{Name: fmt.Sprintf("block %d", a.Block+1), Kind: "member"}}
	}
	return l
}

// fileURI makes a file name a URI reference (RFC 3986), relative where the name is.
func fileURI(name string) string {
	switch {
	case name == stdinName:
		return "stdin"
	case strings.HasPrefix(name, "https://"):
		return name
	case strings.HasPrefix(name, "crt.sh:"):
		return "https://crt.sh/?id=" + url.QueryEscape(strings.TrimPrefix(name, "crt.sh:"))
	case fingerprintOf(name) != "" && !strings.ContainsAny(name, `/\.`):
		return "https://crt.sh/?q=" + fingerprintOf(name)
	}
	path := filepath.ToSlash(name)
	if filepath.IsAbs(name) {
		return (&url.URL{Scheme: "file", Path: "/" + strings.TrimPrefix(path, "/")}).String()
	}
	return (&url.URL{Path: path}).String()
}

func (v *sarifView) end(in *lintInputs) error {
	for _, u := range in.unreadable {
		call := &v.run.Invocations[0]
		call.Successful = false
		call.Notifications = append(call.Notifications, sarifNotification{
			Level: "error", Message: sarifText{terminal.Escape("reading " + u.File + ": " + u.Error)},
			Locations: []sarifLocation{sarifPlace(lint.Artifact{File: u.File})},
		})
	}
	return v.e.writeJSON(sarifLog{
		Schema: "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json", Version: "2.1.0", Runs: []sarifRun{v.run},
	})
}
