package testlog

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"strconv"

	"selfaudit/internal/testpki"
	"selfaudit/sampler/ct"
)

// CaptureOptions describe an RFC 6962 log, what is captured of it and how it lies.
type CaptureOptions struct {
	Key      *testpki.Key
	PageSize int      // entries in an answer; default 256
	Roots    [][]byte // certificates for get-roots

	// ProofsFor and ConsistencyFrom name the entries and tree sizes whose proofs
	// are captured. Asking for any keeps all leaf hashes in memory.
	ProofsFor       []uint64
	ConsistencyFrom []uint64

	// Edit sees every file before it is written, by its name in the folder, and
	// returns what to write instead; nil leaves the file out.
	Edit func(path string, content []byte) []byte
	// EditEntry sees leaf_input and extra_data of every entry before they are put
	// in a page and returns what to put instead; the tree is over the unedited ones.
	EditEntry func(index uint64, leafInput, extraData []byte) ([]byte, []byte)
}

// Captured is one answer in index.json, as in testdata/ctlogs/alpha/b.
type Captured struct {
	Request     string `json:"request"` // path and query
	Status      int    `json:"status"`
	ContentType string `json:"content_type"`
	File        string `json:"file"`
}

// captureIndex is index.json.
type captureIndex struct {
	TreeSize uint64         `json:"tree_size"`
	Counts   map[string]int `json:"counts"`
	Requests []Captured     `json:"requests"`
}

// Capture writes the answers of an RFC 6962 log into a folder.
type Capture struct {
	dir string
	o   CaptureOptions

	tree   *ct.Range
	leaves []ct.Hash // kept only when proofs are asked for
	page   []pageEntry
	pages  []Captured // full pages written
	counts map[string]int
}

type pageEntry struct {
	LeafInput []byte `json:"leaf_input"`
	ExtraData []byte `json:"extra_data"`
}

// NewCapture begins an empty log in dir, which is made if need be.
func NewCapture(dir string, o CaptureOptions) (*Capture, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("making log folder: %w", err)
	}
	if o.PageSize == 0 {
		o.PageSize = 256
	}
	c := &Capture{dir: dir, o: o, tree: ct.NewRange(0), counts: map[string]int{"precert": 0, "x509": 0}}
	return c, writeKey(dir, o.Key)
}

// Size returns the number of entries added.
func (c *Capture) Size() uint64 { return c.tree.End }

// Root returns the root over the entries added.
func (c *Capture) Root() ct.Hash {
	root, err := c.tree.Root()
	if err != nil {
		panic("testlog: " + err.Error())
	}
	return root
}

// Add appends an entry and returns its index.
func (c *Capture) Add(e Entry) (uint64, error) {
	index := c.tree.End
	leaf, extra := append([]byte{0, 0}, e.timestampedEntry(nil)...), e.extraData()
	h := ct.HashLeaf(leaf)
	c.tree.Append(h)
	if len(c.o.ProofsFor)+len(c.o.ConsistencyFrom) > 0 {
		c.leaves = append(c.leaves, h)
	}
	if e.Certificate == nil {
		c.counts["precert"]++
	} else {
		c.counts["x509"]++
	}
	if c.o.EditEntry != nil {
		leaf, extra = c.o.EditEntry(index, leaf, extra)
	}
	c.page = append(c.page, pageEntry{leaf, extra})
	if len(c.page) < c.o.PageSize {
		return index, nil
	}
	captured, err := c.writePage(c.tree.End)
	if err != nil {
		return 0, err
	}
	c.pages = append(c.pages, captured)
	c.page = c.page[:0]
	return index, nil
}

// writePage writes the page being filled, which ends before end.
func (c *Capture) writePage(end uint64) (Captured, error) {
	start := end - uint64(len(c.page))
	request := fmt.Sprintf("/ct/v1/get-entries?start=%d&end=%d", start, end-1)
	return c.writeJSON(request, fmt.Sprintf("get-entries-%06d.json", start), struct {
		Entries []pageEntry `json:"entries"`
	}{c.page})
}

// Publish writes the last page, the tree head, the roots, the proofs asked for
// and index.json, all for the present size. More entries may be added and
// published after it.
func (c *Capture) Publish(timestampMS uint64) error {
	root := c.Root()
	index := captureIndex{TreeSize: c.Size(), Counts: c.counts}
	add := func(request, file string, answer any) error {
		captured, err := c.writeJSON(request, file, answer)
		index.Requests = append(index.Requests, captured)
		return err
	}
	err := add("/ct/v1/get-sth", "get-sth.json", struct {
		TreeSize  uint64 `json:"tree_size"`
		Timestamp uint64 `json:"timestamp"`
		Root      []byte `json:"sha256_root_hash"`
		Signature []byte `json:"tree_head_signature"`
	}{c.Size(), timestampMS, root[:], SignTreeHead(c.o.Key, c.Size(), root, timestampMS)})
	if err != nil {
		return err
	}
	err = add("/ct/v1/get-roots", "get-roots.json", struct {
		Certificates [][]byte `json:"certificates"`
	}{append([][]byte{}, c.o.Roots...)})
	if err != nil {
		return err
	}
	index.Requests = append(index.Requests, c.pages...)
	if len(c.page) > 0 {
		last, err := c.writePage(c.Size())
		if err != nil {
			return err
		}
		index.Requests = append(index.Requests, last)
	}
	if err := c.addProofs(add); err != nil {
		return err
	}
	raw, err := json.MarshalIndent(index, "", " ")
	if err != nil {
		return fmt.Errorf("encoding index.json: %w", err)
	}
	return c.write("index.json", append(raw, '\n'))
}

func (c *Capture) addProofs(add func(request, file string, answer any) error) error {
	size := c.Size()
	node := NodesOf(c.leaves)
	for _, first := range c.o.ConsistencyFrom {
		proof, err := ct.ConsistencyProof(first, size, node)
		if err != nil {
			return err
		}
		err = add(fmt.Sprintf("/ct/v1/get-sth-consistency?first=%d&second=%d", first, size),
			fmt.Sprintf("get-sth-consistency-%d-%d.json", first, size), struct {
				Consistency [][]byte `json:"consistency"`
			}{splitHashes(proof)})
		if err != nil {
			return err
		}
	}
	for _, i := range c.o.ProofsFor {
		proof, err := ct.InclusionProof(i, size, node)
		if err != nil {
			return err
		}
		query := url.Values{"hash": {encodeHash(c.leaves[i])}, "tree_size": {strconv.FormatUint(size, 10)}}
		err = add("/ct/v1/get-proof-by-hash?"+query.Encode(), fmt.Sprintf("get-proof-by-hash-leaf%d.json", i), struct {
			LeafIndex uint64   `json:"leaf_index"`
			AuditPath [][]byte `json:"audit_path"`
		}{i, splitHashes(proof)})
		if err != nil {
			return err
		}
	}
	return nil
}

// writeJSON writes one answer and returns its line of index.json.
func (c *Capture) writeJSON(request, file string, answer any) (Captured, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(answer); err != nil {
		return Captured{}, fmt.Errorf("encoding %s: %w", file, err)
	}
	captured := Captured{Request: request, Status: 200, ContentType: "application/json", File: file}
	return captured, c.write(file, b.Bytes())
}

func (c *Capture) write(path string, content []byte) error {
	if c.o.Edit != nil {
		if content = c.o.Edit(path, content); content == nil {
			return nil
		}
	}
	return writeBelow(c.dir, path, content)
}
