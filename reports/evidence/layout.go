package evidence

import (
	"fmt"
	"strings"
)

// A document is one kind of file that an audit folder and a package's data/ folder may
// hold. Nothing else is ever packaged or accepted.
type document struct {
	// pattern is the relative path; a segment may contain <hash> (64 lower-case hex
	// digits), <n> (a number from 1 to 999 without leading zero) or <version> (digits and
	// dots).
	pattern string
	// max bounds the size in bytes, so that a hostile package cannot fill the memory
	// of whoever reads the document whole.
	max int64
	// stage is the command that leaves the document behind.
	stage string
	// need says when a complete package must have it.
	need need
}

type need int

const (
	optional  need = iota
	always         // a complete package has it
	drandOnly      // when the commitment names a drand beacon; refused for dice
	bySeal         // written by Seal itself: never taken from the audit folder
)

const (
	kib = 1 << 10
	mib = 1 << 20
	gib = 1 << 30
)

// documents lists the files of evidence-and-workbook.md 1.1 that exist in this version
// of the format. The order is that in which the stages write them.
var documents = []document{
	{"README.txt", 64 * kib, "seal", bySeal},
	{"draw/draw_reference.py", 256 * kib, "seal", bySeal},
	{"audit.json", 64 * kib, "collect", always},
	{"issuers/<hash>.der", 16 * mib, "collect", optional},
	{"ct/heads/<hash>.checkpoint", mib, "collect", optional},
	{"ct/heads/<hash>.sth.json", mib, "collect", optional},
	{"ct/keys/<hash>.pem", 64 * kib, "collect", optional},
	{"ct/conflicts/<hash>/conflict.json", mib, "collect", optional},
	{"ct/conflicts/<hash>/known.checkpoint", mib, "collect", optional},
	{"ct/conflicts/<hash>/known.sth.json", mib, "collect", optional},
	{"ct/conflicts/<hash>/served.checkpoint", mib, "collect", optional},
	{"ct/conflicts/<hash>/served.sth.json", mib, "collect", optional},
	{"ct/log_list.json", 16 * mib, "collect", optional},
	{"ct/log_list.sig", 4 * kib, "collect", optional},
	{"ct/log_list-<n>.json", 16 * mib, "collect", optional},
	{"ct/log_list-<n>.sig", 4 * kib, "collect", optional},
	{"ct/log_roots.json", 64 * mib, "collect", optional},
	{"ct/roots/<hash>.json", 16 * mib, "collect", optional},
	{"config/selfaudit.toml", mib, "freeze", always},
	{"config/requirements/edition.txt", 64 * kib, "freeze", optional},
	{"config/requirements/requirement-versions.csv", 8 * mib, "freeze", optional},
	{"config/requirements/requirement-versions-later.csv", 8 * mib, "freeze", optional},
	{"config/requirements/relevant-dates.csv", 8 * mib, "freeze", optional},
	{"config/requirements/relevant-dates-history.csv", 8 * mib, "freeze", optional},
	{"config/requirements/zlint-<version>-br-coverage.csv", 8 * mib, "freeze", optional},
	{"draw/snapshot.json", 256 * mib, "freeze", always},
	{"draw/population.tsv", 64 * gib, "freeze", always},
	{"draw/strata.tsv", 64 * mib, "freeze", always},
	{"draw/commitment.txt", 64 * kib, "freeze", always},
	{"ct/pairings.tsv", 64 * gib, "freeze", optional},
	{"ct/outside.tsv", 64 * gib, "freeze", optional},
	{"findings/items.jsonl", 4 * gib, "freeze", always},
	{"records/not-proven.tsv", 4 * gib, "freeze", optional},
	{"records/reconciliation.json", 256 * mib, "freeze", optional},
	{"records/not-in-records.tsv", 16 * gib, "freeze", optional},
	{"records/not-in-ct.tsv", 16 * gib, "freeze", optional},
	{"records/other-certificate.tsv", 16 * gib, "freeze", optional},
	{"records/duplicates.tsv", 16 * gib, "freeze", optional},
	{"records/precertificate-only.tsv", 16 * gib, "freeze", optional},
	{"records/certificate-only.tsv", 16 * gib, "freeze", optional},
	{"records/records-disagree-on-label.tsv", 16 * gib, "freeze", optional},
	{"records/rows.jsonl", 4 * gib, "draw", optional},
	{"draw/beacon.json", 64 * kib, "draw", drandOnly},
	{"draw/seed.txt", 4 * kib, "draw", always},
	{"draw/sample.tsv", 4 * gib, "draw", always},
	{"ct/sightings.jsonl", 16 * gib, "draw", always},
	{"certificates/<hash>.der", 16 * mib, "draw", optional},
	{"lint/as-if.jsonl", 16 * gib, "lint", always},
	{"lint/linter.json", 16 * mib, "lint", always},
	{"lint/results.jsonl", 16 * gib, "lint", always},
	{"lint/second-opinion.jsonl", 4 * gib, "lint", optional},
	{"lint/population.jsonl", 4 * gib, "lint", optional},
	{"config/requirements-review.csv", 4 * mib, "report", optional},
	{"config/waivers.toml", 4 * mib, "report", always},
	{"findings/findings.json", 2 * gib, "report", always},
	{"report/workbook.xlsx", 2 * gib, "report", always},
	{"report/summary.json", 64 * mib, "report", always},
	{"log/events.jsonl", 16 * mib, "collect", always},
	{"draw/void-<n>/void.json", mib, "freeze", optional},
	{"draw/void-<n>/snapshot.json", 256 * mib, "freeze", optional},
	{"draw/void-<n>/population.tsv", 64 * gib, "freeze", optional},
	{"draw/void-<n>/strata.tsv", 64 * mib, "freeze", optional},
	{"draw/void-<n>/commitment.txt", 64 * kib, "freeze", optional},
	{"draw/void-<n>/beacon.json", 64 * kib, "draw", optional},
	{"draw/void-<n>/seed.txt", 4 * kib, "draw", optional},
	{"draw/void-<n>/sample.tsv", 4 * gib, "draw", optional},
}

