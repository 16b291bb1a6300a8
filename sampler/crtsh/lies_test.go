package crtsh

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"io"
	"io/fs"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgproto3"

	"selfaudit/internal/testpki"
)

// liar is a server that answers every question for certificates in its own way.
func liar(t *testing.T, answer func(b *pgproto3.Backend)) (port uint16) {
	t.Helper()
	return serve(t, func(conn net.Conn) { lie(conn, answer) })
}

// serve takes connections until the test ends.
func serve(t *testing.T, fn func(net.Conn)) (port uint16) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				fn(conn)
			}()
		}
	}()
	return uint16(l.Addr().(*net.TCPAddr).Port)
}

func lie(conn net.Conn, answer func(b *pgproto3.Backend)) {
	b := pgproto3.NewBackend(conn, conn)
	if _, err := b.ReceiveStartupMessage(); err != nil {
		return
	}
	b.Send(&pgproto3.AuthenticationOk{})
	b.Send(&pgproto3.ReadyForQuery{TxStatus: 'I'})
	for b.Flush() == nil {
		m, err := b.Receive()
		q, ok := m.(*pgproto3.Query)
		if err != nil || !ok {
			return
		}
		switch {
		case strings.Contains(q.String, "LIMIT 0"):
			rows(b, 1)
		case strings.Contains(q.String, "FROM ca "):
			rows(b, 1, []string{"17"})
		default:
			answer(b)
		}
		b.Send(&pgproto3.CommandComplete{CommandTag: []byte("SELECT 0")})
		b.Send(&pgproto3.ReadyForQuery{TxStatus: 'I'})
	}
}

// rows sends a result of text columns.
func rows(b *pgproto3.Backend, columns int, list ...[]string) {
	head := &pgproto3.RowDescription{}
	for range columns {
		head.Fields = append(head.Fields, pgproto3.FieldDescription{Name: []byte("c"), DataTypeOID: 25, DataTypeSize: -1})
	}
	b.Send(head)
	for _, r := range list {
		row := &pgproto3.DataRow{}
		for _, v := range r {
			row.Values = append(row.Values, []byte(v))
		}
		b.Send(row)
	}
}

// TestLies are answers that cannot be ones to the question: nothing of them is kept, and
// nothing more is asked.
func TestLies(t *testing.T) {
	der := leaf(ours, "x", from)
	good := func(id int, at time.Time) []string {
		return []string{fmt.Sprint(id), at.Format(timeLayout), fmt.Sprint(len(der)), base64.StdEncoding.EncodeToString(der)}
	}
	with := func(column int, value string) [][]string {
		r := good(1, from)
		r[column] = value
		return [][]string{r}
	}
	many := [][]string{}
	for i := range fullPage + 1 {
		many = append(many, good(i+1, from))
	}
	for name, tc := range map[string]struct {
		rows [][]string
		says string
	}{
		"too early":   {[][]string{good(1, from.Add(-time.Microsecond))}, "after 2026-08-30"},
		"too late":    {[][]string{good(1, from.Add(24*time.Hour))}, "after 2026-08-30"},
		"order":       {[][]string{good(2, from), good(1, from)}, "certificate 1 with notBefore"},
		"twice":       {[][]string{good(2, from), good(2, from)}, "certificate 2 with notBefore"},
		"too many":    {many, "more than 1000 rows"},
		"columns":     {[][]string{{"1", "2"}}, "a row of 2 columns instead of 4"},
		"id":          {with(0, "\x1b[31m"), `"\x1b[31m" is not an id`},
		"negative id": {with(0, "-1"), "is not an id"},
		"time":        {with(1, "infinity"), `notBefore "infinity"`},
		"size":        {with(2, "999999999999999999999"), "size"},
		"short":       {with(2, "7"), "for a certificate of 7 bytes"},
		"base64":      {with(3, "%%%%"), "4 bytes of base64"},
		"empty":       {[][]string{{"1", from.Format(timeLayout), "0", ""}}, "0 bytes of base64"},
	} {
		t.Run(name, func(t *testing.T) {
			a := newAsker(t, nil, issuer(ours))
			a.Host, a.Database, a.SSLMode = "127.0.0.1", "certwatch", SSLDisable
			a.Port = liar(t, func(b *pgproto3.Backend) {
				columns := 4
				if len(tc.rows[0]) < 4 {
					columns = len(tc.rows[0])
				}
				rows(b, columns, tc.rows...)
			})
			ans := a.ask()
			if ans.Complete || !strings.Contains(ans.Reason, "contradicts the question") || !strings.Contains(ans.Reason, tc.says) || len(a.retries) > 0 {
				t.Errorf("complete %t, reason %q, retries %q", ans.Complete, ans.Reason, a.retries)
			}
			if strings.ContainsAny(ans.Reason, "\x1b\n") {
				t.Errorf("reason %q", ans.Reason)
			}
			if got := read(t, ans); len(got) != 0 || ans.Certificates() != 0 {
				t.Errorf("kept %q", got)
			}
		})
	}
}

