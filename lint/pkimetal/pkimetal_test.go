package pkimetal

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	"selfaudit/lint"
)

// server answers as pkimetal's documentation and its source say; a real one, with its zlint
// and rocacheck, gave the first of these answers.
type server struct {
	mu     sync.Mutex
	asked  []string
	answer func(body string) (int, string)
}

func (s *server) RoundTrip(req *http.Request) (*http.Response, error) {
	if err := req.ParseForm(); err != nil {
		return nil, err
	}
	if req.Method != http.MethodPost || req.URL.Path != "/base/lintcert" || req.PostForm.Get("format") != "json" ||
		req.PostForm.Get("severity") != "meta" || req.PostForm.Get("profile") != "autodetect" {
		return nil, fmt.Errorf("asked %s %s %v", req.Method, req.URL, req.PostForm)
	}
	der, err := base64.StdEncoding.DecodeString(req.PostForm.Get("b64input"))
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	s.asked = append(s.asked, string(der))
	s.mu.Unlock()
	code, text := s.answer(string(der))
	if code == 0 {
		return nil, errors.New("connection refused")
	}
	return &http.Response{StatusCode: code, Status: fmt.Sprint(code), Body: io.NopCloser(strings.NewReader(text)), Header: http.Header{}}, nil
}

const genuine = `[{"Linter":"pkimetal","Finding":"Profile: tevg_leaf_tlsserver_ev; Version: v1.20.0","Severity":"meta"},
{"Linter":"rocacheck","Finding":"Public Key is not a ROCA weak key","Severity":"info"},
{"Linter":"rocacheck","Finding":"Queued: 1.071523ms; Runtime: 7.734µs; Version: v0.0.0-20171023193734-afe73141d399","Severity":"meta"},
{"Linter":"x509lint","Finding":"x509lint: Not used [Available:false, Applicable:true]","Severity":"meta"},
{"Linter":"zlint","Finding":"Check if certificate has enough embedded SCTs","Code":"n_ct_sct_policy_count_unsatisfied","Severity":"notice"},
{"Linter":"zlint","Finding":"Queued: 18.204µs; Runtime: 3.648635ms; Version: v3.7.3","Severity":"meta"}]`

func client(s *server) *Client { return &Client{URL: "http://pkimetal.test/base", Transport: s} }

func TestLintCertificate(t *testing.T) {
	s := &server{answer: func(string) (int, string) { return 200, genuine }}
	a, err := client(s).LintCertificate(t.Context(), []byte("der"))
	if err != nil {
		t.Fatal(err)
	}
	if a.Version != "v1.20.0" || a.Profile != "tevg_leaf_tlsserver_ev" || len(a.Findings) != 2 || a.Findings[1].Code != "n_ct_sct_policy_count_unsatisfied" {
		t.Errorf("%+v", a)
	}
	if by := strings.Join(a.Linters, "; "); by != "rocacheck v0.0.0-20171023193734-afe73141d399; x509lint not used; zlint v3.7.3" {
		t.Errorf("linters: %s", by)
	}
	if len(s.asked) != 1 || s.asked[0] != "der" {
		t.Errorf("asked about %q", s.asked)
	}
}

func TestWhatIsNoAnswer(t *testing.T) {
	for name, c := range map[string]struct {
		code int
		text string
		want error
	}{
		"refused":           {200, `[{"Linter":"pkimetal","Finding":"Unrecognised input","Severity":"fatal"}]`, ErrRefused},
		"empty list":        {200, `[]`, nil},
		"no linter":         {200, `[{"Linter":"pkimetal","Finding":"Profile: x; Version: v1","Severity":"meta"}]`, nil},
		"nothing used":      {200, `[{"Linter":"pkimetal","Finding":"Profile: x; Version: v1","Severity":"meta"},{"Linter":"zlint","Finding":"zlint: Not used [Available:false, Applicable:true]","Severity":"meta"}]`, nil},
		"no pkimetal":       {200, `[{"Linter":"zlint","Finding":"Version: v3","Severity":"meta"}]`, nil},
		"unknown severity":  {200, strings.Replace(genuine, `"notice"`, `"dreadful"`, 1), nil},
		"web page":          {200, "<html>", nil},
		"something behind":  {200, genuine + "[]", nil},
		"null":              {200, "null", nil},
		"time out":          {503, "", nil},
		"moved":             {302, "", nil},
		"not there":         {0, "", nil},
		"larger than asked": {200, `[{"Linter":"` + strings.Repeat("x", maxAnswer) + `"}]`, nil},
	} {
		s := &server{answer: func(string) (int, string) { return c.code, c.text }}
		a, err := client(s).LintCertificate(t.Context(), []byte("x"))
		if err == nil || c.want != nil && !errors.Is(err, c.want) {
			t.Errorf("%s: %+v, %v", name, a, err)
		}
	}
}

func ours(severity lint.Severity, names ...string) lint.Result {
	r := lint.Result{File: "certificates/x.der", SHA256: "00", Findings: []lint.Finding{}}
	for _, n := range names {
		r.Findings = append(r.Findings, lint.Finding{Lint: n, Severity: severity, Source: "RFC5280"})
	}
	return r
}

