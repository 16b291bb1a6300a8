package testlog_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"selfaudit/internal/testlog"
	"selfaudit/internal/testpki"
	"selfaudit/sampler/ct"
)

const origin = "log.example/2026h2"

var (
	key  = testpki.ECKey("log")
	root = testpki.NewRoot("Root", testpki.CAOptions{})
	ca   = root.NewCA("CA", testpki.CAOptions{})
)

// entry returns the i-th entry: every fifth is a final certificate.
func entry(i int) testlog.Entry {
	t := testpki.Template{Seed: fmt.Sprint(i), Unsigned: true}
	if i%5 == 0 {
		return testlog.FinalEntry(ca, ca.Certificate(t), uint64(1000+i))
	}
	return testlog.PrecertEntry(ca, t, uint64(1000+i))
}

func fill(t *testing.T, add func(testlog.Entry) (uint64, error), from, to int) {
	t.Helper()
	for i := from; i < to; i++ {
		index, err := add(entry(i))
		if err != nil {
			t.Fatal(err)
		}
		if index != uint64(i) {
			t.Fatalf("entry %d got index %d", i, index)
		}
	}
}

func get(t *testing.T, client *http.Client, url string) (int, []byte) {
	t.Helper()
	resp, err := client.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, b
}

// checkStatic reads a static log back with the package under sampler/ct.
func checkStatic(t *testing.T, dir string, wantSize uint64) {
	t.Helper()
	note, err := os.ReadFile(filepath.Join(dir, "checkpoint"))
	if err != nil {
		t.Fatal(err)
	}
	head, err := ct.ParseCheckpoint(note, origin, key.SPKI)
	if err != nil {
		t.Fatal(err)
	}
	if head.Size != wantSize {
		t.Fatalf("size %d, want %d", head.Size, wantSize)
	}
	tree := ct.NewRange(0)
	for n := uint64(0); n*256 < head.Size; n++ {
		width := int(min(256, head.Size-n*256))
		tile, err := os.ReadFile(filepath.Join(dir, ct.TilePath("data", n, width)))
		if err != nil {
			t.Fatal(err)
		}
		err = ct.ParseDataTile(tile, n*256, width, func(e *ct.Entry) error {
			tree.Append(e.LeafHash())
			for _, fp := range e.ChainFingerprints {
				cert, err := os.ReadFile(filepath.Join(dir, "issuer", fp.String()))
				if err != nil || ct.FingerprintOf(cert) != fp {
					return fmt.Errorf("issuer %s: %v", fp, err)
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if got, err := tree.Root(); err != nil || got != head.Root {
		t.Fatalf("root %s (%v), want %s", got, err, head.Root)
	}
}

func TestStaticGrows(t *testing.T) {
	dir := t.TempDir()
	w, err := testlog.NewStatic(dir, testlog.StaticOptions{
		Key: key, Origin: origin,
		ExtraBefore: []string{testlog.NoteSignatureLine("witness.example", [4]byte{1}, []byte("cosignature"))},
		ExtraAfter:  []string{testlog.NoteSignatureLine(origin, [4]byte{2}, []byte("grease"))},
	})
	if err != nil {
		t.Fatal(err)
	}
	for i, size := range []int{0, 1, 255, 256, 257, 1000} {
		fill(t, w.Add, int(w.Size()), size)
		if err := w.Publish(uint64(5000 + i)); err != nil {
			t.Fatal(err)
		}
		checkStatic(t, dir, uint64(size))
	}
	// Level 1 holds the roots of the full level-0 tiles.
	upper, err := os.ReadFile(filepath.Join(dir, ct.TilePath("1", 0, 3)))
	if err != nil {
		t.Fatal(err)
	}
	lower, err := os.ReadFile(filepath.Join(dir, ct.TilePath("0", 1, 256)))
	if err != nil {
		t.Fatal(err)
	}
	r := ct.NewRange(0)
	for ; len(lower) > 0; lower = lower[32:] {
		r.Append(ct.Hash(lower[:32]))
	}
	if h, err := r.Root(); err != nil || !bytes.Equal(h[:], upper[32:64]) {
		t.Errorf("hash 1 of level 1 is %x, want %s", upper[32:64], h)
	}
}

func TestStaticEdit(t *testing.T) {
	dir := t.TempDir()
	w, err := testlog.NewStatic(dir, testlog.StaticOptions{Key: key, Origin: origin, Edit: func(path string, b []byte) []byte {
		switch path {
		case "tile/data/000":
			b[0] ^= 1
		case "tile/0/000":
			return nil
		}
		return b
	}})
	if err != nil {
		t.Fatal(err)
	}
	fill(t, w.Add, 0, 300)
	if err := w.Publish(1); err != nil {
		t.Fatal(err)
	}
	tile, err := os.ReadFile(filepath.Join(dir, "tile", "data", "000"))
	if err != nil || tile[0] != 1 {
		t.Errorf("data tile was not edited: %v", err)
	}
	if _, err := os.Stat(filepath.Join(dir, "tile", "0", "000")); !os.IsNotExist(err) {
		t.Errorf("hash tile was written: %v", err)
	}
}

func TestServeStatic(t *testing.T) {
	dir := t.TempDir()
	w, err := testlog.NewStatic(dir, testlog.StaticOptions{Key: key, Origin: origin})
	if err != nil {
		t.Fatal(err)
	}
	fill(t, w.Add, 0, 3)
	if err := w.Publish(1); err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(testlog.ServeStatic(dir, true))
	defer srv.Close()
	client := &http.Client{Transport: &http.Transport{DisableCompression: true}}
	status, body := get(t, client, srv.URL+"/tile/data/000.p/3")
	z, err := gzip.NewReader(bytes.NewReader(body))
	if status != 200 || err != nil {
		t.Fatalf("status %d: %v", status, err)
	}
	tile, err := io.ReadAll(z)
	if err != nil || ct.ParseDataTile(tile, 0, 3, func(*ct.Entry) error { return nil }) != nil {
		t.Errorf("served tile does not parse: %v", err)
	}
	for _, path := range []string{"/tile/data/000", "/tile/data/", "/../" + filepath.Base(dir)} {
		if status, _ := get(t, client, srv.URL+path); status != 404 {
			t.Errorf("%s: status %d, want 404", path, status)
		}
	}
}

type answer struct {
	Entries []struct {
		LeafInput []byte `json:"leaf_input"`
		ExtraData []byte `json:"extra_data"`
	} `json:"entries"`
	Consistency [][]byte `json:"consistency"`
	LeafIndex   uint64   `json:"leaf_index"`
	AuditPath   [][]byte `json:"audit_path"`
}

func TestCapture(t *testing.T) {
	dir := t.TempDir()
	c, err := testlog.NewCapture(dir, testlog.CaptureOptions{
		Key: key, PageSize: 64, Roots: [][]byte{root.Cert}, ProofsFor: []uint64{70}, ConsistencyFrom: []uint64{100},
	})
	if err != nil {
		t.Fatal(err)
	}
	fill(t, c.Add, 0, 100)
	old := c.Root()
	fill(t, c.Add, 100, 200)
	if err := c.Publish(7777); err != nil {
		t.Fatal(err)
	}
	handler, err := testlog.ServeCapture(dir)
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(handler)
	defer srv.Close()
	fetch := func(path string, wantStatus int) []byte {
		status, b := get(t, srv.Client(), srv.URL+path)
		if status != wantStatus {
			t.Fatalf("%s: status %d, want %d: %s", path, status, wantStatus, b)
		}
		return b
	}
	head, err := ct.ParseSTH(fetch("/ct/v1/get-sth", 200), key.SPKI)
	if err != nil || head.Size != 200 || head.Timestamp != 7777 {
		t.Fatalf("%+v: %v", head, err)
	}
	leaves := readCapture(t, fetch, head.Size)
	tree := ct.NewRange(0)
	for _, h := range leaves {
		tree.Append(h)
	}
	if got, err := tree.Root(); err != nil || got != head.Root {
		t.Errorf("root %s (%v), want %s", got, err, head.Root)
	}
	var a answer
	unmarshal(t, fetch("/ct/v1/get-sth-consistency?second=200&first=100", 200), &a)
	if err := ct.VerifyConsistency(100, 200, old, head.Root, hashes(a.Consistency)); err != nil {
		t.Error(err)
	}
	raw, err := os.ReadFile(filepath.Join(dir, "get-proof-by-hash-leaf70.json"))
	if err != nil {
		t.Fatal(err)
	}
	unmarshal(t, raw, &a)
	if err := ct.VerifyInclusion(leaves[70], a.LeafIndex, 200, hashes(a.AuditPath), head.Root); err != nil {
		t.Error(err)
	}
	fetch("/ct/v1/get-entries?start=200&end=300", 400)
	fetch("/ct/v1/get-entries?start=5&end=4", 400)
	unmarshal(t, fetch("/ct/v1/get-entries?start=10&end=199", 200), &a)
	if len(a.Entries) != 54 {
		t.Errorf("%d entries from 10 on, want the 54 up to the end of the page", len(a.Entries))
	}
}

func readCapture(t *testing.T, fetch func(string, int) []byte, size uint64) []ct.Hash {
	t.Helper()
	var leaves []ct.Hash
	for uint64(len(leaves)) < size {
		var a answer
		unmarshal(t, fetch(fmt.Sprintf("/ct/v1/get-entries?start=%d&end=%d", len(leaves), size+5), 200), &a)
		for _, raw := range a.Entries {
			var e ct.Entry
			if err := ct.ParseLeafInput(raw.LeafInput, &e); err != nil {
				t.Fatal(err)
			}
			if err := ct.ParseExtraData(raw.ExtraData, &e); err != nil {
				t.Fatal(err)
			}
			if len(e.Chain) != 2 || (e.Type == ct.PrecertEntry) != (len(leaves)%5 != 0) {
				t.Fatalf("entry %d: %s with a chain of %d", len(leaves), e.Type, len(e.Chain))
			}
			leaves = append(leaves, ct.HashLeaf(e.Leaf))
		}
	}
	return leaves
}

func unmarshal(t *testing.T, b []byte, into any) {
	t.Helper()
	if err := json.Unmarshal(b, into); err != nil {
		t.Fatal(err)
	}
}

func hashes(raw [][]byte) []ct.Hash {
	var out []ct.Hash
	for _, b := range raw {
		out = append(out, ct.Hash(b))
	}
	return out
}

// TestServeRealCapture serves what CTFE answered when it was asked.
func TestServeRealCapture(t *testing.T) {
	handler, err := testlog.ServeCapture(filepath.Join("..", "..", "testdata", "ctlogs", "alpha", "b"))
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(handler)
	defer srv.Close()
	for path, want := range map[string]int{
		"/ct/v1/get-entries?start=10&end=975":   246, // as index.json recorded of the real server
		"/ct/v1/get-entries?start=973&end=1976": 3,
		"/ct/v1/get-entries?start=256&end=511":  256,
	} {
		var a answer
		_, b := get(t, srv.Client(), srv.URL+path)
		unmarshal(t, b, &a)
		if len(a.Entries) != want {
			t.Errorf("%s: %d entries, want %d", path, len(a.Entries), want)
		}
	}
}

func TestSCT(t *testing.T) {
	tmpl := testpki.Template{Seed: "sct"}
	sct := testlog.SignSCT(key, ca.IssuerKeyHash(), ca.TBS(tmpl), 4711, testlog.LeafIndexExtension(9))
	c, err := ct.ParseCertificate(ca.Certificate(tmpl, sct))
	if err != nil {
		t.Fatal(err)
	}
	scts, err := c.SCTs()
	if err != nil || len(scts) != 1 {
		t.Fatalf("%d SCTs: %v", len(scts), err)
	}
	tbs, err := c.PairingTBS()
	if err != nil {
		t.Fatal(err)
	}
	if err := ct.VerifySCT(key.SPKI, scts[0], ca.IssuerKeyHash(), tbs); err != nil {
		t.Error(err)
	}
}

func TestFaults(t *testing.T) {
	a, b := filepath.Join(t.TempDir(), "a"), filepath.Join(t.TempDir(), "b")
	write := func(path, content string) {
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(a, "abc")
	write(b, "xyz")
	for _, err := range []error{
		testlog.FlipBit(a, 0), testlog.FlipBit(a, -8), testlog.Swap(a, b), testlog.Truncate(b, 1), testlog.Extend(a, []byte("!")),
	} {
		if err != nil {
			t.Error(err)
		}
	}
	for path, want := range map[string]string{a: "xyz!", b: "`b"} {
		if got, err := os.ReadFile(path); string(got) != want || err != nil {
			t.Errorf("%q (%v), want %q", got, err, want)
		}
	}
	if testlog.FlipBit(a, 99) == nil || testlog.Truncate(a, 5) == nil {
		t.Error("a fault outside the file was accepted")
	}
}

func ExampleStatic() {
	dir, err := os.MkdirTemp("", "log")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	ca := testpki.NewRoot("Example CA", testpki.CAOptions{})
	w, err := testlog.NewStatic(dir, testlog.StaticOptions{Key: testpki.ECKey("example log"), Origin: "log.example/1"})
	if err != nil {
		fmt.Println(err)
		return
	}
	index, err := w.Add(testlog.PrecertEntry(ca, testpki.Template{}, 1788220800000))
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := w.Publish(1788220801000); err != nil {
		fmt.Println(err)
		return
	}
	note, err := os.ReadFile(filepath.Join(dir, "checkpoint"))
	if err != nil {
		fmt.Println(err)
		return
	}
	head, err := ct.ParseCheckpoint(note, "log.example/1", testpki.ECKey("example log").SPKI)
	fmt.Println(index, head.Size, head.Origin, err)
	// Output: 0 1 log.example/1 <nil>
}
