package evidence

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"selfaudit/internal/testlog"
	"selfaudit/internal/testpki"
	"selfaudit/sampler"
	"selfaudit/sampler/ct"
)

// memoryTree is a tree over bytes.
func memoryTree(files map[string][]byte) *tree {
	sizes := map[string]int64{}
	for name, data := range files {
		sizes[name] = int64(len(data))
	}
	return newTree(sizes, func(name string) (io.ReadCloser, error) {
		return io.NopCloser(bytes.NewReader(files[name])), nil
	})
}

// ctWorld is a static-ct log and files with everything that makes attribution hard: a
// Precertificate Signing Certificate, a cross-signed issuer, embedded SCTs.
type ctWorld struct {
	root, ca, twin, signer *testpki.CA
	key                    *testpki.Key
	leaves                 [][]byte
	sightings              []sampler.Sighting
	certs                  map[sampler.CertHash][]byte
	template               testpki.Template
	issuedMS               uint64
}

func newCTWorld(t *testing.T) *ctWorld {
	w := &ctWorld{key: testpki.ECKey("static log"), certs: map[sampler.CertHash][]byte{}, issuedMS: 1788220800000}
	w.root = testpki.NewRoot("Root", testpki.CAOptions{})
	w.ca = w.root.NewCA("Issuing CA", testpki.CAOptions{})
	w.twin = testpki.NewRoot("Other Root", testpki.CAOptions{}).CrossSign(w.ca, testpki.CAOptions{})
	w.signer = w.ca.NewPrecertSigner("Precertificate Signing", testpki.CAOptions{})
	w.template = testpki.Template{Seed: "leaf", Serial: []byte{0x11, 0x22}}
	tbs := w.ca.TBS(w.template)
	sct := testlog.SignSCT(w.key, w.ca.IssuerKeyHash(), tbs, w.issuedMS-500, testlog.LeafIndexExtension(0))
	pre, final := w.signer.Precertificate(w.template), w.ca.Certificate(w.template, sct)
	ikh := w.ca.IssuerKeyHash()
	w.log(pre, sampler.FormPrecert, 1, slices.Concat(ikh[:], vector(tbs)))
	w.sightings[0].PrecertSigner = w.keep(w.signer.Cert)
	w.log(final, sampler.FormFinal, 0, vector(final))
	w.log(final, sampler.FormFinal, 0, vector(final))
	w.sightings = append(w.sightings, sampler.Sighting{ItemID: w.item(), Cert: sampler.HashCert(final), Form: sampler.FormFinal,
		Source: sampler.SightingFile, File: "exports/2026Q3/a.pem", Block: 3})
	return w
}

func (w *ctWorld) item() sampler.ItemID {
	return sampler.ItemID{Issuer: sampler.KeyHash(w.ca.IssuerKeyHash()), Serial: "1122"}
}

func (w *ctWorld) keep(der []byte) sampler.CertHash {
	h := sampler.HashCert(der)
	w.certs[h] = der
	return h
}

// log enters a certificate, with a second between entries.
func (w *ctWorld) log(der []byte, form sampler.Form, kind byte, body []byte) {
	index := uint64(len(w.leaves))
	ms := w.issuedMS + 1000*index
	extensions := testlog.LeafIndexExtension(index)
	leaf := binary.BigEndian.AppendUint64([]byte{0, 0}, ms)
	leaf = append(leaf, 0, kind)
	leaf = append(leaf, body...)
	leaf = binary.BigEndian.AppendUint16(leaf, uint16(len(extensions)))
	leaf = append(leaf, extensions...)
	w.leaves = append(w.leaves, leaf)
	w.sightings = append(w.sightings, sampler.Sighting{ItemID: w.item(), Cert: w.keep(der), Form: form, Source: sampler.SightingLog,
		LogID: ct.LogIDOf(w.key.SPKI).String(), Index: index, TimestampMS: ms, Leaf: leaf})
}

func vector(v []byte) []byte {
	return append([]byte{byte(len(v) >> 16), byte(len(v) >> 8), byte(len(v))}, v...)
}

