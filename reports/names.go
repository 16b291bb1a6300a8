package reports

import (
	"strings"

	"selfaudit/internal/terminal"
	"selfaudit/sampler"
)

// IssuerLabel is the name an issuing CA has in this audit: its label from the
// configuration, else its subject, else the start of its key hash.
func (a *Audit) IssuerLabel(key sampler.KeyHash) string {
	for _, i := range a.Snapshot.Issuers {
		if i.KeySHA256 != key {
			continue
		}
		if i.Label != "" {
			return terminal.Escape(i.Label)
		}
		if i.Subject != "" {
			return terminal.Escape(i.Subject)
		}
	}
	return key.String()[:16]
}

// StratumName is the name of a stratum for people: issuing CA, class in capitals,
// and the CA's own division if there is one.
func (a *Audit) StratumName(id sampler.StratumID) string {
	name := a.IssuerLabel(id.Issuer) + " " + Level(id.Class)
	if id.Label != "" {
		name += " (" + a.Division(id.Label) + ")"
	}
	return name
}

// Division is a stratum label as people read it: the CA's own text in the columns of its
// records that strata are divided by, else the label itself.
func (a *Audit) Division(label string) string {
	if words := a.Snapshot.Words()[label]; words != "" {
		return terminal.Escape(words)
	}
	return label
}

// Level is how a class is printed: "DV", "S/MIME", "CS EV".
func Level(c sampler.Class) string {
	switch c {
	case sampler.ClassSMIME:
		return "S/MIME"
	case sampler.ClassCSEV:
		return "CS EV"
	case sampler.ClassOther:
		return "other"
	}
	return strings.ToUpper(string(c))
}

// LinterName names the linter with its module version, which only lint/linter.json tells.
func (a *Audit) LinterName() string {
	if a.Linter == nil || len(a.Linter.Modules) == 0 {
		return "zlint"
	}
	return "zlint " + a.Linter.Modules[0].Version
}
