package collect_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"sync/atomic"
	"testing"

	"selfaudit/sampler/ctlog"
)

// pages wraps an RFC 6962 server: edit sees the request for every page and may answer it
// itself (true) or change the range that is asked of the log behind it.
func pages(edit func(w http.ResponseWriter, start, end *int) bool) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path != "/ct/v1/get-entries" {
				next.ServeHTTP(w, r)
				return
			}
			start, _ := strconv.Atoi(r.URL.Query().Get("start"))
			end, _ := strconv.Atoi(r.URL.Query().Get("end"))
			if edit(w, &start, &end) {
				return
			}
			r = r.Clone(r.Context())
			r.URL.RawQuery = url.Values{"start": {strconv.Itoa(start)}, "end": {strconv.Itoa(end)}}.Encode()
			next.ServeHTTP(w, r)
		})
	}
}

func answer(status int, body string) func(http.ResponseWriter, *int, *int) bool {
	return func(w http.ResponseWriter, _, _ *int) bool {
		w.WriteHeader(status)
		fmt.Fprint(w, body)
		return true
	}
}

// concatenated answers with all pages of the log as one, from start, whatever end is.
func concatenated(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/ct/v1/get-entries" {
			next.ServeHTTP(w, r)
			return
		}
		start, _ := strconv.Atoi(r.URL.Query().Get("start"))
		var all pageDocument
		for start < faultSize {
			one := r.Clone(r.Context())
			one.URL.RawQuery = fmt.Sprintf("start=%d&end=%d", start, faultSize-1)
			rec := httptest.NewRecorder()
			next.ServeHTTP(rec, one)
			var page pageDocument
			if err := json.Unmarshal(rec.Body.Bytes(), &page); err != nil {
				panic(err)
			}
			all.Entries = append(all.Entries, page.Entries...)
			start += len(page.Entries)
		}
		if err := json.NewEncoder(w).Encode(all); err != nil {
			panic(err)
		}
	})
}

type brokenTransport struct{}

func (brokenTransport) RoundTrip(*http.Request) (*http.Response, error) {
	return nil, errors.New("connection refused")
}

// TestServedPages is about what servers of RFC 6962 do with pages.
func TestServedPages(t *testing.T) {
	dir := writeLog(t, rfc, mixedEntries(faultSize))
	issuers := newIssuers(t, ourCA)
	var asked atomic.Int64
	for _, f := range []struct {
		name   string
		wrap   func(http.Handler) http.Handler
		want   string
		reason []string
	}{
		{"aligned pages of 32", pages(func(_ http.ResponseWriter, start, end *int) bool { *end = min(*end, *start/32*32+31); return false }), proven, nil},
		{"pages of 7", pages(func(_ http.ResponseWriter, start, end *int) bool { *end = min(*end, *start+6); return false }), proven, nil},
		{"pages of changing size", pages(func(_ http.ResponseWriter, start, end *int) bool {
			*end = min(*end, *start+int(asked.Add(1))*13%50)
			return false
		}), proven, nil},
		{"more entries than asked for", concatenated, proven, nil},
		{"pages from elsewhere", pages(func(_ http.ResponseWriter, start, end *int) bool {
			if *start >= 256 {
				*start, *end = 0, 43
			}
			return false
		}), failed, []string{"the root recomputed from all 300 entries"}},
		{"an empty page", pages(answer(http.StatusOK, `{"entries":[]}`)), failed, []string{"ct/v1/get-entries?start=0", "empty page"}},
		{"no entries", pages(answer(http.StatusOK, `{}`)), failed, []string{`no "entries"`}},
		{"page cut in the middle", pages(answer(http.StatusOK, `{"entries":[{"leaf_input":"AAAA`)), failed, []string{"get-entries answer"}},
		{"a web page", pages(answer(http.StatusOK, `<html>busy</html>`)), unreachable, []string{"a web page instead of the log's answer"}},
		{"errors only", pages(answer(http.StatusInternalServerError, "oops")), unreachable, []string{"status 500", "oops"}},
		{"throttled for ever", pages(answer(http.StatusTooManyRequests, "slow down")), unreachable, []string{"status 429"}},
		{"a tree that has shrunk", pages(func(w http.ResponseWriter, start, _ *int) bool {
			if *start < 256 {
				return false
			}
			w.WriteHeader(http.StatusBadRequest)
			fmt.Fprintf(w, "need tree size: %d to get leaves but only got: 256", *start+1)
			return true
		}), unreachable, []string{"ct/v1/get-entries?start=256", "need tree size: 257"}},
	} {
		t.Run(f.name, func(t *testing.T) {
			c := newCollection(t, issuers, openLog(t, rfc, dir, access{web: true, wrap: f.wrap}))
			_, results, _, err := c.harvest(context.Background())
			if err != nil {
				t.Fatal(err)
			}
			checkVerdict(t, results[0].Err, verdict(results[0]), f.want, f.reason)
		})
	}
}