// verifier puts the world into a verifier that has come as far as the sightings.
func (w *ctWorld) verifier(t *testing.T) *verifier {
	var hashes []ct.Hash
	tree := ct.NewRange(0)
	for _, leaf := range w.leaves {
		hashes = append(hashes, ct.HashLeaf(leaf))
		tree.Append(ct.HashLeaf(leaf))
	}
	root, err := tree.Root()
	must(t, err)
	var lines bytes.Buffer
	for i := range w.sightings {
		s := &w.sightings[i]
		if s.Source == sampler.SightingLog && s.Proof == nil {
			proof, err := ct.InclusionProof(s.Index, uint64(len(w.leaves)), testlog.NodesOf(hashes))
			must(t, err)
			for _, h := range proof {
				s.Proof = append(s.Proof, h[:])
			}
		}
		line, err := s.Line()
		must(t, err)
		lines.Write(line)
	}
	id := ct.LogIDOf(w.key.SPKI)
	const origin = "log.test/2026h2"
	files := map[string][]byte{
		"ct/sightings.jsonl":                        lines.Bytes(),
		"ct/keys/" + id.String() + ".pem":           w.key.PublicPEM(),
		"ct/heads/" + id.String() + ".checkpoint":   testlog.Checkpoint(w.key, origin, uint64(len(w.leaves)), root, w.issuedMS+9000, nil, nil),
		"issuers/" + certFile(w.ca.Cert) + ".der":   w.ca.Cert,
		"issuers/" + certFile(w.twin.Cert) + ".der": w.twin.Cert,
	}
	for h, der := range w.certs {
		files[certName(h)] = der
	}
	v := &verifier{ctx: t.Context(), report: &Report{}, data: memoryTree(files), hashes: map[string]sampler.DocHash{}}
	for name, data := range files {
		v.hashes[payloadFolder+"/"+name] = sampler.HashDoc(data)
	}
	at := time.UnixMilli(int64(w.issuedMS)).UTC()
	v.docs.commitment = &sampler.Commitment{ChainStart: at.Add(-time.Hour), PeriodStart: at.Add(-time.Hour), PeriodEnd: at.Add(time.Hour)}
	v.docs.snapshot = &sampler.Snapshot{IssuanceTime: sampler.IssuedByCT,
		Issuers: []sampler.SnapshotIssuer{{KeySHA256: w.item().Issuer, Certificates: []sampler.CertHash{sampler.HashCert(w.ca.Cert), sampler.HashCert(w.twin.Cert)}}},
		Logs: []sampler.SnapshotLog{{LogID: id.String(), Type: "static-ct", Origin: origin, PublicKey: w.key.SPKI, Status: sampler.LogProven, TreeSize: uint64(len(w.leaves)),
			RootHash: root.String(), TimestampMS: w.issuedMS + 9000, HeadFile: "ct/heads/" + id.String() + ".checkpoint", Entries: int64(len(w.leaves))}},
		Files: []sampler.SnapshotFile{{Path: "exports/2026Q3"}}}
	final, err := ct.ParseCertificate(w.certs[w.sightings[1].Cert])
	must(t, err)
	v.docs.sample = []sampler.SampleRow{{Item: w.item(), Role: sampler.RoleSample, Cert: w.sightings[1].Cert}}
	v.docs.population = &populationFacts{rows: map[sampler.ItemID]sampler.Row{w.item(): {Item: w.item(), Stratum: sampler.StratumID{Issuer: w.item().Issuer, Class: sampler.ClassDV},
		Form: sampler.FormFinal, Cert: w.sightings[1].Cert, Issued: at.Add(-time.Second), NotBefore: final.NotBefore, NotAfter: final.NotAfter}}}
	return v
}

func certFile(der []byte) string { return sampler.HashCert(der).String() }

// run goes through the checks of this part and returns what failed.
func (v *verifier) runCT() string {
	for _, check := range []func(){v.checkIssuers, v.checkLogs, v.checkSightings, v.checkCertificates, v.checkRows} {
		check()
	}
	var out []string
	for _, c := range v.report.Checks {
		if c.Status == Fail {
			out = append(out, c.Name+": "+c.Detail)
		}
	}
	return strings.Join(out, "\n")
}

func TestPrecertSignerTwinAndFiles(t *testing.T) {
	v := newCTWorld(t).verifier(t)
	if got := v.runCT(); got != "" {
		t.Fatal(got)
	}
	// The SCT, half a second before the first entry, dates the item.
	it := v.docs.items[newCTWorld(t).item()]
	if it == nil {
		t.Fatal("the item is missing")
	}
	if others, own := v.ctTimes(it); !others.Equal(time.UnixMilli(1788220799500)) || !own.IsZero() {
		t.Error("the embedded SCT does not count")
	}
}

