package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"selfaudit/lint"
	"selfaudit/lint/pkimetal"
	"selfaudit/reports"
	"selfaudit/reports/corpus"
)

// lintedWorkspace is an audit of the bundled logs, linted and not reported.
func lintedWorkspace(t *testing.T, more string) *bench {
	t.Helper()
	b, _ := alphaWorkspace(t, more)
	args := []string{"--now", "2026-11-22T09:00:00Z", "--yes", "-q"}
	b.run(exitOK, append([]string{"collect", "--rehearsal", "--audit", "r1", "--from", "2026-08-01T00:00:00Z", "--until", "2026-11-01T00:00:00Z"}, args...)...)
	b.run(exitOK, append([]string{"freeze", "--beacon", "dice"}, args...)...)
	b.run(exitOK, append([]string{"draw", "--dice", digits}, args...)...)
	b.run(exitOK, append([]string{"lint"}, args...)...)
	return b
}

// TestWholePopulation runs its parts on copies of one linted audit.
func TestWholePopulation(t *testing.T) {
	linted := lintedWorkspace(t, "")
	for _, part := range []struct {
		name string
		run  func(t *testing.T, b *bench)
	}{{"resumes", populationResumes}, {"outputs", populationOutputs}, {"kept", keptPopulation}, {"relint", relintAnother}} {
		t.Run(part.name, func(t *testing.T) {
			b := &bench{t, t.TempDir()}
			if err := os.CopyFS(b.dir, os.DirFS(linted.dir)); err != nil {
				t.Fatal(err)
			}
			part.run(t, b)
		})
	}
}

// smallChunks makes several chunks of the bundled logs' population.
func smallChunks(t *testing.T) {
	old := chunkItems
	chunkItems = 150
	t.Cleanup(func() { chunkItems = old })
}

func (b *bench) chunks() map[string][]byte {
	b.t.Helper()
	found, err := filepath.Glob(filepath.Join(b.dir, "audits/r1", filepath.FromSlash(corpusFolder), "*", "*"))
	if err != nil {
		b.t.Fatal(err)
	}
	out := map[string][]byte{}
	for _, path := range found {
		raw, err := os.ReadFile(path)
		if err != nil {
			b.t.Fatal(err)
		}
		out[path] = raw
	}
	return out
}

