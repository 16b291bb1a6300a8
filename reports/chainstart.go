package reports

import (
	"strings"

	"selfaudit/internal/terminal"
	"selfaudit/sampler"
)

// chainStart lists what is open about the start of the chain: no evidence, or a gap. Only
// the first audit of a chain has such points.
func (a *Audit) chainStart() []string {
	if a.Commitment == nil || a.Snapshot == nil || !a.Commitment.PreviousCommitment.IsZero() || a.Commitment.Mode != sampler.ModeAudit {
		return nil
	}
	var out []string
	for _, r := range a.Snapshot.ChainRemarks() {
		if r.Open {
			text := terminal.Escape(r.Text)
			out = append(out, strings.ToUpper(text[:1])+text[1:]+".")
		}
	}
	return out
}
