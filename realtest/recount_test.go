package realtest

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	ct "github.com/google/certificate-transparency-go"
	"github.com/google/certificate-transparency-go/client"
	"github.com/google/certificate-transparency-go/jsonclient"
	"github.com/google/certificate-transparency-go/tls"
	"github.com/google/certificate-transparency-go/x509"
	"github.com/transparency-dev/merkle/compact"
	"github.com/transparency-dev/merkle/rfc6962"
	"github.com/transparency-dev/tessera/api/layout"
)

// recount reads logs again, by the code of certificate-transparency-go and none of
// selfaudit's, and says which items their trees contain.
type recount struct {
	t       *testing.T
	issuers map[[32]byte]*x509.Certificate // audited, by SHA-256 of the key
	logs    map[[32]byte]bool              // ids of the logs whose SCTs count
	items   map[string]*counted
}

// counted is an item as the logs show it.
type counted struct {
	earliest        uint64 // time stamp, milliseconds
	final, precerts map[string]bool
}

func newRecount(t *testing.T, a *authority) *recount {
	t.Helper()
	r := &recount{t: t, issuers: map[[32]byte]*x509.Certificate{}, logs: map[[32]byte]bool{}, items: map[string]*counted{}}
	for _, ca := range a.issuers {
		cert, err := x509.ParseCertificate(ca.Cert)
		if err != nil {
			t.Fatal(err)
		}
		r.issuers[sha256.Sum256(cert.RawSubjectPublicKeyInfo)] = cert
	}
	return r
}

// pinned is a tree head as the audit's folder has it.
type pinned struct {
	size uint64
	root []byte
}

func readPinned(t *testing.T, raw []byte) pinned {
	t.Helper()
	if bytes.HasPrefix(raw, []byte("{")) {
		var sth ct.GetSTHResponse
		if err := json.Unmarshal(raw, &sth); err != nil {
			t.Fatal(err)
		}
		return pinned{sth.TreeSize, sth.SHA256RootHash}
	}
	lines := strings.Split(string(raw), "\n")
	size, err := strconv.ParseUint(lines[1], 10, 63)
	if err != nil {
		t.Fatal(err)
	}
	root, err := base64.StdEncoding.DecodeString(lines[2])
	if err != nil {
		t.Fatal(err)
	}
	return pinned{size, root}
}

// rfc6962Log counts an RFC 6962 log, which client.LogClient reads.
func (r *recount) rfc6962Log(url string, head pinned) {
	r.t.Helper()
	c, err := client.New(url, http.DefaultClient, jsonclient.Options{})
	if err != nil {
		r.t.Fatal(err)
	}
	tree := (&compact.RangeFactory{Hash: rfc6962.DefaultHasher.HashChildren}).NewEmptyRange(0)
	for tree.End() < head.size {
		answer, err := c.GetRawEntries(context.Background(), int64(tree.End()), int64(head.size-1))
		if err != nil {
			r.t.Fatalf("recounting %s: %v", url, err)
		}
		for _, leaf := range answer.Entries {
			entry, err := ct.LogEntryFromLeaf(int64(tree.End()), &leaf)
			if x509.IsFatal(err) {
				r.t.Fatalf("recounting %s: %v", url, err)
			}
			switch {
			case entry.Precert != nil:
				r.precert(entry.Precert.IssuerKeyHash, entry.Precert.TBSCertificate.SerialNumber, entry.Precert.Submitted.Data, entry.Leaf.TimestampedEntry.Timestamp)
			default:
				r.final(entry.X509Cert, entry.Leaf.TimestampedEntry.Timestamp)
			}
			r.append(tree, leaf.LeafInput)
		}
	}
	r.compare(url, tree, head)
}

// staticLog counts a static-ct log, tile by tile.
func (r *recount) staticLog(url string, head pinned) {
	r.t.Helper()
	tree := (&compact.RangeFactory{Hash: rfc6962.DefaultHasher.HashChildren}).NewEmptyRange(0)
	for tree.End() < head.size {
		n := tree.End() / layout.EntryBundleWidth
		width := uint8(0)
		if rest := head.size - tree.End(); rest < layout.EntryBundleWidth {
			width = uint8(rest)
		}
		tile := fetch(r.t, url+"/tile/data/"+layout.NWithSuffix(0, n, width))
		for len(tile) > 0 {
			var entry ct.TimestampedEntry
			rest, err := tls.Unmarshal(tile, &entry)
			if err != nil {
				r.t.Fatalf("recounting %s, entry %d: %v", url, tree.End(), err)
			}
			leaf, err := tls.Marshal(ct.MerkleTreeLeaf{Version: ct.V1, LeafType: ct.TimestampedEntryLeafType, TimestampedEntry: &entry})
			if err != nil {
				r.t.Fatal(err)
			}
			r.append(tree, leaf)
			var submitted struct {
				Data []byte `tls:"minlen:1,maxlen:16777215"`
			}
			if entry.EntryType == ct.PrecertLogEntryType {
				if rest, err = tls.Unmarshal(rest, &submitted); err != nil {
					r.t.Fatal(err)
				}
				tbs, err := x509.ParseTBSCertificate(entry.PrecertEntry.TBSCertificate)
				if x509.IsFatal(err) {
					r.t.Fatal(err)
				}
				r.precert(entry.PrecertEntry.IssuerKeyHash, tbs.SerialNumber, submitted.Data, entry.Timestamp)
			} else {
				cert, err := x509.ParseCertificate(entry.X509Entry.Data)
				if x509.IsFatal(err) {
					r.t.Fatal(err)
				}
				r.final(cert, entry.Timestamp)
			}
			chain := binary.BigEndian.Uint16(rest)
			tile = rest[2+chain:]
		}
	}
	r.compare(url, tree, head)
}

