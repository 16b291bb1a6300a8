package main

import (
	"bytes"
	stdgzip "compress/gzip"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/klauspost/compress/gzip"

	"selfaudit/sampler/ct"
)

// inflateSection compares inflaters over the gzipped data tiles of the harvested log.
func inflateSection(b *bench) error {
	dir := filepath.Join(b.dir, "inflate")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if _, err := b.child("prepare-log", spec{Dir: dir, N: b.size}); err != nil {
		return err
	}
	lines := []contender{
		{label: "compress/gzip of Go", child: "inflate-std", spec: spec{Dir: dir, N: b.size}},
		{label: "klauspost/compress/gzip v1.20.3", child: "inflate-klauspost", spec: spec{Dir: dir, N: b.size}},
	}
	if err := b.compete(lines); err != nil {
		return err
	}
	for _, c := range lines {
		for _, m := range c.samples {
			if m.Found != lines[0].samples[0].Found {
				return fmt.Errorf("%s: %d bytes, another one has %d", c.label, m.Found, lines[0].samples[0].Found)
			}
		}
	}
	b.write(fmt.Sprintf("inflate: the data tiles of %s entries, one core, one reader and one buffer used again", group(int64(b.size))), "entry", "entries", lines)
	return nil
}

// resetReader is a gzip reader of either package.
type resetReader interface {
	io.Reader
	Reset(io.Reader) error
}

func inflateStd(s spec) (sample, error) { return inflate(s, new(stdgzip.Reader)) }

func inflateKlauspost(s spec) (sample, error) { return inflate(s, new(gzip.Reader)) }

// inflateRepeats is how often the tiles are gone through: enough for the clock.
const inflateRepeats = 10

func inflate(s spec, z resetReader) (sample, error) {
	var tiles [][]byte
	for n := range s.N / ct.TileWidth {
		raw, err := os.ReadFile(filepath.Join(s.Dir, "static", filepath.FromSlash(ct.TilePath("data", uint64(n), ct.TileWidth))))
		if err != nil {
			return sample{}, err
		}
		var b bytes.Buffer
		w := stdgzip.NewWriter(&b)
		if _, err := w.Write(raw); err != nil {
			return sample{}, err
		}
		if err := w.Close(); err != nil {
			return sample{}, err
		}
		tiles = append(tiles, b.Bytes())
	}
	return measure(s, func() (work, found int64, err error) {
		var src bytes.Reader
		var out bytes.Buffer
		for range inflateRepeats {
			for _, tile := range tiles {
				src.Reset(tile)
				out.Reset()
				if err := z.Reset(&src); err != nil {
					return 0, 0, err
				}
				if _, err := out.ReadFrom(z); err != nil {
					return 0, 0, err
				}
				work, found = work+ct.TileWidth, found+int64(out.Len())
			}
		}
		return work, found, nil
	})
}
