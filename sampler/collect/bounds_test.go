package collect

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"testing"

	"selfaudit/internal/auditdir"
	"selfaudit/internal/testpki"
	"selfaudit/sampler/ct"
	"selfaudit/sampler/ctlog"
)

// largeCert returns different certificates of a little more than size bytes.
func largeCert(n, size int) []byte {
	subject := testpki.Sequence(testpki.TLV(0x0c, append(fmt.Append(nil, n), make([]byte, size)...)))
	return testpki.NewRoot("Large", testpki.CAOptions{}).Certificate(testpki.Template{Subject: subject, Unsigned: true})
}

// TestChainMemoIsBounded gives a checker more and larger certificates, failures and chains
// than it may remember.
func TestChainMemoIsBounded(t *testing.T) {
	c := &checker{}
	for n := range 50 {
		der := largeCert(n, 1<<20)
		cert, err := c.byDER(der)
		if err != nil || !bytes.Equal(cert.Raw, der) {
			t.Fatal(err)
		}
		held := 0
		for _, k := range c.memo.certs {
			held += len(k.Raw)
		}
		if held > maxMemoBytes || held == 0 || held > c.memo.bytes {
			t.Fatalf("after %d certificates %d bytes are held, %d counted", n+1, held, c.memo.bytes)
		}
		again, err := c.byDER(der)
		if err != nil || again != cert {
			t.Fatalf("the certificate that came last is not remembered: %v", err)
		}
	}
	if cert, err := c.byDER(largeCert(0, maxMemoBytes)); err != nil || c.memo.certs[cert.fingerprint] != nil {
		t.Errorf("a certificate larger than the memory is in it, or %v", err)
	}

	missing := &ctlog.Error{Kind: ctlog.Invalid, Err: errors.New("missing")}
	asked := 0
	c.issuer = func(context.Context, ct.Fingerprint) ([]byte, error) { asked++; return nil, missing }
	for n := range maxMemo + 10 {
		for range 2 {
			if _, err := c.byFingerprint(context.Background(), ct.Fingerprint{1, byte(n >> 8), byte(n)}); err != missing {
				t.Fatal(err)
			}
		}
	}
	if asked != maxMemo+10 || len(c.memo.bad) > maxMemo {
		t.Errorf("asked %d times, remembers %d failures", asked, len(c.memo.bad))
	}
}

// TestExtensionsCount shows that a certificate that is nothing but extensions counts as
// what it takes when parsed.
func TestExtensionsCount(t *testing.T) {
	der := testpki.NewRoot("Root", testpki.CAOptions{}).Certificate(testpki.Template{Unsigned: true, Extensions: func([][]byte) [][]byte {
		var list [][]byte
		for range 1000 {
			list = append(list, testpki.Sequence(testpki.TLV(6, []byte{42, 3}), testpki.TLV(4, nil)))
		}
		return list
	}})
	cert, err := new(checker).byDER(der)
	if err != nil || len(cert.Extensions) < 1000 {
		t.Fatal(err)
	}
	if cert.size() < len(der)+1000*100 {
		t.Errorf("%d bytes counted for %d of DER", cert.size(), len(der))
	}
}

// TestCallErrorsAreNotRemembered: what is not the log's, such as a cancellation, is asked again.
func TestCallErrorsAreNotRemembered(t *testing.T) {
	asked := 0
	c := &checker{issuer: func(context.Context, ct.Fingerprint) ([]byte, error) { asked++; return nil, context.Canceled }}
	for range 2 {
		if _, err := c.byFingerprint(context.Background(), ct.Fingerprint{1}); err != context.Canceled {
			t.Error(err)
		}
	}
	if asked != 2 {
		t.Errorf("asked %d times", asked)
	}
}

// TestChainTooLong has a static-ct entry name more certificates than a chain has room for.
func TestChainTooLong(t *testing.T) {
	certs := map[ct.Fingerprint][]byte{}
	e := &ct.Entry{}
	for n := range 17 {
		der := largeCert(n, 1<<20)
		fp := ct.FingerprintOf(der)
		certs[fp] = der
		e.ChainFingerprints = append(e.ChainFingerprints, fp)
	}
	c := &checker{issuer: func(_ context.Context, fp ct.Fingerprint) ([]byte, error) { return certs[fp], nil }}
	if _, err := c.chain(context.Background(), e); err == nil {
		t.Error("17 MiB of certificates are a chain")
	}
	e.ChainFingerprints = e.ChainFingerprints[:15]
	if chain, err := c.chain(context.Background(), e); err != nil || len(chain) != 15 {
		t.Errorf("%d certificates, %v", len(chain), err)
	}
}

// TestUnreadableIsBounded: a unit has the exact number and the first reasons.
func TestUnreadableIsBounded(t *testing.T) {
	dir := auditdir.At(t.TempDir())
	w, err := newUnit(dir, "u.unit", 0, "")
	if err != nil {
		t.Fatal(err)
	}
	for n := range uint64(maxUnreadable + 500) {
		w.unreadable(n, fmt.Sprint("entry ", n), errors.New("bad"))
	}
	if err := w.commit(); err != nil {
		t.Fatal(err)
	}
	u, err := openUnit(dir.Path("u.unit"))
	if err != nil {
		t.Fatal(err)
	}
	if f := u.foot; f.UnreadableCount != maxUnreadable+500 || len(f.Unreadable) != maxUnreadable || f.Unreadable[maxUnreadable-1].Index != maxUnreadable-1 {
		t.Errorf("%d unreadable, %d reasons", f.UnreadableCount, len(f.Unreadable))
	}
	left := maxUnreadable + 3
	if a, b, c := first(u.foot.Unreadable, &left), first(u.foot.Unreadable, &left), first(u.foot.Unreadable, &left); len(a) != maxUnreadable || len(b) != 3 || cap(b) > 4 || c != nil || left != 0 {
		t.Errorf("of three such units %d, %d and %d reasons are kept", len(a), len(b), len(c))
	}
}
