package ctlog

import (
	"bytes"
	"context"
)

// maxRootsAnswer bounds an answer to get-roots; the largest logs answer with 1.5 MB.
const maxRootsAnswer = 16 << 20

// Roots asks for the certificates that the log accepts as roots (RFC 6962, 4.7: get-roots), and returns the answer as served. check
// judges it inside the request, because a cache or proxy may have mangled this answer and not the next. A static-ct log answers below
// its submission prefix, so that has to be the Config's URL.
func (l *Log) Roots(ctx context.Context, check func(body []byte) error) ([]byte, error) {
	const path = "ct/v1/get-roots"
	body, err := l.src.get(ctx, request{path: path, limit: maxRootsAnswer, check: check}, new(buffer))
	if err != nil {
		return nil, l.failed(ctx, path, err)
	}
	return bytes.Clone(body), nil
}
