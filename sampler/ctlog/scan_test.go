package ctlog

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"
)

// oracle reads a page with encoding/json. A nil result means that it is not a page.
func oracle(body []byte) []rawEntry {
	var answer map[string]json.RawMessage
	if json.Unmarshal(body, &answer) != nil {
		return nil
	}
	var list []map[string]any
	if json.Unmarshal(answer["entries"], &list) != nil {
		return nil
	}
	var entries []rawEntry
	for _, e := range list {
		leaf, ok1 := e["leaf_input"].(string)
		extra, ok2 := e["extra_data"].(string)
		l, err1 := base64.StdEncoding.DecodeString(leaf)
		x, err2 := base64.StdEncoding.DecodeString(extra)
		if !ok1 || !ok2 || err1 != nil || err2 != nil {
			return nil
		}
		entries = append(entries, rawEntry{l, x})
	}
	return entries
}

func sameEntries(a, b []rawEntry) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if !bytes.Equal(a[i].leaf, b[i].leaf) || !bytes.Equal(a[i].extra, b[i].extra) {
			return false
		}
	}
	return true
}

func TestScanPage(t *testing.T) {
	const one = `{"leaf_input":"AAEC","extra_data":"/+8="}`
	tests := []struct {
		name, body string
		entries    int // 0: refused
	}{
		{"plain", `{"entries":[` + one + `]}`, 1},
		{"two", `{"entries":[` + one + `,` + one + `]}`, 2},
		{"spaces", " {\r\n\t\"entries\" : [ " + one + " , " + one + " ] } \n", 2},
		{"other order", `{"entries":[{"extra_data":"","leaf_input":"AAEC"}]}`, 1},
		{"other members", `{"x":{"a":[1,-2.5e3,null,{"b":"]}\""}]},"entries":[{"n":1,"leaf_input":"AAEC","extra_data":"AA==","z":[]}],"y":true}`, 1},
		{"escapes", `{"entries":[{"leaf_input":"AA\u0045C","extra_data":"\/+8\u003d"}]}`, 1},
		{"escaped key", `{"entries":[{"leaf\u005finput":"AAEC","extra_data":""}]}`, 1},
		{"nothing", ``, 0},
		{"no object", `[]`, 0},
		{"no entries", `{}`, 0},
		{"null entries", `{"entries":null}`, 0},
		{"empty page", `{"entries":[]}`, 0},
		{"entries twice", `{"entries":[` + one + `],"entries":[` + one + `]}`, 0},
		{"leaf twice", `{"entries":[{"leaf_input":"AAEC","leaf_input":"AAEC","extra_data":""}]}`, 0},
		{"extra twice", `{"entries":[{"leaf_input":"AAEC","extra_data":"","extra_data":""}]}`, 0},
		{"no leaf", `{"entries":[{"extra_data":""}]}`, 0},
		{"no extra", `{"entries":[{"leaf_input":"AAEC"}]}`, 0},
		{"leaf is a number", `{"entries":[{"leaf_input":1,"extra_data":""}]}`, 0},
		{"leaf is null", `{"entries":[{"leaf_input":null,"extra_data":""}]}`, 0},
		{"case of a key", `{"entries":[{"Leaf_input":"AAEC","extra_data":""}]}`, 0},
		{"no padding", `{"entries":[{"leaf_input":"AAE","extra_data":""}]}`, 0},
		{"bits after the end", `{"entries":[{"leaf_input":"AAF=","extra_data":""}]}`, 0},
		{"line end in base64", "{\"entries\":[{\"leaf_input\":\"AA\nEC\",\"extra_data\":\"\"}]}", 0},
		{"escaped line ends", `{"entries":[{"leaf_input":"AAEC\n\n\n\n","extra_data":""}]}`, 0},
		{"url alphabet", `{"entries":[{"leaf_input":"-_EC","extra_data":""}]}`, 0},
		{"trailing comma", `{"entries":[` + one + `,]}`, 0},
		{"trailing comma in entry", `{"entries":[{"leaf_input":"AAEC","extra_data":"",}]}`, 0},
		{"missing comma", `{"entries":[` + one + one + `]}`, 0},
		{"data after the end", `{"entries":[` + one + `]}{}`, 0},
		{"zero byte after the end", "{\"entries\":[" + one + "]}\x00", 0},
		{"other member not JSON", `{"x":tru,"entries":[` + one + `]}`, 0},
		{"number runs on", `{"x":12x,"entries":[` + one + `]}`, 0},
		{"control character in key", "{\"x\x01\":1,\"entries\":[" + one + "]}", 0},
		{"no end", `{"entries":[` + one, 0},
		{"no end of string", `{"entries":[{"leaf_input":"AAEC`, 0},
		{"quote escaped at the end", `{"entries":[{"leaf_input":"AAEC\"`, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var s pageScan
			got, err := s.page([]byte(tt.body), 0, 1000)
			if (err == nil) != (tt.entries > 0) || len(got) != tt.entries {
				t.Fatalf("%d entries, error %v", len(got), err)
			}
			if err == nil && !sameEntries(got, oracle([]byte(tt.body))) {
				t.Errorf("got %v, encoding/json %v", got, oracle([]byte(tt.body)))
			}
		})
	}
}

