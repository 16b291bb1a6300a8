package realtest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path"
	"strconv"
	"strings"
	"testing"

	"selfaudit/realtest/fault"
)

// tree lists the files below a folder, with slashes.
func tree(t *testing.T, dir string) map[string]bool {
	t.Helper()
	out := map[string]bool{}
	if err := walk(dir, func(name string) error { out[name] = true; return nil }); err != nil {
		t.Fatal(err)
	}
	return out
}

// rfcStates are the states of an RFC 6962 log, by their heads. The log answers with the
// state now; what it answered in an earlier one is worked out.
type rfcStates struct {
	*fault.Cached
	heads [][]byte
	now   int
}

func (s rfcStates) Now(address string) fault.Answer   { return s.in(s.now, address) }
func (s rfcStates) Older(address string) fault.Answer { return s.in(s.now-1, address) }

// in answers as the log did when it had that head: nothing beyond it.
func (s rfcStates) in(state int, address string) fault.Answer {
	u, err := url.Parse(address)
	if err != nil {
		return fault.Answer{Status: http.StatusBadRequest}
	}
	var head struct {
		TreeSize uint64 `json:"tree_size"`
	}
	if err := json.Unmarshal(s.heads[state], &head); err != nil {
		return fault.Answer{Status: http.StatusInternalServerError, Body: []byte(err.Error())}
	}
	q := u.Query()
	number := func(key string) uint64 { n, _ := strconv.ParseUint(q.Get(key), 10, 63); return n }
	tooFar := fault.Answer{Status: http.StatusBadRequest, Header: http.Header{"Content-Type": {"text/plain"}},
		Body: fmt.Appendf(nil, "need tree size: %d to get leaves but only got: %d\n", number("start")+1, head.TreeSize)}
	switch u.Path {
	case "/ct/v1/get-sth":
		return fault.Answer{Status: http.StatusOK, Header: http.Header{"Content-Type": {"application/json"}}, Body: s.heads[state]}
	case "/ct/v1/get-entries":
		if number("start") >= head.TreeSize {
			return tooFar
		}
		if number("end") >= head.TreeSize {
			q.Set("end", strconv.FormatUint(head.TreeSize-1, 10))
			return s.Get(u.Path + "?" + q.Encode())
		}
	default:
		if number("tree_size") > head.TreeSize || number("second") > head.TreeSize {
			return tooFar
		}
	}
	return s.Get(address)
}

// staticStates are the states of a static-ct log, by their heads and files.
type staticStates struct {
	*fault.Cached
	heads [][]byte
	files []map[string]bool
	now   int
}

func (s staticStates) Now(address string) fault.Answer   { return s.in(s.now, address) }
func (s staticStates) Older(address string) fault.Answer { return s.in(s.now-1, address) }

func (s staticStates) in(state int, address string) fault.Answer {
	switch {
	case address == "/checkpoint":
		return fault.Answer{Status: http.StatusOK, Header: http.Header{"Content-Type": {"text/plain; charset=utf-8"}}, Body: s.heads[state]}
	case !s.files[state][strings.TrimPrefix(address, "/")]:
		return fault.Answer{Status: http.StatusNotFound, Header: http.Header{"Content-Type": {"text/plain"}}, Body: []byte("not found\n")}
	}
	return s.Get(address)
}

// relay answers with the rounds whose values are known.
func relay(t *testing.T) fault.Same {
	t.Helper()
	rounds := map[string][]byte{}
	for name, folder := range map[string]string{"1000": "tv1", "657413": "tv2"} {
		raw, err := os.ReadFile("../testdata/draw-vectors/" + folder + "/beacon.json")
		if err != nil {
			t.Fatal(err)
		}
		rounds[name] = raw
	}
	return fault.Same{Cached: fault.NewCached(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		raw, ok := rounds[path.Base(r.URL.Path)]
		if !ok {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(raw) // into a recorder
	}))}
}
