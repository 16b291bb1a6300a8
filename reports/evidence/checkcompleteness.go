package evidence

import (
	"selfaudit/internal/auditdir"
	"selfaudit/sampler"
)

// checkCompleteness derives the statement of what was done again.
func (v *verifier) checkCompleteness() {
	const name = "completeness"
	s := v.docs.snapshot
	if s == nil {
		v.refused(name, "the snapshot")
		return
	}
	if len(s.Completeness) == 0 {
		if v.ofNow() {
			v.fail(name, "snapshot.json does not say what the population is complete against")
		}
		return // made by a program that did not say it
	}
	want := sampler.Completeness(s)
	var bad failures
	for i := range max(len(want), len(s.Completeness)) {
		switch {
		case i >= len(want):
			bad.add("sentence %d, %q, does not follow from what was done", i+1, s.Completeness[i])
		case i >= len(s.Completeness):
			bad.add("the sentence %q is missing", want[i])
		case want[i] != s.Completeness[i]:
			bad.add("sentence %d is %q, what was done gives %q", i+1, s.Completeness[i], want[i])
		}
	}
	bad.close(v, name, "%d sentences follow from the rest of snapshot.json; what was really read, only another reading of the logs shows", len(want))
}

// mode compares [collect] mode, which in the configuration in force is the mode that was used.
func (c *configCheck) mode(s *sampler.Snapshot) {
	switch set := c.cfg.Collect.Mode; {
	case s.SCTs != nil:
		c.equal("collect.mode", set, s.SCTs.Mode)
	case set != "" && set != sampler.CollectLogs:
		c.bad.add("collect.mode is %q, but snapshot.json says that no SCTs were looked up", set)
	}
}

// scts adds the list of what is not proven to a freeze's documents, if it wrote one; the one whose
// snapshot is here must have if that says so.
func (r *eventRecord) scts(e auditdir.Event, c *frozenCommitment, due map[string]string) {
	_, named := e.Documents[sampler.NotProvenFile]
	s := r.v.docs.snapshot
	if named || c.void == nil && s != nil && s.SCTs != nil {
		due[sampler.NotProvenFile] = sampler.NotProvenFile
	}
}
