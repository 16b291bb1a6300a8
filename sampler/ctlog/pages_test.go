package ctlog

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"selfaudit/sampler/ct"
)

func rfcLog(t testing.TB, s *rfcServer) (*Log, *clock) {
	c := newClock()
	return open(t, webConfig(t, RFC6962, alphaB, serve(t, s.ServeHTTP)+"/log/", c)), c
}

func TestPageSizes(t *testing.T) {
	for _, aligned := range []bool{true, false} {
		for _, size := range []int{13, 64, 256, 300, 1000, 2000} {
			t.Run(fmt.Sprintf("%d aligned=%v", size, aligned), func(t *testing.T) {
				s := newRFCServer(t, size)
				s.aligned = aligned
				l, _ := rfcLog(t, s)
				if err := readAllEntries(t, l); err != nil {
					t.Fatal(err)
				}
				if want := (976 + size - 1) / size; len(s.requests())-1 != want {
					t.Errorf("%d requests for %d pages", len(s.requests())-1, want)
				}
			})
		}
	}
}

// After the size is learnt, requests begin and end at its multiples, also when reading starts in the middle.
func TestRequestsAligned(t *testing.T) {
	s := newRFCServer(t, 64)
	l, _ := rfcLog(t, s)
	var n int
	if err := l.Read(t.Context(), ct.TreeHead{Size: 976}, 10, 900, func(e *ct.Entry) error { n++; return nil }); err != nil || n != 890 {
		t.Fatalf("%d entries: %v", n, err)
	}
	list := s.requests()
	if list[0] != "/log/ct/v1/get-entries?start=10&end=899" {
		t.Errorf("first request %s", list[0])
	}
	for _, r := range list[3:] { // 10–63, 64–127, 128–191 taught it
		var start, last int
		if _, err := fmt.Sscanf(r, "/log/ct/v1/get-entries?start=%d&end=%d", &start, &last); err != nil {
			t.Fatal(err)
		}
		if start%64 != 0 || last != 899 && last != start+63 {
			t.Errorf("request %s", r)
		}
	}
}

// Whatever size each page has, every entry arrives once and in order.
func TestPageSizeChanges(t *testing.T) {
	for name, limit := range map[string]func(start int) int{
		"shrinks": func(start int) int {
			if start < 500 {
				return 128
			}
			return 48
		},
		"grows": func(start int) int {
			if start < 500 {
				return 32
			}
			return 500
		},
		"ever different": func(start int) int { return 1 + start*7919%61 },
		"one entry first": func(start int) int {
			if start < 2 {
				return 1
			}
			return 256
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newRFCServer(t, 0)
			s.limit, s.aligned = limit, false
			l, _ := rfcLog(t, s)
			if err := readAllEntries(t, l); err != nil {
				t.Fatal(err)
			}
		})
	}
}

func TestPageFaultsThatPass(t *testing.T) {
	for name, fault := range map[string]func(w http.ResponseWriter){
		"400 by a front end that lags": func(w http.ResponseWriter) { http.Error(w, "need tree size: 977", 400) },
		"empty page":                   func(w http.ResponseWriter) { fmt.Fprint(w, `{"entries":[]}`) },
		"web page":                     func(w http.ResponseWriter) { fmt.Fprint(w, `<html></html>`) },
		"half of the JSON":             func(w http.ResponseWriter) { fmt.Fprint(w, `{"entries":[{"leaf_input":"AAAA"`) },
		"error with 200":               func(w http.ResponseWriter) { fmt.Fprint(w, `{"success":false,"error_message":"backend"}`) },
		"429": func(w http.ResponseWriter) {
			w.Header().Set("Retry-After", "1")
			w.WriteHeader(429)
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newRFCServer(t, 128)
			struck := 0
			s.fault = func(n int, w http.ResponseWriter, r *http.Request) bool {
				if r.FormValue("start") != "384" || n > 1 {
					return false
				}
				struck++
				fault(w)
				return true
			}
			l, _ := rfcLog(t, s)
			if err := readAllEntries(t, l); err != nil {
				t.Fatal(err)
			}
			if struck != 2 {
				t.Errorf("fault served %d times", struck)
			}
		})
	}
}

func TestPageFaultsThatStay(t *testing.T) {
	tests := []struct {
		name, body string
		status     int
		kind       Kind
		parts      []string
	}{
		{"400", "need tree size: 977", 400, Unreachable, []string{"gave up", "need tree size"}},
		{"404", "no such page", 404, Invalid, []string{"404", "commits"}},
		{"410", "", 410, Invalid, []string{"410", "commits"}},
		{"404 of something before the log", "<html>", 404, Unreachable, []string{"404", "HTML page"}},
		{"empty page", `{"entries":[]}`, 200, Invalid, []string{"empty page"}},
		{"garbage", `{"entries":[{"leaf_input":"A"}]}`, 200, Invalid, []string{"base64"}},
		{"not an entry", `{"entries":[{"leaf_input":"AAAA","extra_data":""}]}`, 200, Invalid, []string{"leaf_input"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := newRFCServer(t, 128)
			s.fault = func(n int, w http.ResponseWriter, r *http.Request) bool {
				if r.FormValue("start") == "384" {
					w.WriteHeader(tt.status)
					fmt.Fprint(w, tt.body)
				}
				return r.FormValue("start") == "384"
			}
			l, c := rfcLog(t, s)
			err := readAllEntries(t, l)
			wantError(t, err, tt.kind, append(tt.parts, "384")...)
			if spent := c.now().Sub(newClock().t); spent > 11*time.Minute {
				t.Errorf("went on for %s", spent)
			}
		})
	}
}

