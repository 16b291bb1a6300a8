// Package testpg starts a PostgreSQL server of its own for a test, in a temporary folder on
// a free port of this machine, and builds databases of crt.sh's shape in it.
//
// PostgreSQL refuses to run as root. As root it is therefore started as the user postgres
// that Debian's package makes, or as nobody.
package testpg

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"selfaudit/internal/testneed"
)

// Server is a running server.
type Server struct {
	Host string
	Port uint16

	dir, bin  string
	cmd       *exec.Cmd
	lifeline  io.Closer // the server ends when it is closed, be it because we were killed
	databases atomic.Int64
}

// Start starts a server for one test and stops it at its end.
func Start(t testing.TB) *Server {
	t.Helper()
	s := Launch(t)
	t.Cleanup(s.Remove)
	return s
}

// Launch starts a server that the caller removes, so that the tests of a package can share
// one. Without PostgreSQL the test is skipped.
func Launch(t testing.TB) *Server {
	t.Helper()
	const how = "Debian package postgresql"
	s := &Server{Host: "127.0.0.1", bin: binaries()}
	if s.bin == "" {
		testneed.Missing(t, "PostgreSQL (initdb, postgres)", how)
	}
	extension, _ := filepath.Glob("/usr/share/postgresql/*/extension/pgcrypto.control")
	if found, err := exec.Command(filepath.Join(s.bin, "pg_config"), "--sharedir").Output(); err == nil && len(extension) == 0 {
		extension, _ = filepath.Glob(filepath.Join(strings.TrimSpace(string(found)), "extension/pgcrypto.control"))
	}
	if len(extension) == 0 {
		testneed.Missing(t, "PostgreSQL's extension pgcrypto", how)
	}
	var err error
	if s.dir, err = os.MkdirTemp("", "selfaudit-pg-"); err != nil {
		t.Fatal(err)
	}
	if err := s.begin(); err != nil {
		s.Remove()
		t.Fatalf("starting PostgreSQL: %v", err)
	}
	return s
}

// binaries finds the folder of initdb: in the path, or the newest of Debian's.
func binaries() string {
	if p, err := exec.LookPath("initdb"); err == nil {
		return filepath.Dir(p)
	}
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if len(found) == 0 {
		return ""
	}
	slices.SortFunc(found, func(a, b string) int { return len(a) - len(b) + strings.Compare(a, b) })
	return filepath.Dir(found[len(found)-1])
}

func (s *Server) begin() error {
	if err := giveAway(s.dir); err != nil {
		return err
	}
	initdb := s.command(filepath.Join(s.bin, "initdb"), "-D", s.data(), "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-locale", "--no-sync")
	if out, err := initdb.CombinedOutput(); err != nil {
		return fmt.Errorf("initdb: %w\n%s", err, out)
	}
	l, err := net.Listen("tcp", s.Host+":0")
	if err != nil {
		return err
	}
	s.Port = uint16(l.Addr().(*net.TCPAddr).Port)
	if err := l.Close(); err != nil {
		return err
	}
	return s.Resume()
}

func (s *Server) data() string { return filepath.Join(s.dir, "data") }
func (s *Server) log() string  { return filepath.Join(s.dir, "log") }

// command is a program run as somebody who is not root.
func (s *Server) command(program string, args ...string) *exec.Cmd {
	cmd := exec.Command(program, args...)
	cmd.Dir = s.dir
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "LC_ALL=C", "TZ=America/New_York"}
	notRoot(cmd)
	return cmd
}

// Resume starts the server again after Stop and waits until it answers.
func (s *Server) Resume() error {
	log, err := os.OpenFile(s.log(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer log.Close() // the server has its own
	// QUIT is PostgreSQL's signal for a stop without any tidying.
	s.cmd = s.command("sh", "-c", `"$@" & server=$!; cat >/dev/null; kill -QUIT $server; wait $server`, "sh", filepath.Join(s.bin, "postgres"), "-D", s.data(), "-p", fmt.Sprint(s.Port), "-c", "listen_addresses="+s.Host, "-c", "unix_socket_directories=",
		"-c", "fsync=off", "-c", "log_statement=all", "-c", "log_line_prefix=%a|", "-c", "max_connections=30", "-c", "shared_buffers=16MB", "-c", "autovacuum=off")
	s.cmd.Stdout, s.cmd.Stderr = log, log
	if s.lifeline, err = s.cmd.StdinPipe(); err != nil {
		return err
	}
	if err := s.cmd.Start(); err != nil {
		return err
	}
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(20 * time.Millisecond) {
		conn, err := s.connect(context.Background(), "postgres")
		if err == nil {
			return conn.Close(context.Background())
		}
		if time.Now().After(deadline) {
			raw, _ := os.ReadFile(s.log())
			return fmt.Errorf("it does not answer: %w\n%s", err, raw)
		}
	}
}

// Stop ends the server at once, as a power failure would: running statements, connections
// and all.
func (s *Server) Stop() {
	if s.cmd == nil || s.cmd.Process == nil {
		return
	}
	_ = s.lifeline.Close() // it may be gone already
	_ = s.cmd.Wait()
	s.cmd = nil
}

// Remove stops the server and removes its folder.
func (s *Server) Remove() {
	s.Stop()
	_ = os.RemoveAll(s.dir)
}

// Statements are the statements that an application has sent so far, whole messages, as the
// server's log has them.
func (s *Server) Statements(t testing.TB, application string) []string {
	t.Helper()
	raw, err := os.ReadFile(s.log())
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for line := range bytes.Lines(raw) {
		if text, ok := bytes.CutPrefix(bytes.TrimSpace(line), []byte(application+"|LOG:  statement: ")); ok {
			out = append(out, string(text))
		}
	}
	return out
}

func (s *Server) connect(ctx context.Context, database string) (*pgconn.PgConn, error) {
	return connect(ctx, s.Host, s.Port, "postgres", database)
}

// connect goes by its arguments alone, whatever the environment says.
func connect(ctx context.Context, host string, port uint16, user, database string) (*pgconn.PgConn, error) {
	cfg, err := pgconn.ParseConfig(fmt.Sprintf("host=%s port=%d user=%s dbname=%s sslmode=disable target_session_attrs=any", host, port, user, database))
	if err != nil {
		return nil, err
	}
	cfg.Password, cfg.RuntimeParams = "", map[string]string{"application_name": "test"}
	return pgconn.ConnectConfig(ctx, cfg)
}

// Do runs statements in a database as its administrator and returns the rows of the last.
func (s *Server) Do(database, statements string) ([][]string, error) {
	ctx := context.Background()
	conn, err := s.connect(ctx, database)
	if err != nil {
		return nil, err
	}
	results, err := conn.Exec(ctx, statements).ReadAll()
	if err = errors.Join(err, conn.Close(ctx)); err != nil || len(results) == 0 {
		return nil, err
	}
	var out [][]string
	for _, r := range results[len(results)-1].Rows {
		row := make([]string, len(r))
		for i, v := range r {
			row[i] = string(v)
		}
		out = append(out, row)
	}
	return out, nil
}
