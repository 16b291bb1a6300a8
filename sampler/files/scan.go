package files

import (
	"bytes"
	"errors"
	"fmt"
)

// scan reads one file and passes its blocks on.
type scan struct {
	path    string
	visitor Visitor
	file    File
	index   int   // of the next block
	failed  error // the visitor's, which ends everything
}

// read decides by the first bytes what kind of file this is.
func (s *scan) read(in *input) error {
	head := in.peek(4)
	switch {
	case len(head) == 0 && in.err != nil:
		s.whole(in, fmt.Errorf("empty file: %w", ErrNotCertificate))
	case isDERSequence(head):
		s.readDER(in)
	case bytes.HasPrefix(head, []byte{0x1f, 0x8b}):
		s.whole(in, errors.New("gzip file inside an archive: unpack it first"))
	case bytes.HasPrefix(head, []byte("PK\x03\x04")):
		s.whole(in, errors.New("zip archive inside an archive: unpack it first"))
	case bytes.HasPrefix(head, []byte{0xff, 0xfe}), bytes.HasPrefix(head, []byte{0xfe, 0xff}),
		bytes.HasPrefix(head, []byte("-\x00-\x00")), bytes.HasPrefix(head, []byte("\x00-\x00-")):
		s.whole(in, errors.New("text in UTF-16: save it as ASCII or UTF-8"))
	default:
		if bytes.HasPrefix(head, []byte{0xef, 0xbb, 0xbf}) { // byte order mark
			in.skip(3)
		}
		s.readText(in)
	}
	if s.failed == nil {
		in.discard()
	}
	return s.failed
}

// isDERSequence tells binary DER from text: '0' (0x30) may start a text too, but no text has a byte over 0x7f next.
func isDERSequence(head []byte) bool {
	return len(head) >= 2 && head[0] == 0x30 && head[1] >= 0x80
}

// certificate passes one block on, if its bytes can be one certificate.
func (s *scan) certificate(offset int64, der []byte, blockType string) {
	if err := checkShape(der); err != nil {
		s.problem(blockType, err)
		return
	}
	c := Certificate{Path: s.path, Index: s.index, Offset: offset, DER: der}
	s.index++
	s.file.Certificates++
	if s.failed == nil && s.visitor.Certificate != nil {
		s.failed = s.visitor.Certificate(c)
	}
}

func (s *scan) problem(blockType string, err error) {
	p := Problem{Path: s.path, Index: s.index, Type: blockType, Err: err}
	s.index++
	s.report(p)
}

// whole reports something about the file and not about one of its blocks.
func (s *scan) whole(in *input, err error) {
	s.report(Problem{Path: s.path, Index: -1, Err: err})
}

func (s *scan) report(p Problem) {
	s.file.Problems++
	if s.failed == nil && s.visitor.Problem != nil {
		s.failed = s.visitor.Problem(p)
	}
}
