package sampler

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
)

func pairingOf(serial string, form Form, cert, key byte) Pairing {
	p := Pairing{Item: ItemID{Issuer: KeyHash{1}, Serial: Serial(serial)}, Form: form, Cert: CertHash{cert}}
	if key != 0 {
		p.Key = [32]byte{key}
	}
	return p
}

func readPairings(text string) (list []Pairing, r *PairingReader, err error) {
	r = NewPairingReader(strings.NewReader(text))
	for {
		p, err := r.Next()
		if errors.Is(err, io.EOF) {
			return list, r, nil
		}
		if err != nil {
			return nil, r, err
		}
		list = append(list, p)
	}
}

func TestPairings(t *testing.T) {
	want := []Pairing{pairingOf("01", FormFinal, 2, 3), pairingOf("01", FormPrecert, 1, 3), pairingOf("01", FormPrecert, 2, 0), pairingOf("02", FormFinal, 1, 1)}
	var b bytes.Buffer
	w := NewPairingWriter(&b)
	for _, p := range want {
		if err := w.Write(p); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	got, r, err := readPairings(b.String())
	if err != nil || len(got) != len(want) {
		t.Fatalf("%v, %v", got, err)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("line %d is %+v, want %+v", i, got[i], want[i])
		}
	}
	if said := w.Describe(); said.SHA256 != HashDoc(b.Bytes()) || said.SHA256 != r.Hash() || said.Lines != 4 || r.Count() != 4 {
		t.Errorf("described as %+v, read %d lines with %s", said, r.Count(), r.Hash())
	}
	if err := w.Write(want[0]); err == nil || w.Flush() == nil {
		t.Error("a line out of order is written")
	}
	for _, p := range []Pairing{pairingOf("0", FormFinal, 1, 1), pairingOf("01", "row", 1, 1)} {
		if err := NewPairingWriter(io.Discard).Write(p); err == nil {
			t.Errorf("%+v is written", p)
		}
	}
}

func TestPairingReaderRefuses(t *testing.T) {
	item := strings.Repeat("01", 32) + ":02"
	hash := strings.Repeat("ab", 32)
	line := item + "\tfinal\t" + hash + "\t" + hash + "\n"
	if _, _, err := readPairings(pairingsHeader + line); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"empty":            "",
		"no header":        line,
		"population's":     populationHeader + line,
		"no LF":            strings.TrimSuffix(pairingsHeader+line, "\n"),
		"twice":            pairingsHeader + line + line,
		"form":             pairingsHeader + strings.Replace(line, "final", "row", 1),
		"three fields":     pairingsHeader + item + "\tfinal\t" + hash + "\n",
		"five fields":      pairingsHeader + strings.Replace(line, "\n", "\t-\n", 1),
		"CR":               pairingsHeader + strings.Replace(line, "\n", "\r\n", 1),
		"upper case":       pairingsHeader + strings.ToUpper(line[:3]) + strings.Replace(line[3:], "ab", "AB", 1),
		"zero key":         pairingsHeader + item + "\tfinal\t" + hash + "\t" + strings.Repeat("0", 64) + "\n",
		"blank line":       pairingsHeader + line + "\n",
		"endless":          pairingsHeader + strings.Repeat("a", 1<<17),
		"order of forms":   pairingsHeader + strings.Replace(line, "final", "precert", 1) + line,
		"serial with zero": pairingsHeader + strings.Replace(line, ":02", ":0002", 1),
	} {
		if got, _, err := readPairings(text); err == nil {
			t.Errorf("%s: read as %+v", name, got)
		}
	}
}

// FuzzPairings reads anything; what is accepted is written back byte for byte.
func FuzzPairings(f *testing.F) {
	hash := strings.Repeat("ab", 32)
	f.Add(pairingsHeader)
	f.Add(pairingsHeader + hash + ":02\tfinal\t" + hash + "\t-\n" + hash + ":02\tprecert\t" + hash + "\t" + hash + "\n")
	f.Fuzz(func(t *testing.T, text string) {
		list, _, err := readPairings(text)
		if err != nil {
			return
		}
		var b bytes.Buffer
		w := NewPairingWriter(&b)
		for _, p := range list {
			if err := w.Write(p); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Flush(); err != nil || b.String() != text {
			t.Fatalf("written back as %q (%v)", b.String(), err)
		}
	})
}
