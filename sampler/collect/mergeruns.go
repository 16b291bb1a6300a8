package collect

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io"
	"os"

	"selfaudit/internal/auditdir"
)

// merging reduces many sorted sequences to few by way of temporary files.
type merging struct {
	folder string // where the files go; "" for a new folder in the system's one for such files
	width  int    // sequences that may be merged at the same time, 2 or more
	runs   []string
	own    string // the new folder
}

// narrow returns at most m.width sequences that together hold what list holds. The
// shortest way there: as few records as possible are written again, in as few passes.
func (m *merging) narrow(ctx context.Context, list []opener) ([]opener, error) {
	for len(list) > m.width {
		// Merging k sequences leaves one: of the first group only as many as are too many.
		k := min(m.width, len(list)-m.width+1)
		run, err := m.run(ctx, list[:k])
		if err != nil {
			return nil, fmt.Errorf("merging the units of the work folder: %w", err)
		}
		list = append(list[k:len(list):len(list)], run)
	}
	return list, nil
}

// run merges the sequences into a temporary file.
func (m *merging) run(ctx context.Context, list []opener) (opener, error) {
	f, err := m.create()
	if err != nil {
		return nil, err
	}
	m.runs = append(m.runs, f.Name())
	sum := sha256.New()
	w := bufio.NewWriterSize(auditdir.Writer(f), 1<<18)
	out := io.MultiWriter(w, sum)
	var count uint64
	var b []byte
	err = merge(ctx, list, func(r *record) error {
		count++
		b = binary.BigEndian.AppendUint32(b[:0], uint32(r.unit))
		_, err := out.Write(appendRecord(b, r))
		return err
	})
	if err == nil {
		err = w.Flush()
	}
	if e := f.Close(); err == nil {
		err = e
	}
	if err != nil {
		return nil, err
	}
	want := hex.EncodeToString(sum.Sum(nil))
	return func() (*recordReader, error) {
		f, err := os.Open(f.Name())
		if err != nil {
			return nil, err
		}
		sum := sha256.New()
		return &recordReader{f: f, r: bufio.NewReaderSize(io.TeeReader(f, sum), 32<<10), unit: unitInRecord, left: count,
			path: f.Name(), sum: sum, want: want}, nil
	}, nil
}

// create makes a temporary file: in the folder, or where that may only be read, in the
// system's folder for such files.
func (m *merging) create() (*os.File, error) {
	const pattern = "merge-*.partial"
	if m.folder == "" {
		own, err := os.MkdirTemp("", "selfaudit-merge-*")
		if err != nil {
			return nil, err
		}
		m.own, m.folder = own, own
	}
	f, err := os.CreateTemp(m.folder, pattern)
	if err == nil {
		return f, nil
	}
	if f, e := os.CreateTemp("", pattern); e == nil {
		return f, nil
	}
	return nil, err
}

func (m *merging) removeRuns() {
	for _, name := range m.runs {
		os.Remove(name)
	}
	if m.own != "" {
		os.RemoveAll(m.own)
	}
}
