package sampler_test

import (
	"bytes"
	"strings"
	"testing"

	"selfaudit/sampler"
)

func notProvenRows(t testing.TB) []sampler.NotProven {
	t.Helper()
	item, err := sampler.ParseItemID(strings.Repeat("ab", 32) + ":04ff")
	if err != nil {
		t.Fatal(err)
	}
	return []sampler.NotProven{
		{Item: item, Cert: sampler.CertHash{1}, LogID: sampler.NoLog, Outcome: sampler.SCTUnreadable, Detail: ""},
		{Item: item, Cert: sampler.CertHash{1}, LogID: logID, Outcome: sampler.SCTNoEntry, Detail: "SCT 1: a\tb\nc \x1b[31m ünï"},
		{Item: item, Cert: sampler.CertHash{1}, LogID: logID, Outcome: sampler.SCTInvalid, Detail: strings.Repeat("x ", 5000)},
		{Item: item, Cert: sampler.CertHash{2}, LogID: sampler.NoLog, Outcome: sampler.SCTNone, Detail: "the certificate has no SCT"},
	}
}

func TestNotProven(t *testing.T) {
	var b bytes.Buffer
	w := sampler.NewNotProvenWriter(&b)
	rows := notProvenRows(t)
	for _, row := range rows {
		if err := w.Write(row); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Write(rows[3]); err == nil {
		t.Error("a line was written twice")
	}
	if err := w.Flush(); err != nil || w.Count() != 4 || w.Hash() != sampler.HashDoc(b.Bytes()) {
		t.Errorf("%d lines, hash %s: %v", w.Count(), w.Hash(), err)
	}
	written := b.String()
	var again []sampler.NotProven
	if err := sampler.ReadNotProven(&b, func(n sampler.NotProven) error { again = append(again, n); return nil }); err != nil {
		t.Fatal(err)
	}
	if len(again) != 4 || again[0].Detail != "-" || again[1].Detail != "SCT 1: a b c [31m n" || len(again[2].Detail) > 1000 {
		t.Errorf("%+v", again)
	}
	for name, change := range map[string]func(text string) string{
		"neither yes nor no": func(text string) string { return strings.Replace(text, "\tno\t", "\tmaybe\t", 1) },
		"proven in one line": func(text string) string { return strings.Replace(text, "\tno\t", "\tyes\t", 1) },
		"as it was before":   func(text string) string { return strings.Replace(text, "\tno\t", "\t", 1) },
	} {
		text := change(written)
		if err := sampler.ReadNotProven(strings.NewReader(text), func(sampler.NotProven) error { return nil }); err == nil || text == written {
			t.Errorf("%s: read", name)
		}
	}
	rows[3].Proven = true
	w = sampler.NewNotProvenWriter(&b)
	if err := w.Write(rows[2]); err != nil {
		t.Fatal(err)
	}
	if err := w.Write(rows[3]); err == nil {
		t.Error("an item was written as proven and not proven")
	}
	bad := rows[0]
	bad.Outcome = sampler.SCTProven
	if err := sampler.NewNotProvenWriter(&b).Write(bad); err == nil {
		t.Error("a proven SCT is not proven")
	}
}

func FuzzReadNotProven(f *testing.F) {
	var b bytes.Buffer
	w := sampler.NewNotProvenWriter(&b)
	for _, row := range notProvenRows(f) {
		if err := w.Write(row); err != nil {
			f.Fatal(err)
		}
	}
	if err := w.Flush(); err != nil {
		f.Fatal(err)
	}
	f.Add(b.Bytes())
	f.Add(b.Bytes()[:100])
	f.Fuzz(func(t *testing.T, text []byte) {
		var out bytes.Buffer
		w := sampler.NewNotProvenWriter(&out)
		if sampler.ReadNotProven(bytes.NewReader(text), w.Write) != nil {
			return
		}
		if err := w.Flush(); err != nil || !bytes.Equal(out.Bytes(), text) {
			t.Errorf("what was read is written as %q (%v), not as %q", out.Bytes(), err, text)
		}
	})
}
