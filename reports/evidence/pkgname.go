package evidence

import (
	"cmp"

	"selfaudit/sampler"
)

// Marks in front of the names of packages that must not be taken for finished evidence.
const (
	prefixRehearsal  = "REHEARSAL-NOT-EVIDENCE_"
	prefixIncomplete = "INCOMPLETE_"
	maxSlug          = 60
)

// PackageName is the name of a package's folder: <ca-slug>_<audit-id>_selfaudit, with
// REHEARSAL-NOT-EVIDENCE_ and then INCOMPLETE_ in front where they apply. The slug of a name
// without a letter or digit of ASCII is "ca".
func PackageName(caName, auditID, mode string, incomplete bool) string {
	return namePrefix(mode, incomplete) + cmp.Or(sampler.Slug(caName, maxSlug), "ca") + "_" + auditID + "_selfaudit"
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
