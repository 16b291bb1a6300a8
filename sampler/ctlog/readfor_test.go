package ctlog

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"selfaudit/sampler/ct"
)

// extraServer serves one page of alpha's entries with the extra_data of one of them replaced.
func extraServer(t *testing.T, at int, extra string) *Log {
	t.Helper()
	var page struct {
		Entries []struct {
			Leaf  string `json:"leaf_input"`
			Extra string `json:"extra_data"`
		} `json:"entries"`
	}
	if err := json.Unmarshal(readFile(t, alphaB+"/get-entries-000000.json"), &page); err != nil {
		t.Fatal(err)
	}
	page.Entries[at].Extra = extra
	body, err := json.Marshal(page)
	if err != nil {
		t.Fatal(err)
	}
	url := serve(t, func(w http.ResponseWriter, r *http.Request) { w.Write(body) })
	return open(t, webConfig(t, RFC6962, alphaB, url, newClock()))
}

// TestReadForSparesForeignEntries: what is wrong with the extra_data of an entry matters
// exactly if somebody looks at it. Those of certificate entries are always looked at.
func TestReadForSparesForeignEntries(t *testing.T) {
	const size = 256
	var keys [size][32]byte
	var types [size]ct.EntryType
	good := open(t, folderConfig(t, RFC6962, alphaB, alphaB))
	err := good.Read(t.Context(), ct.TreeHead{Size: size}, 0, size, func(e *ct.Entry) error {
		keys[e.Index], types[e.Index] = e.IssuerKeyHash, e.Type
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	tried := map[ct.EntryType]bool{}
	for at := range size {
		if tried[types[at]] {
			continue
		}
		tried[types[at]] = true
		for _, extra := range []string{"!!!!", "A", base64.StdEncoding.EncodeToString([]byte("no chain"))} {
			for _, looked := range []bool{true, false} {
				l := extraServer(t, at, extra)
				n := 0
				err := l.ReadFor(t.Context(), ct.TreeHead{Size: size}, 0, size, func(h [32]byte) bool { return looked == (h == keys[at]) }, func(e *ct.Entry) error {
					if e.Type == ct.PrecertEntry && (e.IssuerKeyHash == keys[at]) != looked && e.Precertificate != nil {
						return fmt.Errorf("entry %d comes with a precertificate that nobody wants", e.Index)
					}
					n++
					return nil
				})
				name := fmt.Sprintf("%s with extra_data %q, wanted %v", types[at], extra, looked)
				if !looked && types[at] == ct.PrecertEntry {
					if err != nil || n != size {
						t.Errorf("%s: %d entries, %v", name, n, err)
					}
					continue
				}
				wantError(t, err, Invalid)
				if err != nil && !strings.Contains(err.Error(), "base64") && !strings.Contains(err.Error(), "extra_data") {
					t.Errorf("%s: %v", name, err)
				}
			}
		}
	}
	if len(tried) != 2 {
		t.Errorf("only %v tried", tried)
	}
}
