package evidence

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"sort"
	"strings"

	"selfaudit/sampler"
)

// Names of a bag's tag files (RFC 8493 section 2).
const (
	fileBagIt       = "bagit.txt"
	fileBagInfo     = "bag-info.txt"
	fileManifest    = "manifest-sha256.txt"
	fileTagManifest = "tagmanifest-sha256.txt"
	payloadFolder   = "data"
	sealFolder      = "seal"
)

// bagDeclaration is the whole of bagit.txt (RFC 8493 section 2.1.1).
const bagDeclaration = "BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n"

// manifestEntry is one line of a manifest: a file's SHA-256 and its path in the bag.
type manifestEntry struct {
	hash sampler.DocHash
	path string
}

// formatManifest renders lines `<64 hex><two spaces><path>`, ascending by path bytes.
// The form is that of sha256sum, which checks it as it stands. Paths have passed
// checkPath, so RFC 8493's percent encoding of LF, CR and % never applies.
func formatManifest(entries []manifestEntry) []byte {
	sorted := append([]manifestEntry(nil), entries...)
	sort.Slice(sorted, func(i, j int) bool { return sorted[i].path < sorted[j].path })
	var b bytes.Buffer
	for _, e := range sorted {
		b.WriteString(e.hash.String())
		b.WriteString("  ")
		b.WriteString(e.path)
		b.WriteByte('\n')
	}
	return b.Bytes()
}

// parseManifest is the inverse of formatManifest and accepts nothing else: for every
// accepted input, formatManifest gives the same bytes back. RFC 8493 allows more
// (upper-case digits, any white space, "*" before the path, any order); a package that
// uses it was not written by Seal.
func parseManifest(raw []byte) ([]manifestEntry, error) {
	var out []manifestEntry
	previous := ""
	for n := 1; len(raw) > 0; n++ {
		line, rest, found := bytes.Cut(raw, []byte("\n"))
		if !found {
			return nil, fmt.Errorf("line %d: no line feed at the end", n)
		}
		raw = rest
		const hexLen = 2 * 32
		if len(line) < hexLen+3 || string(line[hexLen:hexLen+2]) != "  " {
			return nil, fmt.Errorf("line %d: not 64 hex digits, two spaces and a path", n)
		}
		digits := string(line[:hexLen])
		if !isHex64(digits) {
			return nil, fmt.Errorf("line %d: not 64 lower-case hex digits", n)
		}
		e := manifestEntry{path: string(line[hexLen+2:])}
		if _, err := hex.Decode(e.hash[:], []byte(digits)); err != nil {
			return nil, fmt.Errorf("line %d: %w", n, err)
		}
		if err := checkPath(e.path); err != nil {
			return nil, fmt.Errorf("line %d: %w", n, err)
		}
		if e.path <= previous {
			return nil, fmt.Errorf("line %d: %q is not after %q", n, e.path, previous)
		}
		previous = e.path
		out = append(out, e)
	}
	return out, nil
}

// isPayload says whether a path in the bag is covered by the payload manifest.
func isPayload(path string) bool { return strings.HasPrefix(path, payloadFolder+"/") }
