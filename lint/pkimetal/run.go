package pkimetal

import (
	"context"
	"errors"
	"fmt"
	"iter"

	"selfaudit/lint"
)

// giveUp is the number of certificates in a row without an answer after which the server is
// taken for gone; the others are not asked about, and say so.
const giveUp = 5

// Judged is a certificate with our own result.
type Judged struct {
	Result lint.Result
	DER    []byte
}

// Run asks about certificates, with several requests at once, and hands the opinions to
// emit in the order of the input. A certificate without an answer is an opinion with an
// error. Run itself fails only when the context ends or emit does.
func (c *Client) Run(ctx context.Context, certs iter.Seq[Judged], workers int, emit func(Opinion) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	type job struct {
		Judged
		done chan Opinion
	}
	jobs, order := make(chan job), make(chan chan Opinion, max(workers, 1))
	stopped := make(chan struct{})
	gone := make(chan struct{})
	go func() {
		defer close(stopped)
		defer close(order)
		defer close(jobs)
		for x := range certs {
			j := job{x, make(chan Opinion, 1)}
			select {
			case <-ctx.Done():
				return
			case order <- j.done:
			}
			select {
			case <-ctx.Done():
				return
			case <-gone:
				j.done <- NewOpinion(x.Result, nil, errGone)
			case jobs <- j:
			}
		}
	}()
	for range max(workers, 1) {
		go func() {
			for j := range jobs {
				a, err := c.LintCertificate(ctx, j.DER)
				j.done <- NewOpinion(j.Result, a, err)
			}
		}()
	}
	defer func() { cancel(); <-stopped }()
	row, over := 0, false
	for done := range order {
		var o Opinion
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case o = <-done:
		}
		if row++; o.Error == "" || o.refused {
			row = 0
		}
		if row == giveUp && !over {
			over = true
			close(gone)
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err := emit(o); err != nil {
			return err
		}
	}
	return ctx.Err()
}

var errGone = fmt.Errorf("not asked: the server did not answer for %d certificates in a row", giveUp)

func isRefusal(err error) bool { return errors.Is(err, ErrRefused) }
