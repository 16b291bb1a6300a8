package testpg

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"selfaudit/internal/testneed"
)

// Pooler starts a PgBouncer in statement pooling before the server, as crt.sh has one, and
// returns its port. Without PgBouncer the test is skipped.
func (c *Certwatch) Pooler(t testing.TB) uint16 {
	t.Helper()
	program, err := exec.LookPath("pgbouncer")
	if err != nil {
		program = "/usr/sbin/pgbouncer" // not in everybody's path
		if _, err := os.Stat(program); err != nil {
			testneed.Missing(t, "PgBouncer", "Debian package pgbouncer")
		}
	}
	l, err := net.Listen("tcp", c.Host+":0")
	if err != nil {
		t.Fatal(err)
	}
	port := uint16(l.Addr().(*net.TCPAddr).Port)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	ini := filepath.Join(c.dir, fmt.Sprintf("pooler-%d.ini", port))
	// auth_type any: whoever comes is this one user of the server behind.
	text := fmt.Sprintf("[databases]\n* = host=%s port=%d user=guest\n[pgbouncer]\nlisten_addr = %s\nlisten_port = %d\nunix_socket_dir =\nauth_type = any\npool_mode = statement\ndefault_pool_size = 2\n",
		c.Host, c.Port, c.Host, port)
	if err := os.WriteFile(ini, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	cmd := c.command(program, "-q", ini)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(20 * time.Millisecond) {
		ctx := context.Background()
		conn, err := connect(ctx, c.Host, port, "guest", c.Database)
		if err == nil {
			_ = conn.Close(ctx) // it answers
			return port
		}
		if time.Now().After(deadline) {
			t.Fatalf("PgBouncer does not answer: %v", err)
		}
	}
}
