package sampler

import (
	"bytes"
	"io"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func vectorFile(t testing.TB, vector, name string) []byte {
	t.Helper()
	b, err := os.ReadFile("../testdata/draw-vectors/" + vector + "/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func readPopulation(b []byte) (rows []Row, hash DocHash, err error) {
	r := NewPopulationReader(bytes.NewReader(b))
	for {
		row, err := r.Next()
		if err == io.EOF {
			return rows, r.Hash(), nil
		} else if err != nil {
			return rows, DocHash{}, err
		}
		rows = append(rows, row)
	}
}

func writePopulation(rows []Row) ([]byte, DocHash, error) {
	var b bytes.Buffer
	w := NewPopulationWriter(&b)
	for _, row := range rows {
		if err := w.Write(row); err != nil {
			return nil, DocHash{}, err
		}
	}
	err := w.Flush()
	return b.Bytes(), w.Hash(), err
}

func TestPopulationVectors(t *testing.T) {
	for vector, want := range map[string]string{
		"tv1": "7c520defacf20c6e26102be88c51fed48db7f2aa2c27bd306493e457d8865a40",
		"tv2": "e65fa58ad3f9d67ce18ce71511caab9d1b1c8c15f9b29e950d069f1ce546ad01",
	} {
		raw := vectorFile(t, vector, "population.tsv")
		rows, hash, err := readPopulation(raw)
		if err != nil {
			t.Fatalf("%s: %v", vector, err)
		}
		if hash.String() != want {
			t.Errorf("%s: hash %s, want %s", vector, hash, want)
		}
		out, hash, err := writePopulation(rows)
		if err != nil || !bytes.Equal(out, raw) || hash.String() != want {
			t.Errorf("%s: not written as it was read (hash %s, %v)", vector, hash, err)
		}
	}
}

func TestPopulationRefuses(t *testing.T) {
	good := strings.Split(strings.TrimSuffix(string(vectorFile(t, "tv1", "population.tsv")), "\n"), "\n")[:4]
	edit := func(line int, from, to string) string {
		out := slices.Clone(good)
		out[line] = strings.Replace(out[line], from, to, 1)
		if out[line] == good[line] {
			t.Fatalf("%q is not in line %d", from, line+1)
		}
		return strings.Join(out, "\n") + "\n"
	}
	field := func(n int, to string) string {
		out := slices.Clone(good)
		f := strings.Split(out[2], "\t")
		f[n] = to
		out[2] = strings.Join(f, "\t")
		return strings.Join(out, "\n") + "\n"
	}
	if _, _, err := readPopulation([]byte(strings.Join(good, "\n") + "\n")); err != nil {
		t.Fatal(err)
	}
	for name, bad := range map[string]string{
		"empty file":        "",
		"no header":         strings.Join(good[1:], "\n") + "\n",
		"other version":     edit(0, "-v1", "-v2"),
		"CR in header":      edit(0, "not_after", "not_after\r"),
		"CR in a row":       field(6, "2023-01-01T00:00:00Z\r"),
		"no last LF":        strings.Join(good, "\n"),
		"blank line":        strings.Join(good, "\n") + "\n\n",
		"descending":        strings.Join([]string{good[0], good[2], good[1]}, "\n") + "\n",
		"duplicate":         strings.Join([]string{good[0], good[1], good[1]}, "\n") + "\n",
		"six fields":        edit(2, "\tfinal", ""),
		"eight fields":      field(6, "-\t-"),
		"leading 00":        edit(2, ":", ":00"),
		"other issuer":      field(1, keyA[1:]+"0/dv"),
		"unknown class":     field(1, keyA+"/tls"),
		"unknown form":      field(2, "leaf"),
		"upper-case hash":   field(3, strings.Repeat("A", 64)),
		"short hash":        field(3, strings.Repeat("a", 63)),
		"issued -":          field(4, "-"),
		"issued fraction":   field(4, "2023-01-01T00:00:00.5Z"),
		"empty validity":    field(5, ""),
		"bad validity":      field(6, "2023-02-30T00:00:00Z"),
		"not ASCII":         field(2, "final\xc2\xa0"),
		"overlong line":     field(2, strings.Repeat("f", 2000)),
		"very long line":    field(2, strings.Repeat("f", 200000)),
		"BOM":               "\xef\xbb\xbf" + strings.Join(good, "\n") + "\n",
		"second header":     strings.Join([]string{good[0], good[0], good[1]}, "\n") + "\n",
		"control character": field(6, "-\x00"),
	} {
		if _, _, err := readPopulation([]byte(bad)); err == nil {
			t.Errorf("%s: accepted", name)
		} else if !strings.Contains(err.Error(), "population.tsv: line ") {
			t.Errorf("%s: error names no line: %v", name, err)
		}
	}
}

func TestPopulationReaderErrorStays(t *testing.T) {
	r := NewPopulationReader(strings.NewReader("x\n"))
	_, first := r.Next()
	_, second := r.Next()
	if first == nil || second != first {
		t.Errorf("errors %v, then %v", first, second)
	}
}

func TestPopulationWriterRefuses(t *testing.T) {
	key := KeyHash{1}
	good := Row{Item: ItemID{key, "02"}, Stratum: StratumID{Issuer: key, Class: ClassDV}, Form: FormFinal, Issued: time.Unix(1700000000, 0)}
	for name, change := range map[string]func(*Row){
		"descending":      func(r *Row) { r.Item.Serial = "01" },
		"duplicate":       func(*Row) {},
		"bad serial":      func(r *Row) { r.Item.Serial = "0003" },
		"empty serial":    func(r *Row) { r.Item.Serial = "" },
		"long serial":     func(r *Row) { r.Item.Serial = Serial(strings.Repeat("ab", 129)) },
		"other issuer":    func(r *Row) { r.Item.Serial, r.Stratum.Issuer = "03", KeyHash{2} },
		"no class":        func(r *Row) { r.Item.Serial, r.Stratum.Class = "03", "" },
		"bad label":       func(r *Row) { r.Item.Serial, r.Stratum.Label = "03", "a\tb" },
		"no form":         func(r *Row) { r.Item.Serial, r.Form = "03", "" },
		"no issued":       func(r *Row) { r.Item.Serial, r.Issued = "03", time.Time{} },
		"issued too late": func(r *Row) { r.Item.Serial, r.Issued = "03", time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC) },
	} {
		row := good
		change(&row)
		if _, _, err := writePopulation([]Row{good, row}); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func TestEmptyPopulation(t *testing.T) {
	b, hash, err := writePopulation(nil)
	if err != nil || string(b) != populationHeader || hash != HashDoc(b) {
		t.Fatalf("%q, %s, %v", b, hash, err)
	}
	if rows, _, err := readPopulation(b); err != nil || len(rows) != 0 {
		t.Errorf("%d rows, %v", len(rows), err)
	}
}

func TestPopulationRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rows := genRows().Draw(t, "rows")
		b, hash, err := writePopulation(rows)
		if err != nil {
			t.Fatal(err)
		}
		back, readHash, err := readPopulation(b)
		if err != nil {
			t.Fatal(err)
		}
		if readHash != hash || hash != HashDoc(b) {
			t.Fatalf("hashes %s, %s, want %s", hash, readHash, HashDoc(b))
		}
		if !slices.Equal(back, rows) {
			t.Fatalf("read back as\n%v, want\n%v", back, rows)
		}
	})
}