func TestScanSkipsAndStops(t *testing.T) {
	body := readFile(t, alphaB+"/get-entries-000256.json")
	want := oracle(body)
	if len(want) != 256 {
		t.Fatalf("fixture has %d entries", len(want))
	}
	var s pageScan
	for _, r := range [][2]int{{0, 256}, {0, 1}, {200, 56}, {200, 1000}, {255, 1}} {
		got, err := s.page(body, r[0], r[1])
		if err != nil || !sameEntries(got, want[r[0]:min(256, r[0]+r[1])]) {
			t.Errorf("%v: %d entries, %v", r, len(got), err)
		}
	}
	if _, err := s.page(body, 256, 1); err == nil || !strings.Contains(err.Error(), "256 entries") {
		t.Errorf("got %v", err)
	}
	if n := testing.AllocsPerRun(10, func() {
		if _, err := s.page(body, 0, 256); err != nil {
			t.Fatal(err)
		}
	}); n > 300 {
		t.Errorf("%v allocations for a page of 256 entries", n)
	}
}

// What the scanner takes for a page, encoding/json reads as the same entries; and what encoding/json writes, the scanner reads.
func FuzzScanPage(f *testing.F) {
	f.Add([]byte(`{"entries":[{"leaf_input":"AAEC","extra_data":"/+8="}]}`))
	f.Add([]byte(`{"a":[{}],"entries":[{"leaf_input":"","extra_data":"\u002f+8=","x":"\\\""}, {"extra_data":"","leaf_input":"AA=="}]}`))
	f.Add([]byte(`{"entries":[{"leaf_input":"AA` + "\n" + `EC"`))
	f.Fuzz(func(t *testing.T, b []byte) {
		var s pageScan
		if got, err := s.page(b, 0, 1<<20); err == nil && !sameEntries(got, oracle(b)) {
			t.Fatalf("scanner %q, encoding/json %q", got, oracle(b))
		}
		var list []map[string]any
		var want []rawEntry
		for rest := b; len(rest) > 0; {
			n := min(int(rest[0])%50, len(rest)-1)
			leaf, extra := rest[:n/2], rest[n/2:n+1]
			rest = rest[n+1:]
			list = append(list, map[string]any{"leaf_input": leaf, "extra_data": extra, "note": string(leaf)})
			want = append(want, rawEntry{leaf, extra})
		}
		if len(list) == 0 {
			return
		}
		body, err := json.MarshalIndent(map[string]any{"entries": list, "a": string(b), "z": b}, "", " ")
		if err != nil {
			t.Fatal(err)
		}
		if b[0]&1 == 1 {
			body = bytes.ReplaceAll(body, []byte("/"), []byte(`\/`))
		}
		got, err := s.page(body, 0, 1<<20)
		if err != nil || !sameEntries(got, want) {
			t.Fatalf("%s\n%v, %d entries of %d", body, err, len(got), len(want))
		}
	})
}
