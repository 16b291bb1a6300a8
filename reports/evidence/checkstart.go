package evidence

import "selfaudit/sampler"

// chainStart notes, for the first audit of a chain, on what the chain's start rests: a
// document, a reason or nothing, and a gap before it (protocol 3.1). The sentences follow
// from the snapshot's fields, so a snapshot that leaves them out of its own notes does not
// silence them. It returns those that it has noted.
func (v *verifier) chainStart() map[string]bool {
	c, s := v.docs.commitment, v.docs.snapshot
	told := map[string]bool{}
	if !c.PreviousCommitment.IsZero() || c.Mode != sampler.ModeAudit {
		return told
	}
	for _, r := range s.ChainRemarks() {
		told[r.Text] = true
		v.note("chain", "%s", r.Text)
	}
	if name, hash, ok := sampler.ParseEvidence(s.Chain.Evidence); ok {
		v.report.add("chain start", Compare, "%s, SHA-256 %s: ask for this document, which is not in the package, and compare it with the last self-audit you know of", name, hash)
	} else {
		v.report.add("chain start", Compare, "%s: with the time at which the last self-audit you know of took its sample", s.Chain.Start)
	}
	return told
}
