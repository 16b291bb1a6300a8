package checks

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"selfaudit/internal/testpki"
	"selfaudit/lint"
)

var (
	root  = testpki.NewRoot("root", testpki.CAOptions{})
	ca    = root.NewCA("issuing", testpki.CAOptions{})
	other = root.NewCA("other", testpki.CAOptions{})
)

func dv() []byte {
	return testpki.Name(testpki.CN("www.example.com"))
}

// names lints der with the checks and returns the names of our findings.
func names(t *testing.T, der []byte, issuers ...[]byte) []string {
	t.Helper()
	var out []string
	for _, f := range findings(t, der, NewIssuers(issuers), nil) {
		out = append(out, f.Lint)
	}
	return out
}

func findings(t *testing.T, der []byte, issuers *Pool, attachment any) []lint.Finding {
	t.Helper()
	l, err := lint.New(lint.Options{Checks: Set{Issuers: issuers}.Check})
	if err != nil {
		t.Fatal(err)
	}
	var out []lint.Finding
	for _, f := range l.Lint(lint.Artifact{Kind: lint.KindCert, DER: der, Attachment: attachment}).Findings {
		if f.Source == lint.SourceSelfaudit {
			out = append(out, f)
		}
	}
	return out
}

// expect checks the names of our findings.
func expect(t *testing.T, what string, got []string, want ...string) {
	t.Helper()
	if strings.Join(got, " ") != strings.Join(want, " ") {
		t.Errorf("%s: %v, want %v", what, got, want)
	}
}

func TestIssuer(t *testing.T) {
	leaf := ca.Certificate(testpki.Template{Subject: dv()})
	expect(t, "right issuer", names(t, leaf, ca.Cert))
	expect(t, "right issuer among others", names(t, leaf, root.Cert, other.Cert, ca.Cert))
	expect(t, "without issuers", names(t, leaf))
	expect(t, "another issuer", names(t, leaf, other.Cert), lint.CheckIssuerMissing)
	expect(t, "root", names(t, root.Cert, ca.Cert))
	expect(t, "root under itself", names(t, root.Cert, root.Cert))

	flipped := bytes.Clone(leaf)
	flipped[len(flipped)-1] ^= 1
	expect(t, "wrong signature", names(t, flipped, ca.Cert), lint.CheckSignature)

	// The same key under another name, and the other way round.
	renamed := &testpki.CA{Key: ca.Key, Name: testpki.Name(testpki.CN("ISSUING")), Cert: ca.Cert, Parent: root}
	expect(t, "another name", names(t, renamed.Certificate(testpki.Template{Subject: dv()}), ca.Cert), lint.CheckIssuerName)
	next := root.NewCA("next", testpki.CAOptions{Name: ca.Name})
	expect(t, "the CA's next key", names(t, leaf, next.Cert), lint.CheckIssuerMissing)
	expect(t, "both keys of the CA", names(t, leaf, next.Cert, ca.Cert))

	wrongKeyID := ca.Certificate(testpki.Template{Subject: dv(), Extensions: func(exts [][]byte) [][]byte {
		for i, e := range exts {
			if bytes.Contains(e, []byte{0x06, 0x03, 0x55, 0x1d, 0x23}) {
				exts[i] = testpki.Extension("2.5.29.35", false, testpki.Sequence(testpki.TLV(0x80, []byte("another key identifier"))))
			}
		}
		return exts
	}})
	expect(t, "wrong key identifier", names(t, wrongKeyID, ca.Cert), lint.CheckAuthorityKey)

	rsa := testpki.NewRoot("rsa", testpki.CAOptions{Key: testpki.RSAKey(0)})
	expect(t, "RSA", names(t, rsa.Certificate(testpki.Template{Subject: dv()}), rsa.Cert))
}

func TestIssuerFoundBeside(t *testing.T) {
	flipped := ca.Certificate(testpki.Template{Subject: dv()})
	flipped[len(flipped)-1] ^= 1
	var none *Pool
	got := findings(t, flipped, nil, none.Beside([][]byte{ca.Cert, flipped}))
	if len(got) != 1 || got[0].Lint != lint.CheckSignature {
		t.Errorf("issuer from the chain: %+v", got)
	}
	// In a heap of files, a CA of the same name proves nothing.
	next := root.NewCA("next", testpki.CAOptions{Name: ca.Name})
	if got := findings(t, flipped, nil, none.Beside([][]byte{next.Cert})); len(got) != 0 {
		t.Errorf("another key of the CA beside it: %+v", got)
	}
}

