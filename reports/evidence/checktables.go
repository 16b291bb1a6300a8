package evidence

import (
	"bytes"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"

	"selfaudit/internal/config"
	"selfaudit/lint/requirements"
	"selfaudit/sampler"
)

// tablesFolder holds the tables of document versions that the audit goes by.
const tablesFolder = requirements.KeptFolder

// checkTables checks the kept tables of document versions and the CA's register of reviews.
// What the report says by them is derived again with the summary.
func (v *verifier) checkTables() {
	const name = "requirements"
	var kept []string
	for file := range v.data.files {
		if rest, ok := strings.CutPrefix(file, tablesFolder+"/"); ok {
			kept = append(kept, rest)
		}
	}
	slices.Sort(kept)
	if len(kept) == 0 {
		if v.data.has("draw/commitment.txt") {
			v.note(name, "no tables of document versions are kept, as by older programs: what the report says about versions is compared with this program's own")
		}
		return
	}
	tables := v.keptTables(name, kept)
	if tables == nil {
		return
	}
	if own := requirements.Embedded(); tables.Edition() != own.Edition() {
		v.note(name, "the audit goes by %q, this program has %q; compare the former with what the CA/Browser Forum has published", tables.Edition(), own.Edition())
	} else if err := sameTables(tables, own); err != nil {
		v.fail(name, "%s: %v, although both are of the edition %q", tablesFolder, err, own.Edition())
	}
	v.checkRegister(tables)
}

// keptTables reads the tables, which must be written the one way and hold nothing else; nil
// after saying what is wrong.
func (v *verifier) keptTables(name string, kept []string) *requirements.Tables {
	folder, err := fs.Sub(v.data, tablesFolder)
	if err != nil {
		v.fail(name, "%s: %v", tablesFolder, err)
		return nil
	}
	tables, err := requirements.LoadFiles(folder)
	if err != nil {
		v.fail(name, "%s: %v", tablesFolder, err)
		return nil
	}
	again, err := tables.Files()
	if err != nil {
		v.fail(name, "%s: %v", tablesFolder, err)
		return nil
	}
	if names := slices.Sorted(maps.Keys(again)); !slices.Equal(names, kept) {
		v.fail(name, "%s holds %s, the tables are %s", tablesFolder, strings.Join(kept, ", "), strings.Join(names, ", "))
		return nil
	}
	if raw, err := v.data.ReadFile(configDocument); err == nil {
		// That the configuration is as it should be is checked elsewhere.
		if cfg, err := config.Parse(raw, configDocument); err == nil {
			from := " (from " + cfg.Requirements.Tables + ": "
			if own := cfg.Requirements.Tables == ""; own == strings.Contains(tables.Edition(), " (from ") || !own && !strings.Contains(tables.Edition(), from) {
				v.fail(name, "the configuration's requirements.tables is %q, but the tables are %q", cfg.Requirements.Tables, tables.Edition())
				return nil
			}
		}
	}
	v.ok(name, "%s", tables.Edition())
	return tables
}

// sameTables compares kept tables with this program's of the same edition.
func sameTables(kept, own *requirements.Tables) error {
	a, err := kept.Files()
	if err != nil {
		return err
	}
	b, err := own.Files()
	if err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(b)) {
		if !bytes.Equal(a[name], b[name]) {
			return fmt.Errorf("%s is not that of this program", name)
		}
	}
	return nil
}

// checkRegister checks the CA's register: that it can be read, and of which versions it
// speaks. Who reviewed what is the CA's word.
func (v *verifier) checkRegister(tables *requirements.Tables) {
	const name, document = "requirements review", "config/requirements-review.csv"
	if !v.data.has(document) {
		if v.data.has("report/summary.json") {
			v.note(name, "the CA keeps no register of reviews: no review of any version is recorded")
		}
		return
	}
	raw := v.read(name, document)
	if raw == nil {
		return
	}
	register, err := requirements.ParseRegister(raw)
	if err != nil {
		v.fail(name, "%s: %v", document, err)
		return
	}
	unknown := 0
	for _, r := range register.Reviews {
		if tables.Unknown(r) != "" {
			unknown++
		}
	}
	again, err := register.Bytes()
	if err == nil && !bytes.Equal(again, raw) {
		v.note(name, "%s was edited by hand: it is read as %s", document, sampler.Counted(len(register.Reviews), "row", "rows"))
	}
	if unknown > 0 {
		v.note(name, "%d of %d rows are about versions that the kept tables do not know, or know with another date", unknown, len(register.Reviews))
	}
	v.ok(name, "%d reviews are recorded; that they took place is the CA's word", len(register.Reviews))
}
