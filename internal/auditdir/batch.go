package auditdir

import (
	"errors"
	"path/filepath"
	"sync"
)

// How many documents of a batch wait to be synced (each is an open file), and how many are synced at the same time.
const (
	batchPending = 128
	batchSyncs   = 16
)

// Batch writes many small documents. Each is synced before it gets its name, as everywhere; but they are written first and then
// synced together, which file systems do several times as fast as one after the other, and their folder is synced once.
type Batch struct {
	d       Dir
	pending []*Pending
	waiting map[string]bool // names of pending
}

// Batch begins a batch of documents of the folder.
func (d Dir) Batch() *Batch { return &Batch{d: d, waiting: map[string]bool{}} }

// WriteOnce is Dir.WriteOnce, but that the document is there only after Commit. After an error only Abort may follow.
func (b *Batch) WriteOnce(name string, data []byte) error {
	if b.waiting[name] || len(b.pending) == batchPending {
		if err := b.Commit(); err != nil {
			return err
		}
	}
	if done, err := b.d.written(name, data); done || err != nil {
		return err
	}
	p, err := b.d.Create(name)
	if err != nil {
		return err
	}
	b.pending = append(b.pending, p)
	b.waiting[name] = true
	_, err = p.Write(data)
	return err
}

// Commit makes the documents visible that were written so far. The batch may go on after it.
func (b *Batch) Commit() error {
	if err := b.sync(); err != nil {
		b.Abort()
		return err
	}
	folders := map[string]bool{}
	var order []string
	for n, p := range b.pending {
		if err := p.place(); err != nil {
			b.pending = b.pending[n:]
			b.Abort()
			return err
		}
		if dir := filepath.Dir(p.name); !folders[dir] {
			folders[dir] = true
			order = append(order, dir)
		}
	}
	b.pending = b.pending[:0]
	clear(b.waiting)
	for _, dir := range order {
		if err := syncDir(dir); err != nil {
			return err
		}
	}
	return nil
}

// sync brings the content of all pending documents to the disk.
func (b *Batch) sync() error {
	for _, p := range b.pending { // asked in order, so that a test's fault is always the same one
		if err := change(OpSync, p.f.Name()); err != nil {
			return err
		}
	}
	errs := make([]error, len(b.pending))
	var wait sync.WaitGroup
	next := make(chan int)
	for range min(batchSyncs, len(b.pending)) {
		wait.Go(func() {
			for n := range next {
				errs[n] = b.pending[n].f.Sync()
			}
		})
	}
	for n := range b.pending {
		next <- n
	}
	close(next)
	wait.Wait()
	return errors.Join(errs...)
}

// Abort gives up what was not committed. It is harmless after Commit.
func (b *Batch) Abort() {
	for _, p := range b.pending {
		p.Abort()
	}
	b.pending = b.pending[:0]
	clear(b.waiting)
}
