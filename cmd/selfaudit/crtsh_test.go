package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"selfaudit/internal/testpg"
	"selfaudit/internal/testpki"
	"selfaudit/sampler"
)

// indexed is an audited log, and a crt.sh beside it.
type indexed struct {
	*grownLog
	db *testpg.Certwatch
	id int64 // of the one certificate that only crt.sh knows
}

const onlyInIndex = "index1"

// newIndexed has a log with n precertificates, and a crt.sh that knows their finals, one
// certificate more, and some that do not count.
func newIndexed(t *testing.T, server *testpg.Server, n int) *indexed {
	t.Helper()
	x := &indexed{grownLog: newGrownLog(t, `beacon = "dice"`), db: server.Certwatch(t)}
	x.add(n, at("2026-01-05T00:00:00Z"))
	x.publish(at("2026-03-03T00:00:00Z"))
	x.fill(n)
	x.configure()
	return x
}

func (x *indexed) fill(n int) {
	x.db.AddCA(4711, "Grown \x1b[31mDV CA\n=cmd|'/c calc'!A1", x.ca.Key.SPKI)
	template := func(seed, notBefore string) testpki.Template {
		return testpki.Template{Seed: seed, NotBefore: at(notBefore), NotAfter: at(notBefore).Add(90 * 24 * time.Hour)}
	}
	for i := 1; i <= n; i++ {
		x.db.Add(4711, x.ca.Certificate(template(fmt.Sprint(i), at("2026-01-05T00:00:00Z").Add(time.Duration(i-1)*time.Minute).Format(time.RFC3339))))
	}
	x.id = x.db.Add(4711, x.ca.Certificate(template(onlyInIndex, "2026-02-10T00:00:00Z")))
	forged := testpki.NewRoot("Another Root", testpki.CAOptions{}).NewCA("Grown DV CA", testpki.CAOptions{Key: testpki.ECKey("forger")})
	broken := x.ca.Certificate(template("broken", "2026-02-11T00:00:00Z"))
	x.db.Add(4711, forged.Certificate(template("forged", "2026-02-10T00:00:00Z")), // under the name, by another key
		x.ca.Certificate(template("too old", "2025-12-29T00:00:00Z")), // more than 48 hours before the period
		append(broken, 0)) // not DER
}

func (x *indexed) configure() {
	x.write("selfaudit.toml", string(x.read("selfaudit.toml"))+fmt.Sprintf("[crtsh]\naddress = %q\nwindow = \"24h\"\n", x.db.Address()))
}

// rehearse takes the whole way and draws everything.
func (x *indexed) rehearse(more ...string) []string {
	return append([]string{"run", "--rehearsal", "--dice", digits, "--audit", "x", "--from", "2026-01-01T00:00:00Z", "--until", "2026-03-01T00:00:00Z",
		"--now", "2026-03-03T00:00:00Z", "--yes", "-q", "--rate", "100%"}, more...)
}

func (x *indexed) snapshot() *sampler.Snapshot {
	x.t.Helper()
	s, err := sampler.ParseSnapshot(x.read("audits/x/draw/snapshot.json"))
	if err != nil {
		x.t.Fatal(err)
	}
	return s
}

const indexedZip = "audits/x/sealed/REHEARSAL-NOT-EVIDENCE_x.zip"

