package collect_test

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"selfaudit/internal/testlog"
	"selfaudit/internal/testpki"
	"selfaudit/sampler"
	"selfaudit/sampler/collect"
	"selfaudit/sampler/ct"
)

// pair is the precertificate and the certificate of one template.
func pair(t testpki.Template) []testlog.Entry {
	return []testlog.Entry{testlog.PrecertEntry(ourCA, t, firstMS), testlog.FinalEntry(ourCA, ourCA.Certificate(t), firstMS+1)}
}

func TestSerialNumbers(t *testing.T) {
	long := func(n int, first byte) []byte { return append([]byte{first}, bytes.Repeat([]byte{0x11}, n-1)...) }
	for _, c := range []struct {
		content []byte
		serial  string
		lints   []string
	}{
		{long(20, 0x7f), "7f" + strings.Repeat("11", 19), nil},
		{append([]byte{0}, long(20, 0x80)...), "80" + strings.Repeat("11", 19), []string{"e_serial_number_over_20_octets"}},
		{long(21, 1), "01" + strings.Repeat("11", 20), []string{"e_serial_number_over_20_octets"}},
		{long(128, 1), "01" + strings.Repeat("11", 127), []string{"e_serial_number_over_20_octets"}},
		{[]byte{0}, "00", nil},
		{[]byte{}, "00", nil},
		{[]byte{0, 0, 0, 5}, "05", nil},
		{[]byte{0xff}, "-01", nil},
		{[]byte{0x80, 0}, "-8000", nil},
		{[]byte{0xff, 0xff, 0xfe}, "-02", nil},
	} {
		d, _ := readBoth(t, newIssuers(t, ourCA), pair(testpki.Template{Serial: c.content}))
		if len(d.rows) != 1 || string(d.rows[0].Item.Serial) != c.serial || d.res.Counts.Both != 1 {
			t.Errorf("serial %x: rows %v, want the one item %s", c.content, d.rows, c.serial)
			continue
		}
		var got []string
		for _, f := range d.findings {
			got = append(got, f.Lint)
		}
		if !slices.Equal(got, slices.Concat(c.lints, c.lints)) { // of the certificate and of the precertificate
			t.Errorf("serial %x: findings %q, want twice %q", c.content, got, c.lints)
		}
	}
}

func TestValidity(t *testing.T) {
	at := func(year int) []byte { return testpki.Time(time.Date(year, 5, 6, 7, 8, 9, 0, time.UTC)) }
	for _, c := range []struct {
		name     string
		validity []byte
		nb, na   string
		lint     string
	}{
		{"plain", testpki.Sequence(at(2026), at(2027)), "2026-05-06T07:08:09Z", "2027-05-06T07:08:09Z", ""},
		{"equal", testpki.Sequence(at(2026), at(2026)), "2026-05-06T07:08:09Z", "2026-05-06T07:08:09Z", ""},
		{"reversed", testpki.Sequence(at(2027), at(2026)), "2027-05-06T07:08:09Z", "2026-05-06T07:08:09Z", "e_validity_reversed"},
		{"far", testpki.Sequence(at(1951), at(9999)), "1951-05-06T07:08:09Z", "9999-05-06T07:08:09Z", "e_issued_outside_issuer_validity"},
		{"no times", testpki.Sequence(testpki.TLV(0x17, []byte("yesterday")), at(2027)), "-", "2027-05-06T07:08:09Z", "e_validity_unreadable"},
		{"month 13", testpki.Sequence(at(2026), testpki.TLV(0x17, []byte("261301000000Z"))), "2026-05-06T07:08:09Z", "-", "e_validity_unreadable"},
		{"empty", testpki.Sequence(), "-", "-", "e_validity_unreadable"},
		{"one", testpki.Sequence(at(2026)), "2026-05-06T07:08:09Z", "-", "e_validity_unreadable"},
	} {
		d, _ := readBoth(t, newIssuers(t, ourCA), pair(testpki.Template{Validity: c.validity}))
		if len(d.rows) != 1 {
			t.Errorf("%s: rows %v", c.name, d.rows)
			continue
		}
		fields := strings.Split(strings.Split(d.population, "\n")[1], "\t")
		if fields[5] != c.nb || fields[6] != c.na {
			t.Errorf("%s: not_before %s, not_after %s, want %s, %s", c.name, fields[5], fields[6], c.nb, c.na)
		}
		if fields[4] != "2026-08-01T16:00:00Z" {
			t.Errorf("%s: issued %s, which is not the log's time", c.name, fields[4])
		}
		if c.lint == "" {
			wantLints(t, d, d.rows[0].Item)
		} else {
			wantLints(t, d, d.rows[0].Item, c.lint, c.lint)
		}
	}
}

