package ct_test

import (
	"encoding/base64"
	"encoding/csv"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"selfaudit/sampler/ct"
)

// The alpha logs were written by real CT servers; testdata/ctlogs/alpha/README.md says how.

var moduleRoot = filepath.Join("..", "..")

func alphaPath(elem ...string) string {
	return filepath.Join(append([]string{moduleRoot, "testdata", "ctlogs", "alpha"}, elem...)...)
}

// alphaA is the one log too large for the repository; "" when it is not beside it.
func alphaA() string {
	dir := filepath.Join(moduleRoot, "..", "shared", "data", "ctlogs", "alpha", "a")
	if _, err := os.Stat(filepath.Join(dir, "checkpoint")); err != nil {
		return ""
	}
	return dir
}

func readFile(t testing.TB, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func readPEM(t testing.TB, path string) []byte {
	t.Helper()
	block, _ := pem.Decode(readFile(t, path))
	if block == nil {
		t.Fatalf("%s holds no PEM block", path)
	}
	return block.Bytes
}

type alphaLog struct {
	name string
	spki []byte
	head ct.TreeHead
	each func(fn func(*ct.Entry) error) error
}

// alphaLogs returns the alpha logs that are there.
func alphaLogs(t testing.TB) []alphaLog {
	t.Helper()
	logs := []alphaLog{captureLog(t, "b", alphaPath("b")), staticLog(t, "c", alphaPath("c"), "alpha-c.ct.example/2026h2")}
	if dir := alphaA(); dir != "" {
		logs = append(logs, staticLog(t, "a", dir, "alpha-a.ct.example/2026h2"))
	}
	return logs
}

func staticLog(t testing.TB, name, dir, origin string) alphaLog {
	t.Helper()
	spki := readPEM(t, filepath.Join(dir, "key.pub.pem"))
	head, err := ct.ParseCheckpoint(readFile(t, filepath.Join(dir, "checkpoint")), origin, spki)
	if err != nil {
		t.Fatal(err)
	}
	return alphaLog{name, spki, head, func(fn func(*ct.Entry) error) error {
		for n := uint64(0); n*ct.TileWidth < head.Size; n++ {
			width := min(head.Size-n*ct.TileWidth, ct.TileWidth)
			tile, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(ct.TilePath("data", n, int(width)))))
			if err != nil {
				return err
			}
			hashes, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(ct.TilePath("0", n, int(width)))))
			if err != nil {
				return err
			}
			err = ct.ParseDataTile(tile, n*ct.TileWidth, int(width), func(e *ct.Entry) error {
				i := 32 * (e.Index - n*ct.TileWidth)
				if got, want := ct.HashLeaf(e.Leaf), ct.Hash(hashes[i:i+32]); got != want || e.LeafHash() != want {
					return fmt.Errorf("entry %d: leaf hash %s, level-0 tile says %s", e.Index, got, want)
				}
				return fn(e)
			})
			if err != nil {
				return err
			}
		}
		return nil
	}}
}

func captureLog(t testing.TB, name, dir string) alphaLog {
	t.Helper()
	spki := readPEM(t, filepath.Join(dir, "key.pub.pem"))
	head, err := ct.ParseSTH(readFile(t, filepath.Join(dir, "get-sth.json")), spki)
	if err != nil {
		t.Fatal(err)
	}
	return alphaLog{name, spki, head, func(fn func(*ct.Entry) error) error {
		var e ct.Entry
		for e.Index < head.Size {
			var page struct {
				Entries []struct {
					LeafInput []byte `json:"leaf_input"`
					ExtraData []byte `json:"extra_data"`
				} `json:"entries"`
			}
			raw, err := os.ReadFile(filepath.Join(dir, fmt.Sprintf("get-entries-%06d.json", e.Index)))
			if err != nil {
				return err
			}
			if err := json.Unmarshal(raw, &page); err != nil || len(page.Entries) == 0 {
				return fmt.Errorf("page at %d: %d entries, %w", e.Index, len(page.Entries), err)
			}
			for _, entry := range page.Entries {
				if err := ct.ParseLeafInput(entry.LeafInput, &e); err != nil {
					return err
				}
				if err := ct.ParseExtraData(entry.ExtraData, &e); err != nil {
					return err
				}
				if err := fn(&e); err != nil {
					return err
				}
				e.Index++
			}
		}
		return nil
	}}
}

