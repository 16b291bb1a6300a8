package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"selfaudit/internal/auditdir"
	"selfaudit/lint"
	"selfaudit/reports"
	"selfaudit/reports/auditlint"
)

// waiverText is one [[waiver]].
func waiverText(lintName, scope, expires string) string {
	return fmt.Sprintf("[[waiver]]\nlint = %q\n%s\nreason = \"decided\"\napprover = \"A. Example\"\nlink = \"https://tracker.example.com/1\"\nexpires = %q\n", lintName, scope, expires)
}

// TestWaiversInAnAudit takes the whole way with waivers: they are shown, counted before and
// after, kept in the evidence and derived again; changing the workspace's file afterwards
// changes nothing.
func TestWaiversInAnAudit(t *testing.T) {
	b, _ := alphaWorkspace(t, "")
	const wildcard = "e_sub_cert_certificate_policies_missing"
	b.write("waivers.toml", waiverText(wildcard, "all = true", "2027-03-31")+
		waiverText("e_rsa_no_public_key", `profile = "DV"`, "2027-03-31")+
		waiverText("e_selfaudit_reserved_policy_count", `all = true`, "2026-11-21"))
	stages := rehearsal("r1")
	stdout, _ := b.run(exitOK, append(stages[:len(stages):len(stages)], "--now", "2026-11-22T09:00:00Z")...)
	b.must(stdout, "compared with zlint's own loop", "as if issued on 2026-11-22 (no compliance result)", "waivers.toml: the report would show", "W-03 of e_selfaudit_reserved_policy_count has expired on 2026-11-21",
		"waivers: ", "the bound counts these", "W-01 "+wildcard, "has expired and waived nothing", "no finding was waived by W-02")
	kept := string(b.read("audits/r1/config/waivers.toml"))
	b.must(kept, `applied_on = "2026-11-22"`, "[[builtin_waiver]]", wildcard)
	var s reports.Summary
	if err := json.Unmarshal(b.read("audits/r1/report/summary.json"), &s); err != nil {
		t.Fatal(err)
	}
	if s.Lint.Waived == nil || s.Lint.Waived.Error == 0 || s.Lint.Waived.Warn == 0 || s.Lint.Unwaived.Error+s.Lint.Waived.Error != s.Lint.Error {
		t.Errorf("counts before and after: %+v, %+v, %+v", s.Lint, s.Lint.Waived, s.Lint.Unwaived)
	}
	if s.WaiversOn != "2026-11-22" || len(s.Waivers) != 6 || s.AsIf == nil || s.AsIf.Day != "2026-11-22" {
		t.Errorf("waivers %+v, as if %+v", s.Waivers, s.AsIf)
	}
	zip := filepath.Join(b.dir, rehearsalZip)
	stdout, _ = b.run(exitOK, "verify", zip)
	b.must(stdout, "waivers: 3 of the CA and 3 of the program's own", "lint again as if: linted again with the same result")
	b.write("waivers.toml", "builtin = false\n")
	b.run(exitOK, "report", "--audit", "r1")
	if string(b.read("audits/r1/config/waivers.toml")) != kept {
		t.Error("the kept waivers were changed after the report")
	}
}

// TestBuiltinWaiversOff: the program's own waivers can be switched off.
func TestBuiltinWaiversOff(t *testing.T) {
	b, _ := alphaWorkspace(t, "")
	b.write("waivers.toml", "builtin = false\n")
	stdout, _ := b.run(exitOK, rehearsal("r1")...)
	if strings.Contains(stdout, "B-01") || strings.Contains(string(b.read("audits/r1/config/waivers.toml")), "builtin_waiver") {
		t.Errorf("the program's own waivers are applied:\n%s", stdout)
	}
	b.write("waivers.toml", "[[waiver]]\nlint = 7\n")
	_, stderr := b.run(exitUsage, rehearsal("r2")...)
	b.must(stderr, "waivers.toml:2:1: lint must be text")
	stdout, _ = b.run(exitOK, "status")
	b.must(stdout, "waivers:", "waivers.toml:2:1: lint must be text")
	b.write("waivers.toml", waiverText("e_rsa_no_public_key", "all = true", "2026-11-21"))
	stdout, _ = b.run(exitOK, "status")
	b.must(stdout, "W-01 of e_rsa_no_public_key has expired on 2026-11-21")
}

// TestReferenceInAnAudit: the plain path gives the same documents but for what says so.
func TestReferenceInAnAudit(t *testing.T) {
	b, _ := alphaWorkspace(t, "")
	b.run(exitOK, rehearsal("r1")...)
	results, asIf := b.read("audits/r1/lint/results.jsonl"), b.read("audits/r1/lint/as-if.jsonl")
	for _, name := range []string{"lint/results.jsonl", "lint/as-if.jsonl", "lint/linter.json", "findings/findings.json", "report/workbook.xlsx", "report/summary.json", "sealed"} {
		if err := os.RemoveAll(filepath.Join(b.dir, "audits/r1", filepath.FromSlash(name))); err != nil {
			t.Fatal(err)
		}
	}
	stdout, _ := b.run(exitOK, "lint", "--reference", "--now", "2026-11-22T09:00:00Z")
	if strings.Contains(stdout, "compared with") {
		t.Errorf("the plain path is compared with itself:\n%s", stdout)
	}
	if string(b.read("audits/r1/lint/results.jsonl")) != string(results) || string(b.read("audits/r1/lint/as-if.jsonl")) != string(asIf) {
		t.Error("the plain path gives other results")
	}
	b.must(string(b.read("audits/r1/lint/linter.json")), `"engine": "zlint-loop"`)
	_, stderr := b.run(exitOK, "lint", "--reference")
	b.must(stderr, "is linted already")
}

// TestEnginesDiffer: a difference ends the stage with exit code 1 and is kept.
func TestEnginesDiffer(t *testing.T) {
	a := &audit{id: "x", dir: auditdir.At(t.TempDir())}
	err := a.enginesDiffer(&auditlint.DifferenceError{File: "certificates/ab.der", Difference: "error e_x against nothing", Result: lint.Result{File: "certificates/ab.der", Findings: []lint.Finding{}}})
	var known *exitError
	if !errors.As(err, &known) || known.code != exitFailed || known.id != "engines_differ" || !strings.Contains(err.Error(), "certificates/ab.der") {
		t.Errorf("%v", err)
	}
	raw, err := a.dir.Read(docDifference)
	if err != nil || !strings.Contains(string(raw), "e_x against nothing") {
		t.Errorf("%s, %v", raw, err)
	}
}
