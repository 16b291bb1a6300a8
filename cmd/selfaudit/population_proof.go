package main

import (
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"

	"selfaudit/internal/config"
	"selfaudit/internal/terminal"
	"selfaudit/sampler"
	"selfaudit/sampler/ct"
)

// populationProof is an inclusion proof with all that is needed to check it by hand. It
// was checked before it is shown.
type populationProof struct {
	LogKey   string   `json:"log_key"` // SubjectPublicKeyInfo, base64
	LeafHash string   `json:"leaf_hash"`
	Leaf     string   `json:"leaf"` // MerkleTreeLeaf (RFC 6962 3.4), base64
	Path     []string `json:"path"` // audit path, from the leaf to the root, hex
	TreeSize uint64   `json:"tree_size"`
	RootHash string   `json:"root_hash"`
	HeadFile string   `json:"tree_head_file"`
	Head     string   `json:"tree_head"` // as the log served it
	Check    string   `json:"check"`
}

// howToCheck is the same for every proof.
const howToCheck = "SHA-256(0x00 || leaf) is leaf_hash; fold the path as RFC 9162 2.1.3.2 says, with index and tree_size; the result must be root_hash, " +
	"which tree_head names and signs (a checkpoint, or an RFC 6962 get-sth answer) under log_key; SHA-256 of log_key is log_id: compare it with the root programmes' log lists"

// prover checks proofs against the logs' pinned tree heads.
type prover struct {
	fsys  fs.FS
	logs  map[string]sampler.SnapshotLog
	heads map[string]string // raw, of logs whose head was verified
}

func newProver(fsys fs.FS, logs []sampler.SnapshotLog) *prover {
	p := &prover{fsys: fsys, logs: map[string]sampler.SnapshotLog{}, heads: map[string]string{}}
	for _, l := range logs {
		p.logs[l.LogID] = l
	}
	return p
}

// head returns a log's signed tree head after verifying it.
func (p *prover) head(l sampler.SnapshotLog) (string, error) {
	if raw, ok := p.heads[l.LogID]; ok {
		return raw, nil
	}
	if !fs.ValidPath(l.HeadFile) {
		return "", fmt.Errorf("log %s: its tree head's file %q is no path", l.LogID, l.HeadFile)
	}
	f, err := p.fsys.Open(l.HeadFile)
	if err != nil {
		return "", err
	}
	defer f.Close() // only read from: nothing is lost if closing fails
	raw, err := io.ReadAll(io.LimitReader(f, 1<<20))
	if err != nil {
		return "", err
	}
	var head ct.TreeHead
	if l.Type == config.TypeStaticCT {
		head, err = ct.ParseCheckpoint(raw, l.Origin, l.PublicKey)
	} else {
		head, err = ct.ParseSTH(raw, l.PublicKey)
	}
	switch {
	case err != nil:
		return "", fmt.Errorf("%s: %w", l.HeadFile, err)
	case ct.LogIDOf(l.PublicKey).String() != l.LogID:
		return "", fmt.Errorf("log %s: the key is another log's", l.LogID)
	case head.Size != l.TreeSize || hex.EncodeToString(head.Root[:]) != l.RootHash:
		return "", fmt.Errorf("%s: it is not the tree head that the log was read at", l.HeadFile)
	}
	p.heads[l.LogID] = string(raw)
	return string(raw), nil
}

// proof checks and words the proof of a log's sighting.
func (p *prover) proof(s sampler.Sighting) (*populationProof, error) {
	fail := func(err error) error {
		return &exitError{code: exitVerify, id: "proof_failed", err: fmt.Errorf("entry %d of log %s: %w", s.Index, s.LogID, err)}
	}
	l, ok := p.logs[s.LogID]
	if !ok {
		return nil, fail(errors.New("the log is not one that was read"))
	}
	raw, err := p.head(l)
	if err != nil {
		return nil, fail(err)
	}
	root, err := hex.DecodeString(l.RootHash)
	if err != nil || len(root) != len(ct.Hash{}) {
		return nil, fail(errors.New("its root hash cannot be read"))
	}
	path := make([]ct.Hash, len(s.Proof))
	words := make([]string, len(s.Proof))
	for i, h := range s.Proof {
		path[i], words[i] = ct.Hash(h), hex.EncodeToString(h)
	}
	leaf := ct.HashLeaf(s.Leaf)
	if err := ct.VerifyInclusion(leaf, s.Index, l.TreeSize, path, ct.Hash(root)); err != nil {
		return nil, fail(err)
	}
	return &populationProof{LogKey: base64.StdEncoding.EncodeToString(l.PublicKey), LeafHash: hex.EncodeToString(leaf[:]), Leaf: base64.StdEncoding.EncodeToString(s.Leaf),
		Path: words, TreeSize: l.TreeSize, RootHash: l.RootHash, HeadFile: l.HeadFile, Head: raw, Check: howToCheck}, nil
}

// write shows a proof to people.
func (p *populationProof) write(e *env) {
	e.printf("    inclusion proof, checked: tree of %d entries, root %s\n", p.TreeSize, p.RootHash)
	e.printf("      leaf hash %s\n", p.LeafHash)
	for i, h := range p.Path {
		e.printf("      path %2d   %s\n", i, h)
	}
	e.printf("      signed tree head (%s):\n", p.HeadFile)
	for line := range strings.Lines(p.Head) {
		e.printf("        %s\n", terminal.Escape(strings.TrimRight(line, "\r\n")))
	}
	e.printf("      log key   %s\n      leaf      %s\n      check: %s\n", p.LogKey, p.Leaf, p.Check)
}