func TestOpinions(t *testing.T) {
	a, err := ParseAnswer([]byte(genuine))
	if err != nil {
		t.Fatal(err)
	}
	agree := NewOpinion(ours(lint.Notice, "n_ct_sct_policy_count_unsatisfied"), a, nil)
	if agree.Disagree != "" || agree.OnlyOurs != nil || agree.OnlyTheirs != nil {
		t.Errorf("agreeing sides: %+v", agree)
	}
	milder := NewOpinion(ours(lint.Error, "e_x"), a, nil)
	if !strings.Contains(milder.Disagree, "milder: notice, ours error") || len(milder.OnlyOurs) != 1 || len(milder.OnlyTheirs) != 1 {
		t.Errorf("ours is worse: %+v", milder)
	}
	worse := NewOpinion(ours(lint.Notice), a, nil)
	if !strings.Contains(worse.Disagree, "worse: notice, ours none") {
		t.Errorf("theirs is worse: %+v", worse)
	}
	failed := NewOpinion(ours(lint.Notice), nil, errors.New("down"))
	if failed.Error != "down" || failed.Disagree != "" || failed.TheirWorst != "" {
		t.Errorf("a failure says something: %+v", failed)
	}
	var doc bytes.Buffer
	for _, v := range []any{Header{Schema: Schema, AuditID: "A", URL: "http://x"}, agree, milder, worse, failed} {
		line, err := Line(v)
		if err != nil {
			t.Fatal(err)
		}
		doc.Write(line)
	}
	_, totals, err := Read(bytes.NewReader(doc.Bytes()), nil)
	if err != nil {
		t.Fatal(err)
	}
	if totals.Certificates != 4 || totals.Answered != 3 || totals.Failed != 1 || totals.Disagree != 2 || totals.Worse != 1 || len(totals.By) != 1 {
		t.Errorf("%+v", totals)
	}
	for name, change := range map[string][2]string{
		"severity":     {`"theirs_worst":"notice"`, `"theirs_worst":"none"`},
		"disagreement": {`"disagreement":"second opinion is milder`, `"disagreement":"second opinion is kinder`},
		"nobody":       {`"by":"pkimetal`, `"bye":"pkimetal`},
		"finding":      {`"severity":"notice"`, `"severity":"error"`},
		"an answer":    {`"error":"down"`, `"error":"down","by":"x"`},
		"spacing":      {`"url":"http://x"`, `"url": "http://x"`},
		"schema":       {"second-opinion/v1", "second-opinion/v2"},
	} {
		bad := strings.Replace(doc.String(), change[0], change[1], 1)
		if bad == doc.String() {
			t.Fatalf("%s: nothing changed", name)
		}
		if _, _, err := Read(strings.NewReader(bad), nil); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
	if _, _, err := Read(bytes.NewReader(doc.Bytes()[:doc.Len()-1]), nil); err == nil {
		t.Error("a document cut short is taken")
	}
}

func TestRunKeepsOrderAndGivesUp(t *testing.T) {
	var certs []Judged
	for i := range 40 {
		certs = append(certs, Judged{Result: lint.Result{File: fmt.Sprint(i), Findings: []lint.Finding{}}, DER: []byte(fmt.Sprint(i))})
	}
	seq := func(yield func(Judged) bool) {
		for _, c := range certs {
			if !yield(c) {
				return
			}
		}
	}
	s := &server{answer: func(string) (int, string) { return 200, genuine }}
	n := 0
	err := client(s).Run(t.Context(), seq, 4, func(o Opinion) error {
		if o.File != fmt.Sprint(n) || o.Error != "" {
			t.Errorf("opinion %d: %+v", n, o)
		}
		n++
		return nil
	})
	if err != nil || n != 40 {
		t.Errorf("%d opinions, %v", n, err)
	}
	down := &server{answer: func(string) (int, string) { return 0, "" }}
	n, skipped := 0, 0
	err = client(down).Run(t.Context(), seq, 2, func(o Opinion) error {
		if o.Error == "" {
			t.Errorf("an opinion of a server that is down: %+v", o)
		}
		if strings.HasPrefix(o.Error, "not asked") {
			skipped++
		}
		n++
		return nil
	})
	if err != nil || n != 40 || skipped == 0 || len(down.asked) == 40 {
		t.Errorf("%d opinions, %d not asked about, %d asked, %v", n, skipped, len(down.asked), err)
	}
	refusing := &server{answer: func(string) (int, string) {
		return 200, `[{"Linter":"pkimetal","Finding":"Unrecognised input","Severity":"fatal"}]`
	}}
	if err := client(refusing).Run(t.Context(), seq, 2, func(Opinion) error { return nil }); err != nil || len(refusing.asked) != 40 {
		t.Errorf("a server that refuses certificates is there: asked about %d, %v", len(refusing.asked), err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := client(s).Run(ctx, seq, 2, func(Opinion) error { return nil }); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

func TestCheckURL(t *testing.T) {
	for _, good := range []string{"http://127.0.0.1:8080", "https://lint.example/pki/"} {
		if u, err := CheckURL(good); err != nil || strings.HasSuffix(u, "/") {
			t.Errorf("%s: %s, %v", good, u, err)
		}
	}
	for _, bad := range []string{"", "127.0.0.1:8080", "ftp://x", "http://u:p@x", "http://x?y", "http://x#y", "http://"} {
		if u, err := CheckURL(bad); err == nil {
			t.Errorf("%s: %s", bad, u)
		}
	}
}

func FuzzParseAnswer(f *testing.F) {
	f.Add([]byte(genuine))
	f.Fuzz(func(t *testing.T, data []byte) {
		a, err := ParseAnswer(data)
		if err != nil {
			return
		}
		o := NewOpinion(ours(lint.Warn, "w_x"), a, nil)
		line, err := Line(o)
		if err != nil {
			t.Fatal(err)
		}
		head, _ := Line(Header{Schema: Schema})
		if _, _, err := Read(bytes.NewReader(append(head, line...)), nil); err != nil {
			t.Errorf("%v: %s", err, line)
		}
	})
}
