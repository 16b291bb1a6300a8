package pkimetal

import (
	"slices"
	"strings"

	"selfaudit/lint"
)

// Level brings the severities of both sides onto one scale: 0 for nothing to object to
// (debug and info too), 1 notice, 2 warning, 3 error, 4 for a linter that could not judge
// (fatal, and pkimetal's bug).
type Level int

var levelWords = [...]string{"none", "notice", "warn", "error", "fatal"}

// String returns "none", "notice", "warn", "error" or "fatal".
func (l Level) String() string {
	if l < 0 || int(l) >= len(levelWords) {
		return "none"
	}
	return levelWords[l]
}

// Level of one finding of pkimetal.
func (f Finding) Level() Level {
	switch f.Severity {
	case "notice":
		return 1
	case "warning":
		return 2
	case "error":
		return 3
	case "bug", "fatal":
		return 4
	}
	return 0
}

// Worst is the highest level among findings.
func Worst(findings []Finding) Level {
	var worst Level
	for _, f := range findings {
		worst = max(worst, f.Level())
	}
	return worst
}

// WorstOurs is the highest level among our own findings.
func WorstOurs(findings []lint.Finding) Level {
	var worst lint.Severity
	for _, f := range findings {
		worst = max(worst, f.Severity)
	}
	return Level(worst)
}

// Disagreement says how two judgements of one certificate differ; "" when they agree. Rules
// of different linters have no common names, so what is compared is how bad each side found
// the certificate, and whether one side could not judge at all.
func Disagreement(ours, theirs Level) string {
	switch {
	case ours == theirs:
		return ""
	case theirs > ours:
		return "second opinion is worse: " + theirs.String() + ", ours " + ours.String()
	}
	return "second opinion is milder: " + theirs.String() + ", ours " + ours.String()
}

// Opinion is one line of lint/second-opinion.jsonl: both sides about one certificate.
type Opinion struct {
	File   string `json:"file"`
	SHA256 string `json:"sha256"`
	// Error says why there is no second opinion; then Theirs is empty and means nothing.
	Error string `json:"error,omitempty"`
	// By names who judged: pkimetal and its linters with their versions.
	By      string `json:"by,omitempty"`
	Profile string `json:"profile,omitempty"`
	// Ours and TheirWorst are words of Level.
	Ours       string    `json:"ours_worst"`
	TheirWorst string    `json:"theirs_worst,omitempty"`
	Disagree   string    `json:"disagreement,omitempty"`
	OurLints   []string  `json:"our_lints"`
	Theirs     []Finding `json:"theirs"`
	// OnlyOurs and OnlyTheirs are rules of zlint that one side alone found: where pkimetal
	// runs zlint too, its codes are zlint's names.
	OnlyOurs   []string `json:"zlint_only_ours,omitempty"`
	OnlyTheirs []string `json:"zlint_only_theirs,omitempty"`

	refused bool // the server answered, but could not judge this certificate
}

// NewOpinion puts the two sides beside each other. a is nil where there is no second
// opinion, for the reason err.
func NewOpinion(r lint.Result, a *Answer, err error) Opinion {
	o := Opinion{File: r.File, SHA256: r.SHA256, Ours: WorstOurs(r.Findings).String(), OurLints: []string{}, Theirs: []Finding{}}
	for _, f := range r.Findings {
		o.OurLints = append(o.OurLints, f.Lint)
	}
	slices.Sort(o.OurLints)
	if a == nil {
		o.Error, o.refused = clean(err.Error()), isRefusal(err)
		return o
	}
	o.By = strings.Join(append([]string{"pkimetal " + a.Version}, a.Linters...), "; ")
	o.Profile, o.Theirs, o.TheirWorst = a.Profile, a.Findings, Worst(a.Findings).String()
	o.Disagree = Disagreement(WorstOurs(r.Findings), Worst(a.Findings))
	o.compareZlint(r, a)
	return o
}

// compareZlint compares rule by rule where both sides run zlint.
func (o *Opinion) compareZlint(r lint.Result, a *Answer) {
	if !slices.ContainsFunc(a.Linters, func(l string) bool { return strings.HasPrefix(l, "zlint v") }) {
		return
	}
	ours, theirs := map[string]bool{}, map[string]bool{}
	for _, f := range r.Findings {
		if f.Source != lint.SourceSelfaudit {
			ours[f.Lint] = true
		}
	}
	coded := false
	for _, f := range a.Findings {
		if f.Linter == "zlint" && f.Code != "" {
			theirs[f.Code], coded = true, true
		}
	}
	if !coded && len(ours) > 0 && slices.ContainsFunc(a.Findings, func(f Finding) bool { return f.Linter == "zlint" }) {
		return // a version that gives no codes
	}
	for name := range ours {
		if !theirs[name] {
			o.OnlyOurs = append(o.OnlyOurs, name)
		}
	}
	for name := range theirs {
		if !ours[name] {
			o.OnlyTheirs = append(o.OnlyTheirs, name)
		}
	}
	slices.Sort(o.OnlyOurs)
	slices.Sort(o.OnlyTheirs)
}
