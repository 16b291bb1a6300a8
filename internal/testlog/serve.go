package testlog

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// ServeStatic returns the read side of a static-ct log in a folder: GET of its
// files, no listings. With compress, data tiles come gzipped whether asked for or
// not, as the protocol allows.
func ServeStatic(dir string, compress bool) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name := strings.TrimPrefix(path.Clean("/"+r.URL.Path), "/")
		content, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(name)))
		if err != nil {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Cache-Control", "public, max-age=604800, immutable")
		switch {
		case name == "checkpoint":
			w.Header().Set("Cache-Control", "no-store")
			w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		case strings.HasPrefix(name, "issuer/"):
			w.Header().Set("Content-Type", "application/pkix-cert")
		default:
			w.Header().Set("Content-Type", "application/octet-stream")
		}
		if compress && strings.HasPrefix(name, "tile/data/") {
			w.Header().Set("Content-Encoding", "gzip")
			content = gzipped(content)
		}
		w.Header().Set("Content-Length", strconv.Itoa(len(content)))
		_, _ = w.Write(content) // the client may have gone away
	})
}

func gzipped(b []byte) []byte {
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	_, _ = z.Write(b) // writing to a buffer cannot fail
	_ = z.Close()
	return out.Bytes()
}

// ServeCapture returns the read side of an RFC 6962 log captured in a folder
// (written by Capture, or testdata/ctlogs/alpha/b). Requests found in index.json
// get the captured answer. Any other get-entries is answered from the captured
// pages as CTFE does: at most the rest of the page that start lies in, a short
// page past the end, 400 for a range outside the tree. So are proofs.
func ServeCapture(dir string) (http.Handler, error) {
	raw, err := os.ReadFile(filepath.Join(dir, "index.json"))
	if err != nil {
		return nil, fmt.Errorf("serving captured log: %w", err)
	}
	var index captureIndex
	if err := json.Unmarshal(raw, &index); err != nil {
		return nil, fmt.Errorf("serving captured log: index.json: %w", err)
	}
	c := &captureServer{dir: dir, index: index}
	for _, r := range index.Requests {
		u, err := url.Parse(r.Request)
		if err != nil {
			return nil, fmt.Errorf("serving captured log: index.json: %w", err)
		}
		if start, end, ok := entriesRange(u.Query()); ok && strings.HasPrefix(r.File, "get-entries-") {
			c.pages = append(c.pages, page{start, end, r.File})
		}
	}
	slices.SortFunc(c.pages, func(a, b page) int { return int(int64(a.start) - int64(b.start)) })
	return c, nil
}

type captureServer struct {
	dir   string
	index captureIndex
	pages []page

	proofs proofServer
}

// page is a captured get-entries answer; both ends are inclusive.
type page struct {
	start, end uint64
	file       string
}

func (c *captureServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	for _, captured := range c.index.Requests {
		u, err := url.Parse(captured.Request)
		if err != nil || captured.File == "" || u.Path != r.URL.Path || u.Query().Encode() != r.URL.Query().Encode() {
			continue
		}
		content, err := os.ReadFile(filepath.Join(c.dir, captured.File))
		if err != nil {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Content-Type", captured.ContentType)
		w.WriteHeader(captured.Status)
		_, _ = w.Write(content) // the client may have gone away
		return
	}
	if c.serveProof(w, r) {
		return
	}
	if r.URL.Path != "/ct/v1/get-entries" {
		http.NotFound(w, r)
		return
	}
	c.serveEntries(w, r)
}

func (c *captureServer) serveEntries(w http.ResponseWriter, r *http.Request) {
	start, end, ok := entriesRange(r.URL.Query())
	if !ok || end < start {
		http.Error(w, "start and end are not a range", http.StatusBadRequest)
		return
	}
	if start >= c.index.TreeSize {
		http.Error(w, fmt.Sprintf("need tree size: %d to get leaves but only got: %d", start+1, c.index.TreeSize), http.StatusBadRequest)
		return
	}
	for _, p := range c.pages {
		if start < p.start || start > p.end {
			continue
		}
		raw, err := os.ReadFile(filepath.Join(c.dir, p.file))
		if err != nil {
			http.NotFound(w, r)
			return
		}
		var answer struct {
			Entries []json.RawMessage `json:"entries"`
		}
		if err := json.Unmarshal(raw, &answer); err != nil || uint64(len(answer.Entries)) <= start-p.start {
			http.Error(w, "captured page is broken", http.StatusInternalServerError)
			return
		}
		last := min(end-p.start+1, uint64(len(answer.Entries)))
		answer.Entries = answer.Entries[start-p.start : last]
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(answer) // the client may have gone away
		return
	}
	http.Error(w, "no captured page holds the entry", http.StatusInternalServerError)
}

// entriesRange reads start and end of a get-entries query, both inclusive.
func entriesRange(q url.Values) (start, end uint64, ok bool) {
	start, err1 := strconv.ParseUint(q.Get("start"), 10, 62)
	end, err2 := strconv.ParseUint(q.Get("end"), 10, 62)
	return start, end, err1 == nil && err2 == nil
}
