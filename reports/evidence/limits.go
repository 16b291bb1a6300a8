package evidence

import "fmt"

// Limits bound what Verify reads of a package, so that a hostile one costs bounded
// time and memory. The zero value of a field means its default.
type Limits struct {
	Files int   // number of files in the package
	File  int64 // uncompressed bytes of one file
	Total int64 // uncompressed bytes of all files
	// Ratio is the highest uncompressed/compressed quotient of one file in a zip over
	// 1 MiB. The most repetitive document that Seal packs, lint results, stays under 80.
	Ratio int64
}

// defaultLimits fit an audit of two million sampled certificates and precertificates, or a
// population of a hundred million items.
var defaultLimits = Limits{Files: 4_000_000, File: 64 * gib, Total: 256 * gib, Ratio: 250}

// ratioFree is the size up to which a file may be compressed as well as it may.
const ratioFree = mib

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
	limits Limits
	files  int
	total  int64
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
	if compressed >= 0 && size > ratioFree && size/b.limits.Ratio > compressed {
		return fmt.Errorf("%s: %d bytes compressed to %d, more than %d to 1: a zip bomb", name, size, compressed, b.limits.Ratio)
	}
	return nil
}
