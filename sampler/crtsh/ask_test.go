package crtsh

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"selfaudit/internal/testpki"
	"selfaudit/sampler"
)

// TestAsk asks for two keys: one under two names, one that is known only by its
// certificate; a third is not known at all.
func TestAsk(t *testing.T) {
	db := newIndex(t)
	db.AddCA(7, "C=XX, CN=Index DV CA", ours.Key.SPKI)
	db.AddCA(3, "\x1b]0;owned\x07'; DROP TABLE ca; --\n=HYPERLINK(\"x\")", ours.Key.SPKI)
	db.AddCA(11, "written otherwise", []byte("not the key"))
	db.AddCA(99, "foreign", root.Key.SPKI)
	db.Exec(fmt.Sprintf("INSERT INTO ca_certificate VALUES (%d, 11)", db.Add(99, twin.Cert)))

	// One second that has more certificates than fit into an answer.
	crowd := series(ours, "crowd", fullPage+7, from.Add(50*time.Hour), 0)
	edge := [][]byte{
		leaf(ours, "too early", from.Add(-time.Second)),
		leaf(ours, "first", from),
		leaf(ours, "last", until.Add(-time.Second)),
		leaf(ours, "too late", until),
		huge(ours, from.Add(time.Hour)),
	}
	two := series(twin, "two", 30, from, 5*time.Hour)
	atEdge := db.Add(7, edge...)
	atCrowd := db.Add(7, crowd...)
	atThree := db.Add(3, leaf(ours, "other name", from.Add(time.Minute)))
	atTwo := db.Add(11, two...)
	db.Add(99, leaf(root, "foreign", from.Add(time.Hour)))

	a := newAsker(t, db, issuer(unknown), issuer(ours), issuer(twin))
	var seen []Progress
	a.OnProgress = func(p Progress) { seen = append(seen, p) }
	ans := a.complete()
	want := slices.Concat(
		lines(atThree, leaf(ours, "other name", from.Add(time.Minute))),
		lines(atEdge+1, edge[1]),
		[]string{fmt.Sprintf("%d: certificate of %d bytes is over the limit of 1048576", atEdge+4, len(edge[4]))},
		lines(atCrowd, crowd...),
		lines(atEdge+2, edge[2]),
		lines(atTwo, two...))
	equal(t, "certificates", read(t, ans), want)
	if len(ans.Issuers[0].CAs) != 0 || len(ans.Issuers[1].CAs) != 2 || len(ans.Issuers[2].CAs) != 1 {
		t.Errorf("CAs: %+v", ans.Issuers)
	}
	for _, iss := range ans.Issuers {
		for _, ca := range iss.CAs {
			if !ca.Until.Equal(until) {
				t.Errorf("CA %d was asked until %s", ca.ID, ca.Until)
			}
		}
	}
	if n := ans.Certificates(); n != int64(len(want)) || ans.Interruptions != 0 || ans.AskedAt != a.AskedAt {
		t.Errorf("%d certificates, %d interruptions, asked at %s", n, ans.Interruptions, ans.AskedAt)
	}
	last := seen[len(seen)-1]
	if last.Done != last.Total || last.Total != 3*7*24*time.Hour || last.Certificates != int64(len(want)) {
		t.Errorf("progress ended at %+v", last)
	}

	// Once more: nothing is asked, and the answer is the same.
	asked := len(db.Statements(t, a.Application))
	if again := a.complete(); !slices.Equal(read(t, again), want) {
		t.Error("the answer from the folder is another one")
	}
	if n := len(db.Statements(t, a.Application)); n != asked {
		t.Errorf("%d statements to be told what is known", n-asked)
	}
	// Another question is asked anew: nothing of this one is in the answer.
	a.From = from.Add(time.Minute)
	equal(t, "a later period", read(t, a.complete())[:1], lines(atThree, leaf(ours, "other name", from.Add(time.Minute))))
}

// TestStatements keeps to what PgBouncer and crt.sh's indexes allow.
func TestStatements(t *testing.T) {
	db := newIndex(t)
	db.AddCA(1, "x", ours.Key.SPKI)
	db.Add(1, series(ours, "s", 2000, from, 4*time.Minute)...)
	db.Exec("ANALYZE")
	a := newAsker(t, db, issuer(ours))
	a.complete()
	for _, s := range db.Statements(t, a.Application) {
		if !strings.HasPrefix(s, "SET LOCAL statement_timeout = 60000; SET LOCAL TimeZone = 'UTC'; SELECT ") || strings.Count(s, ";") != 2 {
			t.Errorf("not one self-contained message: %s", s)
		}
	}
	for what, statement := range map[string]string{
		"_notbefore": page(1, position{from, noID}, until, 1000),
		"_notbefor":  page(1, position{from, 1234}, until, 1000),
		"ca_spki_":   byKey(ours.Key.Hash()),
		"_digest_":   byCertificate(ours.Key.Hash()),
	} {
		plan := fmt.Sprint(db.Exec("SET enable_seqscan = off; EXPLAIN " + statement))
		if !strings.Contains(plan, what) || strings.Contains(plan, "Seq Scan") {
			t.Errorf("%s uses no index %s:\n%s", statement, what, plan)
		}
	}
}

