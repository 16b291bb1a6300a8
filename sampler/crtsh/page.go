package crtsh

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"selfaudit/internal/auditdir"
)

// A page file holds the answer to one question, as text:
//
//	#selfaudit-crtsh-page-v1 <ca> <after: time> <after: id>
//	<id> TAB <notBefore> TAB <base64 of the DER, or ! and its size>
//	…
//	#end <until: time> <until: id> <rows> <SHA-256 of all before this line>
//
// Everything after the first position up to and including the last one is in it. Such a
// file appears complete or not at all; its hash is for disks that lie.
const (
	pageMagic = "#selfaudit-crtsh-page-v1"
	pageEnd   = "#end"
)

// maxLine bounds a line: a certificate of MaxCertificate bytes in base64, and its key.
const maxLine = MaxCertificate*4/3 + 256

// errPage marks a page file that is not as it was written.
var errPage = errors.New("damaged: delete it and run collect again")

// pageWriter writes one page file.
type pageWriter struct {
	out  *auditdir.Pending
	w    *bufio.Writer
	sum  hash.Hash
	rows int64

	bytes int64
	err   error
}

func newPage(dir auditdir.Dir, name string, ca int64, after position) (*pageWriter, error) {
	out, err := dir.Create(name)
	if err != nil {
		return nil, err
	}
	w := &pageWriter{out: out, w: bufio.NewWriterSize(out, 1<<16), sum: sha256.New()}
	w.line(fmt.Sprintf("%s %d %s", pageMagic, ca, after))
	return w, nil
}

// String is the position as it stands in files.
func (p position) String() string {
	return p.at.UTC().Format(timeLayout) + " " + strconv.FormatInt(p.id, 10)
}

func (w *pageWriter) line(s string) {
	w.sum.Write([]byte(s + "\n"))
	w.bytes += int64(len(s)) + 1
	if w.err == nil {
		_, w.err = w.w.WriteString(s + "\n")
	}
}

func (w *pageWriter) row(r row) error {
	body := "!" + strconv.FormatInt(r.size, 10)
	if r.der != nil {
		body = base64.StdEncoding.EncodeToString(r.der)
	}
	w.rows++
	w.line(fmt.Sprintf("%d\t%s\t%s", r.at.id, r.at.at.UTC().Format(timeLayout), body))
	return w.err
}

// commit makes the file visible: from now on this is answered.
func (w *pageWriter) commit(until position) error {
	w.line(fmt.Sprintf("%s %s %d %s", pageEnd, until, w.rows, hex.EncodeToString(w.sum.Sum(nil))))
	if w.err == nil {
		w.err = w.w.Flush()
	}
	if w.err != nil {
		w.out.Abort()
		return w.err
	}
	return w.out.Commit()
}

func (w *pageWriter) abort() { w.out.Abort() }

// pageInfo is what a page file says of itself.
type pageInfo struct {
	ca           int64
	after, until position
	rows         int64
	bytes        int64 // of the file
}

// readPage reads a page file to its end and checks it. fn, if not nil, gets its rows; they
// are certain only when readPage returns without error.
func readPage(path string, fn func(row) error) (pageInfo, error) {
	f, err := os.Open(path)
	if err != nil {
		return pageInfo{}, err
	}
	defer f.Close() // only read from
	info, err := parsePage(f, fn)
	if stat, statErr := f.Stat(); statErr == nil {
		info.bytes = stat.Size()
	} else if err == nil {
		err = statErr
	}
	if err != nil {
		err = fmt.Errorf("%s: %w", path, err)
	}
	return info, err
}

func parsePage(in io.Reader, fn func(row) error) (info pageInfo, err error) {
	r := bufio.NewReaderSize(in, maxLine)
	sum := sha256.New()
	line, err := pageLine(r)
	if err != nil {
		return info, err
	}
	if info, err = parsePageHead(string(line)); err != nil {
		return info, err
	}
	last := info.after
	for {
		sum.Write(line)
		sum.Write([]byte{'\n'})
		if line, err = pageLine(r); err != nil {
			return info, err
		}
		if bytes.HasPrefix(line, []byte(pageEnd+" ")) {
			return info, info.end(string(line), last, sum.Sum(nil), r)
		}
		got, err := parsePageRow(line)
		if err != nil {
			return info, err
		}
		if !last.before(got.at) {
			return info, fmt.Errorf("certificate %d is out of order: %w", got.at.id, errPage)
		}
		last = got.at
		info.rows++
		if fn != nil {
			if err := fn(got); err != nil {
				return info, err
			}
		}
	}
}

// pageLine reads one line without its end.
func pageLine(r *bufio.Reader) ([]byte, error) {
	line, err := r.ReadSlice('\n')
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, bufio.ErrBufferFull):
		return nil, errPage
	case err != nil:
		return nil, err
	}
	return line[:len(line)-1], nil
}

func parsePageHead(line string) (info pageInfo, err error) {
	f := strings.Split(line, " ")
	if len(f) != 4 || f[0] != pageMagic {
		return info, errPage
	}
	if info.ca, err = strconv.ParseInt(f[1], 10, 64); err != nil {
		return info, errPage
	}
	info.after, err = parsePosition(f[2], f[3])
	return info, err
}

func parsePosition(at, id string) (p position, err error) {
	if p.at, err = time.Parse(timeLayout, at); err != nil {
		return p, errPage
	}
	if p.id, err = strconv.ParseInt(id, 10, 64); err != nil || p.id < noID {
		return p, errPage
	}
	return p, nil
}

func parsePageRow(line []byte) (r row, err error) {
	id, rest, _ := bytes.Cut(line, []byte{'\t'})
	at, body, ok := bytes.Cut(rest, []byte{'\t'})
	if !ok {
		return r, errPage
	}
	if r.at, err = parsePosition(string(at), string(id)); err != nil || r.at.id == noID {
		return r, errPage
	}
	if size, large := bytes.CutPrefix(body, []byte("!")); large {
		if r.size, err = strconv.ParseInt(string(size), 10, 64); err != nil || r.size <= MaxCertificate {
			return r, errPage
		}
		return r, nil
	}
	r.der = make([]byte, base64.StdEncoding.DecodedLen(len(body)))
	n, err := base64.StdEncoding.Strict().Decode(r.der, body)
	if err != nil || n == 0 {
		return r, errPage
	}
	r.der, r.size = r.der[:n], int64(n)
	return r, nil
}

// end checks the last line: nothing comes after it, and all before it is as it was written.
func (info *pageInfo) end(line string, last position, sum []byte, r *bufio.Reader) error {
	f := strings.Split(line, " ")
	if len(f) != 5 {
		return errPage
	}
	until, err := parsePosition(f[1], f[2])
	if err != nil {
		return err
	}
	info.until = until
	if _, err := r.ReadByte(); err != io.EOF || until.before(last) || f[3] != strconv.FormatInt(info.rows, 10) || f[4] != hex.EncodeToString(sum) {
		return errPage
	}
	return nil
}