func TestAlphaRoots(t *testing.T) {
	for _, log := range alphaLogs(t) {
		t.Run(log.name, func(t *testing.T) {
			r := ct.NewRange(0)
			if err := log.each(func(e *ct.Entry) error { r.Append(e.LeafHash()); return nil }); err != nil {
				t.Fatal(err)
			}
			root, err := r.Root()
			if err != nil || r.End != log.head.Size || root != log.head.Root {
				t.Fatalf("root of %d entries is %s (%v), signed head says %d and %s", r.End, root, err, log.head.Size, log.head.Root)
			}
		})
	}
}

func TestAlphaRecordedProofs(t *testing.T) {
	log := captureLog(t, "b", alphaPath("b"))
	var leaves []ct.Hash
	if err := log.each(func(e *ct.Entry) error { leaves = append(leaves, ct.HashLeaf(e.Leaf)); return nil }); err != nil {
		t.Fatal(err)
	}
	var inclusion struct {
		LeafIndex uint64   `json:"leaf_index"`
		AuditPath [][]byte `json:"audit_path"`
	}
	decode(t, alphaPath("b", "get-proof-by-hash-leaf300.json"), &inclusion)
	proof := hashes(inclusion.AuditPath)
	if err := ct.VerifyInclusion(leaves[300], inclusion.LeafIndex, log.head.Size, proof, log.head.Root); err != nil {
		t.Error(err)
	}
	if err := ct.VerifyInclusion(leaves[301], inclusion.LeafIndex, log.head.Size, proof, log.head.Root); err == nil {
		t.Error("the proof of entry 300 was accepted for the leaf of entry 301")
	}
	for _, first := range []uint64{1, 256, 488, 975} {
		var consistency struct {
			Consistency [][]byte `json:"consistency"`
		}
		decode(t, alphaPath("b", fmt.Sprintf("get-sth-consistency-%d-976.json", first)), &consistency)
		old := ct.NewRange(0)
		for _, h := range leaves[:first] {
			old.Append(h)
		}
		root, err := old.Root()
		if err != nil {
			t.Fatal(err)
		}
		if err := ct.VerifyConsistency(first, 976, root, log.head.Root, hashes(consistency.Consistency)); err != nil {
			t.Error(err)
		}
	}
}

func decode(t *testing.T, path string, into any) {
	t.Helper()
	if err := json.Unmarshal(readFile(t, path), into); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
}

func hashes(raw [][]byte) []ct.Hash {
	var out []ct.Hash
	for _, b := range raw {
		out = append(out, ct.Hash(b))
	}
	return out
}

type alphaExpected struct {
	Logs map[string]struct {
		LogID       string `json:"log_id_b64"`
		PublicKey   string `json:"public_key_b64"`
		Precerts    int    `json:"precert_entries"`
		Finals      int    `json:"x509_entries"`
		FirstTimeMS uint64 `json:"first_timestamp_ms"`
		LastTimeMS  uint64 `json:"last_timestamp_ms"`
	}
	Issuers []struct {
		File string `json:"file"`
		SPKI string `json:"spki_sha256"`
		Cert string `json:"cert_sha256"`
	}
}

func loadExpected(t *testing.T) alphaExpected {
	t.Helper()
	var x alphaExpected
	decode(t, alphaPath("expected.json"), &x)
	return x
}