func TestUnsupportedSignatureIsSaid(t *testing.T) {
	leaf := ca.Certificate(testpki.Template{Subject: dv()})
	sha256 := testpki.OID("1.2.840.10045.4.3.2")
	unknown := bytes.ReplaceAll(leaf, sha256, testpki.OID("1.2.840.10045.4.3.9"))
	expect(t, "unknown algorithm", names(t, unknown, ca.Cert), lint.CheckSignatureUnchecked)
}

func TestValidityInsideTheIssuers(t *testing.T) {
	short := root.NewCA("short", testpki.CAOptions{
		NotBefore: since(2026, time.January, 1), NotAfter: since(2026, time.October, 1),
	})
	in := testpki.Template{Subject: dv(), NotBefore: since(2026, time.January, 1), NotAfter: since(2026, time.March, 1)}
	expect(t, "inside", names(t, short.Certificate(in), short.Cert))
	out := testpki.Template{Subject: dv()} // 2026-09-01 and 90 days
	expect(t, "outside", names(t, short.Certificate(out), short.Cert), lint.CheckOutsideIssuer)
	long := root.CrossSign(short, testpki.CAOptions{})
	expect(t, "inside one of two", names(t, short.Certificate(out), short.Cert, long.Cert))
	early := testpki.Template{Subject: dv(), NotBefore: since(2025, time.December, 31), NotAfter: since(2026, time.March, 1)}
	expect(t, "before", names(t, short.Certificate(early), short.Cert), lint.CheckOutsideIssuer)
}