func TestClasses(t *testing.T) {
	own := "1.3.6.1.4.1.99999.7"
	issuers, err := collect.NewIssuers([]collect.Issuer{{Certificates: [][]byte{ourCA.Cert}, PolicyOIDs: map[string]sampler.Class{own: sampler.ClassEV}}})
	if err != nil {
		t.Fatal(err)
	}
	want := map[sampler.ItemID]sampler.Class{}
	var entries []testlog.Entry
	for i, c := range []struct {
		template testpki.Template
		class    sampler.Class
	}{
		{testpki.Template{}, sampler.ClassDV},
		{testpki.Template{Policies: []string{"2.23.140.1.2.2"}}, sampler.ClassOV},
		{testpki.Template{Policies: []string{"2.23.140.1.2.3"}}, sampler.ClassIV},
		{testpki.Template{Policies: []string{"2.23.140.1.1"}}, sampler.ClassEV},
		{testpki.Template{Policies: []string{"2.23.140.1.5.1.3"}}, sampler.ClassSMIME},
		{testpki.Template{Policies: []string{"2.23.140.1.4.1"}}, sampler.ClassCS},
		{testpki.Template{Policies: []string{"2.23.140.1.3"}}, sampler.ClassCSEV},
		{testpki.Template{Policies: []string{own}}, sampler.ClassEV},
		{testpki.Template{Policies: []string{own, "2.23.140.1.2.1"}}, sampler.ClassDV}, // the reserved OID counts
		{testpki.Template{Policies: []string{}}, sampler.ClassOther},
		{testpki.Template{Policies: []string{"1.2.3.4"}}, sampler.ClassOther},
		{testpki.Template{Policies: []string{"2.23.140.1.2.1", "2.23.140.1.2.2"}}, sampler.ClassOther},
		{testpki.Template{EKUs: []string{"1.3.6.1.5.5.7.3.9"}}, sampler.ClassOCSP},
		{testpki.Template{IsCA: true}, sampler.ClassCA},
	} {
		c.template.Seed = fmt.Sprint(i)
		id := itemOf(ourCA, c.template)
		want[id] = c.class
		if i%2 == 0 {
			entries = append(entries, pair(c.template)...)
		} else {
			entries = append(entries, pair(c.template)[i/2%2])
		}
	}
	d, _ := readBoth(t, issuers, entries)
	for id, class := range want {
		if row := d.row(id); row == nil || row.Stratum.Class != class {
			t.Errorf("item %s: row %v, want class %s", id, row, class)
		}
	}
	var strata int64
	for _, n := range d.res.Strata {
		strata += n
	}
	if strata != int64(len(want)) {
		t.Errorf("%d items in strata, want %d", strata, len(want))
	}
}

// TestContradictions puts certificates into one item that do not belong together.
func TestContradictions(t *testing.T) {
	serial := []byte{0x11, 0x22}
	a := testpki.Template{Serial: serial, DNSNames: []string{"a.example"}}
	b := testpki.Template{Serial: serial, DNSNames: []string{"b.example"}}
	scts := [][]byte{
		testlog.SignSCT(testpki.ECKey("sct log"), ourCA.IssuerKeyHash(), ourCA.TBS(a), firstMS, nil),
		testlog.SignSCT(testpki.ECKey("sct log"), ourCA.IssuerKeyHash(), ourCA.TBS(a), firstMS+7, nil),
	}
	precert := func(t testpki.Template) testlog.Entry { return testlog.PrecertEntry(ourCA, t, firstMS) }
	final := func(t testpki.Template, scts ...[]byte) testlog.Entry {
		return testlog.FinalEntry(ourCA, ourCA.Certificate(t, scts...), firstMS)
	}
	for _, c := range []struct {
		name    string
		entries []testlog.Entry
		lints   []string
	}{
		{"precertificate and certificate", []testlog.Entry{precert(a), final(a)}, nil},
		{"with SCTs", []testlog.Entry{precert(a), final(a, scts[0])}, nil},
		{"another certificate", []testlog.Entry{precert(a), final(b)}, []string{"e_certificate_does_not_match_precertificate"}},
		{"two certificates", []testlog.Entry{final(a), final(b)}, []string{"e_several_certificates_with_one_serial"}},
		{"two certificates that differ in SCTs", []testlog.Entry{precert(a), final(a, scts[0]), final(a, scts[1])}, []string{"e_several_certificates_with_one_serial"}},
		{"two precertificates", []testlog.Entry{precert(a), precert(b)}, []string{"e_several_precertificates_with_one_serial"}},
		{"two precertificates and a certificate to one", []testlog.Entry{precert(a), precert(b), final(b)}, []string{"e_several_precertificates_with_one_serial"}},
		{"everything twice", []testlog.Entry{precert(a), precert(b), final(a), final(b)},
			[]string{"e_several_certificates_with_one_serial", "e_several_precertificates_with_one_serial"}},
	} {
		for range 2 {
			d, _ := readBoth(t, newIssuers(t, ourCA), c.entries)
			if len(d.rows) != 1 {
				t.Errorf("%s: %d rows", c.name, len(d.rows))
				continue
			}
			wantLints(t, d, d.rows[0].Item, c.lints...)
			for _, f := range d.findings {
				if !f.InPopulation || len(f.Certificates) < 2 {
					t.Errorf("%s: finding %+v", c.name, f)
				}
			}
			slices.Reverse(c.entries) // the order in the log is no reason
		}
	}
}

