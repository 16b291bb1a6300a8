package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"sync"

	"selfaudit/internal/terminal"
	"selfaudit/lint"
	"selfaudit/reports/auditlint"
	"selfaudit/reports/corpus"
	"selfaudit/sampler"
	"selfaudit/sampler/collect"
)

// chunkItems is the number of items in a chunk; tests make it smaller.
var chunkItems int64 = corpus.ChunkItems

// corpusFolder holds the results of linting whole populations, one folder for each linter.
const corpusFolder = "work/population-lint"

// corpusAudit is one population to be linted.
type corpusAudit struct {
	e      *env
	a      *audit
	f      *frozenAudit
	corpus *auditlint.Corpus
	linter *lint.Linter
	info   lint.Info
	folder string // of the chunks, by this linter
	chunks int64
}

// openCorpus prepares the linting of a frozen audit's population.
func (e *env) openCorpus(a *audit) (*corpusAudit, error) {
	if a.commitment == nil {
		return nil, &exitError{code: exitUsage, id: "out_of_order", err: fmt.Errorf("audit %s is not frozen: it has no population yet", a.id),
			hint: fmt.Sprintf("run `selfaudit freeze --audit %s` first", a.id)}
	}
	c := &corpusAudit{e: e, a: a}
	var err error
	if c.f, err = readFrozen(a.dir.FS(), a.dir.Path("")); err != nil {
		return nil, err
	}
	if c.corpus, err = auditlint.ReadCorpus(a.dir.FS(), c.f.snapshot); err != nil {
		return nil, err
	}
	if c.linter, err = c.corpus.Linter(); err != nil {
		return nil, fmt.Errorf("starting the linter: %w", err)
	}
	c.info = c.linter.Info()
	key, err := c.key()
	if err != nil {
		return nil, err
	}
	c.folder = corpusFolder + "/" + key
	c.chunks = (c.f.commitment.PopulationCount + chunkItems - 1) / chunkItems
	return c, nil
}

// key names what decides the results: the population, the linter and this program's own
// checks. Results of anything else are not taken for it.
func (c *corpusAudit) key() (string, error) {
	text, err := corpus.Line(struct {
		Population sampler.DocHash     `json:"population"`
		Linter     lint.Info           `json:"linter"`
		Own        int                 `json:"own_revision"`
		Program    sampler.ProgramInfo `json:"program"`
		Items      int64               `json:"chunk_items"`
	}{c.f.commitment.PopulationHash, c.info, lint.OwnRevision, programInfo(), chunkItems})
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:8]), nil
}

func (c *corpusAudit) chunkName(n int64) string {
	return fmt.Sprintf("%s/chunk-%06d.jsonl.gz", c.folder, n)
}

// missing returns which chunks have not been made yet.
func (c *corpusAudit) missing() map[int64]bool {
	out := map[int64]bool{}
	for n := range c.chunks {
		if !c.a.dir.Has(c.chunkName(n)) {
			out[n] = true
		}
	}
	return out
}

// corpusCert is a certificate on its way through the linter.
type corpusCert struct {
	row   sampler.Row
	hash  sampler.CertHash
	form  sampler.Form
	chunk int64
	first bool // of its item
}

// run lints what is missing. It is killed and run again without loss of a finished chunk,
// and the results are the same.
func (c *corpusAudit) run(ctx context.Context, line *terminal.Line) error {
	due := c.missing()
	total := c.f.commitment.PopulationCount
	line.Set(total-c.items(due), total)
	if len(due) == 0 {
		return nil
	}
	if err := c.committed(); err != nil {
		return err
	}
	src, _, err := c.e.newWorkSource(c.a, c.f)
	if err != nil {
		return err
	}
	defer src.close() // only read from: nothing is lost if closing fails
	// Almost nothing lives longer than one certificate, so the collector would run all
	// the time for very little; a larger heap costs a few megabytes.
	defer debug.SetGCPercent(debug.SetGCPercent(800))
	r := &corpusRun{c: c, due: due, line: line, chunk: -1}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	artifacts := func(yield func(lint.Artifact) bool) { r.walkErr = r.walk(ctx, src.(*workSource), yield) }
	err = c.linter.LintAll(ctx, artifacts, runtime.GOMAXPROCS(0), r.result)
	if err == nil && r.walkErr == nil {
		err = r.finish()
	}
	return errors.Join(ignoreStopped(r.walkErr), err)
}

// items counts the items of some chunks.
func (c *corpusAudit) items(chunks map[int64]bool) int64 {
	var n int64
	for k := range chunks {
		n += min(chunkItems, c.f.commitment.PopulationCount-k*chunkItems)
	}
	return n
}

// errStopped ends a walk whose results nobody wants any more.
var errStopped = errors.New("stopped")

func ignoreStopped(err error) error {
	if errors.Is(err, errStopped) {
		return nil
	}
	return err
}

// corpusRun carries certificates from the walk through the collection to the chunks.
type corpusRun struct {
	c       *corpusAudit
	due     map[int64]bool
	line    *terminal.Line
	walkErr error

	mu    sync.Mutex
	queue []corpusCert

	chunk   int64 // being made, -1 for none
	head    corpus.ChunkHead
	records []corpus.Record
}

