package sampler

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"time"
)

var outsideTestLog = strings.Repeat("ab", 32)

func outsideOf(serial string, v Verdict, source OutsideSource, entry uint64) Outside {
	return Outside{Item: ItemID{Issuer: KeyHash{1}, Serial: Serial(serial)}, Verdict: v, Issued: time.Date(2026, 4, 1, 0, 0, 0, 0, time.UTC), Source: source, Entry: entry}
}

func readOutside(text string) (list []Outside, r *OutsideReader, err error) {
	r = NewOutsideReader(strings.NewReader(text))
	for {
		o, err := r.Next()
		if errors.Is(err, io.EOF) {
			return list, r, nil
		}
		if err != nil {
			return nil, r, err
		}
		list = append(list, o)
	}
}

// someOutside has every verdict and every source.
func someOutside() []Outside {
	log, proven := OutsideLog(outsideTestLog), OutsideProvenSCT(outsideTestLog)
	never := outsideOf("05", TooOld, OutsideFiles, 0)
	never.Issued = time.Time{}
	return []Outside{
		outsideOf("-01", Waiting, OutsideFiles, 0),
		outsideOf("01", Waiting, log, 10), outsideOf("01", Waiting, log, 9), // as bytes
		outsideOf("01", Waiting, OutsideIndex, 0), outsideOf("01", Waiting, OutsideFiles, 0), outsideOf("01", Waiting, OutsideRecords, 0),
		outsideOf("01", Waiting, OutsideSCT, 0), outsideOf("01", Waiting, proven, 0),
		outsideOf("01ab", Carried, log, 1<<64-1),
		outsideOf("02", TooOld, OutsideEarlier, 0),
		outsideOf("03", TooOld, OutsideSCT, 0),
		outsideOf("04", Predated, log, 0),
		never,
	}
}

func writeOutside(list []Outside) (string, *OutsideWriter, error) {
	var b bytes.Buffer
	w := NewOutsideWriter(&b)
	for _, o := range list {
		if err := w.Write(o); err != nil {
			return "", w, err
		}
	}
	err := w.Flush()
	return b.String(), w, err
}

func TestOutside(t *testing.T) {
	want := someOutside()
	text, w, err := writeOutside(want)
	if err != nil {
		t.Fatal(err)
	}
	got, r, err := readOutside(text)
	if err != nil || len(got) != len(want) {
		t.Fatalf("%v, %v", got, err)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("line %d is %+v, want %+v", i, got[i], want[i])
		}
	}
	if said := w.Describe(); said.SHA256 != HashDoc([]byte(text)) || said.SHA256 != r.Hash() || said.Lines != int64(len(want)) || r.Count() != said.Lines {
		t.Errorf("described as %+v, read %d lines with %s", said, r.Count(), r.Hash())
	}
	if err := w.Write(want[0]); err == nil || w.Flush() == nil {
		t.Error("a line out of order is written")
	}
}

func TestOutsideWriterRefuses(t *testing.T) {
	first := outsideOf("01", Waiting, OutsideFiles, 0)
	for name, next := range map[string]Outside{
		"serial":          outsideOf("2", Waiting, OutsideFiles, 0),
		"verdict":         outsideOf("02", Current, OutsideFiles, 0),
		"source":          outsideOf("02", Waiting, "else", 0),
		"log id":          outsideOf("02", Waiting, OutsideLog(strings.Repeat("AB", 32)), 0),
		"SCT of no log":   outsideOf("02", Waiting, OutsideProvenSCT("ab"), 0),
		"entry of a file": outsideOf("02", Waiting, OutsideFiles, 1),
		"twice":           first,
		"order":           outsideOf("01", Waiting, OutsideIndex, 0),
		"another verdict": outsideOf("01", Carried, OutsideRecords, 0),
		"no time":         {Item: outsideOf("02", Waiting, "", 0).Item, Verdict: Waiting, Source: OutsideFiles},
		"another time":    {Item: first.Item, Verdict: Waiting, Issued: first.Issued.Add(time.Second), Source: OutsideRecords},
	} {
		if _, _, err := writeOutside([]Outside{first, next}); err == nil {
			t.Errorf("%s: %+v is written after %+v", name, next, first)
		}
	}
	if _, _, err := writeOutside([]Outside{outsideOf("01", TooOld, OutsideFiles, 0), outsideOf("01", TooOld, OutsideRecords, 0)}); err == nil {
		t.Error("an item that never enters has two lines")
	}
	old := outsideOf("01", TooOld, OutsideFiles, 0)
	old.Issued = time.Date(0, 5, 1, 0, 0, 0, 0, time.UTC)
	if text, _, err := writeOutside([]Outside{old}); err != nil || !strings.HasSuffix(text, "\ttoo-old\t-\tfiles\t-\n") {
		t.Errorf("a time that the format cannot hold: %q, %v", text, err)
	}
}

