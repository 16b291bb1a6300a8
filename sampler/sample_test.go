package sampler

import (
	"bytes"
	"strings"
	"testing"
)

func TestSampleVectors(t *testing.T) {
	for _, vector := range []string{"tv1", "tv2"} {
		raw := vectorFile(t, vector, "sample.tsv")
		rows, err := ParseSample(raw)
		if err != nil {
			t.Fatalf("%s: %v", vector, err)
		}
		if got := FormatSample(rows); !bytes.Equal(got, raw) {
			t.Errorf("%s: not written as it was read", vector)
		}
	}
}

func TestParseSampleRefuses(t *testing.T) {
	lines := strings.SplitAfter(string(vectorFile(t, "tv1", "sample.tsv")), "\n")
	doc := func(lines ...string) string { return strings.Join(lines, "") }
	sub := func(line, from, to string) string {
		out := strings.Replace(line, from, to, 1)
		if out == line {
			t.Fatalf("%q is not in %q", from, line)
		}
		return out
	}
	for name, bad := range map[string]string{
		"empty":                 "",
		"no header":             doc(lines[1:]...),
		"sample after reserve":  doc(lines[0], lines[1], sub(lines[2], "sample", "reserve"), sub(lines[3], "reserve", "sample")),
		"no sample":             doc(lines[0], sub(lines[1], "sample", "reserve")),
		"unknown role":          doc(lines[0], sub(lines[1], "sample", "chosen")),
		"starts at 2":           doc(lines[0], lines[2]),
		"gap in ranks":          doc(lines[0], lines[1], lines[3]),
		"rank with zero":        doc(lines[0], sub(lines[1], "\t1\t", "\t01\t")),
		"tickets descending":    doc(lines[0], sub(lines[2], "\t2\t", "\t1\t"), sub(lines[1], "\t1\t", "\t2\t")),
		"item twice":            doc(lines[0], lines[1], sub(lines[1], "\t1\t", "\t2\t")),
		"CR":                    doc(lines[0], sub(lines[1], "\n", "\r\n")),
		"five fields":           doc(lines[0], sub(lines[1], "\tsample", "")),
		"leading 00 in serial":  doc(lines[0], sub(lines[1], ":", ":00")),
		"blank line at the end": doc(lines[0], lines[1], "\n"),
	} {
		if rows, err := ParseSample([]byte(bad)); err == nil {
			t.Errorf("%s: accepted as %v", name, rows)
		}
	}
	if rows, err := ParseSample([]byte(lines[0])); err != nil || len(rows) != 0 {
		t.Errorf("empty sample: %v, %v", rows, err)
	}
}

func FuzzParseSample(f *testing.F) {
	f.Add(vectorFile(f, "tv1", "sample.tsv"))
	f.Fuzz(func(t *testing.T, b []byte) {
		rows, err := ParseSample(b)
		if err == nil && !bytes.Equal(FormatSample(rows), b) {
			t.Fatalf("%q written as %q", b, FormatSample(rows))
		}
	})
}