// A server that ignores the end of the range gives too much; the rest is left alone.
func TestPageLongerThanAsked(t *testing.T) {
	s := newRFCServer(t, 256)
	s.fault = func(n int, w http.ResponseWriter, r *http.Request) bool {
		if r.FormValue("start") != "5" {
			return false
		}
		json.NewEncoder(w).Encode(map[string]any{"entries": s.entries[5:100]})
		return true
	}
	l, _ := rfcLog(t, s)
	var got []uint64
	if err := l.Read(t.Context(), ct.TreeHead{Size: 976}, 5, 8, func(e *ct.Entry) error { got = append(got, e.Index); return nil }); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(got, []uint64{5, 6, 7}) {
		t.Errorf("got %v", got)
	}
}

// Nothing runs on after Read, whether it ended well, by the caller, or while requests were in flight.
func TestNoGoroutinesLeft(t *testing.T) {
	release := make(chan struct{})
	s := newRFCServer(t, 32)
	s.fault = func(n int, w http.ResponseWriter, r *http.Request) bool {
		if r.FormValue("start") == "160" { // in flight while 128 is consumed
			select {
			case <-release:
			case <-r.Context().Done():
			}
		}
		return false
	}
	c := newClock()
	cfg := webConfig(t, RFC6962, alphaB, serve(t, s.ServeHTTP)+"/log/", c)
	transport := cfg.Transport.(*http.Transport)
	l := open(t, cfg)
	before := runtime.NumGoroutine()
	own := errors.New("mine")
	err := l.Read(t.Context(), ct.TreeHead{Size: 976}, 0, 976, func(e *ct.Entry) error {
		if e.Index == 130 {
			return own
		}
		return nil
	})
	if err != own {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	err = l.Read(ctx, ct.TreeHead{Size: 976}, 0, 976, func(e *ct.Entry) error {
		if e.Index == 130 {
			cancel()
		}
		return nil
	})
	if !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	close(release)
	transport.CloseIdleConnections()
	for i := 0; runtime.NumGoroutine() > before+2 && i < 200; i++ { // the server's own end a moment later
		time.Sleep(5 * time.Millisecond)
	}
	if n := runtime.NumGoroutine(); n > before+2 {
		buf := make([]byte, 1<<16)
		t.Errorf("%d goroutines, %d before:\n%s", n, before, buf[:runtime.Stack(buf, true)])
	}
}

func TestCapturedPages(t *testing.T) {
	small := func(requests string) string {
		dir := copyLog(t, alphaB)
		writeFile(t, filepath.Join(dir, "index.json"), []byte(`{"requests":[{"request":"/log/ct/v1/get-sth","status":200,"file":"get-sth.json"},`+requests+`]}`))
		return dir
	}
	page := func(start, end int, file string) string {
		return fmt.Sprintf(`{"request":"/log/ct/v1/get-entries?start=%d&end=%d","status":200,"file":%s}`, start, end, file)
	}
	all := []string{page(0, 255, `"get-entries-000000.json"`), page(256, 511, `"get-entries-000256.json"`), page(512, 767, `"get-entries-000512.json"`), page(768, 975, `"get-entries-000768.json"`)}
	with := func(i int, s string) string {
		list := slices.Clone(all)
		list[i] = s
		return strings.Join(list, ",")
	}
	tests := []struct {
		name, requests string
		parts          []string // of the error, nil if it can be read
	}{
		{"asked for more than came", with(1, page(256, 99999, `"get-entries-000256.json"`)), nil},
		{"a null page beside", with(0, all[0]+","+page(100, 975, "null")), nil},
		{"a page that promises too much", with(1, all[1]+","+page(300, 700, `"edge-end-past-size.json"`)), nil},
		{"a failed capture", with(0, all[0]+`,{"request":"/ct/v1/get-entries?start=512&end=767","status":429,"file":"edge-start-at-size.txt"}`), nil},
		{"null", with(2, page(512, 767, "null")), []string{"entry 512", "index.json"}},
		{"status", with(2, strings.Replace(all[2], "200", "500", 1)), []string{"entry 512"}},
		{"missing file", with(2, page(512, 767, `"gone.json"`)), []string{"gone.json", "is missing"}},
		{"outside", with(2, page(512, 767, `"../../x"`)), []string{"outside"}},
		{"not JSON", with(2, page(512, 767, `"edge-start-at-size.txt"`)), []string{"edge-start-at-size.txt"}},
		{"empty page", with(2, page(512, 767, `"get-roots.json"`)), []string{"get-roots.json"}},
		{"bad range", with(2, page(512, 5, `"get-entries-000512.json"`)), []string{"bad range"}},
		{"not a request", with(2, `{"request":"/favicon.ico","status":200,"file":"x"}`), []string{"favicon"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			err := readAllEntries(t, open(t, folderConfig(t, RFC6962, alphaB, small(tt.requests))))
			if tt.parts != nil {
				wantError(t, err, Invalid, tt.parts...)
			} else if err != nil {
				t.Error(err)
			}
		})
	}
}