// genRows draws valid population rows, ascending and without duplicates.
func genRows() *rapid.Generator[[]Row] {
	return rapid.Custom(func(t *rapid.T) []Row {
		ids := rapid.SliceOfDistinct(genItemID(), func(id ItemID) ItemID { return id }).Draw(t, "items")
		slices.SortFunc(ids, ItemID.Compare)
		second := rapid.Int64Range(-1000000000, 9000000000)
		rows := make([]Row, len(ids))
		for i, id := range ids {
			rows[i] = Row{
				Item:    id,
				Stratum: genStratumID(id.Issuer).Draw(t, "stratum"),
				Form:    rapid.SampledFrom([]Form{FormFinal, FormPrecert}).Draw(t, "form"),
				Cert:    HashCert([]byte(id.String())),
				Issued:  time.Unix(second.Draw(t, "issued"), 0).UTC(),
			}
			if rapid.Bool().Draw(t, "readable") {
				rows[i].NotBefore = time.Unix(second.Draw(t, "not before"), 0).UTC()
				rows[i].NotAfter = time.Unix(second.Draw(t, "not after"), 0).UTC()
			}
		}
		return rows
	})
}

func TestUnwritableValidityIsDash(t *testing.T) {
	key := KeyHash{1}
	row := Row{Item: ItemID{key, "02"}, Stratum: StratumID{Issuer: key, Class: ClassDV}, Form: FormFinal, Issued: time.Unix(1700000000, 0),
		NotBefore: time.Date(0, 1, 1, 0, 0, 0, 0, time.UTC), NotAfter: time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC)}
	b, _, err := writePopulation([]Row{row})
	if err != nil || !strings.HasSuffix(string(b), "\t-\t-\n") {
		t.Errorf("%q, %v", b, err)
	}
}

func FuzzPopulationReader(f *testing.F) {
	f.Add([]byte(populationHeader))
	f.Add([]byte(populationHeader + keyA + ":01\t" + keyA + "/dv\tfinal\t" + keyA + "\t2023-01-01T00:00:00Z\t-\t-\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		rows, hash, err := readPopulation(b)
		if err != nil {
			return
		}
		for _, r := range rows { // the year 1 begins with Go's zero time, which is written as "-"
			if r.Issued.Year() == 1 || r.NotBefore.Year() == 1 || r.NotAfter.Year() == 1 {
				return
			}
		}
		out, outHash, err := writePopulation(rows)
		if err != nil || !bytes.Equal(out, b) || outHash != hash {
			t.Fatalf("%q written as %q (%v)", b, out, err)
		}
	})
}