// TestCapturedPages is about folders of captured answers.
func TestCapturedPages(t *testing.T) {
	honest := writeLog(t, rfc, mixedEntries(faultSize))
	issuers := newIssuers(t, ourCA)
	last := func(edit func([]pageEntry) []pageEntry) func(*testing.T, string) {
		return func(t *testing.T, dir string) {
			writePage(t, capturedPage(dir, 256), edit(readPage(t, capturedPage(dir, 256))))
		}
	}
	for _, f := range []struct {
		name   string
		files  func(*testing.T, string)
		want   string
		reason []string
	}{
		{"page too short", last(func(p []pageEntry) []pageEntry { return p[:len(p)-1] }), failed, []string{"start=299&end=299", "the page ends before the entry: it has 43 entries"}},
		{"page too long", last(func(p []pageEntry) []pageEntry { return append(p, p...) }), proven, nil},
		{"page swapped", swap("get-entries-000000.json", "get-entries-000256.json"), failed, []string{"start=44", "it has 44 entries"}},
		{"empty page", last(func(p []pageEntry) []pageEntry { return []pageEntry{} }), failed, []string{"empty page"}},
		{"page not captured", replace("index.json", "start=256", "start=512"), failed, []string{"index.json"}},
		{"page that begins elsewhere", replace("index.json", `start=256\u0026end=299`, `start=512\u0026end=555`), failed, []string{"no page that holds entry 256 was captured"}},
		{"page file missing", remove("get-entries-000256.json"), failed, []string{"start=256&end=299", "is missing"}},
		{"leaf that is no base64", replace("get-entries-000000.json", `"leaf_input":"`, `"leaf_input":"!`), failed, []string{"bad base64"}},
		{"leaf of another version", last(func(p []pageEntry) []pageEntry { p[0].Leaf[0] = 1; return p }), failed, []string{"entry 256: leaf_input: version 1"}},
		{"leaf of an unknown type", last(func(p []pageEntry) []pageEntry { p[0].Leaf[11] = 7; return p }), failed, []string{"entry 256: leaf_input: unknown entry type 7"}},
		{"leaf with more at its end", last(func(p []pageEntry) []pageEntry { p[1].Leaf = append(p[1].Leaf, 0); return p }), failed, []string{"entry 257: leaf_input: 1 bytes after the end"}},
		{"extra_data with more at its end", last(func(p []pageEntry) []pageEntry { p[1].Extra = append(p[1].Extra, 0); return p }), failed, []string{"entry 257: extra_data: 1 bytes after"}},
		{"extra_data emptied", last(func(p []pageEntry) []pageEntry { p[1].Extra = []byte{}; return p }), failed, []string{"entry 257: extra_data"}},
		{"index missing", remove("index.json"), unreachable, []string{"index.json"}},
		{"index that is no JSON", func(t *testing.T, dir string) { writeFile(t, dir+"/index.json", []byte("[")) }, failed, []string{"reading index.json"}},
		{"folder missing", func(t *testing.T, dir string) {
			for _, name := range []string{"index.json", "get-sth.json", "get-entries-000000.json"} {
				remove(name)(t, dir)
			}
		}, unreachable, []string{"is missing"}},
	} {
		t.Run(f.name, func(t *testing.T) {
			dir := copyDir(t, honest)
			f.files(t, dir)
			c := newCollection(t, issuers, openLog(t, rfc, dir, access{}))
			_, results, _, err := c.harvest(context.Background())
			if err != nil {
				t.Fatal(err)
			}
			checkVerdict(t, results[0].Err, verdict(results[0]), f.want, f.reason)
		})
	}
}

// TestNoConnection is a log that never answers.
func TestNoConnection(t *testing.T) {
	clock := &sleeper{t: day("2026-11-02")}
	for _, kind := range []string{static, rfc} {
		l, err := ctlog.Open(ctlog.Config{Type: kind, URL: "https://log.example", Origin: logOrigin, PublicKey: logKey.SPKI,
			Transport: brokenTransport{}, Sleep: clock.sleep, Now: clock.now})
		if err != nil {
			t.Fatal(err)
		}
		c := newCollection(t, newIssuers(t, ourCA), testLog{l, logKey.SPKI, kind == static})
		_, results, _, err := c.harvest(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		checkVerdict(t, results[0].Err, verdict(results[0]), unreachable, []string{"connection refused"})
	}
}