// alphaIssuers returns the SubjectPublicKeyInfo of every audited issuer by key hash.
func alphaIssuers(t *testing.T) map[[32]byte][]byte {
	t.Helper()
	issuers := map[[32]byte][]byte{}
	for _, want := range loadExpected(t).Issuers {
		der := readPEM(t, alphaPath(want.File))
		c, err := ct.ParseCertificate(der)
		if err != nil {
			t.Fatal(err)
		}
		hash := c.KeyHash()
		if hex.EncodeToString(hash[:]) != want.SPKI || ct.FingerprintOf(der).String() != want.Cert || !c.IsCA() {
			t.Fatalf("%s: key hash %x, fingerprint %s, CA %v", want.File, hash, ct.FingerprintOf(der), c.IsCA())
		}
		issuers[hash] = c.RawSPKI
	}
	return issuers
}

type alphaRow struct{ serial, notBefore, notAfter string }

// alphaRows returns entries.csv by fingerprint of the precertificate or final certificate.
func alphaRows(t *testing.T) map[string]alphaRow {
	t.Helper()
	rows, err := csv.NewReader(strings.NewReader(string(readFile(t, alphaPath("entries.csv"))))).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]alphaRow{}
	for _, r := range rows[1:] {
		for _, fp := range r[9:11] {
			out[fp] = alphaRow{r[1], r[3], r[4]}
		}
	}
	return out
}

