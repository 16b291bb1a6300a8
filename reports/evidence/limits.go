package evidence

import "fmt"

// Limits bound what Verify reads of a package, so that a hostile one costs bounded
// time and memory. The zero value of a field means its default.
type Limits struct {
	Files int   // number of files in the package
	File  int64 // uncompressed bytes of one file
	Total int64 // uncompressed bytes of all files
	// Ratio is the highest uncompressed/compressed quotient in a zip, of one file and of
	// all files together, each above ratioFree. The most repetitive large document that
	// Seal packs, lint results, stays under 80.
	Ratio int64
}

// defaultLimits fit an audit of two million sampled certificates and precertificates, or a
// population of a hundred million items.
var defaultLimits = Limits{Files: 4_000_000, File: 64 * gib, Total: 256 * gib, Ratio: 250}

// ratioFree is the size up to which data may compress as well as it likes: a certificate
// with a name of a million equal letters is legitimate evidence, and so much memory is
// nothing that a bomb could be made of.
const ratioFree = 64 * mib

func (l Limits) withDefaults() Limits {
	if l.Files == 0 {
		l.Files = defaultLimits.Files
	}
	if l.File == 0 {
		l.File = defaultLimits.File
	}
	if l.Total == 0 {
		l.Total = defaultLimits.Total
	}
	if l.Ratio == 0 {
		l.Ratio = defaultLimits.Ratio
	}
	return l
}

// budget counts a package's files against the limits.
type budget struct {
	limits     Limits
	files      int
	total      int64
	compressed int64 // of the files in a zip
}

// add accounts for one file of the given uncompressed size. compressed is its size in
// the zip, or -1 outside one.
func (b *budget) add(name string, size, compressed int64) error {
	b.files++
	if b.files > b.limits.Files {
		return fmt.Errorf("more than %d files", b.limits.Files)
	}
	if size < 0 || size > b.limits.File {
		return fmt.Errorf("%s: %d bytes, at most %d are allowed", name, size, b.limits.File)
	}
	if b.total > b.limits.Total-size {
		return fmt.Errorf("more than %d bytes in all files together", b.limits.Total)
	}
	b.total += size
	if compressed < 0 {
		return nil
	}
	b.compressed += compressed
	if b.bomb(size, compressed) {
		return fmt.Errorf("%s: %d bytes compressed to %d, more than %d to 1: a zip bomb", name, size, compressed, b.limits.Ratio)
	}
	return nil
}

// end judges the files of a zip together: many small files can be a bomb too.
func (b *budget) end() error {
	if b.bomb(b.total, b.compressed) {
		return fmt.Errorf("%d bytes in %d files compressed to %d, more than %d to 1: a zip bomb", b.total, b.files, b.compressed, b.limits.Ratio)
	}
	return nil
}

func (b *budget) bomb(size, compressed int64) bool {
	return size > ratioFree && size/b.limits.Ratio > compressed
}