// walk yields the certificates of the population's items in chunks that are missing.
func (r *corpusRun) walk(ctx context.Context, w *workSource, yield func(lint.Artifact) bool) error {
	n := int64(-1)
	return w.found(ctx, func(found *collect.Found, status string) error {
		if status != string(sampler.Current) && status != string(sampler.Late) {
			return nil
		}
		n++
		chunk := n / chunkItems
		if !r.due[chunk] {
			return nil
		}
		certs, err := found.Certificates()
		if err != nil {
			return err
		}
		list := make([]auditlint.CorpusCert, len(certs))
		for i, x := range certs {
			list[i] = auditlint.CorpusCert{Cert: x.Cert, DER: x.DER, Signer: x.Signer}
		}
		artifacts, err := r.c.corpus.Artifacts(found.Row.Item, list)
		if err != nil {
			return err
		}
		for i, a := range artifacts {
			r.mu.Lock()
			r.queue = append(r.queue, corpusCert{found.Row, certs[i].Cert, certs[i].Form, chunk, i == 0})
			r.mu.Unlock()
			if !yield(a) {
				return errStopped
			}
		}
		return nil
	})
}

// result takes the next certificate's result, in the order of the walk.
func (r *corpusRun) result(res lint.Result) error {
	r.mu.Lock()
	x := r.queue[0]
	r.queue = r.queue[1:]
	r.mu.Unlock()
	if x.chunk != r.chunk {
		if err := r.finish(); err != nil {
			return err
		}
		r.chunk, r.head = x.chunk, corpus.ChunkHead{Number: x.chunk}
	}
	r.head.Certificates++
	if x.first {
		r.head.Items++
	}
	if len(res.Findings) == 0 {
		return nil
	}
	rec := corpus.Record{Item: x.row.Item, Stratum: x.row.Stratum.String(), SHA256: x.hash.String(), Form: x.form, Issued: sampler.FormatTime(x.row.Issued),
		From: timeOrDash(x.row.NotBefore), Until: timeOrDash(x.row.NotAfter), RuleSet: res.RuleSet}
	for _, f := range res.Findings {
		rec.Findings = append(rec.Findings, corpus.NewFinding(f))
	}
	r.records = append(r.records, rec)
	return nil
}

// finish writes the chunk being made; it appears whole or not at all.
func (r *corpusRun) finish() error {
	if r.chunk < 0 {
		return nil
	}
	name := r.c.chunkName(r.chunk)
	out, err := r.c.a.dir.Create(name)
	if err != nil {
		return err
	}
	defer out.Abort()
	if err := corpus.WriteChunk(out, r.head, r.records); err != nil {
		return fmt.Errorf("%s: %w", r.c.a.dir.Path(name), err)
	}
	if err := out.Commit(); err != nil {
		return err
	}
	r.line.Add(r.head.Items)
	r.records, r.chunk = r.records[:0], -1
	return nil
}

// read goes through the results of all chunks, in the order of the items.
func (c *corpusAudit) read(fn func(corpus.Record) error) (certificates int64, err error) {
	var items int64
	for n := range c.chunks {
		head, err := c.readChunk(n, fn)
		if err != nil {
			return 0, err
		}
		items += head.Items
		certificates += head.Certificates
	}
	if items != c.f.commitment.PopulationCount {
		return 0, fmt.Errorf("%s: the results are of %d items, the population has %d: delete the folder and lint again", c.a.dir.Path(c.folder), items, c.f.commitment.PopulationCount)
	}
	return certificates, nil
}

func (c *corpusAudit) readChunk(n int64, fn func(corpus.Record) error) (corpus.ChunkHead, error) {
	path := c.a.dir.Path(c.chunkName(n))
	f, err := os.Open(path)
	if err != nil {
		return corpus.ChunkHead{}, err
	}
	defer f.Close() // only read from: nothing is lost if closing fails
	head, err := corpus.ReadChunk(f, fn)
	if err == nil && head.Number != n {
		err = fmt.Errorf("it is chunk %d", head.Number)
	}
	if err != nil && !errors.Is(err, errStopped) {
		err = fmt.Errorf("%s: %w", path, err)
	}
	return head, err
}

// gone says why a population cannot be linted any more; "" if it can.
func (c *corpusAudit) gone() string {
	if len(c.missing()) == 0 || c.a.dir.Has(docCollected) {
		return ""
	}
	if _, err := os.Stat(c.a.dir.Path("work")); errors.Is(err, fs.ErrNotExist) {
		return "its work folder is gone"
	}
	return "its work folder has no " + filepath.Base(docCollected)
}

// committed checks that population.tsv is the one the commitment names, before work that
// takes long is done by it.
func (c *corpusAudit) committed() error {
	rows, end, err := c.f.population()
	if err != nil {
		return err
	}
	for {
		if _, err := rows.Next(); errors.Is(err, io.EOF) {
			return end()
		} else if err != nil {
			return c.f.broken(docPopulation, err)
		}
	}
}
