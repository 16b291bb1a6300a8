package reports_test

import (
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"selfaudit/internal/testaudit"
	"selfaudit/lint/requirements"
	"selfaudit/reports"
	"selfaudit/sampler"
)

// withTables is an audit that keeps its tables, with more in its configuration.
func withTables(t *testing.T, more string) fstest.MapFS {
	t.Helper()
	files := testaudit.Build(t, testaudit.Options{Issuers: few})
	tables, err := requirements.Embedded().Files()
	if err != nil {
		t.Fatal(err)
	}
	for name, data := range tables {
		files["config/requirements/"+name] = &fstest.MapFile{Data: data}
	}
	config := files["config/selfaudit.toml"]
	files["config/selfaudit.toml"] = &fstest.MapFile{Data: append([]byte(more+"\n"), config.Data...)}
	return files
}

func TestStaleness(t *testing.T) {
	day := func(s string) time.Time {
		d, err := time.Parse(time.DateOnly, s)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	const newer = "[lint]\nnewest_zlint = \"v3.8.0\"\nreleased = \"2026-12-01\"\n"
	for name, c := range map[string]struct{ config, at, warnings string }{
		"fresh tables, linter behind the BR":  {"", "2026-11-22", "linter-behind"},
		"ninety days are not yet old":         {"", "2027-02-19", "linter-behind"},
		"ninety-one days are":                 {"", "2027-02-20", "tables-old linter-behind"},
		"a newer zlint within three months":   {newer, "2027-02-19", "linter-behind"},
		"on the last day of the three months": {newer, "2027-03-01", "tables-old linter-behind"},
		"a newer zlint and nobody updated":    {newer, "2027-03-02", "tables-old linter-behind zlint-old"},
		"the newest zlint is the one used":    {strings.Replace(newer, "3.8.0", "0.0.1", 1), "2027-03-02", "tables-old linter-behind"},
	} {
		t.Run(name, func(t *testing.T) {
			a, err := reports.Load(withTables(t, c.config))
			if err != nil {
				t.Fatal(err)
			}
			// The fixture's linter names no rules; give it those of zlint 3.7.3.
			for i := range a.Linter.NewestRules {
				if a.Linter.NewestRules[i].Source == "CABF_BR" {
					a.Linter.NewestRules[i].Effective = "2026-03-15"
				}
			}
			a.Linter.Modules[0].Version = "v3.7.3"
			if strings.Contains(c.config, "0.0.1") {
				a.Linter.Modules[0].Version = "v0.0.1"
			}
			s := a.Summary(day(c.at), sampler.ClockGiven)
			var codes []string
			for _, w := range s.Staleness.Warnings {
				codes = append(codes, w.Code)
			}
			if got := strings.Join(codes, " "); got != c.warnings {
				t.Errorf("warnings %q, want %q", got, c.warnings)
			}
			open := 0
			for _, o := range s.Open {
				for _, w := range s.Staleness.Warnings {
					if o == w {
						open++
					}
				}
			}
			if open != len(codes) {
				t.Errorf("%d of %d warnings are open points", open, len(codes))
			}
			if s.Staleness.NewestVersion == nil || !strings.Contains(s.Staleness.Text(), s.Staleness.NewestVersion.Version) {
				t.Errorf("text: %s", s.Staleness.Text())
			}
		})
	}
}

func TestOlderAuditsHaveNoStaleness(t *testing.T) {
	a := load(t, testaudit.Options{Issuers: few})
	if s := a.Summary(time.Date(2027, 6, 1, 0, 0, 0, 0, time.UTC), sampler.ClockGiven); s.Staleness != nil || s.Reviews != nil || s.Coverage != nil || s.Register != nil {
		t.Error("an audit without kept tables is judged by this program's, which a later one would do otherwise")
	}
}

func TestReviews(t *testing.T) {
	files := withTables(t, "")
	at := time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)
	summary := func() reports.Summary {
		t.Helper()
		a, err := reports.Load(files)
		if err != nil {
			t.Fatal(err)
		}
		return a.Summary(at, sampler.ClockGiven)
	}
	s := summary()
	if len(s.Reviews) == 0 || s.Reviews[0].Recorded || s.Register.Kept {
		t.Fatalf("without a register: %+v %+v", s.Reviews, s.Register)
	}
	v := s.Reviews[0]
	files["config/requirements-review.csv"] = &fstest.MapFile{Data: []byte("document,version,effective,reviewed_by,reviewed_on,impact,change,approved_by\n" +
		v.Document + "," + v.Version + "," + v.Effective + ",A," + v.Effective + ",none,,\n" + "TLS-BR,9.9.9,2030-01-01,A,2026-01-01,none,,\n")}
	s = summary()
	if r := s.Reviews[0]; !r.Recorded || r.Before || len(r.Reviews) != 1 || r.Reviews[0].ReviewedBy != "A" {
		t.Errorf("with a review on the day itself: %+v", r)
	}
	if !s.Register.Kept || s.Register.Rows != 2 || len(s.Register.Unknown) != 1 || !strings.Contains(s.Register.Unknown[0], "9.9.9") {
		t.Errorf("register: %+v", s.Register)
	}
	files["config/requirements-review.csv"] = &fstest.MapFile{Data: []byte("x\n")}
	if _, err := reports.Load(files); err == nil || !strings.Contains(err.Error(), "config/requirements-review.csv") {
		t.Errorf("a register that cannot be read: %v", err)
	}
}
