package testlog

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"

	"selfaudit/internal/testpki"
)

// Hybrid is an RFC 6962 log that also serves data tiles, without leaf_index, as some operators do.
type Hybrid struct {
	Capture string // folder of captured answers
	Tiles   string // folder of the same log as an archive: tile/data, issuer, checkpoint
}

// NewHybrid writes the log in both forms below dir.
func NewHybrid(dir string, key *testpki.Key, origin string, entries []Entry, timestampMS uint64) (Hybrid, error) {
	h := Hybrid{Capture: filepath.Join(dir, "capture"), Tiles: filepath.Join(dir, "tiles")}
	capture, err := NewCapture(h.Capture, CaptureOptions{Key: key})
	if err != nil {
		return h, err
	}
	tiles, err := NewStatic(h.Tiles, StaticOptions{Key: key, Origin: origin, LeafIndex: func(uint64) []byte { return nil }})
	if err != nil {
		return h, err
	}
	for _, e := range entries {
		if _, err := capture.Add(e); err != nil {
			return h, err
		}
		if _, err := tiles.Add(e); err != nil {
			return h, err
		}
	}
	if err := capture.Publish(timestampMS); err != nil {
		return h, err
	}
	return h, tiles.Publish(timestampMS)
}

// Serve returns the read side: data tiles, gzipped if compress, and everything of RFC 6962. There is no checkpoint, no hash tile and, unless
// issuers, no issuer file.
func (h Hybrid) Serve(compress, issuers bool) (http.Handler, error) {
	capture, err := ServeCapture(h.Capture)
	if err != nil {
		return nil, err
	}
	tiles := ServeStatic(h.Tiles, compress)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case strings.HasPrefix(r.URL.Path, "/tile/data/"), issuers && strings.HasPrefix(r.URL.Path, "/issuer/"):
			tiles.ServeHTTP(w, r)
		case strings.HasPrefix(r.URL.Path, "/ct/"):
			capture.ServeHTTP(w, r)
		default:
			http.NotFound(w, r)
		}
	}), nil
}

// Compress gzips every data tile of a static-ct folder on disk, as mirrors and archives hold them.
func Compress(dir string) error {
	return filepath.WalkDir(filepath.Join(dir, "tile", "data"), func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		return editFile(path, func(b []byte) ([]byte, error) { return gzipped(b), nil })
	})
}
