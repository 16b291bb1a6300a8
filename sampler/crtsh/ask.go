package crtsh

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"selfaudit/internal/auditdir"
	"selfaudit/sampler"
)

// Ask puts a question and returns what was answered, now and by earlier runs of the same
// question in the same folder. That the server does not answer to the end is not an error
// but part of the answer; an error is this machine's, or that ctx ended.
func Ask(ctx context.Context, dir auditdir.Dir, c Config, q Question) (*Answer, error) {
	c = c.withDefaults()
	s := newSession(c)
	defer func() { leave(s.conn) }()
	a := &asking{dir: dir, s: s, question: q}
	doc, known, err := resume(dir, q.document())
	if err != nil {
		return nil, err
	}
	var stopped *stoppedError
	if !known {
		doc = q.document()
		if err = a.lookUp(ctx, &doc); err == nil {
			err = doc.save(dir)
		}
		if err != nil && !errors.As(err, &stopped) {
			return nil, err
		}
	}
	ans := &Answer{Found: stopped == nil, dir: dir, AskedAt: doc.AskedAt, From: q.From, Until: q.Until}
	a.total = time.Duration(len(doc.ids())) * q.Until.Sub(q.From)
	read := map[int64]CA{}
	for _, id := range doc.ids() {
		ca, err := a.ca(ctx, id, stopped != nil)
		if err != nil && !errors.As(err, &stopped) {
			return nil, err
		}
		read[id] = ca
		ans.order = append(ans.order, ca)
	}
	ans.fill(doc, q, read)
	if ans.Complete = stopped == nil; !ans.Complete {
		ans.Reason = stopped.reason
	}
	ans.Interruptions = s.Interruptions
	return ans, nil
}

// asking is the state of one Ask.
type asking struct {
	dir          auditdir.Dir
	s            *session
	question     Question
	done, total  time.Duration
	certificates int64
	bytes        int64 // of the page files that are kept
}

// lookUp checks the schema and finds the CAs of every issuer.
func (a *asking) lookUp(ctx context.Context, doc *asked) error {
	if err := a.s.probe(ctx); err != nil {
		return err
	}
	found := make([][]int64, len(doc.Issuers))
	for i, iss := range a.question.Issuers {
		ids, err := a.s.cas(ctx, iss)
		if err != nil {
			return err
		}
		found[i] = ids
	}
	for i, ids := range found { // only when all are known
		doc.Issuers[i].CAs = ids
	}
	return nil
}