// TestAlphaEntries checks every entry: facts of its certificate, the stored
// precertificate against the logged TBS, and the issuer's signature.
func TestAlphaEntries(t *testing.T) {
	expected, issuers, rows := loadExpected(t), alphaIssuers(t), alphaRows(t)
	for _, log := range alphaLogs(t) {
		t.Run(log.name, func(t *testing.T) {
			count := map[ct.EntryType]int{}
			verified := map[[32]byte]int{}
			err := log.each(func(e *ct.Entry) error {
				count[e.Type]++
				der := e.Certificate
				if e.Type == ct.PrecertEntry {
					der = e.Precertificate
				}
				c, err := ct.ParseCertificate(der)
				if err != nil {
					return err
				}
				issuer, err := checkAlphaEntry(e, c, issuers)
				if err != nil {
					return fmt.Errorf("entry %d: %w", e.Index, err)
				}
				row := rows[ct.FingerprintOf(der).String()]
				got := alphaRow{hex.EncodeToString(c.SerialContent), c.NotBefore.Format("2006-01-02T15:04:05Z"), c.NotAfter.Format("2006-01-02T15:04:05Z")}
				if strings.TrimLeft(got.serial, "0") != strings.TrimLeft(row.serial, "0") || got.notBefore != row.notBefore || got.notAfter != row.notAfter {
					return fmt.Errorf("entry %d: parsed %+v, entries.csv says %+v", e.Index, got, row)
				}
				if verified[issuer] < 40 || !testing.Short() && log.name != "a" {
					if err := ct.VerifySignature(issuers[issuer], c); err != nil {
						return fmt.Errorf("entry %d: %w", e.Index, err)
					}
					verified[issuer]++
				}
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			want := expected.Logs[log.name]
			if count[ct.PrecertEntry] != want.Precerts || count[ct.X509Entry] != want.Finals || len(verified) != 4 {
				t.Errorf("%v entries, %d issuers; want %d precertificates, %d certificates, 4 issuers", count, len(verified), want.Precerts, want.Finals)
			}
			if id := base64.StdEncoding.EncodeToString(log.head.LogID[:]); id != want.LogID {
				t.Errorf("log ID %s, want %s", id, want.LogID)
			}
		})
	}
}

// checkAlphaEntry returns the key hash of the entry's issuer.
func checkAlphaEntry(e *ct.Entry, c *ct.Certificate, issuers map[[32]byte][]byte) ([32]byte, error) {
	if c.ExtensionsErr != nil {
		return [32]byte{}, c.ExtensionsErr
	}
	if e.Type == ct.PrecertEntry {
		tbs, err := c.PrecertTBS(nil)
		if err != nil {
			return [32]byte{}, err
		}
		if string(tbs) != string(e.TBS) || !c.IsPrecert() {
			return [32]byte{}, errors.New("stored precertificate is not that of the logged TBSCertificate")
		}
		if issuers[e.IssuerKeyHash] == nil {
			return [32]byte{}, fmt.Errorf("unknown issuer key hash %x", e.IssuerKeyHash)
		}
		return e.IssuerKeyHash, nil
	}
	for hash, spki := range issuers {
		if ct.VerifySignature(spki, c) == nil {
			return hash, nil
		}
	}
	return [32]byte{}, errors.New("no issuer signed the certificate")
}

// TestAlphaPairsAndSCTs verifies every SCT embedded in the final certificates,
// and that each final pairs with a precertificate entry unless it is labelled.
func TestAlphaPairsAndSCTs(t *testing.T) {
	issuers := alphaIssuers(t)
	keys := map[ct.LogID][]byte{}
	for _, log := range loadExpected(t).Logs {
		spki, err := base64.StdEncoding.DecodeString(log.PublicKey)
		if err != nil {
			t.Fatal(err)
		}
		keys[ct.LogIDOf(spki)] = spki
	}
	logged := map[string]bool{} // issuer key hash and TBS of every precertificate entry
	var finals [][]byte
	logs := alphaLogs(t)
	for _, log := range logs {
		err := log.each(func(e *ct.Entry) error {
			if e.Type == ct.PrecertEntry {
				logged[string(e.IssuerKeyHash[:])+string(e.TBS)] = true
			} else {
				finals = append(finals, append([]byte(nil), e.Certificate...))
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	paired, unpaired, scts := 0, 0, 0
	for _, der := range finals {
		c, err := ct.ParseCertificate(der)
		if err != nil {
			t.Fatal(err)
		}
		hash, err := checkAlphaEntry(&ct.Entry{Type: ct.X509Entry}, c, issuers)
		if err != nil {
			t.Fatal(err)
		}
		n, ok := verifySCTs(t, c, hash, keys)
		scts += n
		tbs, err := c.PairingTBS()
		if err != nil {
			t.Fatal(err)
		}
		if logged[string(hash[:])+string(tbs)] {
			paired++
			if !ok {
				t.Errorf("%s: an SCT does not verify", ct.FingerprintOf(der))
			}
		} else {
			unpaired++
		}
	}
	t.Logf("%d finals paired, %d not, %d SCTs verified", paired, unpaired, scts)
	if paired == 0 || scts == 0 {
		t.Error("nothing was paired or no SCT was verified")
	}
}

func verifySCTs(t *testing.T, c *ct.Certificate, hash [32]byte, keys map[ct.LogID][]byte) (n int, ok bool) {
	t.Helper()
	list, err := c.SCTs()
	if err != nil {
		t.Fatal(err)
	}
	tbs, err := c.PairingTBS()
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range list {
		if ct.VerifySCT(keys[s.LogID], s, hash, tbs) != nil {
			return n, false
		}
		n++
		hash[0] ^= 1
		if ct.VerifySCT(keys[s.LogID], s, hash, tbs) == nil {
			t.Error("an SCT verified for another issuer")
		}
		hash[0] ^= 1
	}
	return n, true
}

// TestNavigliLeafHashes compares the leaf hashes of a real Sunlight tile with its hash tile.
func TestNavigliLeafHashes(t *testing.T) {
	dir := filepath.Join(moduleRoot, "testdata", "ctlogs", "navigli-sample")
	want := readFile(t, filepath.Join(dir, "tile", "0", "000"))
	n := 0
	err := ct.ParseDataTile(readFile(t, filepath.Join(dir, "tile", "data", "000")), 0, 256, func(e *ct.Entry) error {
		if h := ct.HashLeaf(e.Leaf); string(h[:]) != string(want[32*n:32*n+32]) {
			return fmt.Errorf("entry %d: leaf hash %s", e.Index, h)
		}
		c, err := ct.ParseCertificate(e.Precertificate)
		if err != nil {
			return err
		}
		tbs, err := c.PrecertTBS(nil)
		if err != nil {
			return err
		}
		if string(tbs) != string(e.TBS) {
			return fmt.Errorf("entry %d: stored precertificate differs from the logged TBSCertificate", e.Index)
		}
		n++
		return nil
	})
	if err != nil || n != 256 {
		t.Fatalf("%d entries: %v", n, err)
	}
}