// TestCrtSh audits a log with crt.sh beside it, which knows one certificate that no log has.
func TestCrtSh(t *testing.T) {
	server := testpg.Start(t)
	x := newIndexed(t, server, 40)
	stdout, _ := x.run(exitOK, x.rehearse()...)
	x.must(stdout, "crt.sh", "index")

	s := x.snapshot()
	want := sampler.SnapshotIndex{Name: "crt.sh", Server: x.db.Address(), AskedAt: "2026-03-03T00:00:00Z",
		NotBeforeFrom: "2025-12-30T00:00:00Z", NotBeforeUntil: "2026-03-03T00:00:00Z", Certificates: 43, Kept: 41, Complete: true,
		Issuers: []sampler.SnapshotIndexIssuer{{KeySHA256: sampler.KeyHash(x.ca.Key.Hash()),
			CAs: []sampler.SnapshotIndexCA{{ID: 4711, Certificates: 43, AskedUntil: "2026-03-03T00:00:00Z"}}}}}
	got, _ := json.Marshal(s.Index)
	if wanted, _ := json.Marshal(want); !bytes.Equal(got, wanted) {
		t.Errorf("index:\n%s\nwant\n%s", got, wanted)
	}
	if len(s.Files) != 1 || s.Files[0].Path != "crt.sh" || s.Files[0].Kind != sampler.FileIndex || s.Files[0].OtherIssuers != 1 || s.Files[0].Unreadable != 1 {
		t.Errorf("files: %+v", s.Files)
	}
	if s.Counts.Population != 41 || s.Counts.Both != 40 || s.Counts.FinalOnly != 1 {
		t.Errorf("counts: %+v", s.Counts)
	}
	x.must(strings.Join(s.Notes, "\n"), "it has 43, of which 41 are the issuers'", "what it does not know proves nothing", fmt.Sprintf("unreadable: crt.sh, %d block 0", x.id+3))
	// The item that only crt.sh knows is dated by its notBefore: a time of crt.sh counts nowhere.
	x.must(string(x.read("audits/x/ct/sightings.jsonl")), fmt.Sprintf(`"source":"file","file":"crt.sh/%d","block":0`, x.id))
	stdout, _ = x.run(exitOK, "verify", filepath.Join(x.dir, indexedZip))
	x.must(stdout, "41 in files")

	// Without crt.sh, by flag: the evidence says so, and the configuration in force too.
	y := newIndexed(t, server, 40)
	y.run(exitOK, y.rehearse("--no-crtsh")...)
	s = y.snapshot()
	if s.Index != nil || len(s.Files) != 0 || s.Counts.Population != 40 {
		t.Errorf("--no-crtsh: index %+v, %d items", s.Index, s.Counts.Population)
	}
	y.must(strings.Join(s.Notes, "\n"), "crt.sh is configured but was not asked: --no-crtsh")
	y.must(string(y.read("audits/x/config/selfaudit.toml")), "[crtsh]\nuse = false\n")
	y.run(exitOK, "verify", filepath.Join(y.dir, indexedZip))
	_, stderr := y.run(exitUsage, "collect", "--audit", "x", "--crtsh")
	y.must(stderr, "frozen without crt.sh")
	_, stderr = y.run(exitUsage, "collect", "--audit", "x", "--crtsh", "--no-crtsh")
	y.must(stderr, "contradict")
}

// quick runs the program without waiting between attempts.
func (x *indexed) quick(code int, args ...string) (stdout, stderr string) {
	x.t.Helper()
	e := &env{SystemTime: func() time.Time { return at("2026-03-03T00:00:00Z") }, Sleep: func(ctx context.Context, _ time.Duration) error { return ctx.Err() }}
	got, stdout, stderr := call(context.Background(), e, append([]string{"-C", x.dir}, args...)...)
	if got != code {
		x.t.Fatalf("selfaudit %s: exit %d, want %d\n%s\n%s", strings.Join(args, " "), got, code, stdout, stderr)
	}
	return stdout, stderr
}