// probe looks whether everything is there that the questions need.
func (s *session) probe(ctx context.Context) error {
	for _, statement := range probes {
		err := s.do(ctx, "looking at the schema", func(ctx context.Context, conn *pgconn.PgConn) error {
			return query(ctx, conn, s.cfg, statement, 0, func([][]byte) error { return contradiction("a row where none was asked for") })
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// cas finds an issuer's CAs by its keys, and if there are none, by its certificates.
func (s *session) cas(ctx context.Context, iss Issuer) ([]int64, error) {
	found := []int64{}
	collect := func(statement string) error {
		var ids []int64
		err := s.do(ctx, "looking for issuer "+iss.Key.String(), func(ctx context.Context, conn *pgconn.PgConn) error {
			ids = nil
			return query(ctx, conn, s.cfg, statement, 1, func(v [][]byte) error {
				id, err := parseID(v[0])
				if ids = append(ids, id); err == nil && len(ids) > maxCAs {
					err = contradiction("more than %d CAs with one key", maxCAs)
				}
				return err
			})
		})
		found = append(found, ids...)
		return err
	}
	for _, spki := range iss.Keys {
		if err := collect(byKey(spki)); err != nil {
			return nil, err
		}
	}
	for _, cert := range iss.Certificates {
		if len(found) > 0 {
			break
		}
		if err := collect(byCertificate(cert)); err != nil {
			return nil, err
		}
	}
	slices.Sort(found)
	return slices.Compact(found), nil
}

// ca asks for what is not answered yet of one CA; nothing if stopped.
func (a *asking) ca(ctx context.Context, id int64, stopped bool) (CA, error) {
	ca := CA{ID: id}
	at := position{a.question.From, noID}
	for {
		info, err := a.have(id, ca.pages, at)
		if err != nil {
			return ca, err
		}
		if info == nil {
			break
		}
		at = a.add(&ca, *info)
	}
	a.progress(&ca, at)
	for !stopped && at.at.Before(a.question.Until) {
		info, err := a.page(ctx, id, ca.pages, at)
		if err != nil {
			ca.Until = wholeSeconds(at.at)
			return ca, err
		}
		at = a.add(&ca, info)
		a.progress(&ca, at)
	}
	ca.Until = wholeSeconds(at.at)
	return ca, nil
}

// wholeSeconds rounds down to what documents can say.
func wholeSeconds(t time.Time) time.Time { return t.UTC().Truncate(time.Second) }

// add counts a page and returns where the next one begins.
func (a *asking) add(ca *CA, info pageInfo) position {
	ca.pages++
	ca.Certificates += info.rows
	a.certificates += info.rows
	a.bytes += info.bytes
	return info.until
}

func (a *asking) progress(ca *CA, at position) {
	a.done += at.at.Sub(a.question.From) - ca.counted
	ca.counted = at.at.Sub(a.question.From)
	a.s.cfg.OnProgress(Progress{Done: a.done, Total: a.total, Certificates: a.certificates})
}

// have looks for a page of an earlier run that goes on at a position. A damaged one, and
// all after it, are removed and asked for again.
func (a *asking) have(ca int64, number int, at position) (*pageInfo, error) {
	info, err := readPage(a.dir.Path(pageName(ca, number)), nil)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, a.removeFrom(ca, number+1)
	case errors.Is(err, errPage):
		return nil, a.removeFrom(ca, number)
	case err != nil:
		return nil, err
	case info.ca != ca || info.after != at || info.until.at.After(a.question.Until) || !at.before(info.until):
		return nil, a.removeFrom(ca, number)
	}
	return &info, nil
}

// removeFrom removes a CA's pages from a number on.
func (a *asking) removeFrom(ca int64, number int) error {
	entries, err := fs.ReadDir(a.dir.FS(), caFolder(ca))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, e := range entries {
		if name := caFolder(ca) + "/" + e.Name(); name >= pageName(ca, number) {
			if err := os.Remove(a.dir.Path(name)); err != nil {
				return err
			}
		}
	}
	return nil
}

// page asks for the next page of a CA and keeps it.
func (a *asking) page(ctx context.Context, ca int64, number int, at position) (info pageInfo, err error) {
	what := fmt.Sprintf("CA %d, notBefore from %s", ca, sampler.FormatTime(wholeSeconds(at.at)))
	err = a.s.do(ctx, what, func(ctx context.Context, conn *pgconn.PgConn) error {
		w, err := newPage(a.dir, pageName(ca, number), ca, at)
		if err != nil {
			return &localError{err}
		}
		until := position{at.at.Add(a.s.window), noID}
		if until.at.After(a.question.Until) {
			until.at = a.question.Until
		}
		last, err := a.rows(ctx, conn, w, ca, at, until.at)
		if err != nil {
			w.abort()
			return err
		}
		if w.rows == int64(a.s.limit) { // there may be more in this window
			until = last
		}
		if err := w.commit(until); err != nil {
			return &localError{err}
		}
		info = pageInfo{ca: ca, after: at, until: until, rows: w.rows, bytes: w.bytes}
		return nil
	})
	return info, err
}

// rows writes the rows of one answer, which must be what was asked for, in order.
func (a *asking) rows(ctx context.Context, conn *pgconn.PgConn, w *pageWriter, ca int64, last position, until time.Time) (position, error) {
	statement := page(ca, last, until, a.s.limit)
	err := query(ctx, conn, a.s.cfg, statement, pageColumns, func(v [][]byte) error {
		r, err := parseRow(v)
		switch {
		case err != nil:
			return err
		case w.rows == int64(a.s.limit):
			return contradiction("more than %d rows", a.s.limit)
		case !last.before(r.at) || !r.at.at.Before(until):
			return contradiction("certificate %d with notBefore %s after %s", r.at.id, r.at.at.Format(timeLayout), last)
		}
		last = r.at
		if err := w.row(r); err != nil {
			return &localError{err}
		}
		if a.bytes+w.bytes > a.s.cfg.MaxBytes {
			return &tooMuchError{a.s.cfg.MaxBytes, a.certificates}
		}
		return nil
	})
	return last, err
}
