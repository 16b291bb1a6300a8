package testaudit

import (
	"cmp"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"slices"
	"testing"
	"time"

	"selfaudit/internal/testlog"
	"selfaudit/internal/testpki"
	"selfaudit/sampler"
	"selfaudit/sampler/ct"
)

// entry is one entry of the made-up log.
type entry struct {
	ms   uint64
	leaf []byte
	item int // index of the item
	cert []byte
	form sampler.Form
}

// logKeySeed is the seed of the log's key.
const logKeySeed = "log alpha"

// log is an RFC 6962 log over all certificates, in the order of their time stamps.
type log struct {
	key     *testpki.Key
	id      ct.LogID
	entries []entry
	nodes   ct.NodeFunc
	root    ct.Hash
	headMS  uint64
	head    []byte // get-sth answer
}

func newLog(t testing.TB, items []issued, head time.Time) *log {
	l := &log{key: testpki.ECKey(logKeySeed), headMS: uint64(head.UnixMilli())}
	l.id = ct.LogIDOf(l.key.SPKI)
	for i, it := range items {
		ms := uint64(it.at.UnixMilli())
		l.entries = append(l.entries, entry{ms, leaf(ms, 1, slices.Concat(keyHash(it), vector24(it.tbs))), i, it.precert, sampler.FormPrecert})
		for n, der := range it.finals {
			ms := ms + uint64(n+1)*1500
			l.entries = append(l.entries, entry{ms, leaf(ms, 0, vector24(der)), i, der, sampler.FormFinal})
		}
	}
	slices.SortStableFunc(l.entries, func(x, y entry) int { return cmp.Compare(x.ms, y.ms) })
	tree := ct.NewRange(0)
	var hashes []ct.Hash
	for _, e := range l.entries {
		h := ct.HashLeaf(e.leaf)
		hashes = append(hashes, h)
		tree.Append(h)
	}
	root, err := tree.Root()
	if err != nil {
		t.Fatalf("computing the log's root: %v", err)
	}
	l.root, l.nodes = root, testlog.NodesOf(hashes)
	l.head, err = json.Marshal(map[string]any{
		"tree_size": len(l.entries), "timestamp": l.headMS, "sha256_root_hash": base64.StdEncoding.EncodeToString(root[:]),
		"tree_head_signature": base64.StdEncoding.EncodeToString(testlog.SignTreeHead(l.key, uint64(len(l.entries)), root, l.headMS)),
	})
	if err != nil {
		t.Fatalf("writing the log's tree head: %v", err)
	}
	return l
}

func keyHash(it issued) []byte { return it.item.Issuer[:] }

// leaf is a MerkleTreeLeaf of RFC 6962 section 3.4 without extensions.
func leaf(ms uint64, entryType byte, body []byte) []byte {
	b := binary.BigEndian.AppendUint64([]byte{0, 0}, ms)
	b = append(b, 0, entryType)
	b = append(b, body...)
	return append(b, 0, 0)
}

func vector24(v []byte) []byte {
	return append([]byte{byte(len(v) >> 16), byte(len(v) >> 8), byte(len(v))}, v...)
}

// sightings returns what the log shows of an item, in the order of the entries.
func (l *log) sightings(t testing.TB, index int, it issued) []sampler.Sighting {
	var out []sampler.Sighting
	for n, e := range l.entries {
		if e.item != index {
			continue
		}
		proof, err := ct.InclusionProof(uint64(n), uint64(len(l.entries)), l.nodes)
		if err != nil {
			t.Fatalf("proving entry %d: %v", n, err)
		}
		path := [][]byte{}
		for _, h := range proof {
			path = append(path, h[:])
		}
		out = append(out, sampler.Sighting{ItemID: it.item, Cert: sampler.HashCert(e.cert), Form: e.form, Source: sampler.SightingLog,
			LogID: l.id.String(), Index: uint64(n), TimestampMS: e.ms, Leaf: e.leaf, Proof: path})
	}
	return out
}
