package ctlog

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"selfaudit/sampler/ct"
)

const (
	// firstAsk is how many entries are asked for while the log's page size is not known. Pages of 32 to 1000 have been seen.
	firstAsk = 1024
	// learnAttempts bounds how many answers are compared before the largest of them is taken for the page size.
	learnAttempts = 6
)

// page is one answer to get-entries.
type page struct {
	first   uint64
	where   string
	buf     buffer
	scan    pageScan
	entries []rawEntry // at least one, the first of them with index first

	parsed []ct.Entry // of entries, up to one that cannot be parsed; without want's foreign ones if a batch is made
	hashes []ct.Hash  // leaf hashes of entries, up to the same
	bad    error      // what is wrong with that one
	digest
}

// rawEntry is leaf_input and extra_data of one entry, decoded; extra is nil for an entry
// whose extra_data nobody wants.
type rawEntry struct{ leaf, extra []byte }

// wanted says whether anybody looks at more than the leaf of the precertificate entries with this issuer_key_hash; nil wants all.
type wanted func(issuerKeyHash [32]byte) bool

// leaf says whether the extra_data that belong to a leaf_input are wanted. Those of certificate entries always are: that of their
// issuer is the first of the chain.
func (w wanted) leaf(leaf []byte) bool {
	const at = 1 + 1 + 8 + 2 // version, leaf type, time stamp, entry type (RFC 6962, 3.4)
	return w == nil || len(leaf) < at+32 || leaf[at-2] != 0 || leaf[at-1] != byte(ct.PrecertEntry) || w([32]byte(leaf[at:at+32]))
}

// pager gives pages. fill sets everything in p: one or more entries from start on, none at or after end.
type pager interface {
	fill(ctx context.Context, start, end uint64, p *page) error
}

// webPages asks a server.
type webPages struct{ *web }

func (w webPages) fill(ctx context.Context, start, end uint64, p *page) error {
	p.buf.trim()
	p.first, p.where = start, entriesPath(start, end)
	_, err := w.get(ctx, request{path: p.where, limit: maxBody, retry400: true, retryMissing: true, check: func(body []byte) (err error) {
		p.entries, err = p.scan.page(body, 0, int(end-start))
		return err
	}}, &p.buf)
	var f *failure
	if errors.As(err, &f) && f.cause == missing && !f.page { // as a tile that is not there; a web page is not the log's own answer
		err = fail(missing, Invalid, "the tree head commits the log to these entries: %w", err)
	}
	return err
}

// entriesPath names a request; unlike everywhere else the protocol's end is inclusive.
func entriesPath(start, end uint64) string {
	return fmt.Sprintf("ct/v1/get-entries?start=%d&end=%d", start, end-1)
}

// parse parses and hashes the entries where they were fetched, while they are in the core's cache. With thin, the foreign
// precertificates among them are only hashed.
func (p *page) parse(thin bool) {
	p.parsed, p.hashes, p.bad = p.parsed[:0], p.hashes[:0], nil
	for i, raw := range p.entries {
		n := len(p.parsed)
		if n == cap(p.parsed) {
			p.parsed = slices.Grow(p.parsed, len(p.entries)-i)
		}
		e := &p.parsed[:n+1][n]
		e.Index = p.first + uint64(i)
		p.bad = ct.ParseLeafInput(raw.leaf, e)
		if p.bad == nil && raw.extra != nil {
			p.bad = ct.ParseExtraData(raw.extra, e)
		}
		if p.bad != nil {
			return
		}
		e.KeepLeafHash()
		p.hashes = append(p.hashes, e.LeafHash())
		if !thin || raw.extra != nil {
			p.parsed = p.parsed[:n+1]
		}
	}
}

// readPages reads [start, end). The log's page size is learnt from its first answers; after that, requests begin and end at its
// multiples, which is what operators' caches hold. Whatever is asked, the next request continues after what came.
func (l *Log) readPages(ctx context.Context, start, end uint64, want wanted, to *sink) error {
	consume := func(p *page) error {
		defer l.sparePages.put(p)
		return l.consumePage(ctx, p, to)
	}
	start, size, err := l.learnPageSize(ctx, start, end, want, to, consume)
	if err != nil {
		return err
	}
	next := func() task[*page] {
		if start >= end {
			return nil
		}
		from, until := start, min((start/size+1)*size, end)
		start = until
		return func(ctx context.Context, emit func(*page) error) (*page, error) {
			for {
				p, err := l.fetchPage(ctx, from, until, want, to)
				if err != nil {
					return nil, err
				}
				if from += uint64(len(p.entries)); from >= until {
					return p, nil
				}
				if err := emit(p); err != nil {
					return nil, err
				}
			}
		}
	}
	return inOrder(ctx, l.workers(), next, consume)
}

// learnPageSize reads pages one by one until two answers agree. It returns where to go on. A server that aligns its pages cuts the first
// answer short when start is not a multiple of its page size, so one answer says little.
func (l *Log) learnPageSize(ctx context.Context, start, end uint64, want wanted, to *sink, consume func(*page) error) (next, size uint64, err error) {
	var last uint64
	for n := 0; start < end && n < learnAttempts; n++ {
		until := min(start+firstAsk, end)
		p, err := l.fetchPage(ctx, start, until, want, to)
		if err != nil {
			return 0, 0, err
		}
		got := uint64(len(p.entries))
		if err := consume(p); err != nil {
			return 0, 0, err
		}
		asked := until - start
		start += got
		size = max(size, got)
		if got == asked {
			return start, firstAsk, nil
		}
		if got == last {
			return start, got, nil
		}
		last = got
	}
	return start, max(size, 1), nil
}

// fetchPage asks for [start, end) and parses what comes.
func (l *Log) fetchPage(ctx context.Context, start, end uint64, want wanted, to *sink) (*page, error) {
	p := l.sparePages.get()
	p.scan.want = want
	if err := l.pages.fill(ctx, start, end, p); err != nil {
		return nil, l.failed(ctx, p.where, err)
	}
	p.parse(to.batch != nil)
	p.take(ctx, p.first, p.hashes, p.parsed, start, end, to)
	return p, nil
}

func (l *Log) consumePage(ctx context.Context, p *page, to *sink) error {
	end := p.first + uint64(len(p.hashes))
	if err := p.deliver(ctx, p.parsed, p.first, end, to); err != nil {
		return err
	}
	if p.bad != nil {
		return l.failed(ctx, entryName(end), p.bad)
	}
	return nil
}
