package ctlog

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
)

const (
	indexFile = "index.json"
	// maxCandidates bounds how many captured pages are read to find one entry.
	maxCandidates = 16
	// maxLookBack bounds how many of the pages that begin before an entry are considered.
	maxLookBack = 1024
)

// capture is a folder of answers that an RFC 6962 log once gave. index.json maps requests to status and file; a request whose file is
// null was made but its body was not kept. Pages of get-entries serve every range that begins inside them.
type capture struct {
	folder
	once  sync.Once
	err   error
	files map[string]string // file by request path without its prefix, for answers with status 200
	pages []capturedPage    // by start, then end, both descending
}

// capturedPage is one captured get-entries answer. It was asked for [start, end) but may hold fewer entries.
type capturedPage struct {
	start, end uint64
	file       string
}

// captureIndex is index.json. Keys not named here describe the capture for people.
type captureIndex struct {
	Requests []struct {
		Request string  `json:"request"`
		Status  int     `json:"status"`
		File    *string `json:"file"`
	} `json:"requests"`
}

func (c *capture) load(ctx context.Context) error {
	c.once.Do(func() { c.err = c.readIndex(ctx) })
	return c.err
}

func (c *capture) readIndex(ctx context.Context) error {
	body, err := c.folder.get(context.WithoutCancel(ctx), request{path: indexFile, limit: maxBody}, new(buffer))
	if err != nil {
		return err
	}
	var index captureIndex
	if err := json.Unmarshal(body, &index); err != nil {
		return fail(permanent, Invalid, "reading %s: %w", indexFile, err)
	}
	c.files = make(map[string]string)
	for i, r := range index.Requests {
		if r.Status != http.StatusOK || r.File == nil {
			continue
		}
		if !filepath.IsLocal(filepath.FromSlash(*r.File)) {
			return fail(permanent, Invalid, "%s: request %d: file %q is outside the folder", indexFile, i, *r.File)
		}
		key, page, err := parseCaptured(r.Request)
		if err != nil {
			return fail(permanent, Invalid, "%s: request %d: %w", indexFile, i, err)
		}
		if _, twice := c.files[key]; twice {
			continue // the first capture counts
		}
		c.files[key] = *r.File
		if page != nil {
			page.file = *r.File
			c.pages = append(c.pages, *page)
		}
	}
	slices.SortStableFunc(c.pages, func(a, b capturedPage) int {
		return cmp.Or(cmp.Compare(b.start, a.start), cmp.Compare(b.end, a.end))
	})
	return nil
}

// parseCaptured strips the log's own prefix from a captured request and, for get-entries, reads its range.
func parseCaptured(s string) (key string, page *capturedPage, err error) {
	i := strings.Index(s, "ct/v1/")
	if i < 0 {
		return "", nil, fmt.Errorf("%q is not a request of RFC 6962", s)
	}
	key = s[i:]
	path, query, _ := strings.Cut(key, "?")
	if path != "ct/v1/get-entries" {
		return key, nil, nil
	}
	values, err := url.ParseQuery(query)
	if err != nil {
		return "", nil, fmt.Errorf("%q: %w", s, err)
	}
	start, err1 := strconv.ParseUint(values.Get("start"), 10, 63)
	end, err2 := strconv.ParseUint(values.Get("end"), 10, 63)
	if err1 != nil || err2 != nil || end < start {
		return "", nil, fmt.Errorf("%q: bad range", s)
	}
	return entriesPath(start, end+1), &capturedPage{start: start, end: end + 1}, nil
}

// get gives a captured answer other than a page.
func (c *capture) get(ctx context.Context, r request, b *buffer) ([]byte, error) {
	if err := c.load(ctx); err != nil {
		return nil, err
	}
	file, ok := c.files[r.path]
	if !ok {
		return nil, fail(missing, Unreachable, "request was not captured in %s", filepath.Join(c.dir, indexFile))
	}
	r.path = file
	return c.folder.get(ctx, r, b)
}

// fill serves a range from the page captured for exactly this range, else from a page that holds its start.
func (c *capture) fill(ctx context.Context, start, end uint64, p *page) error {
	p.buf.trim()
	p.first, p.where = start, entriesPath(start, end)
	if err := c.load(ctx); err != nil {
		return err
	}
	if file, ok := c.files[p.where]; ok {
		return c.serve(ctx, capturedPage{start, end, file}, end, p)
	}
	err := error(fail(missing, Invalid, "no page that holds entry %d was captured in %s", start, filepath.Join(c.dir, indexFile)))
	for _, candidate := range c.candidates(start) {
		// A page may be shorter than what was asked for; then an earlier one may still hold the entry.
		if err = c.serve(ctx, candidate, end, p); !errors.Is(err, errPageShort) {
			return err
		}
	}
	return err
}

// serve takes the entries from p.first on out of one captured page.
func (c *capture) serve(ctx context.Context, from capturedPage, end uint64, p *page) error {
	skip := int(p.first - from.start)
	_, err := c.folder.get(ctx, request{path: from.file, limit: maxBody, check: func(body []byte) (err error) {
		p.entries, err = p.scan.page(body, skip, int(end-p.first))
		return err
	}}, &p.buf)
	switch {
	case err == nil:
		return nil
	case isMissing(err):
		return fail(missing, Invalid, "%w", err)
	}
	var f *failure
	if errors.As(err, &f) {
		return fail(f.cause, f.kind, "captured page %s: %w", from.file, f.err)
	}
	return err
}

// candidates lists captured pages asked for a range with start in it, those that begin closest to it first.
func (c *capture) candidates(start uint64) []capturedPage {
	var list []capturedPage
	from, _ := slices.BinarySearchFunc(c.pages, start, func(p capturedPage, start uint64) int { return cmp.Compare(start, p.start) })
	for _, p := range c.pages[from:min(from+maxLookBack, len(c.pages))] {
		if p.end > start && len(list) < maxCandidates {
			list = append(list, p)
		}
	}
	return list
}

// archive is an RFC 6962 log in a folder as tiles: with the log's own files, and captured answers for what is none of them.
type archive struct{ *capture }

func (a archive) get(ctx context.Context, r request, b *buffer) ([]byte, error) {
	body, err := a.folder.get(ctx, r, b)
	if !isMissing(err) {
		return body, err
	}
	captured, again := a.capture.get(ctx, r, b)
	if isMissing(again) {
		return nil, err
	}
	return captured, again
}