func (r *recount) append(tree *compact.Range, leaf []byte) {
	r.t.Helper()
	if err := tree.Append(rfc6962.DefaultHasher.HashLeaf(leaf), nil); err != nil {
		r.t.Fatal(err)
	}
}

// compare holds the entries that were counted against the pinned root.
func (r *recount) compare(url string, tree *compact.Range, head pinned) {
	r.t.Helper()
	root, err := tree.GetRootHash(nil)
	if err != nil {
		r.t.Fatal(err)
	}
	if tree.End() != head.size || !bytes.Equal(root, head.root) {
		r.t.Fatalf("recounting %s: %d entries give root %x, the pinned head says %d and %x", url, tree.End(), root, head.size, head.root)
	}
}

func fetch(t *testing.T, url string) []byte {
	t.Helper()
	resp, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("%s: status %d, %v", url, resp.StatusCode, err)
	}
	return body
}

func (r *recount) item(issuer [32]byte, serial *big.Int, at uint64) *counted {
	hexSerial := hex.EncodeToString(serial.Bytes())
	id := hex.EncodeToString(issuer[:]) + ":" + hexSerial
	c := r.items[id]
	if c == nil {
		c = &counted{earliest: at, final: map[string]bool{}, precerts: map[string]bool{}}
		r.items[id] = c
	}
	c.earliest = min(c.earliest, at)
	return c
}

func (r *recount) precert(issuer [32]byte, serial *big.Int, der []byte, at uint64) {
	if r.issuers[issuer] != nil {
		r.item(issuer, serial, at).precerts[fingerprint(der)] = true
	}
}

// final counts a final certificate if an audited key signed it. The SCTs in it date it too.
func (r *recount) final(cert *x509.Certificate, at uint64) {
	for key, issuer := range r.issuers {
		if cert.CheckSignatureFrom(issuer) != nil {
			continue
		}
		c := r.item(key, cert.SerialNumber, at)
		c.final[fingerprint(cert.Raw)] = true
		for _, raw := range cert.SCTList.SCTList {
			var sct ct.SignedCertificateTimestamp
			if _, err := tls.Unmarshal(raw.Val, &sct); err != nil {
				r.t.Fatal(err)
			}
			if r.logs[sct.LogID.KeyID] {
				c.earliest = min(c.earliest, sct.Timestamp)
			}
		}
	}
}

func fingerprint(der []byte) string {
	sum := sha256.Sum256(der)
	return hex.EncodeToString(sum[:])
}

// row is what a line of population.tsv must say of an item.
type row struct{ form, certificate, issued string }

// rows returns the items issued before until which are not in earlier, as population.tsv
// describes them: the final certificate if there is one, the lowest hash of several.
func (r *recount) rows(from, until time.Time, earlier map[string]bool) map[string]row {
	out := map[string]row{}
	for id, c := range r.items {
		at := time.UnixMilli(int64(c.earliest)).UTC().Truncate(time.Second)
		if at.Before(from) || !at.Before(until) || earlier[id] {
			continue
		}
		form, hashes := "final", c.final
		if len(hashes) == 0 {
			form, hashes = "precert", c.precerts
		}
		lowest := ""
		for h := range hashes {
			if lowest == "" || h < lowest {
				lowest = h
			}
		}
		out[id] = row{form, lowest, at.Format(time.RFC3339)}
	}
	return out
}

// readPopulation reads population.tsv, splitting lines and nothing more.
func readPopulation(t *testing.T, raw []byte) map[string]row {
	t.Helper()
	out := map[string]row{}
	s := bufio.NewScanner(bytes.NewReader(raw))
	for s.Scan() {
		if strings.HasPrefix(s.Text(), "#") {
			continue
		}
		f := strings.Split(s.Text(), "\t")
		if len(f) != 7 {
			t.Fatalf("population.tsv has a line of %d fields: %q", len(f), s.Text())
		}
		out[f[0]] = row{f[2], f[3], f[4]}
	}
	return out
}

// sameRows demands equality, and shows what differs.
func sameRows(t *testing.T, what string, got, want map[string]row) {
	t.Helper()
	shown := 0
	show := func(format string, args ...any) {
		if shown++; shown <= 10 {
			t.Errorf("%s: %s", what, fmt.Sprintf(format, args...))
		}
	}
	for id, w := range want {
		if g, ok := got[id]; !ok {
			show("item %s (%v) is missing", id, w)
		} else if g != w {
			show("item %s is %v, want %v", id, g, w)
		}
	}
	for id, g := range got {
		if _, ok := want[id]; !ok {
			show("item %s (%v) does not belong there", id, g)
		}
	}
	if len(want) == 0 {
		t.Errorf("%s: no item was expected: this test shows nothing", what)
	}
}
