package main

import (
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"time"

	"selfaudit/lint"
	"selfaudit/lint/requirements"
	"selfaudit/sampler"
)

// zlintReleases is where zlint's project names its newest release.
const zlintReleases = "https://api.github.com/repos/zmap/zlint/releases/latest"

// releaseDocument is what `requirements --online --json` writes.
type releaseDocument struct {
	Schema   string `json:"schema"`
	Used     string `json:"used"` // version in this program
	Newest   string `json:"newest"`
	Released string `json:"released"`
	Newer    bool   `json:"newer"`
	AgeDays  int    `json:"age_days"`          // of the newest release
	Deadline string `json:"plan_update_until"` // three months after it (BR 6.6.1)
	Overdue  bool   `json:"overdue"`
	Source   string `json:"source"`
}

var releaseTag = regexp.MustCompile(`^v\d{1,4}\.\d{1,4}\.\d{1,4}$`)

// zlintRelease asks for the newest release. A tag of another form (a release candidate) is
// an error rather than a guess.
func (e *env) zlintRelease(ctx context.Context) (*releaseDocument, error) {
	body, _, err := e.fetch(ctx, zlintReleases, 1<<20)
	if err != nil {
		return nil, withHint(fmt.Errorf("asking for zlint's newest release: %w", err), "look it up yourself and state it in selfaudit.toml: [lint] newest_zlint and released")
	}
	var answer struct {
		Tag       string    `json:"tag_name"`
		Published time.Time `json:"published_at"`
	}
	if err := json.Unmarshal(body, &answer); err != nil || !releaseTag.MatchString(answer.Tag) || answer.Published.IsZero() {
		return nil, fmt.Errorf("asking for zlint's newest release: %s answers with something else than a release such as v3.8.0 with its date", zlintReleases)
	}
	d := &releaseDocument{Schema: "selfaudit.zlint-release/v1", Used: lint.Modules()[0].Version, Newest: answer.Tag, Released: answer.Published.UTC().Format(time.DateOnly), Source: zlintReleases}
	deadline := answer.Published.UTC().Truncate(24*time.Hour).AddDate(0, 3, 0)
	d.Deadline = deadline.Format(time.DateOnly)
	d.AgeDays = int(e.Now().Sub(answer.Published) / (24 * time.Hour))
	d.Newer = requirements.Higher(d.Newest[1:], trimV(d.Used))
	d.Overdue = d.Newer && e.Now().Truncate(24*time.Hour).After(deadline)
	return d, nil
}

func trimV(version string) string {
	if len(version) > 0 && version[0] == 'v' {
		return version[1:]
	}
	return version
}

func (d *releaseDocument) render(e *env) {
	e.printf("zlint %s is in this program; the newest release is %s of %s (%s ago)\n", d.Used, d.Newest, d.Released, sampler.Counted(d.AgeDays, "day", "days"))
	switch {
	case !d.Newer:
		e.printf("nothing to do\n")
	case d.Overdue:
		e.printf("%s\n", e.out().Warn("an update had to be planned by "+d.Deadline+" (BR 6.6.1: three months)"))
	default:
		e.printf("plan the update by %s (BR 6.6.1: three months)\n", d.Deadline)
	}
	e.printf("for the audit's report, in selfaudit.toml:\n\n[lint]\nnewest_zlint = %q\nreleased = %q\n", d.Newest, d.Released)
}
