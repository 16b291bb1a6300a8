package evidence

import (
	"slices"
	"time"

	"selfaudit/internal/config"
	"selfaudit/lint"
	"selfaudit/lint/waivers"
	"selfaudit/reports"
)

// checkWaivers checks the waivers that the report applied: written the one way, applied on the
// day of the report, and the built-in ones those that this program has. What they waive is
// derived again with the problem lists and the summary.
func (v *verifier) checkWaivers() {
	const name = "waivers"
	raw := v.read(name, reports.WaiversName)
	if raw == nil {
		return
	}
	w, err := config.ParseCapturedWaivers(raw, reports.WaiversName)
	if err != nil {
		v.fail(name, "%v", err)
		return
	}
	if w.Builtin != (len(w.BuiltinWaivers) > 0) {
		v.fail(name, "%s: builtin is %v, but there are %d of the program's own", reports.WaiversName, w.Builtin, len(w.BuiltinWaivers))
		return
	}
	if s := v.docs.summary; s != nil && len(s.ReportedAt) >= len(time.DateOnly) && s.ReportedAt[:len(time.DateOnly)] != w.AppliedOn.Format(time.DateOnly) {
		v.fail(name, "%s: applied on %s, but the report was made at %s", reports.WaiversName, w.AppliedOn.Format(time.DateOnly), s.ReportedAt)
		return
	}
	own := waivers.WithBuiltin(&config.Waivers{Builtin: w.Builtin})
	if !slices.Equal(w.BuiltinWaivers, own.BuiltinWaivers) {
		if v.docs.sameOwn {
			v.fail(name, "%s: the program's own waivers are not those of the recorded own_revision", reports.WaiversName)
			return
		}
		v.note(name, "the program's own waivers are not those of this program")
	}
	var problems []string
	for _, x := range w.Waivers {
		if r, ok := lint.RuleNamed(x.Lint); ok && r.Severity >= lint.Error {
			problems = append(problems, x.Lint)
		}
	}
	v.ok(name, "%d of the CA and %d of the program's own, applied on %s; what they waive is shown and stays in the numbers that the bound is computed from", len(w.Waivers), len(w.BuiltinWaivers), w.AppliedOn.Format(time.DateOnly))
	if len(problems) > 0 {
		v.note(name, "the CA waives errors: %q", problems)
	}
}