// findDocument returns the kind of the file at a path relative to the audit folder or
// to data/, or false for a file that does not belong there.
func findDocument(rel string) (document, bool) {
	for _, d := range documents {
		if matchPattern(d.pattern, rel) {
			return d, true
		}
	}
	return voidedDocument(rel)
}

// voidedDocument is findDocument for what a voided freeze wrote outside draw/: it lies in the
// void folder under the name that it had.
func voidedDocument(rel string) (document, bool) {
	rest, found := strings.CutPrefix(rel, voidFolder)
	if !found {
		return document{}, false
	}
	number, name, _ := strings.Cut(rest, "/")
	if !isVoidNumber(number) || strings.HasPrefix(name, drawFolderName) || !WrittenByFreeze(name) {
		return document{}, false
	}
	d, _ := findDocument(name)
	return document{pattern: voidFolder + "<n>/" + d.pattern, max: d.max, stage: d.stage, need: optional}, true
}

const (
	drawFolderName = "draw/"
	voidFolder     = drawFolderName + "void-"
)

// WrittenByFreeze says whether a document, by its path in the audit folder, is one that freeze
// writes for the commitment at hand, and that is set aside with it when it is voided.
func WrittenByFreeze(rel string) bool {
	d, known := findDocument(rel)
	return known && d.stage == "freeze" && !strings.HasPrefix(rel, voidFolder)
}

func matchPattern(pattern, rel string) bool {
	before, rest, found := strings.Cut(pattern, "<")
	if !found {
		return pattern == rel
	}
	kind, after, _ := strings.Cut(rest, ">")
	if !strings.HasPrefix(rel, before) || !strings.HasSuffix(rel, after) || len(rel) < len(before)+len(after) {
		return false
	}
	value := rel[len(before) : len(rel)-len(after)]
	switch kind {
	case "hash":
		return isHex64(value)
	case "version":
		return isVersion(value)
	}
	return isVoidNumber(value)
}

// isVersion says whether s is a version number such as 3.7.3.
func isVersion(s string) bool {
	if s == "" || len(s) > 32 || s[0] == '.' || s[len(s)-1] == '.' {
		return false
	}
	for i := 0; i < len(s); i++ {
		if c := s[i]; c != '.' && (c < '0' || c > '9') {
			return false
		}
	}
	return true
}

func isHex64(s string) bool {
	if len(s) != 64 {
		return false
	}
	for i := 0; i < len(s); i++ {
		if c := s[i]; !('0' <= c && c <= '9' || 'a' <= c && c <= 'f') {
			return false
		}
	}
	return true
}

func isVoidNumber(s string) bool {
	if len(s) == 0 || len(s) > 3 || s[0] == '0' {
		return false
	}
	for i := 0; i < len(s); i++ {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return true
}

// missingDocuments returns the documents of a complete package that has() does not
// know, in the order of the stages. dice says that the commitment names dice, which
// have no beacon.json.
func missingDocuments(has func(rel string) bool, dice bool) []document {
	var out []document
	for _, d := range documents {
		if (d.need == always || d.need == drandOnly && !dice) && !has(d.pattern) {
			out = append(out, d)
		}
	}
	return out
}

// openStages returns the stages whose documents are missing, each once, in order.
func openStages(missing []document) []string {
	order := []string{"collect", "freeze", "draw", "lint", "report"}
	var out []string
	for _, stage := range order {
		for _, d := range missing {
			if d.stage == stage {
				out = append(out, stage)
				break
			}
		}
	}
	return out
}

// describeMissing says what is missing and which command makes it.
func describeMissing(missing []document) string {
	var parts []string
	for _, stage := range openStages(missing) {
		for _, d := range missing {
			if d.stage == stage {
				parts = append(parts, d.pattern)
			}
		}
	}
	return fmt.Sprintf("%s (stages still open: %s)", strings.Join(parts, ", "), strings.Join(openStages(missing), ", "))
}