func TestWrongSightings(t *testing.T) {
	for name, c := range map[string]struct {
		change func(w *ctWorld)
		want   string
	}{
		"signer not named": {func(w *ctWorld) { w.sightings[0].PrecertSigner = sampler.CertHash{} }, "the issuer did not sign it"},
		"signer missing":   {func(w *ctWorld) { delete(w.certs, w.sightings[0].PrecertSigner) }, "Precertificate Signing Certificate"},
		"signer is the CA": {func(w *ctWorld) { w.sightings[0].PrecertSigner = w.keep(w.ca.Cert) }, "no Precertificate Signing Certificate"},
		"signer of another": {func(w *ctWorld) {
			other := w.root.NewCA("Another CA", testpki.CAOptions{}).NewPrecertSigner("Precertificate Signing", testpki.CAOptions{})
			w.sightings[0].PrecertSigner = w.keep(other.Cert)
			w.sightings[0].Cert = w.keep(other.Precertificate(w.template))
		}, "the issuer did not sign precert_signer"},
		"index of another entry":      {func(w *ctWorld) { w.sightings[1].Index, w.sightings[2].Index = 2, 1 }, "the leaf does not say that its index is 2"},
		"twin of another key":         {func(w *ctWorld) { w.twin = otherKey(w, 1) }, "has the key hash"},
		"twin of another, higher key": {func(w *ctWorld) { w.twin = otherKey(w, -1) }, "has another key"},
		"other file":                  {func(w *ctWorld) { w.sightings[3].File = "exports/2026Q3b/a.pem" }, "lists no such file"},
		"certificate of another": {func(w *ctWorld) {
			other := w.root.NewCA("Another CA", testpki.CAOptions{})
			der := other.Certificate(w.template)
			w.sightings[3].Cert = w.keep(der)
		}, "the issuer did not sign it"},
		"other content under the serial": {func(w *ctWorld) {
			w.template.DNSNames = []string{"evil.example.com"}
			w.sightings[1].Cert = w.keep(w.ca.Certificate(w.template))
		}, "the leaf holds another certificate"},
		"precertificate of other content": {func(w *ctWorld) {
			w.template.DNSNames = []string{"evil.example.com"}
			w.sightings[0].Cert = w.keep(w.signer.Precertificate(w.template))
		}, "is not that of the precertificate"},
		"tree of another size": {func(w *ctWorld) { w.sightings[1].Proof = [][]byte{make([]byte, 32)} }, "inclusion proof"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newCTWorld(t)
			c.change(w)
			if got := w.verifier(t).runCT(); !strings.Contains(got, c.want) {
				t.Errorf("failed %q, want %q", got, c.want)
			}
		})
	}
}

// otherKey returns a CA of the issuer's name whose key hash is lower (1) or higher (-1).
func otherKey(w *ctWorld, order int) *testpki.CA {
	want := w.ca.IssuerKeyHash()
	for n := 0; ; n++ {
		ca := testpki.NewRoot("Issuing CA", testpki.CAOptions{Key: testpki.ECKey(fmt.Sprint("other ", n))})
		if h := ca.IssuerKeyHash(); bytes.Compare(want[:], h[:]) == order {
			return ca
		}
	}
}

func TestLeafIndex(t *testing.T) {
	for _, c := range []struct {
		extensions []byte
		index      uint64
		ok         bool
	}{
		{testlog.LeafIndexExtension(0), 0, true},
		{testlog.LeafIndexExtension(1<<40 - 1), 1<<40 - 1, true},
		{append([]byte{9, 0, 1, 7}, testlog.LeafIndexExtension(5)...), 5, true},
		{nil, 0, false},
		{[]byte{0, 0}, 0, false},
		{[]byte{0, 0, 5, 1, 2, 3, 4}, 0, false},
		{[]byte{1, 0, 0}, 0, false},
	} {
		index, err := leafIndex(c.extensions)
		if (err == nil) != c.ok || index != c.index {
			t.Errorf("%x: %d, %v", c.extensions, index, err)
		}
	}
}

// TestContradictions: what items.jsonl should have said is found in the certificates.
func TestContradictions(t *testing.T) {
	final, other := &certificate{form: sampler.FormFinal, pairable: true}, &certificate{form: sampler.FormFinal, pairable: true, pairing: [32]byte{1}}
	precert, precert2 := &certificate{form: sampler.FormPrecert, pairable: true}, &certificate{form: sampler.FormPrecert, pairable: true, pairing: [32]byte{1}}
	for name, c := range map[string]struct {
		certs []*certificate
		named []int
		ok    bool
	}{
		"a pair":                        {[]*certificate{final, precert}, nil, true},
		"two finals":                    {[]*certificate{final, other}, nil, false},
		"two finals, named":             {[]*certificate{final, other}, []int{0, 1}, true},
		"two finals, one named":         {[]*certificate{final, other}, []int{0}, false},
		"no match":                      {[]*certificate{other, precert}, nil, false},
		"no match, named":               {[]*certificate{other, precert}, []int{0, 1}, true},
		"two precertificates":           {[]*certificate{precert, precert2}, nil, false},
		"two precertificates, named":    {[]*certificate{precert, precert2}, []int{0, 1}, true},
		"same content, different bytes": {[]*certificate{precert, {form: sampler.FormPrecert, pairable: true}}, nil, true},
	} {
		id := sampler.ItemID{Serial: "01"}
		v := &verifier{report: &Report{}}
		v.docs.certs, v.docs.items = map[sampler.CertHash]*certificate{}, map[sampler.ItemID]*itemSightings{id: {}}
		v.docs.population = &populationFacts{rows: map[sampler.ItemID]sampler.Row{id: {}}}
		named := map[sampler.ItemID][]sampler.CertHash{}
		for i, cert := range c.certs {
			h := sampler.CertHash{byte(i + 1)}
			v.docs.certs[h] = cert
			v.docs.items[id].certs = append(v.docs.items[id].certs, h)
			if slices.Contains(c.named, i) {
				named[id] = append(named[id], h)
			}
		}
		var bad failures
		v.findContradictions(named, &bad)
		if (bad.total == 0) != c.ok {
			t.Errorf("%s: %v", name, bad.list)
		}
	}
}
