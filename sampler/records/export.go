package records

import (
	"context"
	"crypto/sha256"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"strings"
	"time"

	"selfaudit/sampler"
	"selfaudit/sampler/files"
)

// Kinds of an export, as sampler.SnapshotRecords has them; KindAuto decides by the content.
const (
	KindAuto         = "auto"
	KindCSV          = sampler.RecordsCSV
	KindCertificates = sampler.RecordsCertificates
)

// Options say how an export is to be read. A zero field means that it is found out.
type Options struct {
	Kind         string
	Encoding     string
	Delimiter    rune
	SerialFormat string            // SerialAuto, SerialHex or SerialDecimal
	TimeFormat   string            // TimeAuto, TimeUnix, TimeUnixMS or a pattern
	TimeZone     *time.Location    // of times without an offset
	Columns      map[string]string // field to the text of the header
	Issuer       string            // the issuer of every row, instead of a column
}

// Export is an export that was looked at.
type Export struct {
	Path         string
	Kind         string
	SHA256       [32]byte // of the file; of a folder: over "<sha256 in hex> <path>\n" of its files
	Bytes        int64
	Encoding     string // of a CSV, and so on
	Delimiter    string
	SerialFormat string // "" without a column of serial numbers
	Header       []string
	Rows         int64 // of data, readable or not; certificates and unreadable blocks for KindCertificates
	Notes        []string

	options Options
	clock   *clock
	columns []column // of the header, in its order
}

// column is a column of the table that is mapped to a field.
type column struct {
	field string
	at    int
}

// Open looks at the whole export once.
func Open(ctx context.Context, root string, o Options) (*Export, error) {
	e := &Export{Path: root, Kind: o.Kind, options: o}
	var err error
	if e.clock, err = newClock(o.TimeFormat, o.TimeZone); err != nil {
		return nil, err
	}
	if e.SHA256, e.Bytes, err = Digest(ctx, root); err != nil {
		return nil, err
	}
	if e.Kind == "" || e.Kind == KindAuto {
		if e.Kind, err = KindOf(ctx, root); err != nil {
			return nil, err
		}
	}
	if e.Kind == KindCertificates {
		count := func() error { e.Rows++; return nil }
		return e, files.Read(ctx, root, func(files.Certificate) error { return count() }, func(p files.Problem) error {
			if errors.Is(p.Err, files.ErrNotCertificate) {
				return nil
			}
			return count()
		})
	}
	return e, e.look(ctx)
}

// Digest is the hash and size of an export as it lies on disk: of a file its SHA-256, of a
// folder the SHA-256 over "<sha256 in hex> <path>\n" of its files, in order.
func Digest(ctx context.Context, root string) (sum [32]byte, size int64, err error) {
	info, err := os.Stat(root)
	if err != nil {
		return sum, 0, err
	}
	list, err := files.Digest(ctx, root)
	if err != nil {
		return sum, 0, err
	}
	h := sha256.New()
	for _, f := range list {
		size += f.Bytes
		fmt.Fprintf(h, "%x %s\n", f.SHA256, f.Path)
	}
	if !info.IsDir() && len(list) == 1 {
		return list[0].SHA256, size, nil
	}
	h.Sum(sum[:0])
	return sum, size, nil
}

// errDecided ends the reading when enough is known.
var errDecided = errors.New("decided")

// KindOf decides by names and first bytes what an export is: a table if the first file is one.
func KindOf(ctx context.Context, root string) (string, error) {
	kind := KindCertificates
	err := files.Each(ctx, root, nil, func(name string, r io.Reader) error {
		switch strings.ToLower(path.Ext(name)) {
		case ".csv", ".tsv":
			kind = KindCSV
		case ".pem", ".der", ".crt", ".cer":
		default:
			head := make([]byte, 512)
			n, err := io.ReadFull(r, head)
			if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
				return err
			}
			kind = looksLike(string(head[:n]))
		}
		return errDecided
	})
	if errors.Is(err, errDecided) {
		err = nil
	}
	return kind, err
}

// looksLike says what the first bytes of a file without a telling name are.
func looksLike(head string) string {
	text := strings.NewReplacer("\x00", "", "\ufeff", "").Replace(head)
	line, _, _ := strings.Cut(text, "\n")
	switch {
	case strings.HasPrefix(head, "\x30\x82"), strings.Contains(text, "-----BEGIN") && !strings.ContainsAny(line, ",;\t|"):
		return KindCertificates
	case strings.ContainsAny(line, ",;\t|"):
		return KindCSV
	}
	return KindCertificates
}