// TestCrtShAway collects while crt.sh is away: the audit goes on and says so. Asked again
// by flag, it answers, and the collection is complete with it.
func TestCrtShAway(t *testing.T) {
	x := newIndexed(t, testpg.Start(t), 5)
	x.db.Stop()
	collect := []string{"collect", "--json", "--rehearsal", "--audit", "x", "--from", "2026-01-01T00:00:00Z", "--until", "2026-03-01T00:00:00Z"}
	stdout, _ := x.quick(exitOK, collect...)
	index := func(stdout string) *collectIndex {
		t.Helper()
		var doc collectDocument
		if err := json.Unmarshal([]byte(stdout), &doc); err != nil || !doc.Complete || doc.Index == nil {
			t.Fatalf("%v\n%s", err, stdout)
		}
		return doc.Index
	}
	if got := index(stdout); got.Complete || got.Certificates != 0 || got.Interruptions != 2 || !strings.Contains(got.Reason, "does not answer") {
		t.Errorf("%+v", got)
	}
	x.must(stdout, "could not be asked to the end: ", "nothing was answered")
	stdout, _ = x.quick(exitOK, collect...)
	if got := index(stdout); got.Complete {
		t.Errorf("asked again without being told to: %+v", got)
	}
	stdout, _ = x.quick(exitOK, "doctor")
	x.must(stdout, "warning  crt.sh", "goes through no proxy")
	if err := x.db.Resume(); err != nil {
		t.Fatal(err)
	}
	stdout, _ = x.quick(exitOK, "doctor")
	x.must(stdout, "it answers, and its tables are the known ones")
	stdout, _ = x.quick(exitOK, append(collect, "--crtsh")...)
	if got := index(stdout); !got.Complete || got.Kept != 6 {
		t.Errorf("%+v", got)
	}
	// Another address is another source.
	text := string(x.read("selfaudit.toml"))
	x.write("selfaudit.toml", strings.ReplaceAll(text, x.db.Database, "elsewhere"))
	_, stderr := x.quick(exitUsage, "freeze", "--audit", "x", "--yes")
	x.must(stderr, "names other issuers, logs or files")
	x.write("selfaudit.toml", text)
	x.quick(exitOK, "freeze", "--audit", "x", "--yes")
	if s := x.snapshot(); s.Index == nil || !s.Index.Complete || s.Counts.Population != 6 {
		t.Errorf("%+v, %+v", s.Index, s.Counts)
	}
}

// TestCrtShKilled kills collect at random moments until it gets through:
// the package is that of an undisturbed run, and no answered question is put again.
func TestCrtShKilled(t *testing.T) {
	server := testpg.Start(t)
	one := newIndexed(t, server, 60)
	pages := func() (n int) {
		for _, s := range server.Statements(t, userAgent()) {
			if strings.Contains(s, "octet_length(c.certificate)") {
				n++
			}
		}
		return n
	}
	one.run(exitOK, one.rehearse()...)
	undisturbed := pages()

	two := newGrownLog(t, `beacon = "dice"`)
	two.add(60, at("2026-01-05T00:00:00Z"))
	two.publish(at("2026-03-03T00:00:00Z"))
	x := &indexed{grownLog: two, db: one.db}
	x.configure()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	random := rand.New(rand.NewPCG(3, 4))
	kills := 0
	for attempt := 0; ; attempt++ {
		if attempt == 80 {
			t.Fatal("never got through")
		}
		cmd := exec.Command(self, "-C", x.dir, "collect", "--rehearsal", "--audit", "x", "--from", "2026-01-01T00:00:00Z", "--until", "2026-03-01T00:00:00Z", "--now", "2026-03-03T00:00:00Z")
		cmd.Env = append(os.Environ(), childVariable+"=1")
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		timer := time.AfterFunc(time.Duration(20+random.IntN(40+attempt*attempt*10))*time.Millisecond, func() { _ = cmd.Process.Kill() })
		err := cmd.Wait()
		timer.Stop()
		if err == nil {
			break
		}
		kills++
		var exit *exec.ExitError
		if !errors.As(err, &exit) || exit.ExitCode() > 0 {
			t.Fatalf("after %d kills: %v", kills, err)
		}
	}
	if kills == 0 {
		t.Error("the program was never killed")
	}
	x.run(exitOK, x.rehearse()...)
	if again := pages() - undisturbed; again > undisturbed+kills {
		t.Errorf("%d questions with %d kills, %d without", again, kills, undisturbed)
	}
	if !bytes.Equal(one.read(indexedZip), x.read(indexedZip)) {
		t.Errorf("the package differs after %d kills", kills)
	}
}
