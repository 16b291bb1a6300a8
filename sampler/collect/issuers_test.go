package collect_test

import (
	"bytes"
	"context"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"selfaudit/internal/testlog"
	"selfaudit/internal/testpki"
	"selfaudit/sampler"
	"selfaudit/sampler/collect"
)

// readBoth collects the entries through both protocols, demands equal documents, and
// returns those of the second.
func readBoth(t *testing.T, issuers *collect.Issuers, entries []testlog.Entry) (documents, collect.LogResult) {
	t.Helper()
	var before documents
	for _, kind := range bothKinds {
		c := newCollection(t, issuers, openLog(t, kind, writeLog(t, kind, entries), access{}))
		_, results, _, err := c.harvest(context.Background())
		if err != nil || results[0].Err != nil {
			t.Fatalf("%s: %v %v", kind, err, results[0].Err)
		}
		got := c.collect(t)
		d := freeze(t, got, ever)
		d.draw(t, got, c.dir)
		if kind == rfc {
			if d.population != before.population || d.items != before.items {
				t.Errorf("the documents depend on the protocol:\n%s%s\n%s%s", before.population, before.items, d.population, d.items)
			}
			return d, results[0]
		}
		before = d
	}
	panic("unreachable")
}

// failBoth reads the entries through both protocols and demands that the log fails.
func failBoth(t *testing.T, issuers *collect.Issuers, entries []testlog.Entry, reason ...string) {
	t.Helper()
	for _, kind := range bothKinds {
		c := newCollection(t, issuers, openLog(t, kind, writeLog(t, kind, entries), access{}))
		_, results, _, err := c.harvest(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		checkVerdict(t, results[0].Err, verdict(results[0]), failed, reason)
	}
}

func wantLints(t *testing.T, d documents, id sampler.ItemID, want ...string) {
	t.Helper()
	if got := d.lints(id); !slices.Equal(got, want) && len(got)+len(want) > 0 {
		t.Errorf("item %s has the findings %q, want %q", id, got, want)
	}
}

func TestCrossSignedTwins(t *testing.T) {
	otherRoot := testpki.NewRoot("Other Root", testpki.CAOptions{})
	twin := otherRoot.CrossSign(ourCA, testpki.CAOptions{})
	a, b := testpki.Template{Seed: "a"}, testpki.Template{Seed: "b"}
	entries := []testlog.Entry{
		testlog.PrecertEntry(ourCA, a, firstMS), testlog.PrecertEntry(twin, b, firstMS),
		testlog.FinalEntry(twin, ourCA.Certificate(a), firstMS), testlog.FinalEntry(ourCA, ourCA.Certificate(b), firstMS),
	}
	for _, issuers := range []*collect.Issuers{newIssuers(t, ourCA), newIssuers(t, twin), newIssuers(t, twin, ourCA)} {
		if n := len(issuers.List()); n != 1 {
			t.Errorf("%d issuers from one key", n)
		}
		d, _ := readBoth(t, issuers, entries)
		if len(d.rows) != 2 || d.res.Counts.Both != 2 || len(d.findings) != 0 {
			t.Errorf("%d rows, counts %+v, findings %v", len(d.rows), d.res.Counts, d.findings)
		}
	}
}

func TestOneKeyTwoNames(t *testing.T) {
	second := rootCA.NewCA("", testpki.CAOptions{Key: ourCA.Key, Name: testpki.Name(testpki.CN("Same Key, Another Name"))})
	a, b := testpki.Template{Seed: "a"}, testpki.Template{Seed: "b"}
	entries := []testlog.Entry{
		testlog.PrecertEntry(second, a, firstMS), testlog.FinalEntry(second, second.Certificate(a), firstMS),
		testlog.FinalEntry(second, second.Certificate(b), firstMS),
	}
	for _, issuers := range []*collect.Issuers{newIssuers(t, ourCA), newIssuers(t, second), newIssuers(t, ourCA, second)} {
		d, _ := readBoth(t, issuers, entries)
		if len(d.rows) != 2 || d.row(itemOf(second, a)) == nil || d.row(itemOf(second, b)) == nil {
			t.Errorf("rows %v", d.rows)
		}
	}
}

func TestSameNameAnotherKey(t *testing.T) {
	impostor := testpki.NewRoot("Foreign Root", testpki.CAOptions{}).NewCA("impostor", testpki.CAOptions{Name: ourCA.Name})
	a := testpki.Template{Seed: "a"}
	entries := []testlog.Entry{
		testlog.PrecertEntry(impostor, a, firstMS), testlog.FinalEntry(impostor, impostor.Certificate(a), firstMS),
		testlog.PrecertEntry(ourCA, a, firstMS),
	}
	d, result := readBoth(t, newIssuers(t, ourCA), entries)
	if len(d.rows) != 1 || d.rows[0].Item.Issuer != ourCA.IssuerKeyHash() || d.res.Counts.PrecertOnly != 1 {
		t.Errorf("rows %v, counts %+v", d.rows, d.res.Counts)
	}
	if result.SameName != 1 {
		t.Errorf("%d certificates under the same name, want 1", result.SameName)
	}
	notes := (&collect.Harvest{Issuers: newIssuers(t, ourCA)}).Save([]collect.LogResult{result}, nil).Notes
	if len(notes) != 1 || !strings.Contains(notes[0], "1 certificates carry an audited issuer's name but are signed by another key") {
		t.Errorf("notes %q", notes)
	}
}

func TestPrecertSigningCertificate(t *testing.T) {
	signer := ourCA.NewPrecertSigner("Precert Signer", testpki.CAOptions{})
	before := testpki.Template{Seed: "before", NotBefore: time.Date(2026, 3, 14, 23, 59, 59, 0, time.UTC)}
	after := testpki.Template{Seed: "after", NotBefore: time.Date(2026, 3, 15, 0, 0, 0, 0, time.UTC)}
	entries := []testlog.Entry{
		testlog.PrecertEntry(signer, before, firstMS), testlog.FinalEntry(ourCA, ourCA.Certificate(before), firstMS),
		testlog.PrecertEntry(signer, after, firstMS), testlog.FinalEntry(ourCA, ourCA.Certificate(after), firstMS),
	}
	d, _ := readBoth(t, newIssuers(t, ourCA), entries)
	if len(d.rows) != 2 || d.res.Counts.Both != 2 {
		t.Fatalf("%d rows, counts %+v", len(d.rows), d.res.Counts)
	}
	wantLints(t, d, itemOf(ourCA, before))
	wantLints(t, d, itemOf(ourCA, after), "e_precertificate_signing_certificate_used")
	sightings, err := sampler.ParseSightings(strings.NewReader(d.sightings))
	if err != nil {
		t.Fatal(err)
	}
	signed := 0
	for _, s := range sightings {
		if s.Form == sampler.FormPrecert && s.PrecertSigner == sampler.HashCert(signer.Cert) {
			signed++
		}
	}
	if signed != 2 {
		t.Errorf("%d sightings name the signing certificate, want 2", signed)
	}

	short := testlog.PrecertEntry(signer, after, firstMS)
	short.Chain = short.Chain[:1]
	failBoth(t, newIssuers(t, ourCA), []testlog.Entry{short}, "entry 0: the stored chain begins with a certificate of key")
	stranger := testlog.PrecertEntry(signer, after, firstMS)
	stranger.Chain = foreignCA.NewPrecertSigner("Precert Signer", testpki.CAOptions{Key: signer.Key, Name: signer.Name}).Chain()
	failBoth(t, newIssuers(t, ourCA), []testlog.Entry{stranger}, "entry 0: the stored chain begins with a certificate of key")
}

// unknownAlgorithm makes a template whose signature nobody here can verify.
func unknownAlgorithm(seed string) testpki.Template {
	known, unknown := testpki.OID("1.2.840.10045.4.3.2"), testpki.OID("1.2.840.10045.4.3.9")
	edit := func(b []byte) []byte { return bytes.ReplaceAll(b, known, unknown) }
	return testpki.Template{Seed: seed, PatchTBS: edit, PatchCert: edit}
}

func TestUnsupportedAlgorithm(t *testing.T) {
	a, b, f := unknownAlgorithm("a"), unknownAlgorithm("b"), unknownAlgorithm("f")
	entries := []testlog.Entry{
		testlog.PrecertEntry(ourCA, a, firstMS), testlog.FinalEntry(ourCA, ourCA.Certificate(b), firstMS),
		testlog.PrecertEntry(foreignCA, f, firstMS), testlog.FinalEntry(foreignCA, foreignCA.Certificate(f), firstMS),
	}
	d, _ := readBoth(t, newIssuers(t, ourCA), entries)
	if len(d.rows) != 2 {
		t.Fatalf("%d rows, want 2", len(d.rows))
	}
	wantLints(t, d, itemOf(ourCA, a), "w_issuer_signature_not_checked")
	wantLints(t, d, itemOf(ourCA, b), "w_issuer_signature_not_checked")

	// Without a chain the name is all there is, and it must not be passed over.
	bare := testlog.FinalEntry(ourCA, ourCA.Certificate(b), firstMS)
	bare.Chain = nil
	failBoth(t, newIssuers(t, ourCA), []testlog.Entry{bare}, "entry 0: the stored chain is empty")
	dir := writeLog(t, static, entries)
	remove(issuerFile(ourCA))(t, dir)
	c := newCollection(t, newIssuers(t, ourCA), openLog(t, static, dir, access{}))
	_, results, _, err := c.harvest(context.Background())
	must(t, err)
	checkVerdict(t, results[0].Err, verdict(results[0]), failed, []string{issuerFile(ourCA)})
}

// TestSelfSigned audits a root, whose own certificate ends its chain itself.
func TestSelfSigned(t *testing.T) {
	for _, chain := range [][][]byte{nil, {rootCA.Cert}} {
		e := testlog.FinalEntry(rootCA, rootCA.Cert, firstMS)
		e.Chain = chain
		d, _ := readBoth(t, newIssuers(t, rootCA), []testlog.Entry{e, testlog.FinalEntry(rootCA, ourCA.Cert, firstMS)})
		if len(d.rows) != 2 || d.rows[0].Stratum.Class != sampler.ClassCA || d.rows[1].Stratum.Class != sampler.ClassCA {
			t.Errorf("rows %v", d.rows)
		}
	}
}

func TestUnreadableCertificates(t *testing.T) {
	good := ourCA.Certificate(testpki.Template{Seed: "good"})
	broken := ourCA.Certificate(testpki.Template{Seed: "broken", PatchTBS: func(tbs []byte) []byte {
		return bytes.Replace(tbs, ourCA.Name, append([]byte{0x31}, ourCA.Name[1:]...), 1) // the issuer is no SEQUENCE
	}})
	extended := append(bytes.Clone(good), 0)
	foreignExtended := append(bytes.Clone(foreignCA.Certificate(testpki.Template{Seed: "x"})), 0)
	endless := testpki.Template{Seed: "endless", Serial: append([]byte{1}, make([]byte, 128)...)}
	entries := []testlog.Entry{
		testlog.FinalEntry(ourCA, []byte("not a certificate"), firstMS),
		testlog.FinalEntry(foreignCA, []byte{0x30, 0x84, 0xff, 0xff, 0xff, 0xff}, firstMS),
		testlog.FinalEntry(ourCA, broken, firstMS),
		testlog.FinalEntry(ourCA, extended, firstMS),
		testlog.FinalEntry(foreignCA, foreignExtended, firstMS), // somebody else's: not looked at
		testlog.PrecertEntry(ourCA, endless, firstMS),
		testlog.FinalEntry(ourCA, ourCA.Certificate(endless), firstMS),
		testlog.FinalEntry(ourCA, good, firstMS),
	}
	d, result := readBoth(t, newIssuers(t, ourCA), entries)
	if len(d.rows) != 1 || d.row(itemOf(ourCA, testpki.Template{Seed: "good"})) == nil {
		t.Errorf("rows %v", d.rows)
	}
	var where []string
	for _, u := range result.Unreadable {
		where = append(where, u.Where)
	}
	if want := []string{"entry 0", "entry 1", "entry 2", "entry 3", "entry 5", "entry 6"}; !slices.Equal(where, want) {
		t.Errorf("unreadable: %q, want %q", where, want)
	}
	saved := (&collect.Harvest{Issuers: newIssuers(t, ourCA)}).Save([]collect.LogResult{result}, nil)
	if len(saved.Unreadable) != 6 || !strings.Contains(saved.Unreadable[4], "entry 5") || !strings.Contains(saved.Unreadable[4], "longer than 128 bytes") {
		t.Errorf("saved %q", saved.Unreadable)
	}
}

func TestTimestampBeyondCalendar(t *testing.T) {
	for _, ms := range []uint64{253402300800000, 1 << 63, 1<<64 - 1} {
		failBoth(t, newIssuers(t, ourCA), []testlog.Entry{testlog.PrecertEntry(ourCA, testpki.Template{}, ms)}, "entry 0: the time stamp", "after the year 9999")
	}
	last := testlog.PrecertEntry(ourCA, testpki.Template{}, 253402300799999)
	if d, _ := readBoth(t, newIssuers(t, ourCA), []testlog.Entry{last}); d.res.Counts.Waiting != 1 {
		t.Errorf("counts %+v", d.res.Counts)
	}
}

// TestDamagedUnit damages what a unit keeps: nothing of it gets into evidence.
func TestDamagedUnit(t *testing.T) {
	c := newCollection(t, newIssuers(t, ourCA), openLog(t, static, writeLog(t, static, mixedEntries(7)), access{}))
	got := c.collect(t)
	sound := freeze(t, got, ever)
	sound.draw(t, got, c.dir)
	units, err := filepath.Glob(c.dir.Path("work/logs/*/*.unit"))
	if err != nil || len(units) != 1 {
		t.Fatal(units, err)
	}
	good := readFile(t, units[0])
	silent, n := 0, 0
	for bit := int64(0); bit < int64(len(good))*8; bit += 211 {
		n++
		must(t, testlog.FlipBit(units[0], bit))
		var b bytes.Buffer
		err := got.Extract(context.Background(), c.dir, map[sampler.ItemID]bool{sound.rows[0].Item: true}, func(s sampler.Sighting, _, _ []byte) error {
			line, err := s.Line()
			b.Write(line)
			return err
		})
		switch {
		case err == nil && b.String() == sound.sightings:
			silent++ // in the footer, which was read before
		case err == nil:
			t.Errorf("bit %d of the unit changes the sightings", bit)
		case !strings.Contains(err.Error(), "damaged"):
			t.Errorf("bit %d: the error %q does not say that the unit is damaged", bit, err)
		}
		writeFile(t, units[0], good)
	}
	if silent > n/2 {
		t.Errorf("%d of %d damages were not noticed", silent, n)
	}
}
