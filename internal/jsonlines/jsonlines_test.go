package jsonlines

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"pgregory.net/rapid"
)

type row struct {
	Name  string   `json:"name"`
	Count int      `json:"count"`
	Tags  []string `json:"tags,omitempty"`
}

func TestWriting(t *testing.T) {
	r := row{"a<b>&c\u2028", 3, []string{"x"}}
	line, err := Line(r)
	if want := `{"name":"a<b>&c\u2028","count":3,"tags":["x"]}` + "\n"; err != nil || string(line) != want {
		t.Errorf("line %q, %v", line, err)
	}
	doc, err := Document(r)
	if want := "{\n  \"name\": \"a<b>&c\\u2028\",\n  \"count\": 3,\n  \"tags\": [\n    \"x\"\n  ]\n}\n"; err != nil || string(doc) != want {
		t.Errorf("document %q, %v", doc, err)
	}
	if _, err := Line(func() {}); err == nil {
		t.Error("a function is written")
	}
}

func TestReading(t *testing.T) {
	const good = `{"name":"n","count":1}`
	for name, c := range map[string]struct{ text, decode, exact string }{
		"written":          {good + "\n", "", ""},
		"no line feed":     {good, "", "not written the way"},
		"white space":      {" " + good + " \n", "", "not written the way"},
		"key order":        {`{"count":1,"name":"n"}` + "\n", "", "not written the way"},
		"repeated key":     {`{"name":"m","name":"n","count":1}` + "\n", "", "not written the way"},
		"another spelling": {`{"NAME":"n","count":1}` + "\n", "", "not written the way"},
		"escape":           {`{"name":"\u006e","count":1}` + "\n", "", "not written the way"},
		"empty list":       {`{"name":"n","count":1,"tags":[]}` + "\n", "", "not written the way"},
		"unknown key":      {`{"name":"n","count":1,"more":2}` + "\n", "unknown field", "unknown field"},
		"second value":     {good + good + "\n", "something follows", "something follows"},
		"trailing word":    {good + "x\n", "something follows", "something follows"},
		"wrong type":       {`{"name":1}` + "\n", "cannot unmarshal", "cannot unmarshal"},
		"cut short":        {`{"name":"n"`, "unexpected EOF", "unexpected EOF"},
		"empty":            {"", "EOF", "EOF"},
	} {
		t.Run(name, func(t *testing.T) {
			check(t, "Decode", Decode([]byte(c.text), new(row)), c.decode)
			check(t, "Exact", Exact([]byte(c.text), new(row)), c.exact)
		})
	}
}

func check(t *testing.T, what string, err error, want string) {
	t.Helper()
	if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
		t.Errorf("%s: %v, want %q", what, err, want)
	}
}

// TestReadLine compares with splitting the whole text.
func TestReadLine(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringOfN(rapid.SampledFrom([]rune("ab\n")), 0, 200, -1).Draw(t, "text")
		limit := rapid.IntRange(1, 60).Draw(t, "limit")
		// 16 bytes is the smallest buffer: most lines do not fit in.
		r := bufio.NewReaderSize(iotest.HalfReader(strings.NewReader(text)), 16)
		for want := range strings.Lines(text) {
			line, err := ReadLine(r, limit)
			switch {
			case len(want) > limit:
				if err == nil || !strings.Contains(err.Error(), "a line of more than") {
					t.Fatalf("%q of %d bytes: %v", line, len(want), err)
				}
				return
			case !strings.HasSuffix(want, "\n"):
				if err == nil || !strings.Contains(err.Error(), "no line feed") {
					t.Fatalf("%q: %v", line, err)
				}
				return
			case err != nil || string(line) != want:
				t.Fatalf("%q, %v, want %q", line, err, want)
			}
		}
		if line, err := ReadLine(r, limit); err != io.EOF {
			t.Fatalf("behind the last line: %q, %v", line, err)
		}
	})
}

// TestReadLineHoldsLittle: of an endless line, no more than the limit and the buffer are read.
func TestReadLineHoldsLittle(t *testing.T) {
	var read countingReader
	_, err := ReadLine(bufio.NewReaderSize(&read, 64), 1000)
	if err == nil || read > 1000+2*64 {
		t.Errorf("%d bytes read, %v", read, err)
	}
}

// countingReader is an endless line.
type countingReader int

func (c *countingReader) Read(p []byte) (int, error) {
	*c += countingReader(len(p))
	return copy(p, bytes.Repeat([]byte{'x'}, len(p))), nil
}

func TestEach(t *testing.T) {
	broken := errors.New("broken")
	for name, c := range map[string]struct {
		r    io.Reader
		want string
	}{
		"good":         {strings.NewReader("a\n\nb\n"), ""},
		"empty":        {strings.NewReader(""), ""},
		"cut short":    {strings.NewReader("a\nb"), "line 2: the last line has no line feed: the document is cut short"},
		"too long":     {strings.NewReader("a\nb\n" + strings.Repeat("c", 10) + "\n"), "line 3: a line of more than 10 bytes"},
		"unreadable":   {io.MultiReader(strings.NewReader("a\n"), iotest.ErrReader(broken)), "line 2: broken"},
		"refused line": {strings.NewReader("a\nno\n"), "line 2: refused"},
	} {
		t.Run(name, func(t *testing.T) {
			seen := 0
			err := Each(c.r, 10, func(n int, line []byte) error {
				if seen++; n != seen {
					t.Errorf("line %d is called %d", seen, n)
				}
				if string(line) == "no\n" {
					return errors.New("refused")
				}
				return nil
			})
			check(t, "Each", err, c.want)
		})
	}
}

// FuzzExact: what Exact takes is what Line writes of a value that encoding/json reads too.
func FuzzExact(f *testing.F) {
	for _, text := range []string{`{"name":"n","count":1}` + "\n", `{"name":"<\u2028>","count":-1,"tags":["a","b"]}` + "\n", `{"Name":"n"}`, "null\n", "{} {}\n", "\xff"} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		var r, plain row
		if Exact(raw, &r) != nil {
			return
		}
		again, err := Line(r)
		if err != nil || !bytes.Equal(again, raw) {
			t.Errorf("%q is taken and written as %q, %v", raw, again, err)
		}
		if err := json.Unmarshal(raw, &plain); err != nil || plain.Name != r.Name || plain.Count != r.Count {
			t.Errorf("%q: %+v, encoding/json reads %+v, %v", raw, r, plain, err)
		}
	})
}
