package crtsh

import (
	"context"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"selfaudit/internal/auditdir"
	"selfaudit/internal/testpg"
)

// busy is a database with one CA of 60 certificates on one day, and what a reader must get.
func busy(t *testing.T) (*testpg.Certwatch, []string) {
	t.Helper()
	db := newIndex(t)
	db.AddCA(1, "x", ours.Key.SPKI)
	certs := series(ours, "s", 60, from.Add(26*time.Hour), 10*time.Minute)
	return db, lines(db.Add(1, certs...), certs...)
}

// TestStatementTimeout has a server on which a statement that looks at more than ten
// certificates never ends: the windows shrink until they fit.
func TestStatementTimeout(t *testing.T) {
	db, want := busy(t)
	db.Trap("IF n > 10 THEN PERFORM pg_sleep(3600); END IF;")
	a := newAsker(t, db, issuer(ours))
	a.StatementTimeout = 100 * time.Millisecond
	ans := a.complete()
	equal(t, "certificates", read(t, ans), want)
	if ans.Interruptions < 4 {
		t.Errorf("%d interruptions", ans.Interruptions)
	}
	for _, r := range a.retries {
		if !strings.Contains(r, "canceling statement due to statement timeout (SQLSTATE 57014)") {
			t.Errorf("retried for %s", r)
		}
	}
	before := len(db.Statements(t, a.Application))
	a.complete()
	if n := len(db.Statements(t, a.Application)); n != before {
		t.Error("answered windows were asked again")
	}
}

// TestInterfered has somebody else end a statement while it runs.
func TestInterfered(t *testing.T) {
	for name, how := range map[string]struct{ call, says string }{
		"cancelled":  {"pg_cancel_backend(%s)", "canceling statement due to user request"},
		"terminated": {"pg_terminate_backend(%s)", "terminating connection due to administrator command"},
	} {
		t.Run(name, func(t *testing.T) {
			db, want := busy(t)
			db.Trap(testpg.Sleep)
			a := newAsker(t, db, issuer(ours))
			go func() {
				pid := db.Caught(a.Application)
				db.Disarm()
				db.Exec("SELECT " + fmt.Sprintf(how.call, pid))
			}()
			ans := a.complete()
			equal(t, "certificates", read(t, ans), want)
			if len(a.retries) != 1 || !strings.Contains(a.retries[0], how.says) {
				t.Errorf("retries: %q", a.retries)
			}
		})
	}
}

// TestRestart stops the server in the middle of a statement and starts it again while the
// reader waits.
func TestRestart(t *testing.T) {
	db, want := busy(t)
	db.Trap(testpg.Sleep)
	a := newAsker(t, db, issuer(ours))
	down := make(chan struct{})
	go func() {
		defer close(down)
		db.Caught(a.Application)
		db.Disarm()
		db.Stop()
	}()
	attempts := 0
	a.onSleep = func() {
		<-down
		if attempts++; attempts == 3 { // twice it is not there
			must(t, db.Resume())
		}
	}
	ans := a.complete()
	equal(t, "certificates", read(t, ans), want)
	if attempts < 3 {
		t.Errorf("%d attempts: %q", attempts, a.retries)
	}
}

// TestTransient are errors in the words of crt.sh's PostgreSQL and PgBouncer, one after the other.
func TestTransient(t *testing.T) {
	errors := []struct{ code, message string }{
		{"57P01", "terminating connection due to conflict with recovery"},
		{"40001", "canceling statement due to conflict with recovery"},
		{"08P01", "server conn crashed?"},
		{"08P01", "server login has been failing, try again later (server_login_retry)"},
		{"08P01", "query_wait_timeout"},
		{"53300", "sorry, too many clients already"},
		{"57P03", "the database system is starting up"},
		{"53400", "temporary file size exceeds temp_file_limit (1048576kB)"},
		{"XX000", "\x1b[2Jsurprise\nnumber two"},
	}
	db, want := busy(t)
	body := "CASE (SELECT left_over FROM armed)\n"
	for i, e := range errors {
		body += fmt.Sprintf("WHEN %d THEN RAISE EXCEPTION USING ERRCODE = '%s', MESSAGE = '%s';\n", i+1, e.code, e.message)
	}
	db.Trap(body + "ELSE NULL; END CASE;")
	db.Exec(fmt.Sprintf("UPDATE armed SET left_over = %d", len(errors)))
	a := newAsker(t, db, issuer(ours))
	a.onSleep = db.Disarm
	ans := a.complete()
	equal(t, "certificates", read(t, ans), want)
	if len(a.retries) != len(errors) {
		t.Fatalf("retries: %q", a.retries)
	}
	for i, r := range a.retries {
		e := errors[len(errors)-1-i]
		words := strings.Fields(e.message)
		if !strings.Contains(r, e.code) || strings.ContainsAny(r, "\x1b\n") || !strings.Contains(r, words[len(words)-1]) {
			t.Errorf("for %s %q it says %q", e.code, e.message, r)
		}
	}
	if d := a.now.Sub(from); d < 90*time.Second || d > 4*time.Minute {
		t.Errorf("waited %s", d)
	}
}

