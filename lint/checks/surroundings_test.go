package checks

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"slices"
	"strings"
	"testing"

	"selfaudit/internal/testpki"
	"selfaudit/lint"
)

var serial = []byte{0x41, 1, 2, 3, 4, 5, 6, 7, 8}

// around lints der among others and returns the names of our findings, and the SCTs.
func around(t *testing.T, der []byte, s *Surroundings) ([]string, *lint.SCTCount) {
	t.Helper()
	if s.Issuers == nil {
		s.Issuers = NewIssuers([][]byte{ca.Cert})
	}
	var out []string
	for _, f := range findings(t, der, nil, s) {
		out = append(out, f.Lint)
	}
	return out, s.SCTs
}

func others(ders ...[]byte) []Other {
	var out []Other
	for _, der := range ders {
		out = append(out, Other{"other.der", der})
	}
	return out
}

func TestSurroundingsCompare(t *testing.T) {
	one := testpki.Template{Subject: dv(), Serial: serial}
	two := testpki.Template{Subject: testpki.Name(testpki.CN("x")), Serial: serial}
	final, pre := ca.Certificate(one), ca.Precertificate(one)
	finalTwo, preTwo := ca.Certificate(two), ca.Precertificate(two)
	for _, x := range []struct {
		what   string
		der    []byte
		others [][]byte
		want   []string
	}{
		{"alone", final, nil, nil},
		{"itself", final, [][]byte{final}, nil},
		{"with its precertificate", final, [][]byte{pre}, nil},
		{"precertificate with its final", pre, [][]byte{final}, nil},
		{"with another precertificate", final, [][]byte{preTwo}, []string{lint.CheckPrecertificate}},
		{"one of two precertificates corresponds", final, [][]byte{preTwo, pre}, nil},
		{"one of two, other order", final, [][]byte{pre, preTwo}, nil},
		{"two finals", final, [][]byte{finalTwo}, []string{lint.CheckSerialReused}},
		{"two precertificates", pre, [][]byte{preTwo}, []string{lint.CheckSerialReused}},
		{"precertificate with the wrong final: said there", pre, [][]byte{finalTwo}, nil},
		{"everything", finalTwo, [][]byte{final, pre}, []string{lint.CheckPrecertificate, lint.CheckSerialReused}},
		{"what cannot be read", final, [][]byte{{0x30, 0}}, nil},
	} {
		got, _ := around(t, x.der, &Surroundings{Others: others(x.others...)})
		expect(t, x.what, got, x.want...)
	}
	signer := ca.NewPrecertSigner("signer", testpki.CAOptions{})
	var none *Pool
	pool := NewIssuers([][]byte{ca.Cert}).Beside([][]byte{signer.Cert})
	bySigner := signer.Precertificate(one)
	for what, x := range map[string]struct {
		der, other []byte
		want       []string
	}{
		"final and signer's":            {final, bySigner, nil},
		"other final and signer's":      {finalTwo, bySigner, []string{lint.CheckPrecertificate}},
		"precertificate and signer's":   {pre, bySigner, nil},
		"other precertificate, signers": {preTwo, bySigner, []string{lint.CheckSerialReused}},
	} {
		got, _ := around(t, x.der, &Surroundings{Issuers: pool, Others: others(x.other)})
		expect(t, what, got, x.want...)
	}
	got, _ := around(t, bySigner, &Surroundings{Issuers: none.Beside(nil), Others: others(final)})
	expect(t, "without issuers", got)
}

// sign makes an embedded SCT of a log over what a certificate announces.
func sign(log *testpki.Key, tbs []byte, issuer [32]byte, ms uint64) []byte {
	b := binary.BigEndian.AppendUint64([]byte{0, 0}, ms)
	b = append(b, 0, 1)
	b = append(b, issuer[:]...)
	b = append(b, byte(len(tbs)>>16), byte(len(tbs)>>8), byte(len(tbs)))
	b = append(b, tbs...)
	sig := log.Sign(append(b, 0, 0))
	id := sha256.Sum256(log.SPKI)
	out := append([]byte{0}, id[:]...)
	out = binary.BigEndian.AppendUint64(out, ms)
	alg := byte(3)
	if log.IsRSA() {
		alg = 1
	}
	out = append(out, 0, 0, 4, alg, byte(len(sig)>>8), byte(len(sig)))
	return append(out, sig...)
}