// tables opens every table of the export one after the other, as UTF-8.
func (e *Export) tables(ctx context.Context, problem func(files.Problem) error, fn func(name string, t *table) error) error {
	return files.Each(ctx, e.Path, problem, func(name string, r io.Reader) error {
		if !e.isTable(name) {
			if problem == nil {
				return nil
			}
			return problem(files.Problem{Path: name, Index: -1, Err: fmt.Errorf("its name does not end in .csv or .tsv: %w", files.ErrNotCertificate)})
		}
		t, err := newTable(decode(r, e.Encoding), e.options.Delimiter)
		if err != nil {
			return fmt.Errorf("reading %s: %w", name, err)
		}
		return fn(name, t)
	})
}

// isTable says whether a file of the export is a table: one that stands alone always is.
func (e *Export) isTable(name string) bool {
	if !strings.Contains(name, "/") {
		return true
	}
	ext := strings.ToLower(path.Ext(name))
	return ext == ".csv" || ext == ".tsv" || ext == ".txt"
}

// look learns what the tables are: encoding, header, serial format, number of rows.
func (e *Export) look(ctx context.Context) error {
	if err := e.sniff(ctx); err != nil {
		return err
	}
	var serials serialEvidence
	found := 0
	err := e.tables(ctx, nil, func(name string, t *table) error {
		if found++; found == 1 {
			e.Header, e.Delimiter = t.header, delimiterName(t.delimiter)
		} else if strings.Join(t.header, "\x00") != strings.Join(e.Header, "\x00") {
			return fmt.Errorf("%s has other columns than the file before it: one mapping is for all", name)
		}
		columns, err := e.mapped(t.header)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		e.columns = columns
		for n := 0; ; n++ {
			if n%1024 == 0 && ctx.Err() != nil {
				return ctx.Err()
			}
			cells, err := t.read()
			if err == io.EOF {
				return nil
			}
			var parsing *csv.ParseError
			if err != nil && !errors.As(err, &parsing) {
				return fmt.Errorf("reading %s, after row %d: %w", name, n, err)
			}
			e.Rows++
			for _, c := range columns {
				switch {
				case err != nil || c.at >= len(cells):
				case c.field == Serial:
					serials.add(cells[c.at])
				}
			}
		}
	})
	if err != nil {
		return err
	}
	if found == 0 {
		return errors.New("there is no table in it: a file that ends in .csv or .tsv")
	}
	if _, mapped := e.options.Columns[Serial]; !mapped {
		return nil
	}
	if serials.rounded > 0 {
		e.Notes = append(e.Notes, fmt.Sprintf("%d serial numbers were rounded by a spreadsheet (1.23E+20): their digits are lost", serials.rounded))
	}
	switch e.SerialFormat = e.options.SerialFormat; e.SerialFormat {
	case SerialHex, SerialDecimal:
		return nil
	}
	e.SerialFormat, err = serials.format()
	return err
}

// AmbiguousError says that the export leaves open how something is to be read, and which
// setting decides it.
type AmbiguousError struct {
	Sample string // a serial number of digits alone, as the export has it; "" where the doubt is another
	err    error
}

func (e *AmbiguousError) Error() string { return e.err.Error() }
func (e *AmbiguousError) Unwrap() error { return e.err }

// sniff decides the encoding from all bytes of all tables.
func (e *Export) sniff(ctx context.Context) error {
	return files.Each(ctx, e.Path, nil, func(name string, r io.Reader) error {
		if !e.isTable(name) {
			return nil
		}
		s := &sniffer{}
		if _, err := io.Copy(s, r); err != nil {
			return fmt.Errorf("reading %s: %w", name, err)
		}
		encoding, note, err := s.result().encoding(e.options.Encoding)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if e.Encoding != "" && e.Encoding != encoding {
			return fmt.Errorf("%s is in %s, the file before it in %s: bring them into one, or use a [[records]] for each", name, encoding, e.Encoding)
		}
		if e.Encoding = encoding; note != "" {
			e.Notes = append(e.Notes, name+": "+note)
		}
		return nil
	})
}
