// Package pkimetal asks a pkimetal server (https://github.com/pkimetal/pkimetal) what other
// linters think of a certificate: a second opinion beside zlint's.
//
// The interface is the one of pkimetal's doc/REST_API.md: POST /lintcert with the form
// fields b64input, format, profile and severity; the answer is a JSON array of objects with
// Linter, Finding, Severity, and where a linter gives them Code and Field. A request that
// pkimetal cannot take is answered with status 200 and a finding of severity fatal.
package pkimetal

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
	"unicode/utf8"

	"selfaudit/internal/terminal"
)

const (
	// maxAnswer bounds an answer; real ones have a few kilobytes.
	maxAnswer = 4 << 20
	// maxFindings bounds the findings of one certificate.
	maxFindings = 10_000
	// maxText bounds every text of an answer.
	maxText = 4096
	// Timeout is how long one certificate may take: pkimetal itself gives up after 30 seconds.
	Timeout = 60 * time.Second
)

// Severities of pkimetal, mildest first. "meta" is about the run itself and is no finding.
var severities = []string{"meta", "debug", "info", "notice", "warning", "error", "bug", "fatal"}

// Finding is one thing that a linter behind pkimetal says.
type Finding struct {
	Linter string `json:"linter"`
	// Severity is pkimetal's word: debug, info, notice, warning, error, bug, fatal.
	Severity string `json:"severity"`
	// Code is the linter's name of the rule, where it gives one.
	Code string `json:"code,omitempty"`
	// Field is the part of the certificate that it is about, where the linter gives one.
	Field   string `json:"field,omitempty"`
	Finding string `json:"finding"`
}

// Answer is what pkimetal says of one certificate.
type Answer struct {
	// Version is pkimetal's own, Profile the profile by which it judged.
	Version string
	Profile string
	// Linters are the linters that took part with their versions, and those that did not,
	// in pkimetal's order: "zlint v3.7.3", "x509lint not used".
	Linters []string
	// Findings are all but "meta", in pkimetal's order.
	Findings []Finding
}

// Client asks one server. Its methods may be used by several goroutines at once.
type Client struct {
	// URL is the server's base address, such as http://127.0.0.1:8080.
	URL string
	// Profile is the profile to judge by; "" is autodetect.
	Profile string
	// UserAgent names the program.
	UserAgent string
	// Transport carries the requests. Redirects are not followed.
	Transport http.RoundTripper
}

// ErrRefused is wrapped when pkimetal answers that it could not judge the input.
var ErrRefused = errors.New("pkimetal could not judge it")

// CheckURL says whether an address can be a pkimetal server's: http or https, with a host,
// without user, query and fragment. It returns the address without a slash at its end.
func CheckURL(text string) (string, error) {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return "", fmt.Errorf("%.200q is not an address such as http://127.0.0.1:8080", text)
	}
	if u.User != nil {
		return "", errors.New("the address holds a user or password, which would end up in the evidence; put a proxy that adds it in front")
	}
	if u.RawQuery != "" || u.Fragment != "" {
		return "", fmt.Errorf("%.200q has something behind the path", text)
	}
	return strings.TrimRight(text, "/"), nil
}

// LintCertificate asks about one certificate or precertificate, DER. A certificate that the
// server could not judge is an error, never an answer without findings.
func (c *Client) LintCertificate(ctx context.Context, der []byte) (*Answer, error) {
	ctx, cancel := context.WithTimeout(ctx, Timeout)
	defer cancel()
	profile := c.Profile
	if profile == "" {
		profile = "autodetect"
	}
	form := url.Values{"b64input": {base64.StdEncoding.EncodeToString(der)}, "format": {"json"}, "severity": {"meta"}, "profile": {profile}}
	address := c.URL + "/lintcert"
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, address, strings.NewReader(form.Encode()))
	if err != nil {
		return nil, fmt.Errorf("asking %s: %w", address, err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Accept", "application/json")
	if c.UserAgent != "" {
		req.Header.Set("User-Agent", c.UserAgent)
	}
	client := &http.Client{Transport: c.Transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	res, err := client.Do(req)
	if err != nil {
		return nil, fmt.Errorf("asking pkimetal: %w", err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("asking %s: %w", address, err)
	case res.StatusCode != http.StatusOK:
		return nil, fmt.Errorf("asking %s: it answers %s", address, clean(res.Status))
	case len(body) > maxAnswer:
		return nil, fmt.Errorf("asking %s: the answer is larger than %d bytes", address, maxAnswer)
	}
	answer, err := ParseAnswer(body)
	if err != nil {
		return nil, fmt.Errorf("asking %s: %w", address, err)
	}
	return answer, nil
}

// ParseAnswer reads pkimetal's JSON. An answer must name pkimetal's profile and version and
// at least one linter that took part; otherwise nothing was judged.
func ParseAnswer(body []byte) (*Answer, error) {
	var rows []struct{ Linter, Field, Finding, Code, Severity string }
	d := json.NewDecoder(bytes.NewReader(body))
	if err := d.Decode(&rows); err != nil {
		return nil, fmt.Errorf("the answer is not what pkimetal's documentation says: %w", err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("the answer is not what pkimetal's documentation says: something follows the list")
	}
	if len(rows) > maxFindings {
		return nil, fmt.Errorf("the answer has more than %d findings", maxFindings)
	}
	a := &Answer{Findings: []Finding{}}
	used := 0
	for i, r := range rows {
		f := Finding{clean(r.Linter), r.Severity, clean(r.Code), clean(r.Field), clean(r.Finding)}
		switch {
		case !known(r.Severity):
			return nil, fmt.Errorf("finding %d has the severity %.40q, which pkimetal's documentation does not know", i+1, clean(r.Severity))
		case r.Severity == "fatal" && r.Linter == "pkimetal":
			return nil, fmt.Errorf("%w: %s", ErrRefused, f.Finding)
		case r.Severity != "meta":
			a.Findings = append(a.Findings, f)
		case r.Linter == "pkimetal":
			a.Profile, a.Version = field(f.Finding, "Profile: "), field(f.Finding, "Version: ")
		case strings.Contains(f.Finding, "Not used"):
			a.Linters = append(a.Linters, f.Linter+" not used")
		case field(f.Finding, "Version: ") != "":
			a.Linters = append(a.Linters, f.Linter+" "+field(f.Finding, "Version: "))
			used++
		}
	}
	if a.Version == "" || used == 0 {
		return nil, errors.New("the answer names no linter that took part: nothing was judged")
	}
	return a, nil
}

// field takes the value behind a name out of a "meta" line such as "Queued: 1ms; Runtime:
// 3ms; Version: v3.7.3". Times are left where they are: they differ from run to run.
func field(line, name string) string {
	_, rest, found := strings.Cut(line, name)
	if !found {
		return ""
	}
	value, _, _ := strings.Cut(rest, ";")
	return strings.TrimSpace(value)
}

func known(severity string) bool {
	for _, s := range severities {
		if s == severity {
			return true
		}
	}
	return false
}

// clean makes text of a server safe to show and bounded.
func clean(s string) string {
	s = terminal.Escape(strings.ToValidUTF8(s, "\ufffd"))
	if len(s) <= maxText {
		return s
	}
	s = s[:maxText]
	for !utf8.ValidString(s) {
		s = s[:len(s)-1]
	}
	return s + "…"
}