func TestSCTs(t *testing.T) {
	alpha, beta, rsa, stranger := testpki.ECKey("log a"), testpki.ECKey("log b"), testpki.RSAKey(1), testpki.ECKey("nobody's log")
	logs, err := NewLogs([]LogKey{{SPKI: alpha.SPKI, Name: "alpha", Operator: "A"}, {SPKI: beta.SPKI, Name: "beta", Operator: "A"}, {SPKI: rsa.SPKI, Name: "rsa", Operator: "B"}})
	if err != nil {
		t.Fatal(err)
	}
	o := testpki.Template{Subject: dv(), Serial: serial}
	tbs, issuer := ca.TBS(o), ca.IssuerKeyHash()
	good := func(k *testpki.Key) []byte { return sign(k, tbs, issuer, 1_790_000_000_000) }
	broken := bytes.Clone(good(beta))
	broken[len(broken)-1] ^= 1
	later := bytes.Clone(good(alpha))
	later[40]++ // the time stamp is signed
	future := append([]byte{1}, good(beta)[1:]...)
	wrong := []string{lint.CheckSCT}
	for _, x := range []struct {
		what string
		scts [][]byte
		want []string
		says lint.SCTCount
	}{
		{"two of one operator", [][]byte{good(alpha), good(beta)}, nil, lint.SCTCount{Embedded: 2, Verified: 2, Logs: 2, Operators: 1}},
		{"RSA", [][]byte{good(alpha), good(rsa)}, nil, lint.SCTCount{Embedded: 2, Verified: 2, Logs: 2, Operators: 2}},
		{"same log twice", [][]byte{good(alpha), good(alpha)}, nil, lint.SCTCount{Embedded: 2, Verified: 2, Logs: 1, Operators: 1}},
		{"unknown log", [][]byte{good(alpha), good(stranger)}, nil, lint.SCTCount{Embedded: 2, Verified: 1, UnknownLog: 1, Logs: 2, Operators: 1}},
		{"broken", [][]byte{good(alpha), broken}, wrong, lint.SCTCount{Embedded: 2, Verified: 1, Invalid: 1, Logs: 2, Operators: 1}},
		{"another time", [][]byte{later}, wrong, lint.SCTCount{Embedded: 1, Invalid: 1, Logs: 1, Operators: 1}},
		{"another issuer", [][]byte{sign(alpha, tbs, other.IssuerKeyHash(), 1)}, wrong, lint.SCTCount{Embedded: 1, Invalid: 1, Logs: 1, Operators: 1}},
	} {
		got, count := around(t, ca.Certificate(o, x.scts...), &Surroundings{Logs: logs})
		expect(t, x.what, got, x.want...)
		if count == nil || *count != x.says {
			t.Errorf("%s: %+v, want %+v", x.what, count, x.says)
		}
	}
	// What zcrypto does not parse is judged all the same.
	for what, x := range map[string]struct {
		sct  []byte
		says lint.SCTCount
		bad  bool
	}{
		"a version nobody knows": {future, lint.SCTCount{Embedded: 1, Verified: 1, Logs: 1, Operators: 1}, false},
		"cut short":              {good(beta)[:20], lint.SCTCount{Embedded: 1, Verified: 1, Logs: 1, Operators: 1}, true},
	} {
		raw, err := cut(ca.Certificate(o, good(alpha), x.sct))
		if err != nil {
			t.Fatal(err)
		}
		s := &Surroundings{Logs: logs, Issuers: NewIssuers([][]byte{ca.Cert})}
		if count, problem := s.embedded(raw); *count != x.says || (problem != "") != x.bad {
			t.Errorf("%s: %+v, %q", what, count, problem)
		}
	}
	if got, count := around(t, ca.Certificate(o), &Surroundings{Logs: logs}); len(got) != 0 || count != nil {
		t.Errorf("without SCTs: %v, %+v", got, count)
	}
	got, count := around(t, ca.Certificate(o, good(alpha)), &Surroundings{})
	if len(got) != 0 || count.UnknownLog != 1 {
		t.Errorf("without logs: %v, %+v", got, count)
	}
	if _, err := NewLogs([]LogKey{{SPKI: []byte("no key"), Name: "x"}}); err == nil || !strings.Contains(err.Error(), "log x") {
		t.Errorf("a key that is none: %v", err)
	}
}

func TestSCTsNotAsIf(t *testing.T) {
	alpha := testpki.ECKey("log a")
	logs, err := NewLogs([]LogKey{{SPKI: alpha.SPKI, Name: "alpha"}})
	if err != nil {
		t.Fatal(err)
	}
	o := testpki.Template{Subject: dv(), Serial: serial}
	der := ca.Certificate(o, sign(alpha, []byte("something else"), ca.IssuerKeyHash(), 1))
	l, err := lint.New(lint.Options{AsIf: since(2026, 11, 21), Checks: Set{AsIf: true}.Check})
	if err != nil {
		t.Fatal(err)
	}
	s := &Surroundings{Issuers: NewIssuers([][]byte{ca.Cert}), Logs: logs}
	r := l.Lint(lint.Artifact{Kind: lint.KindCert, DER: der, Attachment: s})
	if slices.ContainsFunc(r.Findings, func(f lint.Finding) bool { return f.Lint == lint.CheckSCT }) || s.SCTs != nil {
		t.Errorf("%+v, %+v", r.Findings, s.SCTs)
	}
}

// FuzzSCTs feeds SCT lists; nothing may panic, and nothing verifies.
func FuzzSCTs(f *testing.F) {
	alpha := testpki.ECKey("log a")
	f.Add([]byte{4, 2, 0, 0})
	f.Add([]byte{4, 0})
	o := testpki.Template{Subject: dv(), Serial: serial}
	raw, err := cut(ca.Certificate(o, sign(alpha, ca.TBS(o), ca.IssuerKeyHash(), 1)))
	if err != nil {
		f.Fatal(err)
	}
	value, _ := raw.extension(oidSCTList)
	f.Add(value)
	f.Fuzz(func(t *testing.T, value []byte) {
		list, err := readSCTs(value)
		for _, s := range list {
			if len(s.signature) == 0 {
				t.Errorf("an SCT without signature (%v)", err)
			}
		}
	})
}
