package realtest

import (
	"context"
	"crypto/sha256"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"selfaudit/realtest/fault"
	"selfaudit/realtest/logs"
)

// dice are the digits of every ceremony here.
const dice = "58201734659120384756"

// live answers as the log does at this moment.
type live struct{ http.Handler }

func (l live) Now(address string) fault.Answer   { return fault.Ask(l.Handler, address) }
func (l live) Older(address string) fault.Answer { return fault.Ask(l.Handler, address) }

// servers are two CTFE logs and two that tessera writes, one of which compresses.
type servers struct {
	t      *testing.T
	signer *logs.Clock
	ctfe   []*logs.CTFE
	static []*logs.Static
	proxy  *fault.Proxy
	url    string
}

func startServers(t *testing.T, a *authority, start time.Time) *servers {
	t.Helper()
	s := &servers{t: t, signer: logs.NewClock(start), proxy: &fault.Proxy{Logs: map[string]fault.Log{}}}
	for i := range 2 {
		name := fmt.Sprintf("ctfe%d", i)
		l, err := logs.StartCTFE(t.Context(), logs.CTFEOptions{Dir: t.TempDir(), Prefix: name, Roots: [][]byte{a.root.Cert}, Start: start, PageSize: pageSize, Signer: s.signer})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(l.Close)
		s.ctfe = append(s.ctfe, l)
		s.proxy.Logs[name] = live{l}

		name = fmt.Sprintf("static%d", i)
		p, err := logs.StartStatic(t.Context(), logs.StaticOptions{Dir: memoryDir(t), Origin: name + ".example/2023", Start: start, Signer: s.signer, Gzip: i == 1})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(p.Close)
		s.static = append(s.static, p)
		s.proxy.Logs[name] = live{p}
	}
	server := httptest.NewServer(s.proxy)
	t.Cleanup(server.Close)
	s.url = server.URL
	return s
}

// set moves all clocks.
func (s *servers) set(at time.Time) {
	s.t.Helper()
	s.signer.Set(at)
	for _, l := range s.ctfe {
		l.Frontend.Set(at)
	}
	for _, l := range s.static {
		l.Clock.Set(at)
	}
}

// log is what both kinds of servers are.
type log interface {
	submitter
	Accepted() uint64
	Head() (raw []byte, size uint64, at time.Time, err error)
}

func (s *servers) all() []log {
	var out []log
	for i := range s.ctfe {
		out = append(out, s.ctfe[i], s.static[i])
	}
	return out
}

// settle waits until everything submitted is in the signed trees, with heads of since or
// later.
func (s *servers) settle(since time.Time) {
	s.t.Helper()
	deadline := time.Now().Add(30 * time.Second)
	for i, l := range s.all() {
		for {
			_, size, at, err := l.Head()
			if err != nil {
				s.t.Fatal(err)
			}
			if size >= l.Accepted() && !at.Before(since.Truncate(time.Millisecond)) {
				break
			}
			if time.Now().After(deadline) {
				s.t.Fatalf("log %d has %d entries at %s, want %d at %s", i, size, at, l.Accepted(), since)
			}
			time.Sleep(10 * time.Millisecond)
		}
	}
}

// toml is the logs' part of selfaudit.toml.
func (s *servers) toml() string {
	var b strings.Builder
	for i, l := range s.ctfe {
		fmt.Fprintf(&b, "[[log]]\ntype = \"rfc6962\"\nurl = \"%s/ctfe%d\"\npublic_key = %q\n", s.url, i, l.KeyBase64())
	}
	for i, l := range s.static {
		fmt.Fprintf(&b, "[[log]]\ntype = \"static-ct\"\nurl = \"%s/static%d\"\norigin = %q\npublic_key = %q\n", s.url, i, l.Origin, l.KeyBase64())
	}
	return b.String()
}

// recount counts all logs up to the heads that an audit pinned.
func (s *servers) recount(a *authority, w *workspace, audit string) *recount {
	s.t.Helper()
	r := newRecount(s.t, a)
	for _, l := range s.ctfe {
		r.logs[sha256.Sum256(l.SPKI)] = true
	}
	for _, l := range s.static {
		r.logs[sha256.Sum256(l.SPKI)] = true
	}
	for i, l := range s.ctfe {
		head := w.read(fmt.Sprintf("audits/%s/ct/heads/%x.sth.json", audit, sha256.Sum256(l.SPKI)))
		r.rfc6962Log(fmt.Sprintf("%s/ctfe%d", s.url, i), readPinned(s.t, head))
	}
	for i, l := range s.static {
		head := w.read(fmt.Sprintf("audits/%s/ct/heads/%x.checkpoint", audit, sha256.Sum256(l.SPKI)))
		r.staticLog(fmt.Sprintf("%s/static%d", s.url, i), readPinned(s.t, head))
	}
	return r
}

// world is a CA that issues into real logs.
type world struct {
	*servers
	a      *authority
	finals []issued // not logged yet
}

