package corpus

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	"selfaudit/lint"
	"selfaudit/sampler"
)

func record(n int, findings ...Finding) Record {
	id, err := sampler.ParseItemID(strings.Repeat("ab", 32) + ":" + fmt.Sprintf("%04x", 0x1000+n))
	if err != nil {
		panic(err)
	}
	return Record{Item: id, Stratum: strings.Repeat("ab", 32) + "/dv", SHA256: fmt.Sprintf("%064x", n), Form: sampler.FormFinal,
		Issued: fmt.Sprintf("2026-08-%02dT00:00:00Z", 1+n), From: "-", Until: "-", Findings: findings}
}

func errorOn(rule string) Finding { return Finding{Lint: rule, Severity: lint.Error} }

func stream(id string, records ...Record) Stream {
	return Stream{id, func(fn func(Record) error) error {
		for _, r := range records {
			if err := fn(r); err != nil {
				return err
			}
		}
		return nil
	}}
}

func TestChunks(t *testing.T) {
	var b bytes.Buffer
	want := []Record{record(1, errorOn("e_a")), record(2, errorOn("e_b"), Finding{Lint: "n_c", Severity: lint.Notice, Details: "x\u2028<"})}
	if err := WriteChunk(&b, ChunkHead{Number: 3, Items: 7, Certificates: 9}, want); err != nil {
		t.Fatal(err)
	}
	var got []Record
	head, err := ReadChunk(bytes.NewReader(b.Bytes()), func(r Record) error { got = append(got, r); return nil })
	if err != nil || head != (ChunkHead{3, 7, 9, 2}) || len(got) != 2 || got[1].Findings[1].Details != "x\u2028<" {
		t.Errorf("%+v %+v, %v", head, got, err)
	}
	for n := range b.Len() {
		if _, err := ReadChunk(bytes.NewReader(b.Bytes()[:n]), nil); err == nil {
			t.Fatalf("a chunk cut to %d of %d bytes is taken", n, b.Len())
		}
	}
}

// document writes what Merge gives, as the command does.
func document(t *testing.T, h *Header, streams ...Stream) []byte {
	t.Helper()
	count := NewCounter(nil)
	if err := Merge(streams, h, func(a Affected) error { count.Add(a); return nil }); err != nil {
		t.Fatal(err)
	}
	h.Problems = count.Problems()
	out, err := Line(h)
	if err != nil {
		t.Fatal(err)
	}
	if err := Merge(streams, h, func(a Affected) error {
		line, err := Line(&a)
		out = append(out, line...)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return out
}

func header(only ...string) *Header {
	return &Header{Schema: Schema, AuditID: "q3", Mode: "audit", Only: append([]string{}, only...), Least: lint.Notice,
		Covers: []Covered{{AuditID: "q3", Items: 9, Certificates: 9}, {AuditID: "q2", Items: 9, Certificates: 9}}, Missing: []Missing{}}
}

func TestMergeAndRead(t *testing.T) {
	q3 := stream("q3", record(2, errorOn("e_a")), record(4, errorOn("e_a"), errorOn("e_b")), record(4, errorOn("e_a")))
	q3.Read = stream("", record(2, errorOn("e_a")), record(4, errorOn("e_a"), errorOn("e_b"))).Read
	q2 := stream("q2", record(1, errorOn("e_b")), record(3, Finding{Lint: "e_a", Severity: lint.Warn}), record(5, errorOn("e_a")))
	raw := document(t, header(), q3, q2)
	var order []string
	h, err := Read(bytes.NewReader(raw), func(a Affected) error {
		order = append(order, string(a.Item.Serial)+" "+a.AuditID+" "+a.Lint)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(order, "|"); got != "1001 q2 e_b|1002 q3 e_a|1003 q2 e_a|1004 q3 e_a|1004 q3 e_b|1005 q2 e_a" {
		t.Errorf("order: %s", got)
	}
	a, _ := h.Find("e_a")
	if a.Items != 4 || a.Certificates != 4 || a.Severity != lint.Error || a.FirstIssued != "2026-08-03T00:00:00Z" || a.LastIssued != "2026-08-06T00:00:00Z" {
		t.Errorf("%+v", a)
	}
	only, err := Read(bytes.NewReader(document(t, header("e_b"), q3, q2)), nil)
	if err != nil || len(only.Problems) != 1 || only.Problems[0].Items != 2 {
		t.Errorf("only e_b: %+v, %v", only, err)
	}
	lines := bytes.SplitAfter(raw, []byte("\n"))
	for name, bad := range map[string][]byte{
		"a line taken out":  bytes.Join([][]byte{lines[0], lines[2], lines[3], lines[4], lines[5], lines[6]}, nil),
		"two lines swapped": bytes.Join([][]byte{lines[0], lines[2], lines[1], lines[3], lines[4], lines[5], lines[6]}, nil),
		"cut":               raw[:len(raw)-1],
		"empty":             {},
		"an unknown audit":  bytes.ReplaceAll(raw, []byte(`"audit_id":"q2","item`), []byte(`"audit_id":"q1","item`)),
		"another schema":    bytes.Replace(raw, []byte("/v1"), []byte("/v2"), 1),
		"a count":           bytes.Replace(raw, []byte(`"items":4`), []byte(`"items":3`), 1),
		"spacing":           bytes.Replace(raw, []byte(`"lint":"e_b","severity"`), []byte(`"lint": "e_b","severity"`), 1),
	} {
		if bytes.Equal(bad, raw) {
			t.Fatalf("%s: nothing changed", name)
		}
		if _, err := Read(bytes.NewReader(bad), nil); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
	stop := errors.New("stop")
	if err := Merge([]Stream{q3, q2}, header(), func(Affected) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("an error of fn: %v", err)
	}
	broken := Stream{"q1", func(func(Record) error) error { return stop }}
	if err := Merge([]Stream{q3, broken}, header(), func(Affected) error { return nil }); !errors.Is(err, stop) {
		t.Errorf("an error of a stream: %v", err)
	}
}

func FuzzRead(f *testing.F) {
	line, err := Line(header())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(line)
	f.Fuzz(func(t *testing.T, data []byte) {
		h, err := Read(bytes.NewReader(data), nil)
		if err == nil && h.Schema != Schema {
			t.Errorf("schema %q", h.Schema)
		}
	})
}

func FuzzReadChunk(f *testing.F) {
	var b bytes.Buffer
	if err := WriteChunk(&b, ChunkHead{Number: 1, Items: 1, Certificates: 1}, []Record{record(1, errorOn("e_a"))}); err != nil {
		f.Fatal(err)
	}
	f.Add(b.Bytes())
	f.Fuzz(func(t *testing.T, data []byte) {
		seen := int64(0)
		head, err := ReadChunk(bytes.NewReader(data), func(Record) error { seen++; return nil })
		if err == nil && head.Records != seen {
			t.Errorf("%d records, the head says %d", seen, head.Records)
		}
	})
}
