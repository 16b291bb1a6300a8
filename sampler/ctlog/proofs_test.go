package ctlog

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"selfaudit/internal/testlog"
	"selfaudit/internal/testpki"
	"selfaudit/sampler/ct"
)

var proofKey = testpki.ECKey("proofs")

// small is the i-th entry of a generated log: nobody parses its TBSCertificate.
func small(i uint64) testlog.Entry {
	return testlog.Entry{TimestampMS: 1000 + i, TBS: binary.BigEndian.AppendUint64(nil, i), Precert: []byte{1}}
}

var bigDir string // of bigStatic, when it was made

// bigStatic is a static-ct log of 66,000 entries: three levels of tiles, two of them full.
var bigStatic = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "proofs")
	if err != nil {
		return "", err
	}
	bigDir = dir
	w, err := testlog.NewStatic(dir, testlog.StaticOptions{Key: proofKey, Origin: origin})
	if err != nil {
		return "", err
	}
	for i := range uint64(66_000) {
		if _, err := w.Add(small(i)); err != nil {
			return "", err
		}
	}
	return dir, w.Publish(1_000_000)
})

func TestMain(m *testing.M) {
	code := m.Run()
	if bigDir != "" {
		os.RemoveAll(bigDir)
	}
	os.Exit(code)
}

