package evidence

import (
	"context"
	"crypto/sha256"
	"hash"
	"io"

	"selfaudit/sampler"
)

// docHasher computes a DocHash over what is written to it.
type docHasher struct{ hash.Hash }

func newDocHasher() docHasher { return docHasher{sha256.New()} }

func (h docHasher) docHash() (d sampler.DocHash) {
	h.Sum(d[:0])
	return d
}

// hashReader returns the hash and length of everything in r.
func hashReader(r io.Reader, buf []byte) (sampler.DocHash, int64, error) {
	h := newDocHasher()
	n, err := io.CopyBuffer(onlyWriter{h}, onlyReader{r}, buf)
	return h.docHash(), n, err
}

// cancelled returns the context's error with its cause, or nil.
func cancelled(ctx context.Context) error {
	if ctx.Err() == nil {
		return nil
	}
	return context.Cause(ctx)
}
