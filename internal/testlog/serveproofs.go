package testlog

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"sync"

	"selfaudit/sampler/ct"
)

// proofServer answers the proof endpoints of RFC 6962 (4.4, 4.5, 4.8) from captured entries, with CTFE's statuses: 404 for a leaf or a
// tree size that the log does not have, 400 for an index or range outside.
type proofServer struct {
	once   sync.Once
	err    error
	leaves []pageEntry
	hashes []ct.Hash
	nodes  func(level uint, index uint64) (ct.Hash, error)
	index  map[ct.Hash]uint64 // first entry with this leaf
}

func (p *proofServer) load(dir string, pages []page) error {
	p.once.Do(func() {
		p.index = make(map[ct.Hash]uint64)
		for _, page := range pages {
			if page.start != uint64(len(p.leaves)) {
				continue // an answer to another range of entries that are already here
			}
			var answer struct {
				Entries []pageEntry `json:"entries"`
			}
			raw, err := os.ReadFile(filepath.Join(dir, page.file))
			if err == nil {
				err = json.Unmarshal(raw, &answer)
			}
			if err != nil {
				p.err = err
				return
			}
			p.leaves = append(p.leaves, answer.Entries...)
		}
		for i, e := range p.leaves {
			h := ct.HashLeaf(e.LeafInput)
			p.hashes = append(p.hashes, h)
			if _, twice := p.index[h]; !twice {
				p.index[h] = uint64(i)
			}
		}
		p.nodes = NodesOf(p.hashes)
	})
	return p.err
}

// serveProof answers a proof request and reports whether r was one.
func (c *captureServer) serveProof(w http.ResponseWriter, r *http.Request) bool {
	serve := map[string]func(http.ResponseWriter, url.Values){
		"/ct/v1/get-proof-by-hash":   c.proofByHash,
		"/ct/v1/get-entry-and-proof": c.entryAndProof,
		"/ct/v1/get-sth-consistency": c.consistency,
	}[r.URL.Path]
	if serve == nil {
		return false
	}
	if err := c.proofs.load(c.dir, c.pages); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return true
	}
	serve(w, r.URL.Query())
	return true
}

func (c *captureServer) proofByHash(w http.ResponseWriter, q url.Values) {
	hash, err1 := base64.StdEncoding.DecodeString(q.Get("hash"))
	size, err2 := strconv.ParseUint(q.Get("tree_size"), 10, 62)
	if err1 != nil || err2 != nil || size < 1 || len(hash) != len(ct.Hash{}) {
		http.Error(w, "get-proof-by-hash: missing or invalid hash or tree_size", http.StatusBadRequest)
		return
	}
	index, known := c.proofs.index[ct.Hash(hash)]
	switch held := uint64(len(c.proofs.leaves)); {
	case !known || index >= size:
		http.Error(w, fmt.Sprintf("No leaves found for hash: %x in tree size %d", hash, size), http.StatusNotFound)
	case size > held:
		http.Error(w, fmt.Sprintf("log returned tree size: %d but we expected: %d", held, size), http.StatusNotFound)
	default:
		path, err := ct.InclusionProof(index, size, c.proofs.nodes)
		answerJSON(w, err, struct {
			LeafIndex uint64   `json:"leaf_index"`
			AuditPath [][]byte `json:"audit_path"`
		}{index, splitHashes(path)})
	}
}

func (c *captureServer) entryAndProof(w http.ResponseWriter, q url.Values) {
	index, err1 := strconv.ParseUint(q.Get("leaf_index"), 10, 62)
	size, err2 := strconv.ParseUint(q.Get("tree_size"), 10, 62)
	if err1 != nil || err2 != nil || index >= size || size > uint64(len(c.proofs.leaves)) {
		http.Error(w, "need tree size for proof but only got a smaller one", http.StatusBadRequest)
		return
	}
	path, err := ct.InclusionProof(index, size, c.proofs.nodes)
	answerJSON(w, err, struct {
		LeafInput []byte   `json:"leaf_input"`
		ExtraData []byte   `json:"extra_data"`
		AuditPath [][]byte `json:"audit_path"`
	}{c.proofs.leaves[index].LeafInput, c.proofs.leaves[index].ExtraData, splitHashes(path)})
}

func (c *captureServer) consistency(w http.ResponseWriter, q url.Values) {
	first, err1 := strconv.ParseUint(q.Get("first"), 10, 62)
	second, err2 := strconv.ParseUint(q.Get("second"), 10, 62)
	if err1 != nil || err2 != nil || first < 1 || first > second || second > uint64(len(c.proofs.leaves)) {
		http.Error(w, "need tree size for proof but only got a smaller one", http.StatusBadRequest)
		return
	}
	proof, err := ct.ConsistencyProof(first, second, c.proofs.nodes)
	answerJSON(w, err, struct {
		Consistency [][]byte `json:"consistency"`
	}{splitHashes(proof)})
}

func answerJSON(w http.ResponseWriter, err error, answer any) {
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(answer) // the client may have gone away
}