// TestDropped has connections that break off in the middle of an answer.
func TestDropped(t *testing.T) {
	db := newIndex(t)
	db.AddCA(1, "x", ours.Key.SPKI)
	certs := series(ours, "s", 400, from, 20*time.Minute)
	want := lines(db.Add(1, certs...), certs...)
	a := newAsker(t, db, issuer(ours))
	connections := 0
	a.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := (&net.Dialer{}).DialContext(ctx, network, address)
		connections++
		if err != nil || connections > 12 {
			return conn, err
		}
		return &cutConn{conn, connections * 1500}, nil
	}
	equal(t, "certificates", read(t, a.complete()), want)
	if connections < 13 || len(a.retries) < 6 { // a broken statement is also cancelled over a connection
		t.Errorf("%d connections, retries %q", connections, a.retries)
	}
}

// cutConn is a connection that delivers so many bytes and breaks.
type cutConn struct {
	net.Conn
	left int
}

func (c *cutConn) Read(b []byte) (int, error) {
	if c.left <= 0 {
		_ = c.Close()
		return 0, io.ErrUnexpectedEOF
	}
	n, err := c.Conn.Read(b[:min(len(b), c.left)])
	c.left -= n
	return n, err
}

// TestOtherSchema are databases that are not built as this program knows it.
func TestOtherSchema(t *testing.T) {
	for name, tc := range map[string]struct{ change, says string }{
		"table":    {"ALTER TABLE certificate RENAME TO certificates", `relation "certificate" does not exist`},
		"column":   {"ALTER TABLE certificate RENAME COLUMN issuer_ca_id TO issuer", `column "issuer_ca_id" does not exist`},
		"key":      {"ALTER TABLE ca RENAME COLUMN public_key TO spki", `column "public_key" does not exist`},
		"function": {"ALTER FUNCTION x509_notBefore(bytea) RENAME TO x509_not_before", "function x509_notbefore(bytea) does not exist"},
		"right":    {"REVOKE SELECT ON certificate FROM guest", "permission denied for table certificate"},
		"links":    {"DROP TABLE ca_certificate", `relation "ca_certificate" does not exist`},
	} {
		t.Run(name, func(t *testing.T) {
			db, _ := busy(t)
			db.Exec(tc.change)
			a := newAsker(t, db, issuer(ours))
			ans := a.ask()
			if ans.Complete || !strings.Contains(ans.Reason, tc.says) || len(a.retries) > 0 {
				t.Errorf("complete %t, reason %q, retries %q", ans.Complete, ans.Reason, a.retries)
			}
			if rebuilt := strings.Contains(ans.Reason, "perhaps been rebuilt"); rebuilt != (name != "right") {
				t.Errorf("reason %q", ans.Reason)
			}
			if err := Try(context.Background(), a.Config); err == nil || err.Error() != ans.Reason {
				t.Errorf("Try says %v", err)
			}
			if Begun(a.dir) {
				t.Error("a question without CAs was kept")
			}
		})
	}
	db, _ := busy(t)
	if err := Try(context.Background(), newAsker(t, db).Config); err != nil {
		t.Errorf("Try on a good one: %v", err)
	}
	a := newAsker(t, db, issuer(ours))
	a.Database = "certwitch"
	if ans := a.ask(); !strings.Contains(ans.Reason, `database "certwitch" does not exist`) || len(a.retries) > 0 {
		t.Errorf("another database: %q, %q", ans.Reason, a.retries)
	}
}

