package main

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
)

func TestRequirementsReview(t *testing.T) {
	b := &bench{t, t.TempDir()}
	b.write("selfaudit.toml", "[ca]\nname = \"A\"\n")
	now := []string{"--now", "2026-11-22T09:00:00Z"}
	run := func(code int, args ...string) (string, string) {
		t.Helper()
		return b.run(code, append(append([]string{"requirements", "--review"}, args...), now...)...)
	}
	text, _ := run(exitOK)
	b.must(text, "no register yet", "NONE RECORDED", "TLS-BR")
	text, _ = run(exitOK, "--from", "2026-07-01", "--until", "2026-10-01")
	b.must(text, "SMIME-BR\t1.0.16\t2026-09-28\tNONE RECORDED", "without a review: 2")
	full := []string{"--record", "SMIME-BR:1.0.16", "--reviewed-by", "A. Müller", "--impact", "=none", "--approved-by", "B", "--reviewed-on", "2026-09-30"}
	text, _ = run(exitOK, full...)
	b.must(text, "recorded: SMIME-BR 1.0.16")
	if raw := string(b.read("requirements-review.csv")); !strings.HasSuffix(raw, "SMIME-BR,1.0.16,2026-09-28,A. Müller,2026-09-30,'=none,,B\n") {
		t.Errorf("register:\n%s", raw)
	}
	for name, c := range map[string]struct {
		args []string
		want string
	}{
		"the same again":     {full, "stands there already"},
		"an invented one":    {[]string{"--record", "TLS-BR:9.9.9", "--reviewed-by", "A", "--impact", "x"}, "does not know this version"},
		"no colon":           {[]string{"--record", "TLS-BR", "--reviewed-by", "A", "--impact", "x"}, "TLS-BR:2.2.7"},
		"nobody":             {[]string{"--record", "TLS-BR:2.2.6", "--impact", "x"}, "--reviewed-by"},
		"in the future":      {[]string{"--record", "TLS-BR:2.2.6", "--reviewed-by", "A", "--impact", "x", "--reviewed-on", "2027-01-01"}, "still to come"},
		"flags without":      {[]string{"--impact", "x"}, "--record"},
		"a line feed":        {[]string{"--record", "TLS-BR:2.2.6", "--reviewed-by", "A", "--impact", "x\ny"}, "cannot be shown"},
		"two at a time":      {[]string{"--coverage"}, "exclude each other"},
		"record and a range": {[]string{"--record", "TLS-BR:2.2.6", "--reviewed-by", "A", "--impact", "x", "--from", "2026-01-01"}, "--from"},
	} {
		_, stderr := run(exitUsage, c.args...)
		if !strings.Contains(stderr, c.want) {
			t.Errorf("%s: %s", name, stderr)
		}
	}
	raw, _ := run(exitOK, "--json")
	var d reviewDocument
	if err := json.Unmarshal([]byte(raw), &d); err != nil || !d.Exists || len(d.Versions) == 0 {
		t.Errorf("%+v, %v", d, err)
	}
	b.write("requirements-review.csv", "document,version\n")
	_, stderr := run(exitUsage)
	b.must(stderr, "requirements-review.csv", "line")
	b.dir = t.TempDir()
	run(exitUsage)
}

// githubServer names a newest release.
type githubServer string

func (s githubServer) RoundTrip(req *http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: 200, Status: "200 OK", Body: io.NopCloser(strings.NewReader(string(s))), Header: http.Header{}, Request: req}, nil
}

func TestNewestZlint(t *testing.T) {
	for answer, want := range map[string]string{
		`{"tag_name":"v99.0.0","published_at":"2026-11-01T10:00:00Z"}`:    "plan the update by 2027-02-01",
		`{"tag_name":"v99.0.0","published_at":"2026-05-01T10:00:00Z"}`:    "had to be planned by 2026-08-01",
		`{"tag_name":"v0.0.1","published_at":"2026-05-01T10:00:00Z"}`:     "nothing to do",
		`{"tag_name":"v4.0.0-rc1","published_at":"2026-05-01T10:00:00Z"}`: "answers with something else",
		`{"tag_name":"v4.0.0"}`: "answers with something else",
		`<html>`:                "answers with something else",
	} {
		_, stdout, stderr := call(context.Background(), &env{SystemTime: undisturbedClock, Transport: githubServer(answer)}, "requirements", "--online")
		if !strings.Contains(stdout+stderr, want) {
			t.Errorf("%s: %s%s", answer, stdout, stderr)
		}
	}
}