// issueSome issues n certificates now, each into two of the logs, some of another CA, and
// logs a part of the finals.
func (w *world) issueSome(ctx context.Context, n int) error {
	for i := range n {
		ca := w.a.issuers[i%len(w.a.issuers)]
		if i%7 == 6 {
			ca = w.a.foreign
		}
		rfc, tiles := w.ctfe[i%2], w.static[i/2%2]
		at := rfc.Frontend.Now()
		c, err := w.a.issue(ctx, ca, at, rfc, tiles)
		if err != nil {
			return err
		}
		switch {
		case i%4 == 1:
			if err := w.a.logFinal(ctx, c, w.ctfe[(i+1)%2]); err != nil {
				return err
			}
		case i%4 == 2:
			if err := w.a.logFinal(ctx, c, tiles); err != nil {
				return err
			}
		default:
			w.finals = append(w.finals, c)
		}
	}
	return nil
}

// logSomeFinals logs finals of certificates that were issued earlier.
func (w *world) logSomeFinals(ctx context.Context, n int) error {
	for i := range min(n, len(w.finals)) {
		c := w.finals[0]
		w.finals = w.finals[1:]
		if i%2 == 0 {
			if err := w.a.logFinal(ctx, c, w.ctfe[0]); err != nil {
				return err
			}
		} else if err := w.a.logFinal(ctx, c, w.static[1]); err != nil {
			return err
		}
	}
	return nil
}

// TestRealServers takes three audits of a chain over logs that real servers keep, while
// they grow under the audit's hands, and counts every population again.
func TestRealServers(t *testing.T) {
	ctx := t.Context()
	chainStart := at("2023-07-01T00:00:00Z")
	ends := []time.Time{at("2023-08-20T15:59:24Z"), at("2023-11-20T00:00:00Z"), at("2024-02-20T00:00:00Z")}
	a := newAuthority(t)
	w := &world{servers: startServers(t, a, chainStart.Add(-48*time.Hour)), a: a}
	ws := newWorkspace(t, "")
	ws.write("selfaudit.toml", a.configuration(ws, "beacon = \"dice\"\n", w.toml()))
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(w.issueSome(ctx, 8)) // older than the chain
	earlier := map[string]bool{}
	var done, zips []string
	late := 0
	for k, end := range ends {
		id := fmt.Sprintf("a%d", k+1)
		for i := range 3 {
			w.set(end.Add(-time.Duration(30-10*i) * 24 * time.Hour))
			must(w.issueSome(ctx, 24))
			must(w.logSomeFinals(ctx, 8))
		}
		if k > 0 {
			// One front end is days behind: what it stamps now belongs to an earlier period.
			w.ctfe[0].Frontend.Set(ends[k-1].Add(-2 * time.Hour))
			for range 3 {
				_, err := a.issue(ctx, a.issuers[0], w.ctfe[0].Frontend.Now(), w.ctfe[0])
				must(err)
				late++
			}
		}
		now := end.Add(25 * time.Hour)
		w.set(now)
		must(w.issueSome(ctx, 10)) // after the period
		w.settle(now)

		// From here on the logs grow while the program reads them: at the first request
		// for entries, and all the time.
		stop, grown := make(chan struct{}), make(chan error, 1)
		var once sync.Once
		var atEntries error
		w.proxy.Before = func(_ int64, address string) {
			if strings.Contains(address, "get-entries") || strings.Contains(address, "/tile/") {
				once.Do(func() { atEntries = w.issueSome(ctx, 6) })
			}
		}
		go func() {
			for {
				select {
				case <-stop:
					grown <- nil
					return
				default:
				}
				if _, err := a.issue(ctx, a.issuers[1], w.static[0].Clock.Now(), w.static[0]); err != nil {
					grown <- err
					return
				}
			}
		}()
		clock := []string{"--audit", id, "--now", now.Add(time.Hour).Format(time.RFC3339), "--yes"}
		args := append([]string{"collect", "--until", end.Format(time.RFC3339)}, clock...)
		if k == 0 {
			args = append(args, "--from", chainStart.Format(time.RFC3339))
		}
		stdout, _ := ws.run(exitOK, args...)
		ws.must(stdout, "proven")
		close(stop)
		must(<-grown)
		must(atEntries)
		w.proxy.Before = nil
		w.settle(now)

		ws.run(exitOK, append([]string{"freeze", "--beacon-time", end.Add(72 * time.Hour).Format(time.RFC3339)}, clock...)...)
		population := readPopulation(t, ws.read("audits/"+id+"/draw/population.tsv"))
		want := w.recount(a, ws, id).rows(chainStart, end, earlier)
		sameRows(t, id, population, want)
		t.Logf("%s: %d items of %d, %d earlier", id, len(population), a.n, len(earlier))
		for item := range population {
			earlier[item] = true
		}
		ws.run(exitOK, "run", "--audit", id, "--now", end.Add(73*time.Hour).Format(time.RFC3339), "--yes", "--dice", dice)
		done = append([]string{id}, done...)
		zip := ws.path(filepath.Join("audits", id, "sealed", id+".zip"))
		args = []string{"verify", zip}
		for _, z := range zips {
			args = append(args, "--earlier", z)
		}
		stdout, _ = ws.run(exitOK, args...)
		if k > 0 && strings.Contains(stdout, "chain not checked") {
			t.Error(stdout)
		}
		zips = append([]string{zip}, zips...)
	}
	if late == 0 {
		t.Error("nothing was logged late")
	}
	if out, ok := ws.reference(done...); ok && strings.Contains(out, "chain not checked") {
		t.Errorf("the chain is not complete:\n%s", out)
	}
}

func at(s string) time.Time {
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		panic(err)
	}
	return t
}