func TestOutsideReaderRefuses(t *testing.T) {
	item := strings.Repeat("01", 32) + ":02"
	const when = "\t2026-04-01T00:00:00Z\t"
	line := item + "\twaiting" + when + outsideTestLog + "\t7\n"
	if _, _, err := readOutside(outsideHeader + line); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"empty":           "",
		"no header":       line,
		"pairings'":       pairingsHeader + line,
		"no LF":           strings.TrimSuffix(outsideHeader+line, "\n"),
		"twice":           outsideHeader + line + line,
		"verdict":         outsideHeader + strings.Replace(line, "waiting", "too_old", 1),
		"no time":         outsideHeader + strings.Replace(line, when, "\t-\t", 1),
		"bad time":        outsideHeader + strings.Replace(line, "04-01", "04-31", 1),
		"the zero time":   outsideHeader + strings.Replace(line, "waiting\t2026-04-01", "too-old\t0001-01-01", 1),
		"no entry":        outsideHeader + strings.Replace(line, "\t7\n", "\t-\n", 1),
		"leading zero":    outsideHeader + strings.Replace(line, "\t7\n", "\t07\n", 1),
		"plus":            outsideHeader + strings.Replace(line, "\t7\n", "\t+7\n", 1),
		"too large":       outsideHeader + strings.Replace(line, "\t7\n", "\t18446744073709551616\n", 1),
		"entry of a file": outsideHeader + strings.Replace(line, outsideTestLog, "files", 1),
		"four fields":     outsideHeader + strings.Replace(line, "\t7\n", "\n", 1),
		"six fields":      outsideHeader + strings.Replace(line, "\n", "\t-\n", 1),
		"CR":              outsideHeader + strings.Replace(line, "\n", "\r\n", 1),
		"upper case":      outsideHeader + strings.Replace(line, outsideTestLog, strings.ToUpper(outsideTestLog), 1),
		"blank line":      outsideHeader + line + "\n",
		"endless":         outsideHeader + strings.Repeat("a", 1<<17),
		"serial":          outsideHeader + strings.Replace(line, ":02", ":0002", 1),
	} {
		if got, _, err := readOutside(text); err == nil {
			t.Errorf("%s: read as %+v", name, got)
		}
	}
}

// TestOutsideSorted holds the order of the lines against that of their bytes, which is that
// of LC_ALL=C sort.
func TestOutsideSorted(t *testing.T) {
	text, _, err := writeOutside(someOutside())
	if err != nil {
		t.Fatal(err)
	}
	if lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n"); !slices.IsSorted(lines) {
		t.Errorf("not in the order of the bytes:\n%s", text)
	}
}

func TestOutsideSource(t *testing.T) {
	for source, want := range map[OutsideSource]struct {
		log      string
		read, ct bool
	}{
		OutsideFiles: {}, OutsideRecords: {}, OutsideIndex: {}, OutsideEarlier: {}, OutsideOwn: {}, OutsideSCT: {"", false, true},
		OutsideLog(outsideTestLog):       {outsideTestLog, true, true},
		OutsideProvenSCT(outsideTestLog): {outsideTestLog, false, true},
	} {
		if log, read := source.Log(); log != want.log || read != want.read || source.CT() != want.ct {
			t.Errorf("%s: log %q, read %v, CT %v", source, log, read, source.CT())
		}
	}
}

func TestOutsideLost(t *testing.T) {
	other := strings.Repeat("cd", 32)
	excluded := func(id string) bool { return id == outsideTestLog }
	for name, c := range map[string]struct {
		sources []OutsideSource
		audited bool
		want    bool
	}{
		"file":                         {[]OutsideSource{OutsideFiles}, true, true},
		"records":                      {[]OutsideSource{OutsideRecords}, true, true},
		"excluded log":                 {[]OutsideSource{OutsideLog(outsideTestLog)}, true, false},
		"excluded log, SCTs of others": {[]OutsideSource{OutsideLog(outsideTestLog), OutsideSCT, OutsideProvenSCT(other)}, true, false},
		"excluded log and another":     {[]OutsideSource{OutsideLog(outsideTestLog), OutsideLog(other)}, true, true},
		"excluded log and file":        {[]OutsideSource{OutsideLog(outsideTestLog), OutsideFiles}, true, true},
		"SCT of an excluded log":       {[]OutsideSource{OutsideProvenSCT(outsideTestLog)}, true, true},
		"issuer gone":                  {[]OutsideSource{OutsideFiles}, false, false},
	} {
		var lines []Outside
		for _, s := range c.sources {
			lines = append(lines, outsideOf("01", Carried, s, 0))
		}
		if got := OutsideLost(lines, c.audited, excluded); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestSnapshotOutside(t *testing.T) {
	for name, o := range map[string]*SnapshotOutside{
		"lines": {Lines: -1}, "carried": {Carried: -1, Previous: "a"}, "name": {Previous: "../a"}, "carried from nowhere": {Carried: 1},
	} {
		if o.check() == nil {
			t.Errorf("%s is taken", name)
		}
	}
	if err := (&SnapshotOutside{Lines: 2, Carried: 1, Previous: "a"}).check(); err != nil {
		t.Error(err)
	}
}

// FuzzOutside reads anything; what is accepted is written back byte for byte.
func FuzzOutside(f *testing.F) {
	text, _, err := writeOutside(someOutside())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	f.Add(outsideHeader)
	f.Fuzz(func(t *testing.T, text string) {
		list, _, err := readOutside(text)
		if err != nil {
			return
		}
		again, _, err := writeOutside(list)
		if err != nil || again != text {
			t.Fatalf("written back as %q (%v)", again, err)
		}
	})
}