// populationResumes compares with what the sample's results say, and takes the run apart
// and together again.
func populationResumes(t *testing.T, b *bench) {
	smallChunks(t)
	type key struct{ sha, rule string }
	listed := map[key]bool{}
	first, _ := b.run(exitOK, "lint", "--population", "--jsonl", "-q")
	h, err := corpus.Read(strings.NewReader(first), func(a corpus.Affected) error {
		listed[key{a.SHA256, a.Lint}] = true
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if h.Items() < 1141 || h.Certificates() <= h.Items() || len(h.Problems) < 30 {
		t.Errorf("%d items, %d certificates, %d rules", h.Items(), h.Certificates(), len(h.Problems))
	}
	for line := range bytes.Lines(b.read("audits/r1/lint/results.jsonl")) {
		var r lint.Result
		if err := json.Unmarshal(line, &r); err != nil {
			t.Fatal(err)
		}
		for _, f := range r.Findings {
			if !listed[key{r.SHA256, f.Lint}] {
				t.Errorf("%s on %s is not listed", f.Lint, r.SHA256)
			}
		}
	}
	made := b.chunks()
	if len(made) < 5 {
		t.Fatalf("only %d chunks", len(made))
	}
	// As a killed process leaves it: some chunks, and half of one.
	n := 0
	for path, raw := range made {
		if n++; n%2 == 0 {
			if err := os.Rename(path, path+".partial"); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path+".partial", raw[:len(raw)/2], 0o666); err != nil {
				t.Fatal(err)
			}
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if code, _, _ := call(ctx, &env{SystemTime: undisturbedClock}, "-C", b.dir, "lint", "--population", "-q"); code != exitInterrupted {
		t.Errorf("interrupted: exit %d", code)
	}
	again, _ := b.run(exitOK, "lint", "--population", "--jsonl", "-q")
	if again != first {
		t.Error("resumed, the result is another")
	}
	for path, raw := range b.chunks() {
		if old, there := made[path]; there && !bytes.Equal(old, raw) {
			t.Errorf("%s was made again with other bytes", path)
		}
	}
	// A chunk that is damaged is said to be, not left out.
	for path, raw := range made {
		if err := os.WriteFile(path, raw[:len(raw)-9], 0o666); err != nil {
			t.Fatal(err)
		}
		_, stderr := b.run(exitFailed, "lint", "--population", "-q")
		b.must(stderr, "reading a chunk")
		break
	}
}

func populationOutputs(t *testing.T, b *bench) {
	text, _ := b.run(exitOK, "lint", "--population", "--only", "e_sub_cert_cert_policy_empty", "-q")
	b.must(text, "the population of audit r1", "e_sub_cert_cert_policy_empty", "looked for: e_sub_cert_cert_policy_empty")
	raw, _ := b.run(exitOK, "lint", "--population", "--only", "e_sub_cert_cert_policy_empty,e_ev_not_wildcard", "--json", "-q")
	var doc struct {
		corpus.Header
		Affected []corpus.Affected `json:"affected"`
	}
	if err := json.Unmarshal([]byte(raw), &doc); err != nil {
		t.Fatal(err)
	}
	if len(doc.Problems) != 2 || int64(len(doc.Affected)) != doc.Problems[0].Certificates+doc.Problems[1].Certificates || len(doc.Affected) == 0 {
		t.Errorf("%d problems, %d affected", len(doc.Problems), len(doc.Affected))
	}
	p, _ := doc.Find("e_ev_not_wildcard")
	wildcard := p.Certificates
	none, _ := b.run(exitOK, "lint", "--population", "--only", "e_rsa_fermat_factorization", "--json", "-q")
	b.must(none, `"affected": []`)
	out := filepath.Join(b.dir, "list.csv")
	b.run(exitOK, "lint", "--population", "--only", "e_ev_not_wildcard", "--format", "csv", "-o", out, "-q")
	if lines := bytes.Count(b.read("list.csv"), []byte("\n")); int64(lines) != 1+wildcard {
		t.Errorf("%d lines of CSV, want head and %d rows", lines, wildcard)
	}
	b.run(exitFindings, "lint", "--population", "--fail-on", "error", "-q")
	_, stderr := b.run(exitUsage, "lint", "--population", "--only", "e_nothing", "-q")
	b.must(stderr, `there is no rule "e_nothing"`)
	b.run(exitUsage, "lint", "--only", "e_ev_not_wildcard")
	b.run(exitUsage, "lint", "--population", "x.pem")
	b.run(exitUsage, "lint", "--population", "--format", "sarif")
	b.run(exitUsage, "lint", "--population", "--audits", "nobody")
	// Without the work folder the results are gone with it.
	if err := os.RemoveAll(filepath.Join(b.dir, "audits/r1/work")); err != nil {
		t.Fatal(err)
	}
	_, stderr = b.run(exitFailed, "lint", "--population", "-q")
	b.must(stderr, "its work folder is gone")
}

// keptPopulation takes the kept results into the report and through verify.
func keptPopulation(t *testing.T, b *bench) {
	b.write("requirements-review.csv", "\ufeffdocument;version;effective;reviewed_by;reviewed_on;impact;change;approved_by\r\nSMIME-BR;1.0.16;2026-09-28;A;2026-09-01;none;;B\r\n")
	b.run(exitOK, "lint", "--population", "--keep", "-q")
	now := []string{"--now", "2026-11-22T09:00:00Z", "--yes", "-q"}
	text, _ := b.run(exitOK, append([]string{"report"}, now...)...)
	b.must(text, "in the population", "how current:", "open: Linter: TLS-BR")
	raw := b.read("audits/r1/report/summary.json")
	s, err := reports.ParseSummary(raw)
	if err != nil {
		t.Fatal(err)
	}
	lists := 0
	for _, p := range s.Problems {
		if p.Lint == "e_ev_not_wildcard" && p.Covers == reports.CoversPopulation && p.Items >= 2 {
			lists++
		}
		if p.Severity >= lint.Error && p.Covers != reports.CoversPopulation {
			t.Errorf("%s covers the %s", p.Lint, p.Covers)
		}
	}
	if lists != 1 || s.WholeLint == nil || s.Register == nil || !s.Register.Kept || len(s.Coverage) == 0 || s.Staleness == nil {
		t.Errorf("summary: %d lists, %+v %+v", lists, s.WholeLint, s.Register)
	}
	reviewed := false
	for _, r := range s.Reviews {
		reviewed = reviewed || r.Version == "1.0.16" && r.Recorded && r.Before && r.Reviews[0].ApprovedBy == "B"
	}
	if !reviewed {
		t.Errorf("the review is not in the summary: %+v", s.Reviews)
	}
	_, stderr := b.run(exitUsage, "lint", "--population", "--keep", "-q")
	b.must(stderr, "is reported")
	b.run(exitOK, append([]string{"seal"}, now...)...)
	text, _ = b.run(exitOK, "verify", filepath.Join(b.dir, rehearsalZip))
	b.must(text, "lint of the population", "requirements review: 1 reviews", "table of 2026-11-21")
	// Today's rules are the same as then.
	text, _ = b.run(exitOK, "lint", "--relint", "-q", filepath.Join(b.dir, rehearsalZip))
	b.must(text, "nothing is new and nothing has vanished")
	text, _ = b.run(exitOK, "lint", "--relint", "--population", "-q")
	b.must(text, "its population", "nothing is new and nothing has vanished")
}

// relintAnother compares with an audit whose linter was another one.
func relintAnother(t *testing.T, b *bench) {
	older := bytes.Replace(b.read("audits/r1/lint/linter.json"), []byte(`"v3.7.3"`), []byte(`"v3.6.0"`), 1)
	older = bytes.Replace(older, []byte(`"list_sha256": "`), []byte(`"list_sha256": "00`), 1)
	b.write("audits/r1/lint/linter.json", string(older))
	var lines []string
	for line := range bytes.Lines(b.read("audits/r1/lint/results.jsonl")) {
		var r lint.Result
		if err := json.Unmarshal(line, &r); err != nil {
			t.Fatal(err)
		}
		var kept []lint.Finding
		for _, f := range r.Findings {
			switch f.Lint {
			case "e_sub_cert_cert_policy_empty": // the older linter did not have it
				kept = append(kept, lint.Finding{Lint: "e_of_olden_times", Severity: lint.Error, Source: "RFC5280"})
			case "e_selfaudit_reserved_policy_count":
				f.Severity = lint.Warn
				kept = append(kept, f)
			default:
				kept = append(kept, f)
			}
		}
		r.Findings = append([]lint.Finding{}, kept...)
		raw, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		lines = append(lines, string(raw)+"\n")
	}
	b.write("audits/r1/lint/results.jsonl", strings.Join(lines, ""))
	// A document without the list of rules cannot tell new from changed; one with it can.
	without := regexp.MustCompile(`(?s)\n *"rules": \[.*?\],`).ReplaceAllString(string(older), "")
	lacking := regexp.MustCompile(`\n *"e_sub_cert_cert_policy_empty [0-9a-f]{16}",`).ReplaceAllString(string(older), "")
	if len(without) == len(older) || len(lacking) == len(older) {
		t.Fatalf("the document has no list of rules:\n%s", older)
	}
	for document, wants := range map[string]map[string]string{
		without: {
			"e_sub_cert_cert_policy_empty":      "2 0 0 the rule is new, or was changed (zlint v3.6.0 then, v3.7.3 now",
			"e_of_olden_times":                  "0 2 0 the rule was removed",
			"e_selfaudit_reserved_policy_count": "0 0 2 the rule was changed, it existed then",
		},
		lacking: {
			"e_sub_cert_cert_policy_empty":      "2 0 0 the rule is new: zlint v3.6.0 then, v3.7.3 now",
			"e_of_olden_times":                  "0 2 0 the rule was removed",
			"e_selfaudit_reserved_policy_count": "0 0 2 the rule reads as it did then; what changed is how it is checked, or the parser",
		},
		strings.Replace(string(older), `"e_sub_cert_cert_policy_empty `, `"e_sub_cert_cert_policy_empty 0`, 1): {
			"e_sub_cert_cert_policy_empty":      "2 0 0 the rule was changed, also in what is said of it",
			"e_of_olden_times":                  "0 2 0 the rule was removed",
			"e_selfaudit_reserved_policy_count": "0 0 2 the rule reads as it did then",
		},
	} {
		b.write("audits/r1/lint/linter.json", document)
		raw, _ := b.run(exitOK, "lint", "--relint", "--json", "-q")
		var d relintDocument
		if err := json.Unmarshal([]byte(raw), &d); err != nil {
			t.Fatal(err)
		}
		for _, r := range d.Rules {
			if why := fmt.Sprintf("%d %d %d %s", r.New, r.Vanished, r.Changed, r.Why); !strings.HasPrefix(why, wants[r.Lint]) || wants[r.Lint] == "" {
				t.Errorf("%s: %q, want %q", r.Lint, why, wants[r.Lint])
			}
		}
		if len(d.Rules) != 3 || d.Changed != 2 || d.SameRules {
			t.Errorf("%d rules, %d certificates changed, same rules %v", len(d.Rules), d.Changed, d.SameRules)
		}
	}
	text, _ := b.run(exitOK, "lint", "--relint", "-q")
	b.must(text, "e_of_olden_times", "2 with another result")
	_, stderr := b.run(exitUsage, "lint", "--relint", "--population", "-q")
	b.must(stderr, "has kept no results")
}

// opinionServer answers like pkimetal: every certificate has a notice. down makes it fail.
type opinionServer struct{ down bool }

func (s *opinionServer) RoundTrip(req *http.Request) (*http.Response, error) {
	if s.down {
		return nil, errors.New("connection refused")
	}
	if req.URL.String() != "http://127.0.0.1:8080/lintcert" {
		return nil, fmt.Errorf("asked %s", req.URL)
	}
	const answer = `[{"Linter":"pkimetal","Finding":"Profile: tbr_leaf_tlsserver_dv; Version: v1.20.0","Severity":"meta"},
{"Linter":"pkilint","Finding":"something odd","Severity":"notice"},{"Linter":"pkilint","Finding":"Queued: 1ms; Runtime: 2ms; Version: v0.13.0","Severity":"meta"}]`
	return &http.Response{StatusCode: 200, Status: "200 OK", Body: io.NopCloser(strings.NewReader(answer)), Header: http.Header{}}, nil
}

func TestSecondOpinion(t *testing.T) {
	server := &opinionServer{}
	b := lintedWorkspace(t, "[second_opinion]\nurl = \"http://127.0.0.1:8080/\"\n")
	run := func(code int, args ...string) (string, string) {
		t.Helper()
		got, stdout, stderr := call(context.Background(), &env{SystemTime: undisturbedClock, Transport: server}, append([]string{"-C", b.dir}, args...)...)
		if got != code {
			t.Fatalf("%v: exit %d\n%s\n%s", args, got, stdout, stderr)
		}
		return stdout, stderr
	}
	// The helper has no network: every certificate is a failure, and the stage was done.
	if first := b.read("audits/r1/" + docSecondOpinion); !bytes.Contains(first, []byte(`"error":`)) {
		t.Errorf("no failure is recorded: %s", first)
	}
	_, stderr := run(exitOK, "lint")
	if strings.Contains(stderr, "have none") || bytes.Contains(b.read("audits/r1/"+docSecondOpinion), []byte(`"error":`)) {
		t.Errorf("asked again, there are still failures: %s", stderr)
	}
	text, _ := run(exitOK, "report", "--now", "2026-11-22T09:00:00Z")
	if strings.Contains(text, "Second opinion:") {
		t.Errorf("an open point without a failure:\n%s", text)
	}
	s, err := reports.ParseSummary(b.read("audits/r1/report/summary.json"))
	if err != nil || s.Opinion == nil || s.Opinion.Failed != 0 || s.Opinion.Answered == 0 || s.Opinion.Disagree == 0 {
		t.Fatalf("summary: %+v, %v", s.Opinion, err)
	}
	server.down = true
	cert := filepath.Join(b.dir, "audits/r1/issuers")
	text, _ = run(exitIncomplete, "lint", "--second-opinion", "http://127.0.0.1:8080", cert)
	b.must(text, "FAILED: asking pkimetal", "0 with a second opinion")
	server.down = false
	text, _ = run(exitOK, "lint", "--second-opinion", "http://127.0.0.1:8080", "--json", cert)
	var d opinionDocument
	if err := json.Unmarshal([]byte(text), &d); err != nil || d.Totals.Answered != len(d.Opinions) || len(d.Opinions) == 0 || d.Opinions[0].By != "pkimetal v1.20.0; pkilint v0.13.0" {
		t.Errorf("%+v, %v", d, err)
	}
	run(exitUsage, "lint", "--second-opinion", "127.0.0.1:8080", cert)
	run(exitUsage, "lint", "--second-opinion", "http://127.0.0.1:8080")
	if _, totals, err := pkimetal.Read(bytes.NewReader(b.read("audits/r1/"+docSecondOpinion)), nil); err != nil || totals.Failed != 0 {
		t.Errorf("%+v, %v", totals, err)
	}
}
