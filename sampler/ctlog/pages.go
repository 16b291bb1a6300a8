package ctlog

import (
	"context"
	"fmt"

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
}

// rawEntry is leaf_input and extra_data of one entry, decoded.
type rawEntry struct{ leaf, extra []byte }

// pager gives pages. fill sets everything in p: one or more entries from start on, none at or after end.
type pager interface {
	fill(ctx context.Context, start, end uint64, p *page) error
}

// webPages asks a server.
type webPages struct{ *web }

func (w webPages) fill(ctx context.Context, start, end uint64, p *page) error {
	p.buf.trim()
	p.first, p.where = start, entriesPath(start, end)
	_, err := w.get(ctx, request{path: p.where, limit: maxBody, retry400: true, check: func(body []byte) (err error) {
		p.entries, err = p.scan.page(body, 0, int(end-start))
		return err
	}}, &p.buf)
	return err
}

// entriesPath names a request; unlike everywhere else the protocol's end is inclusive.
func entriesPath(start, end uint64) string {
	return fmt.Sprintf("ct/v1/get-entries?start=%d&end=%d", start, end-1)
}

// readPages reads [start, end). The log's page size is learnt from its first answers; after that, requests begin and end at its
// multiples, which is what operators' caches hold. Whatever is asked, the next request continues after what came.
func (l *Log) readPages(ctx context.Context, start, end uint64, fn func(*ct.Entry) error) error {
	var entry ct.Entry
	consume := func(p *page) error {
		defer l.pagePool.Put(p)
		return l.consumePage(ctx, p, &entry, fn)
	}
	start, size, err := l.learnPageSize(ctx, start, end, consume)
	if err != nil {
		return err
	}
	next := func() task[*page] {
		if start >= end {
			return nil
		}
		from, to := start, min((start/size+1)*size, end)
		start = to
		return func(ctx context.Context, emit func(*page) error) error {
			for from < to {
				p := l.pagePool.Get().(*page)
				if err := l.pages.fill(ctx, from, to, p); err != nil {
					return l.failed(ctx, p.where, err)
				}
				from += uint64(len(p.entries))
				if err := emit(p); err != nil {
					return err
				}
			}
			return nil
		}
	}
	return inOrder(ctx, l.workers(), next, consume)
}

// learnPageSize reads pages one by one until two answers agree. It returns where to go on. A server that aligns its pages cuts the first
// answer short when start is not a multiple of its page size, so one answer says little.
func (l *Log) learnPageSize(ctx context.Context, start, end uint64, consume func(*page) error) (next, size uint64, err error) {
	var last uint64
	for n := 0; start < end && n < learnAttempts; n++ {
		to := min(start+firstAsk, end)
		p := l.pagePool.Get().(*page)
		if err := l.pages.fill(ctx, start, to, p); err != nil {
			return 0, 0, l.failed(ctx, p.where, err)
		}
		got := uint64(len(p.entries))
		if err := consume(p); err != nil {
			return 0, 0, err
		}
		asked := to - start
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

func (l *Log) consumePage(ctx context.Context, p *page, e *ct.Entry, fn func(*ct.Entry) error) error {
	for i, raw := range p.entries {
		if i%64 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		e.Index = p.first + uint64(i)
		err := ct.ParseLeafInput(raw.leaf, e)
		if err == nil {
			err = ct.ParseExtraData(raw.extra, e)
		}
		if err != nil {
			return l.failed(ctx, fmt.Sprintf("entry %d", e.Index), err)
		}
		if err := fn(e); err != nil {
			return err
		}
	}
	return nil
}