// TestEndless is a message without end and an error as long as a book: both are cut.
func TestEndless(t *testing.T) {
	a := newAsker(t, nil, issuer(ours))
	a.Host, a.Database, a.SSLMode = "127.0.0.1", "certwatch", SSLDisable
	a.Port = liar(t, func(b *pgproto3.Backend) { rows(b, 1, []string{strings.Repeat("x", maxMessage)}) })
	if ans := a.ask(); ans.Complete || !strings.Contains(ans.Reason, "invalid body length") {
		t.Errorf("a row of %d bytes: %q", maxMessage, ans.Reason)
	}
	a.Port = liar(t, func(b *pgproto3.Backend) {
		b.Send(&pgproto3.ErrorResponse{Severity: "ERROR", Code: "42P01", Message: strings.Repeat("no\x00such\ntable ", 100_000)})
	})
	if ans := a.ask(); ans.Complete || len(ans.Reason) > 500 || !strings.Contains(ans.Reason, "no such table") && !strings.Contains(ans.Reason, "ERROR: no") {
		t.Errorf("a long error: %d bytes, %.100q", len(ans.Reason), ans.Reason)
	}
}

// TestMadeUp is a server that makes up rows for ever, within all bounds of a single answer: no more is stored than
// was allowed, not by later runs either.
func TestMadeUp(t *testing.T) {
	der := leaf(ours, "x", from)
	body := base64.StdEncoding.EncodeToString(der)
	next := 0
	a := newAsker(t, nil, issuer(ours))
	a.Host, a.Database, a.SSLMode, a.MaxBytes = "127.0.0.1", "certwatch", SSLDisable, 2_000_000
	a.Port = liar(t, func(b *pgproto3.Backend) {
		var list [][]string
		for range fullPage {
			next++
			list = append(list, []string{fmt.Sprint(next), from.Add(time.Duration(next) * time.Microsecond).Format(timeLayout), fmt.Sprint(len(der)), body})
		}
		rows(b, 4, list...)
	})
	stored := func() (sum int64) {
		must(t, filepath.WalkDir(a.dir.Path(Folder), func(_ string, e fs.DirEntry, err error) error {
			if err == nil && e.Type().IsRegular() {
				info, err := e.Info()
				must(t, err)
				sum += info.Size()
			}
			return err
		}))
		return sum
	}
	for range 2 {
		ans := a.ask()
		if ans.Complete || !strings.Contains(ans.Reason, "more than the 0.002 GB that may be stored") || !strings.Contains(ans.Reason, "max_gigabytes") || len(a.retries) > 0 {
			t.Errorf("complete %t, reason %q, retries %q", ans.Complete, ans.Reason, a.retries)
		}
		if n := stored(); n < 800_000 || n > 2_010_000 || ans.Certificates() == 0 {
			t.Errorf("%d bytes are stored, %d certificates", n, ans.Certificates())
		}
	}
}

