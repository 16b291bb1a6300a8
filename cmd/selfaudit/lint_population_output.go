package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"strconv"
	"strings"

	"selfaudit/internal/terminal"
	"selfaudit/reports"
	"selfaudit/reports/corpus"
	"selfaudit/sampler"
)

// populationLintDocument is what `lint --population --json` writes: the header, and every
// affected certificate behind it (unless it was kept as a document).
type populationLintDocument struct {
	corpus.Header
	Kept string `json:"kept,omitempty"` // path of the audit's document
}

func (p *populationLint) document() *populationLintDocument {
	return &populationLintDocument{Header: p.header}
}

// write writes the result in the form asked for.
func (p *populationLint) write(e *env) error {
	switch p.o.Format {
	case formatJSONL:
		return p.writeLines(e.Stdout)
	case formatJSON:
		return p.writeJSON(e.Stdout)
	case formatCSV:
		return p.writeCSV(e.Stdout)
	}
	p.document().render(e)
	return nil
}

// writeLines writes the form of the document: the header in one line, then one line for
// each affected certificate and rule.
func (p *populationLint) writeLines(w io.Writer) error {
	out := bufio.NewWriter(w)
	line, err := corpus.Line(&p.header)
	if err != nil {
		return err
	}
	if _, err := out.Write(line); err != nil {
		return err
	}
	if _, err = p.each(func(a corpus.Affected) error {
		line, err := corpus.Line(&a)
		if err == nil {
			_, err = out.Write(line)
		}
		return err
	}); err != nil {
		return err
	}
	return out.Flush()
}

// writeJSON writes one JSON document without holding the lists in memory.
func (p *populationLint) writeJSON(w io.Writer) error {
	out := bufio.NewWriter(w)
	var head bytes.Buffer
	if err := encodeJSON(&head, p.document(), "  "); err != nil {
		return err
	}
	out.Write(bytes.TrimSuffix(head.Bytes(), []byte("\n}\n"))) // a failed write shows when flushing
	out.WriteString(",\n  \"affected\": [")
	first := true
	if _, err := p.each(func(a corpus.Affected) error {
		text, err := indented(a, "    ")
		if err != nil {
			return err
		}
		if !first {
			out.WriteByte(',')
		}
		first = false
		out.WriteString("\n    ")
		_, err = out.WriteString(text)
		return err
	}); err != nil {
		return err
	}
	if !first {
		out.WriteString("\n  ")
	}
	out.WriteString("]\n}\n")
	return out.Flush()
}

// writeCSV writes one row for each affected certificate and rule.
func (p *populationLint) writeCSV(w io.Writer) error {
	out := newCSVWriter(w)
	if err := out.row("lint", "severity", "audit_id", "item_id", "serial", "sha256", "form", "stratum_id", "issued", "not_before", "not_after", "rule_set", "details", "crt_sh"); err != nil {
		return err
	}
	if _, err := p.each(func(a corpus.Affected) error {
		sha := strings.ToUpper(a.SHA256)
		return out.row(a.Lint, a.Severity.String(), a.AuditID, a.Item.String(), string(a.Item.Serial), sha, string(a.Form), a.Stratum, a.Issued, a.From, a.Until,
			a.RuleSet, a.Details, reports.CrtShPrefix+sha)
	}); err != nil {
		return err
	}
	return out.flush()
}

// render writes the counts for people; lists are for machines.
func (d *populationLintDocument) render(e *env) {
	for _, c := range d.Covers {
		e.printf("linted: the population of audit %s, %s, %s certificates and precertificates, expired and revoked ones included\n",
			c.AuditID, sampler.Counted(c.Items, "item", "items"), terminal.Count(c.Certificates))
	}
	for _, m := range d.Missing {
		e.printf("%s\n", e.out().Warn(fmt.Sprintf("NOT linted: the population of audit %s, %s: %s", m.AuditID, sampler.Counted(m.Items, "item", "items"), m.Reason)))
	}
	if len(d.Only) > 0 {
		e.printf("looked for: %s\n", strings.Join(d.Only, ", "))
	} else {
		e.printf("looked for: all rules, findings of severity %s or worse\n", d.Least)
	}
	if len(d.Problems) == 0 {
		e.printf("nothing found\n")
	} else {
		t := e.table()
		t.Header("RULE", "SEVERITY", "SOURCE", "ITEMS", "CERTIFICATES", "FIRST ISSUED", "LAST ISSUED")
		for _, p := range d.Problems {
			t.Row(p.Lint, p.Severity.String(), p.Source, strconv.FormatInt(p.Items, 10), strconv.FormatInt(p.Certificates, 10), p.FirstIssued, p.LastIssued)
		}
		_ = t.Flush() // a failed write shows at the end, in Main
	}
	if d.Kept != "" {
		e.printf("kept: %s\n", terminal.Escape(shownPath(d.Kept)))
	} else if len(d.Problems) > 0 {
		e.printf("the lists: --format csv, json or jsonl, best with --only RULE and -o FILE\n")
	}
}
