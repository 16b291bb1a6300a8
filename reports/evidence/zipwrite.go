package evidence

import (
	"archive/zip"
	"compress/flate"
	"fmt"
	"io"
)

// The canonical zip (evidence-and-workbook.md 1.4): entries ascending by name, each
// deflated at one level with a data descriptor (so that it can be written in one
// pass), modification time 1980-01-01 00:00, mode 0644, UTF-8 flag, no extra fields, no
// comments, no folders, nothing before, between or after.
const (
	zipFlags      = 0x800 | 0x8 // UTF-8 names; sizes and CRC follow the data
	zipDate1980   = 1<<5 | 1    // MS-DOS date of 1980-01-01
	zipLevel      = 6
	zipUnix       = 3 << 8 // "version made by": Unix, so that the mode counts
	zipVersion20  = 20
	zipVersion45  = 45
	zip32Max      = 1<<32 - 1
	zipFileMode   = 0o100644 << 16
	zipCopyBuffer = 128 * kib
)

// canonicalHeader is the header of every entry before its sizes are known.
func canonicalHeader(name string) *zip.FileHeader {
	return &zip.FileHeader{
		Name:           name,
		CreatorVersion: zipUnix | zipVersion20,
		ReaderVersion:  zipVersion20,
		Flags:          zipFlags,
		Method:         zip.Deflate,
		//lint:ignore SA1019 Modified would add an extra field
		ModifiedDate:  zipDate1980,
		ExternalAttrs: zipFileMode,
	}
}

// writeZip writes the canonical zip of the named files, which are ascending, below the
// folder top. Memory does not grow with the files' sizes.
func writeZip(w io.Writer, top string, names []string, open func(name string) (io.ReadCloser, error)) error {
	zw := zip.NewWriter(w)
	deflater := &reusedDeflater{}
	zw.RegisterCompressor(zip.Deflate, deflater.open)
	buf := make([]byte, zipCopyBuffer)
	for _, name := range names {
		if err := writeZipEntry(zw, top+"/"+name, name, open, buf); err != nil {
			return fmt.Errorf("packing %s: %w", name, err)
		}
	}
	return zw.Close()
}

func writeZipEntry(zw *zip.Writer, entry, name string, open func(string) (io.ReadCloser, error), buf []byte) error {
	r, err := open(name)
	if err != nil {
		return err
	}
	defer r.Close()
	w, err := zw.CreateHeader(canonicalHeader(entry))
	if err != nil {
		return err
	}
	_, err = io.CopyBuffer(onlyWriter{w}, onlyReader{r}, buf)
	return err
}

// onlyReader and onlyWriter keep io.CopyBuffer from side-stepping the buffer: a
// compressor's output may depend on nothing but the bytes, but one path is simpler to
// reason about than three.
type onlyReader struct{ io.Reader }
type onlyWriter struct{ io.Writer }

// reusedDeflater gives out one flate.Writer again and again; entries are written one
// after the other, and a new one for each would cost 800 kB of allocation.
type reusedDeflater struct{ w *flate.Writer }

func (d *reusedDeflater) open(out io.Writer) (io.WriteCloser, error) {
	if d.w != nil {
		d.w.Reset(out)
		return d.w, nil
	}
	var err error
	d.w, err = flate.NewWriter(out, zipLevel)
	return d.w, err
}
