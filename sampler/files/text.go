package files

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
)

const (
	beginMark = "-----BEGIN "
	endMark   = "-----END "
	dashes    = "-----"
)

// text is the state while a text file is read: PEM blocks (RFC 7468) with anything between them, or base64 of DER without armour.
//
// Which of the two a file is shows only as it is read. Lines outside PEM blocks are ignored as soon as there is a PEM block;
// in a file without any, every line must be part of a base64 certificate or is reported.
type text struct {
	*scan
	sawPEM    bool
	sawBase64 bool
	stray     lineRange // lines that are neither, not yet reported

	// an open PEM block
	open     bool
	kind     string
	offset   int64
	line     int
	body     []byte // base64 so far, without white space
	headers  bool   // still in the block's RFC 1421 headers
	oversize bool

	// an unarmoured base64 certificate that goes over several lines
	bare       []byte
	bareSize   int // characters it must have, without padding; 0 when none is open
	bareOffset int64
	bareLine   int
}

type lineRange struct{ first, last, count int }

func (s *scan) readText(in *input) {
	t := &text{scan: s}
	for s.failed == nil {
		line, offset, tooLong, ok := in.nextLine()
		if !ok {
			break
		}
		t.add(line, offset, in.line, tooLong)
	}
	if s.failed == nil && (in.err == nil || isEOF(in.err)) {
		t.finish(in)
	}
}

func (t *text) add(line []byte, offset int64, n int, tooLong bool) {
	line = bytes.TrimSpace(line)
	switch {
	case bytes.HasPrefix(line, []byte(beginMark)):
		t.endBare()
		if t.open {
			t.blockProblem("no END line before the next BEGIN line")
		}
		t.begin(line, offset, n)
	case t.open:
		t.inBlock(line, offset, n, tooLong)
	case len(line) == 0:
	case bytes.HasPrefix(line, []byte(endMark)):
		t.endBare()
		t.sawPEM = true
		t.problem("", fmt.Errorf("line %d: END line without a BEGIN line", n))
	case line[0] == '#' && t.bareSize == 0:
	default:
		t.outside(line, offset, n, tooLong)
	}
}

// begin opens a PEM block. The type is between the marks; a BEGIN line without its closing dashes is taken to its end.
func (t *text) begin(line []byte, offset int64, n int) {
	kind := line[len(beginMark):]
	if i := bytes.Index(kind, []byte(dashes)); i >= 0 {
		kind = kind[:i]
	}
	t.open, t.sawPEM = true, true
	t.kind, t.offset, t.line = string(kind[:min(len(kind), 200)]), offset, n
	t.body, t.headers, t.oversize = t.body[:0], true, false
}

func (t *text) inBlock(line []byte, offset int64, n int, tooLong bool) {
	if bytes.HasPrefix(line, []byte(endMark)) {
		t.end(line, offset, n)
		return
	}
	if t.headers {
		// RFC 1421 headers ("Proc-Type: 4,ENCRYPTED") come first and hold a colon, which base64 never does.
		if bytes.IndexByte(line, ':') >= 0 {
			return
		}
		t.headers = len(line) == 0
	}
	if tooLong || len(t.body)+len(line) > maxLine {
		t.oversize = true
		return
	}
	t.body = append(t.body, line...)
}

func (t *text) end(line []byte, offset int64, n int) {
	rest := line[len(endMark):]
	kind, rest, closed := bytes.Cut(rest, []byte(dashes))
	switch {
	case string(kind[:min(len(kind), 200)]) != t.kind || !closed:
		t.blockProblem(fmt.Sprintf("END line %q does not match", clip(line)))
	default:
		t.close()
	}
	// Files joined without a line end have the next BEGIN right behind the END.
	if i := bytes.Index(rest, []byte(beginMark)); i >= 0 && t.failed == nil {
		t.begin(rest[i:], offset, n)
	}
}

// close passes on a complete PEM block.
func (t *text) close() {
	t.open = false
	switch t.kind {
	case "CERTIFICATE", "X509 CERTIFICATE", "TRUSTED CERTIFICATE":
	default:
		t.problem(t.kind, fmt.Errorf("PEM block %q at line %d, skipped: %w", t.kind, t.line, ErrNotCertificate))
		return
	}
	if t.oversize {
		t.blockProblem(fmt.Sprintf("longer than the limit of %d bytes for a certificate", MaxCertificate))
		return
	}
	der, err := decodeBase64(t.body)
	if err != nil {
		t.blockProblem(err.Error())
		return
	}
	if t.kind == "TRUSTED CERTIFICATE" { // OpenSSL appends its trust settings to the certificate
		if size, err := derLength(der); err == nil && size < int64(len(der)) {
			der = der[:size:size]
		}
	}
	if err := checkShape(der); err != nil {
		t.problem(t.kind, fmt.Errorf("PEM block %q at line %d: %w", t.kind, t.line, err))
		return
	}
	t.certificate(t.offset, der, t.kind)
}

func (t *text) blockProblem(reason string) {
	t.open = false
	t.problem(t.kind, fmt.Errorf("PEM block %q at line %d: %s", t.kind, t.line, reason))
}

func (t *text) finish(in *input) {
	t.endBare()
	if t.open {
		t.blockProblem("the file ends inside the block")
	}
	switch {
	case t.sawPEM:
	case t.sawBase64:
		t.flushStray()
	case t.index == 0:
		t.whole(in, fmt.Errorf("no PEM, DER or base64 certificate in the file: %w", ErrNotCertificate))
	}
}

// decodeBase64 is strict about the alphabet and tolerant about missing padding. Line ends are already gone.
func decodeBase64(b []byte) ([]byte, error) {
	trimmed := bytes.TrimRight(b, "=")
	if len(b)-len(trimmed) > 2 {
		return nil, errors.New("bad base64: too much padding")
	}
	if i := bytes.IndexAny(trimmed, " \t"); i >= 0 {
		trimmed = bytes.Join(bytes.Fields(trimmed), nil)
	}
	der := make([]byte, base64.RawStdEncoding.DecodedLen(len(trimmed)))
	n, err := base64.RawStdEncoding.Decode(der, trimmed)
	if err != nil {
		return nil, fmt.Errorf("bad base64: %w", err)
	}
	if n == 0 {
		return nil, errors.New("empty block")
	}
	return der[:n], nil
}

func clip(b []byte) []byte { return b[:min(len(b), 80)] }