// TestResume stops after each answer and goes on with a new process's eyes: what was
// answered is not asked again, and the whole is what one run would have brought.
func TestResume(t *testing.T) {
	db := newIndex(t)
	db.AddCA(1, "x", ours.Key.SPKI)
	db.Add(1, series(ours, "s", 300, from, 30*time.Minute)...)
	whole := newAsker(t, db, issuer(ours))
	want := read(t, whole.complete())

	a := newAsker(t, db, issuer(ours))
	a.Application = "resumed"
	stops := 0
	for done := false; !done; {
		ctx, cancel := context.WithCancel(context.Background())
		first := true
		a.OnProgress = func(p Progress) {
			if !first {
				cancel()
			}
			first = false
		}
		ans, err := Ask(ctx, a.dir, a.Config, a.Question)
		cancel()
		switch {
		case errors.Is(err, context.Canceled):
			stops++
			// What a killed process leaves half written.
			must(t, os.WriteFile(a.dir.Path(Folder+"/ca-1/.00000099.page.123.partial"), []byte("half"), 0o666))
			must(t, a.dir.Sweep())
		case err != nil:
			t.Fatal(err)
		default:
			done = true
			equal(t, "resumed", read(t, ans), want)
		}
	}
	if stops < 5 {
		t.Errorf("stopped only %d times", stops)
	}
	pages := func(app string) (out []string) {
		for _, s := range db.Statements(t, app) {
			if strings.Contains(s, "octet_length") && strings.Contains(s, "ORDER BY") {
				out = append(out, s)
			}
		}
		return out
	}
	if got := pages("resumed"); !slices.Equal(got, pages(whole.Application)) {
		t.Errorf("%d questions in pieces, %d at once:\n%s", len(got), len(pages(whole.Application)), strings.Join(got, "\n"))
	}
}

// TestDamagedPage asks again from the first file that is not as it was written.
func TestDamagedPage(t *testing.T) {
	db := newIndex(t)
	db.AddCA(1, "x", ours.Key.SPKI)
	db.Add(1, series(ours, "s", 70, from, 2*time.Hour)...)
	a := newAsker(t, db, issuer(ours))
	want := read(t, a.complete())
	for name, damage := range map[string]func(path string) error{
		"bit":     func(p string) error { return edit(p, func(b []byte) []byte { b[len(b)/2] ^= 1; return b }) },
		"cut":     func(p string) error { return edit(p, func(b []byte) []byte { return b[:len(b)/2] }) },
		"empty":   func(p string) error { return edit(p, func(b []byte) []byte { return nil }) },
		"longer":  func(p string) error { return edit(p, func(b []byte) []byte { return append(b, '\n') }) },
		"missing": os.Remove,
		"swapped": func(p string) error {
			other := filepath.Join(filepath.Dir(p), "00000005.page")
			return errors.Join(os.Rename(p, p+"x"), os.Rename(other, p), os.Rename(p+"x", other))
		},
	} {
		must(t, damage(a.dir.Path(pageName(1, 3))))
		before := len(db.Statements(t, a.Application))
		equal(t, name, read(t, a.complete()), want)
		if n := len(db.Statements(t, a.Application)) - before; n != 4 {
			t.Errorf("%s: %d questions, want those of 4 days", name, n)
		}
	}
	// A file that is damaged after the collection was complete is an error, not a gap.
	ans := a.complete()
	must(t, edit(a.dir.Path(pageName(1, 2)), func(b []byte) []byte { b[100] ^= 1; return b }))
	err := ans.Read(context.Background(), func(int64, []byte) error { return nil }, func(int64, error) error { return nil })
	if !errors.Is(err, errPage) {
		t.Errorf("reading a damaged page: %v", err)
	}
	// A question.json that is not ours is as good as none.
	must(t, os.WriteFile(a.dir.Path(questionFile), []byte(`{"schema":"x"}`), 0o666))
	equal(t, "new question", read(t, a.complete()), want)
}

func edit(path string, fn func([]byte) []byte) error {
	raw, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	return os.WriteFile(path, fn(raw), 0o666)
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// TestSharedCA is one CA that two issuers of the question have.
func TestSharedCA(t *testing.T) {
	db := newIndex(t)
	db.AddCA(1, "x", ours.Key.SPKI)
	first := db.Add(1, leaf(ours, "a", from))
	other := issuer(twin)
	other.Keys = append(other.Keys, ours.Key.Hash())
	ans := newAsker(t, db, issuer(ours), other).complete()
	equal(t, "certificates", read(t, ans), lines(first, leaf(ours, "a", from)))
	if len(ans.Issuers[0].CAs) != 1 || len(ans.Issuers[1].CAs) != 0 || ans.Issuers[1].Key != sampler.KeyHash(twin.Key.Hash()) {
		t.Errorf("%+v", ans.Issuers)
	}
}

// TestUnreadableTimes has certificates whose times crt.sh itself cannot read: they are in
// no window. Malformed DER behind a readable time is passed on as it is.
func TestUnreadableTimes(t *testing.T) {
	db := newIndex(t)
	db.AddCA(1, "x", ours.Key.SPKI)
	broken := testpki.Template{Seed: "b", Unsigned: true, Validity: testpki.Sequence(testpki.TLV(0x17, []byte("no time at all")), testpki.TLV(0x17, nil))}
	db.Add(1, ours.Certificate(broken))
	cut := leaf(ours, "cut", from)
	cut = cut[:len(cut)-10]
	first := db.Add(1, cut)
	equal(t, "certificates", read(t, newAsker(t, db, issuer(ours)).complete()), lines(first, cut))
}