// TestTLS has TLS before a real server: a certificate counts where a CA is given to vouch
// for it, and one that does not verify never leads to a connection in the clear.
func TestTLS(t *testing.T) {
	db := newIndex(t)
	db.AddCA(1, "x", ours.Key.SPKI)
	db.Add(1, leaf(ours, "a", from))
	key := testpki.ECKey("tls server")
	cert := root.Certificate(testpki.Template{Seed: "tls", Key: key, DNSNames: []string{"index.example"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)})
	port := tlsProxy(t, &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{cert}, PrivateKey: key.Signer()}}}, fmt.Sprintf("%s:%d", db.Host, db.Port))

	pool := func(ca *testpki.CA) *x509.CertPool {
		p := x509.NewCertPool()
		c, err := x509.ParseCertificate(ca.Cert)
		must(t, err)
		p.AddCert(c)
		return p
	}
	other := testpki.NewRoot("Other Root", testpki.CAOptions{})
	for name, tc := range map[string]struct {
		mode, host string
		pool       *x509.CertPool
		says       string // "" for an answer
	}{
		"prefer":               {SSLPrefer, "index.example", nil, ""},
		"require":              {SSLRequire, "index.example", nil, ""},
		"vouched":              {SSLPrefer, "index.example", pool(root), ""},
		"verified":             {SSLVerifyFull, "index.example", pool(root), ""},
		"another CA":           {SSLPrefer, "index.example", pool(other), "certificate signed by unknown authority"},
		"another CA, required": {SSLRequire, "index.example", pool(other), "certificate signed by unknown authority"},
		"another name":         {SSLVerifyFull, "localhost", pool(root), "not localhost"},
		"nobody vouches":       {SSLVerifyFull, "index.example", nil, "certificate signed by unknown authority"},
	} {
		t.Run(name, func(t *testing.T) {
			a := newAsker(t, db, issuer(ours))
			a.SSLMode, a.Host, a.RootCAs = tc.mode, tc.host, tc.pool
			secure := 0
			a.Dial = func(ctx context.Context, network, _ string) (net.Conn, error) {
				secure++
				return (&net.Dialer{}).DialContext(ctx, network, fmt.Sprintf("127.0.0.1:%d", port))
			}
			a.Lookup = func(context.Context, string) ([]string, error) { return []string{"127.0.0.1"}, nil }
			ans := a.ask()
			if ans.Complete != (tc.says == "") || !strings.Contains(ans.Reason, tc.says) || secure == 0 {
				t.Errorf("complete %t, reason %q", ans.Complete, ans.Reason)
			}
		})
	}
	// A server without TLS, as crt.sh's is.
	a := newAsker(t, db, issuer(ours))
	a.SSLMode = SSLRequire
	if ans := a.ask(); ans.Complete || !strings.Contains(ans.Reason, "offers no TLS") {
		t.Errorf("%q", ans.Reason)
	}
	a.SSLMode = SSLDisable
	a.complete()
}

// tlsProxy speaks TLS as PostgreSQL does, and passes what is inside on.
func tlsProxy(t *testing.T, cfg *tls.Config, to string) (port uint16) {
	t.Helper()
	return serve(t, func(conn net.Conn) {
		if _, err := io.ReadFull(conn, make([]byte, 8)); err != nil {
			return
		}
		if _, err := conn.Write([]byte{'S'}); err != nil {
			return
		}
		inner := tls.Server(conn, cfg)
		if inner.Handshake() != nil {
			return
		}
		behind, err := net.Dial("tcp", to)
		if err != nil {
			return
		}
		defer behind.Close()
		go func() { _, _ = io.Copy(behind, inner); _ = behind.Close() }()
		_, _ = io.Copy(inner, behind)
	})
}
