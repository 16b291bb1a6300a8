package evidence

import (
	"bytes"
	_ "embed"
	"text/template"

	"selfaudit/sampler"
)

// drawReference is the independent implementation of the draw that every package
// carries, byte for byte. Its text belongs to the package format: a changed script is
// a new PackageFormat, and the old text stays for verifying old packages.
//
//go:embed draw_reference.py
var drawReference []byte

//go:embed readme.txt.tmpl
var readmeText string

var readmeTemplate = template.Must(template.New("README.txt").Parse(readmeText))

// readme renders data/README.txt. It depends on nothing but bag-info.txt, so that
// Verify can render it again: an instruction to the auditor is the last place where a
// hostile sentence should go unnoticed.
func readme(b BagInfo) ([]byte, error) {
	var out bytes.Buffer
	err := readmeTemplate.Execute(&out, map[string]any{
		"CA":         b.SourceOrganization,
		"AuditID":    b.AuditID,
		"SealedAt":   sampler.FormatTime(b.SealedAt),
		"Program":    formatAgent(b.Program),
		"Format":     PackageFormat,
		"Rehearsal":  b.Mode == sampler.ModeRehearsal,
		"Incomplete": b.Incomplete,
		"Open":       b.OpenStages,
	})
	return out.Bytes(), err
}
