package pkimetal

import (
	"context"
	"errors"
	"fmt"
	"iter"

	"selfaudit/internal/ordered"
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
	gone := make(chan struct{})
	ask := func(ctx context.Context, x Judged) Opinion {
		select {
		case <-gone:
			return NewOpinion(x.Result, nil, errGone)
		default:
			a, err := c.LintCertificate(ctx, x.DER)
			return NewOpinion(x.Result, a, err)
		}
	}
	row, over := 0, false
	return ordered.Map(ctx, certs, workers, workers, ask, func(o Opinion) error {
		if row++; o.Error == "" || o.refused {
			row = 0
		}
		if row == giveUp && !over {
			over = true
			close(gone)
		}
		return emit(o)
	})
}

var errGone = fmt.Errorf("not asked: the server did not answer for %d certificates in a row", giveUp)

func isRefusal(err error) bool { return errors.Is(err, ErrRefused) }