func TestValidityLimits(t *testing.T) {
	const smime, legacy, code, stamp = "2.23.140.1.5.1.3", "2.23.140.1.5.1.1", "2.23.140.1.4.1", "2.23.140.1.4.2"
	day := func(text string) time.Time {
		d, err := time.Parse(time.DateOnly, text)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	for _, c := range []struct {
		from    string
		seconds int64 // notAfter - notBefore
		policy  string
		want    string
	}{
		{"2026-03-15", 199*86400 - 1, "", ""},
		{"2026-03-15", 199 * 86400, "", lint.CheckValidityLong},
		{"2026-03-15", 200*86400 - 1, "", lint.CheckValidityLong},
		{"2026-03-15", 200 * 86400, "", lint.CheckValidity}, // 200 days and 1 s
		{"2026-03-14", 200 * 86400, "", ""},
		{"2020-09-01", 398*86400 - 1, "", lint.CheckValidityLong},
		{"2020-09-01", 398 * 86400, "", lint.CheckValidity},
		{"2020-08-31", 825*86400 - 1, "", ""},
		{"2020-08-31", 825 * 86400, "", lint.CheckValidity},
		{"2027-03-15", 100 * 86400, "", lint.CheckValidity},
		{"2027-03-15", 99*86400 - 1, "", ""},
		{"2029-03-15", 47 * 86400, "", lint.CheckValidity},
		{"2029-03-14", 47 * 86400, "", ""},
		{"2017-01-31", int64(day("2020-04-30").Sub(day("2017-01-31"))/time.Second) - 1, "", ""},
		{"2017-01-15", int64(day("2020-04-15").Sub(day("2017-01-15"))/time.Second) - 1, "", ""},
		{"2017-01-15", int64(day("2020-04-15").Sub(day("2017-01-15")) / time.Second), "", lint.CheckValidity},
		{"2013-01-01", int64(day("2018-01-01").Sub(day("2013-01-01")) / time.Second), "", lint.CheckValidity},
		{"2012-06-30", 100 * 365 * 86400, "", ""},
		{"2026-01-01", 825*86400 - 1, smime, ""},
		{"2026-01-01", 825 * 86400, smime, lint.CheckValidity},
		{"2024-01-01", 1185*86400 - 1, legacy, ""},
		{"2024-01-01", 1185 * 86400, legacy, lint.CheckValidity},
		{"2026-03-01", 460 * 86400, code, lint.CheckValidity},
		{"2026-02-28", 460 * 86400, code, ""},
		{"2026-03-01", 3000 * 86400, stamp, ""},
		{"2026-03-01", 5000 * 86400, stamp, lint.CheckValidity},
	} {
		o := testpki.Template{Subject: dv(), NotBefore: day(c.from), Unsigned: true}
		o.NotAfter = o.NotBefore.Add(time.Duration(c.seconds) * time.Second)
		if c.policy != "" {
			o.Policies, o.EKUs = []string{c.policy}, []string{"1.3.6.1.5.5.7.3.4"}
		}
		var want []string
		if c.want != "" {
			want = []string{c.want}
		}
		expect(t, c.from+" "+length(c.seconds+1)+" "+c.policy, names(t, ca.Certificate(o)), want...)
	}
	expect(t, "CA", names(t, ca.Cert))
}

func TestPolicyAgainstSubject(t *testing.T) {
	const dvOID, ovOID, ivOID, evOID = "2.23.140.1.2.1", "2.23.140.1.2.2", "2.23.140.1.2.3", "2.23.140.1.1"
	cn, c, o, st := testpki.CN("www.example.com"), testpki.C("CH"), testpki.O("Example AG"), testpki.ST("Bern")
	given, surname := testpki.Attribute{OID: "2.5.4.42", Value: "A"}, testpki.Attribute{OID: "2.5.4.4", Value: "B"}
	number := testpki.Attribute{OID: "2.5.4.5", Value: "1"}
	jurisdiction := testpki.Attribute{OID: "1.3.6.1.4.1.311.60.2.1.3", Value: "CH", Tag: 0x13}
	business := testpki.Business("Private Organization")
	for _, x := range []struct {
		what     string
		policies []string
		subject  []testpki.Attribute
		want     []string
	}{
		{"DV", []string{dvOID}, []testpki.Attribute{c, cn}, nil},
		{"DV, empty subject", []string{dvOID}, nil, nil},
		{"DV with organization", []string{dvOID}, []testpki.Attribute{cn, o}, []string{lint.CheckPolicySubject}},
		{"OV", []string{ovOID}, []testpki.Attribute{c, st, o}, nil},
		{"OV without organization", []string{ovOID}, []testpki.Attribute{c, st}, []string{lint.CheckPolicySubject}},
		{"OV without place", []string{ovOID}, []testpki.Attribute{c, o}, []string{lint.CheckPolicySubject}},
		{"OV with a person", []string{ovOID}, []testpki.Attribute{c, st, o, given}, []string{lint.CheckPolicySubject}},
		{"IV", []string{ivOID}, []testpki.Attribute{c, st, given, surname}, nil},
		{"IV without surname", []string{ivOID}, []testpki.Attribute{c, st, given}, []string{lint.CheckPolicySubject}},
		{"EV", []string{evOID}, []testpki.Attribute{c, st, o, business, jurisdiction, number}, nil},
		{"EV without number", []string{evOID}, []testpki.Attribute{c, st, o, business, jurisdiction}, []string{lint.CheckPolicySubject}},
		{"none", []string{"1.3.6.1.4.1.99999.1"}, []testpki.Attribute{cn}, []string{lint.CheckPolicyCount}},
		{"two", []string{dvOID, ovOID}, []testpki.Attribute{c, st, o}, []string{lint.CheckPolicySubject, lint.CheckPolicyCount}},
		{"anyPolicy", []string{dvOID, anyPolicy}, []testpki.Attribute{cn}, []string{lint.CheckPolicyCount}},
	} {
		der := ca.Certificate(testpki.Template{Subject: testpki.Name(x.subject...), Policies: x.policies, Unsigned: true})
		expect(t, x.what, names(t, der), x.want...)
	}
	old := testpki.Template{Subject: testpki.Name(cn, o), NotBefore: since(2023, time.September, 14), Unsigned: true}
	expect(t, "before the profiles", names(t, ca.Certificate(old)))
	client := testpki.Template{Subject: testpki.Name(cn, o), Policies: []string{"1.3.6.1.4.1.99999.1"}, EKUs: []string{"1.3.6.1.5.5.7.3.2"}, Unsigned: true}
	expect(t, "a client's certificate", names(t, ca.Certificate(client)))
}

// TestEveryCheckIsDescribed holds the names used here against package lint's table.
func TestEveryCheckIsDescribed(t *testing.T) {
	for _, name := range lint.OwnChecks() {
		r, ok := lint.RuleNamed(name)
		if !ok || r.Meaning == "" || r.Source != lint.SourceSelfaudit {
			t.Errorf("%s: %+v", name, r)
		}
		if r.Citation == "" && name != lint.CheckIssuerMissing {
			t.Errorf("%s cites nothing", name)
		}
	}
	if f := finding("e_no_such_check", ""); f.Severity != lint.Fatal {
		t.Errorf("a name that is not in the table is lost: %+v", f)
	}
}