func bigLog(t testing.TB) string {
	t.Helper()
	dir, err := bigStatic()
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

func headOf(t testing.TB, l *Log) ct.TreeHead {
	t.Helper()
	_, head, err := l.Head(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return head
}

// leavesOf reads the leaf hashes of the tree.
func leavesOf(t testing.TB, l *Log, head ct.TreeHead) []ct.Hash {
	t.Helper()
	var leaves []ct.Hash
	err := l.Read(t.Context(), head, 0, head.Size, func(e *ct.Entry) error {
		leaves = append(leaves, e.LeafHash())
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return leaves
}

// rootAt computes the root over the first size leaves.
func rootAt(t testing.TB, leaves []ct.Hash, size uint64) ct.Hash {
	t.Helper()
	r := ct.NewRange(0)
	for _, h := range leaves[:size] {
		r.Append(h)
	}
	root, err := r.Root()
	if err != nil {
		t.Fatal(err)
	}
	return root
}

// proveAll proves entries and old tree sizes of a log that is right.
func proveAll(t *testing.T, l *Log, leaves []ct.Hash, indexes []uint64) {
	t.Helper()
	head := headOf(t, l)
	for _, i := range indexes {
		leaf, path, err := l.InclusionProof(t.Context(), head, i)
		if err != nil {
			t.Fatal(err)
		}
		if leaf != leaves[i] {
			t.Errorf("entry %d: leaf %s, want %s", i, leaf, leaves[i])
		}
		if err := ct.VerifyInclusion(leaves[i], i, head.Size, path, head.Root); err != nil {
			t.Error(err)
		}
	}
	for _, size := range append(indexes, head.Size) {
		proof, err := l.ConsistencyProof(t.Context(), size, head)
		if err != nil {
			t.Fatal(err)
		}
		if err := ct.VerifyConsistency(size, head.Size, rootAt(t, leaves, size), head.Root, proof); err != nil {
			t.Error(err)
		}
	}
	if _, _, err := l.InclusionProof(t.Context(), head, head.Size); err == nil {
		t.Error("an entry outside the tree was proved")
	}
	if _, err := l.ConsistencyProof(t.Context(), head.Size+1, head); err == nil {
		t.Error("a larger tree is consistent")
	}
}

func TestProofsOfRealLogs(t *testing.T) {
	b, err := testlog.ServeCapture(alphaB)
	if err != nil {
		t.Fatal(err)
	}
	noEntryProof := func(w http.ResponseWriter, r *http.Request) {
		if strings.Contains(r.URL.Path, "get-entry-and-proof") {
			http.Error(w, "no such endpoint", http.StatusNotImplemented)
			return
		}
		b.ServeHTTP(w, r)
	}
	for name, cfg := range map[string]Config{
		"static folder":        folderConfig(t, StaticCT, alphaC, alphaC),
		"static web":           webConfig(t, StaticCT, alphaC, serve(t, static(alphaC, nil)), newClock()),
		"rfc6962 folder":       folderConfig(t, RFC6962, alphaB, alphaB),
		"rfc6962 web":          webConfig(t, RFC6962, alphaB, serve(t, b.ServeHTTP), newClock()),
		"rfc6962 by hash only": webConfig(t, RFC6962, alphaB, serve(t, noEntryProof), newClock()),
	} {
		t.Run(name, func(t *testing.T) {
			l := open(t, cfg)
			leaves := leavesOf(t, l, headOf(t, l))
			indexes := []uint64{0, 1, 127, 128, 255, 256, 300, 511, 512, 767, 768, 900, uint64(len(leaves)) - 1}
			proveAll(t, l, leaves, indexes)
			if l.cfg.Type == StaticCT {
				if _, _, err := l.FindLeaf(t.Context(), headOf(t, l), leaves[0]); err == nil {
					t.Error("a static-ct log was asked for a leaf by hash")
				}
				return
			}
			for _, i := range indexes {
				at, path, err := l.FindLeaf(t.Context(), headOf(t, l), leaves[i])
				if err != nil || at != i {
					t.Fatalf("leaf of entry %d found at %d: %v", i, at, err)
				}
				if err := ct.VerifyInclusion(leaves[i], i, uint64(len(leaves)), path, headOf(t, l).Root); err != nil {
					t.Error(err)
				}
			}
			if _, _, err := l.FindLeaf(t.Context(), headOf(t, l), ct.Hash{1}); !errors.Is(err, ErrNoSuchLeaf) {
				t.Errorf("a leaf that is not there: %v", err)
			}
		})
	}
}

func TestProofsOfThreeLevels(t *testing.T) {
	l := open(t, Config{Type: StaticCT, URL: bigLog(t), Origin: origin, PublicKey: proofKey.SPKI})
	proveAll(t, l, leavesOf(t, l, headOf(t, l)), []uint64{0, 255, 256, 65_534, 65_535, 65_536, 65_791, 65_792, 65_999})
}

// Proofs of entries near each other cost no request each, and none is made twice.
func TestProofTilesAreFetchedOnce(t *testing.T) {
	dir := bigLog(t)
	var mu sync.Mutex
	asked := map[string]int{}
	url := serve(t, static(dir, func(n int, w http.ResponseWriter, r *http.Request) bool {
		mu.Lock()
		defer mu.Unlock()
		asked[r.URL.Path]++
		return false
	}))
	cfg := webConfig(t, StaticCT, alphaC, url, newClock())
	cfg.PublicKey = proofKey.SPKI
	l := open(t, cfg)
	head := headOf(t, l)
	var all sync.WaitGroup
	for w := range 4 {
		all.Go(func() {
			for i := uint64(w); i < 5000; i += 7 {
				if _, _, err := l.InclusionProof(t.Context(), head, i); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	all.Wait()
	mu.Lock()
	defer mu.Unlock()
	// checkpoint; edge: level 0 and 1 partial, level 2; level 1 full; 20 tiles of level 0.
	if len(asked) != 1+3+1+20 {
		t.Errorf("%d different requests: %v", len(asked), asked)
	}
	for path, n := range asked {
		if n != 1 {
			t.Errorf("%s was asked for %d times", path, n)
		}
	}
}

func TestProofTilesAreForgotten(t *testing.T) {
	var c tileCache
	for n := range uint64(maxTilesKept + 10) {
		c.slot(tileKey{0, n, 256})
	}
	if len(c.tiles) != maxTilesKept || len(c.order) != maxTilesKept {
		t.Errorf("%d tiles kept, %d in order", len(c.tiles), len(c.order))
	}
	c.forget(tileKey{0, maxTilesKept, 256})
	if len(c.tiles) != maxTilesKept-1 || len(c.order) != maxTilesKept-1 {
		t.Errorf("%d tiles kept, %d in order", len(c.tiles), len(c.order))
	}
}

// A wrong hash tile never gives a proof, whichever it is; the message names it.
func TestWrongProofTiles(t *testing.T) {
	for path, want := range map[string]string{
		"tile/0/000":       "the tile above it says",
		"tile/1/000":       "the tile above it says",
		"tile/2/000.p/1":   "the tree head says",
		"tile/1/001.p/1":   "the tree head says",
		"tile/0/257.p/208": "the tree head says",
	} {
		t.Run(path, func(t *testing.T) {
			dir := copyLog(t, bigLog(t))
			if err := testlog.FlipBit(filepath.Join(dir, path), 77); err != nil {
				t.Fatal(err)
			}
			l := open(t, Config{Type: StaticCT, URL: dir, Origin: origin, PublicKey: proofKey.SPKI})
			_, _, err := l.InclusionProof(t.Context(), headOf(t, l), 3)
			wantError(t, err, Invalid, want)
			_, err = l.ConsistencyProof(t.Context(), 3, headOf(t, l))
			wantError(t, err, Invalid, want)
		})
	}
	dir := copyLog(t, bigLog(t))
	if err := os.Remove(filepath.Join(dir, "tile/0/001")); err != nil {
		t.Fatal(err)
	}
	l := open(t, Config{Type: StaticCT, URL: dir, Origin: origin, PublicKey: proofKey.SPKI})
	_, _, err := l.InclusionProof(t.Context(), headOf(t, l), 300)
	wantError(t, err, Invalid, "tile/0/001", "missing")
}

// A tile that was mangled on its way is asked for again; a partial one may be gone and the full one there.
func TestProofTileFaultsThatPass(t *testing.T) {
	dir := bigLog(t)
	flip := func(w http.ResponseWriter, r *http.Request) {
		b, _ := os.ReadFile(filepath.Join(dir, filepath.FromSlash(r.URL.Path)))
		b[5] ^= 1
		w.Write(b)
	}
	for name, fault := range map[string]func(n int, w http.ResponseWriter, r *http.Request) bool{
		"full tile": func(n int, w http.ResponseWriter, r *http.Request) bool {
			if r.URL.Path == "/tile/0/000" && n < 2 {
				flip(w, r)
				return true
			}
			return false
		},
		"edge": func(n int, w http.ResponseWriter, r *http.Request) bool {
			if r.URL.Path == "/tile/0/257.p/208" && n == 0 {
				flip(w, r)
				return true
			}
			return false
		},
		"web page": func(n int, w http.ResponseWriter, r *http.Request) bool {
			if strings.HasPrefix(r.URL.Path, "/tile/1/") && n == 0 {
				fmt.Fprint(w, "<html>busy")
				return true
			}
			return false
		},
		"partial gone": func(n int, w http.ResponseWriter, r *http.Request) bool {
			if r.URL.Path == "/tile/0/257" {
				b, _ := os.ReadFile(filepath.Join(dir, "tile/0/257.p/208"))
				w.Write(append(b, bytes.Repeat([]byte{9}, 48*32)...))
				return true
			}
			if r.URL.Path == "/tile/0/257.p/208" {
				http.NotFound(w, r)
				return true
			}
			return false
		},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := webConfig(t, StaticCT, alphaC, serve(t, static(dir, fault)), newClock())
			cfg.PublicKey = proofKey.SPKI
			l := open(t, cfg)
			if _, _, err := l.InclusionProof(t.Context(), headOf(t, l), 3); err != nil {
				t.Error(err)
			}
			if _, _, err := l.InclusionProof(t.Context(), headOf(t, l), 65_999); err != nil {
				t.Error(err)
			}
		})
	}
}

// What the proof endpoints of RFC 6962 servers answer when they are not well.
func TestAskedProofFaults(t *testing.T) {
	real, err := testlog.ServeCapture(alphaB)
	if err != nil {
		t.Fatal(err)
	}
	folder := open(t, folderConfig(t, RFC6962, alphaB, alphaB))
	leaves := leavesOf(t, folder, headOf(t, folder))
	byHash := func(answer http.HandlerFunc) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			if strings.HasSuffix(r.URL.Path, "get-proof-by-hash") {
				answer(w, r)
				return
			}
			real.ServeHTTP(w, r)
		}
	}
	otherLeaf := func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		q.Set("hash", base64Of(leaves[7]))
		r.URL.RawQuery = q.Encode()
		real.ServeHTTP(w, r)
	}
	tests := []struct {
		name  string
		serve http.HandlerFunc
		want  string // "" means that the leaf is found
		kind  Kind
	}{
		{"proof of another leaf", byHash(otherLeaf), "the tree head says", Invalid},
		{"not served at all", byHash(http.NotFound), "does not prove the last leaf", Unreachable},
		{"web page with 404", byHash(func(w http.ResponseWriter, r *http.Request) { http.Error(w, "<html>", 404) }), "HTML page", Unreachable},
		{"web page with 200", byHash(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "<html>") }), "web page", Unreachable},
		{"always 400", byHash(func(w http.ResponseWriter, r *http.Request) { http.Error(w, "need tree size", 400) }), "status 400", Unreachable},
		{"no index", byHash(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, `{"audit_path":[]}`) }), "leaf_index", Invalid},
		{"short hash", byHash(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, `{"leaf_index":3,"audit_path":["AA=="]}`) }), "hash 0 has 1 bytes", Invalid},
		{"more after it", byHash(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, `{"leaf_index":3,"audit_path":[]} {}`) }), "data after", Invalid},
		{"too many hashes", byHash(func(w http.ResponseWriter, r *http.Request) {
			fmt.Fprintf(w, `{"leaf_index":3,"audit_path":[%s""]}`, strings.Repeat(`"",`, maxPath))
		}), "more than any proof", Invalid},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			l := open(t, webConfig(t, RFC6962, alphaB, serve(t, test.serve), newClock()))
			_, _, err := l.FindLeaf(t.Context(), headOf(t, l), leaves[3])
			wantError(t, err, test.kind, test.want)
			if errors.Is(err, ErrNoSuchLeaf) {
				t.Error("a server that is not well says nothing about the leaf")
			}
		})
	}
	n := 0
	l := open(t, webConfig(t, RFC6962, alphaB, serve(t, byHash(func(w http.ResponseWriter, r *http.Request) {
		if n++; n < 3 { // a front end that lags behind
			http.Error(w, "log returned tree size: 3 but we expected: 976", []int{404, 400}[n-1])
			return
		}
		real.ServeHTTP(w, r)
	})), newClock()))
	if at, _, err := l.FindLeaf(t.Context(), headOf(t, l), leaves[3]); at != 3 || err != nil {
		t.Errorf("leaf at %d: %v", at, err)
	}
}

// A captured page that was altered gives no proof.
func TestCapturedProofsAreVerified(t *testing.T) {
	dir := copyLog(t, alphaB)
	page := filepath.Join(dir, "get-entries-000256.json")
	writeFile(t, page, bytes.Replace(readFile(t, page), []byte(`"leaf_input":"AAAAAAGh`), []byte(`"leaf_input":"AAAAAAGi`), 1))
	l := open(t, folderConfig(t, RFC6962, alphaB, dir))
	_, _, err := l.InclusionProof(t.Context(), headOf(t, l), 3)
	wantError(t, err, Invalid, "entry 3", "the tree head says")
}