// TestEmbeddedSCTs dates certificates by the SCTs that verify.
func TestEmbeddedSCTs(t *testing.T) {
	stranger := testpki.ECKey("unread log")
	a := testpki.Template{Seed: "a"}
	sct := func(key *testpki.Key, ms uint64) []byte {
		return testlog.SignSCT(key, ourCA.IssuerKeyHash(), ourCA.TBS(a), ms, nil)
	}
	wrong := sct(logKey, firstMS-3000)
	wrong[len(wrong)-1] ^= 1
	for _, c := range []struct {
		name   string
		scts   [][]byte
		issued uint64
		unread int64
		lints  []string
	}{
		{"none", nil, firstMS, 0, nil},
		{"of the log itself", [][]byte{sct(logKey, firstMS-5000)}, firstMS - 5000, 0, nil},
		{"later than the entry", [][]byte{sct(logKey, firstMS+5000)}, firstMS, 0, nil},
		{"two", [][]byte{sct(logKey, firstMS-5000), sct(logKey, firstMS-9000)}, firstMS - 9000, 0, nil},
		{"of an unread log", [][]byte{sct(stranger, firstMS-5000), sct(stranger, firstMS-6000)}, firstMS, 1, nil},
		{"wrong signature", [][]byte{wrong}, firstMS, 0, []string{"e_embedded_sct_invalid"}},
		{"cut short", [][]byte{{0, 1, 2}}, firstMS, 0, []string{"e_embedded_sct_invalid"}},
		{"from the end of time", [][]byte{sct(logKey, 1<<63)}, firstMS, 0, []string{"e_embedded_sct_invalid"}},
	} {
		d, _ := readBoth(t, newIssuers(t, ourCA), []testlog.Entry{testlog.FinalEntry(ourCA, ourCA.Certificate(a, c.scts...), firstMS)})
		if len(d.rows) != 1 || d.rows[0].Issued.UnixMilli() != int64(c.issued)/1000*1000 {
			t.Errorf("%s: rows %v, want issued at %d ms", c.name, d.rows, c.issued)
			continue
		}
		wantLints(t, d, d.rows[0].Item, c.lints...)
		var unread int64
		for _, u := range d.res.Unread {
			unread += u.SCTs
			if u.LogID != ct.LogIDOf(stranger.SPKI).String() {
				t.Errorf("%s: unread log %s", c.name, u.LogID)
			}
		}
		if unread != c.unread {
			t.Errorf("%s: %d SCTs of unread logs, want %d", c.name, unread, c.unread)
		}
	}
}

// TestAnotherLogConfigured adds a log to the configuration between two runs: what was kept
// before does not hide that its SCTs can be verified now.
func TestAnotherLogConfigured(t *testing.T) {
	other := testpki.ECKey("other log")
	a := testpki.Template{Seed: "a"}
	cert := ourCA.Certificate(a, testlog.SignSCT(other, ourCA.IssuerKeyHash(), ourCA.TBS(a), firstMS-60_000, nil))
	dir := writeLog(t, rfc, []testlog.Entry{testlog.FinalEntry(ourCA, cert, firstMS)})
	c := newCollection(t, newIssuers(t, ourCA), openLog(t, rfc, dir, access{}))
	if d := freeze(t, c.collect(t), ever); len(d.res.Unread) != 1 || d.rows[0].Issued.UnixMilli() != int64(firstMS) {
		t.Fatalf("before: %v %v", d.rows, d.res.Unread)
	}
	empty := t.TempDir()
	w, err := testlog.NewCapture(empty, testlog.CaptureOptions{Key: other})
	if err != nil {
		t.Fatal(err)
	}
	must(t, w.Publish(headMS))
	c.logs = append(c.logs, openLog(t, rfc, empty, access{key: other}))
	if d := freeze(t, c.collect(t), ever); len(d.res.Unread) != 0 || d.rows[0].Issued.UnixMilli() != int64(firstMS)-60_000 {
		t.Errorf("after: %v %v", d.rows, d.res.Unread)
	}
}