// TestGivesUp asks a server that answers for one CA and, for the other, never again: what
// was answered counts, and the rest is asked for by the next run.
func TestGivesUp(t *testing.T) {
	db, want := busy(t)
	db.AddCA(2, "y", twin.Key.SPKI)
	certs := series(twin, "t", 50, from, time.Hour)
	second := db.Add(2, certs...)
	db.Trap("IF (SELECT left_over FROM armed) > 0 AND n > 30 THEN RAISE EXCEPTION USING ERRCODE = '08P01', MESSAGE = 'server conn crashed?'; END IF;")
	// CA 1 has 60 certificates on one day, CA 2 has 24 a day.
	a := newAsker(t, db, issuer(twin), issuer(ours))
	ans := a.ask()
	if ans.Complete || !strings.HasPrefix(ans.Reason, "no answer within 10m0s: ERROR: server conn crashed?") {
		t.Fatalf("complete %t, reason %q", ans.Complete, ans.Reason)
	}
	if d := a.now.Sub(from); d < 8*time.Minute || d > 10*time.Minute {
		t.Errorf("gave up after %s", d)
	}
	equal(t, "what was answered", read(t, ans), lines(second, certs...))
	if ca := ans.Issuers[1].CAs[0]; ca.Certificates != 0 || !ca.Until.Equal(from.Add(24*time.Hour)) {
		t.Errorf("%+v", ca)
	}
	db.Disarm()
	a.AskedAt = "2026-10-03T08:00:00Z"
	ans = a.complete()
	equal(t, "in the end", read(t, ans), append(lines(second, certs...), want...))
	if ans.AskedAt != "2026-10-02T08:00:00Z" {
		t.Errorf("asked at %s", ans.AskedAt)
	}
}

// TestNobodyThere is a port on which nothing listens, and one on which something else does.
func TestNobodyThere(t *testing.T) {
	a := newAsker(t, nil, issuer(ours))
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	a.Host, a.Port, a.Database = "127.0.0.1", uint16(l.Addr().(*net.TCPAddr).Port), "certwatch"
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			_, _ = io.WriteString(conn, "HTTP/1.1 400 Bad Request\r\n\r\n")
			_ = conn.Close()
		}
	}()
	ans := a.ask()
	if !strings.Contains(ans.Reason, "does not speak PostgreSQL") || len(a.retries) != connectAttempts-1 {
		t.Errorf("a web server: %q, %q", ans.Reason, a.retries)
	}
	must(t, l.Close())
	ans = a.ask()
	if ans.Complete || !strings.Contains(ans.Reason, "does not answer") || !strings.Contains(ans.Reason, "refused") {
		t.Errorf("nobody: %q", ans.Reason)
	}
	if len(ans.Issuers) != 1 || len(ans.Issuers[0].CAs) != 0 || len(read(t, ans)) != 0 {
		t.Errorf("%+v", ans)
	}
}

// TestPooler asks through PgBouncer in statement pooling, as at crt.sh: the settings of a
// question hold for it and are gone after it.
func TestPooler(t *testing.T) {
	db, want := busy(t)
	a := newAsker(t, db, issuer(ours))
	a.Port = db.Pooler(t)
	equal(t, "certificates", read(t, a.complete()), want)
	if len(a.retries) > 0 {
		t.Errorf("retries: %q", a.retries)
	}
	db.Trap(testpg.Sleep)
	slow := newAsker(t, db, issuer(ours))
	slow.Port, slow.StatementTimeout = a.Port, 200*time.Millisecond
	slow.onSleep = db.Disarm
	equal(t, "with a timeout", read(t, slow.complete()), want)
	if len(slow.retries) != 1 || !strings.Contains(slow.retries[0], "57014") {
		t.Errorf("retries: %q", slow.retries)
	}
	conn, err := connect(context.Background(), slow.withDefaults())
	must(t, err)
	defer leave(conn)
	results, err := conn.Exec(context.Background(), "SHOW statement_timeout").ReadAll()
	must(t, err)
	if got := string(results[0].Rows[0][0]); got != "0" {
		t.Errorf("the next client gets a statement timeout of %s", got)
	}
}

// TestEnvironment has variables for PostgreSQL's own programs in the environment: they
// change nothing, and the one that cannot be overruled is named.
func TestEnvironment(t *testing.T) {
	db, want := busy(t)
	for name, value := range map[string]string{"PGHOST": "nowhere.example", "PGPORT": "1", "PGUSER": "me", "PGPASSWORD": "secret", "PGSSLMODE": "verify-full",
		"PGTARGETSESSIONATTRS": "standby", "PGOPTIONS": "-c statement_timeout=1", "PGTZ": "Asia/Tokyo", "PGREQUIREAUTH": "md5", "PGAPPNAME": "somebody"} {
		t.Setenv(name, value)
	}
	a := newAsker(t, db, issuer(ours))
	equal(t, "certificates", read(t, a.complete()), want)
	if len(a.retries) > 0 || len(db.Statements(t, a.Application)) == 0 {
		t.Errorf("retries %q", a.retries)
	}
	t.Setenv("PGSERVICE", "none")
	a.dir = auditdir.At(t.TempDir())
	if ans := a.ask(); ans.Complete || !strings.Contains(ans.Reason, "PG... variables are in the way") {
		t.Errorf("with PGSERVICE: %q", ans.Reason)
	}
}
