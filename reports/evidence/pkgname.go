package evidence

import (
	"strings"
	"unicode"

	"selfaudit/sampler"
)

// Marks in front of the names of packages that must not be taken for finished evidence.
const (
	prefixRehearsal  = "REHEARSAL-NOT-EVIDENCE_"
	prefixIncomplete = "INCOMPLETE_"
	maxSlug          = 60
)

// PackageName is the name of a package's folder: <ca-slug>_<audit-id>_selfaudit, with
// REHEARSAL-NOT-EVIDENCE_ and then INCOMPLETE_ in front where they apply.
func PackageName(caName, auditID, mode string, incomplete bool) string {
	return namePrefix(mode, incomplete) + slug(caName) + "_" + auditID + "_selfaudit"
}

// ZipName is the file name of a package's zip: <audit-id>.zip with the same marks.
func ZipName(auditID, mode string, incomplete bool) string {
	return namePrefix(mode, incomplete) + auditID + ".zip"
}

func namePrefix(mode string, incomplete bool) string {
	prefix := ""
	if mode != sampler.ModeAudit {
		prefix = prefixRehearsal
	}
	if incomplete {
		prefix += prefixIncomplete
	}
	return prefix
}

// slug keeps ASCII letters and digits in lower case and makes everything between them
// one hyphen. Nothing left gives "ca".
func slug(name string) string {
	var b strings.Builder
	for _, r := range strings.ToLower(name) {
		switch {
		case r < unicode.MaxASCII && (unicode.IsLetter(r) || unicode.IsDigit(r)):
			b.WriteRune(r)
		case b.Len() > 0 && !strings.HasSuffix(b.String(), "-"):
			b.WriteByte('-')
		}
		if b.Len() >= maxSlug {
			break
		}
	}
	if s := strings.Trim(b.String(), "-"); s != "" {
		return s
	}
	return "ca"
}
