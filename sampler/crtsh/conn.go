package crtsh

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

const (
	// MaxCertificate is the largest certificate that is fetched, in bytes, as for files; a
	// larger one is counted and named, but not read.
	MaxCertificate = 1 << 20
	// maxMessage bounds one message of the server: a row with the largest certificate in
	// base64, or an error.
	maxMessage = 2 << 20
	// grace is how much longer than its statement timeout an answer may take to arrive.
	grace = 30 * time.Second
)

// connect opens a connection. Nothing of it comes from the environment or a home
// directory: the evidence names the server as configured.
func connect(ctx context.Context, c Config) (*pgconn.PgConn, error) {
	cfg, err := pgconn.ParseConfig("sslmode=disable target_session_attrs=any")
	if err != nil {
		return nil, &stoppedError{"the environment's PG... variables are in the way, unset them: " + oneLine(err.Error())}
	}
	cfg.Host, cfg.Port, cfg.User, cfg.Database, cfg.Password = c.Host, c.Port, c.User, c.Database, ""
	cfg.TLSConfig, cfg.Fallbacks = nil, nil // DialFunc does TLS
	cfg.RuntimeParams = map[string]string{"application_name": c.Application}
	cfg.ValidateConnect, cfg.RequireAuth, cfg.SSLNegotiation = nil, "", ""
	cfg.ConnectTimeout = c.ConnectTimeout
	if c.Lookup != nil {
		cfg.LookupFunc = c.Lookup
	}
	cfg.MaxProtocolMessageBodyLen = maxMessage
	cfg.DialFunc = func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := c.Dial(ctx, network, address)
		if err != nil {
			return nil, err
		}
		secure, err := c.startTLS(ctx, conn)
		if err != nil {
			return nil, errors.Join(err, conn.Close())
		}
		return secure, nil
	}
	conn, err := pgconn.ConnectConfig(ctx, cfg)
	var failed *pgconn.ConnectError
	if errors.As(err, &failed) { // it would repeat user and database
		err = failed.Unwrap()
	}
	return conn, err
}

// startTLS asks the server for TLS as the mode says (PostgreSQL protocol, SSLRequest).
// A certificate that does not verify is an error, never a reason to go on in the clear.
func (c Config) startTLS(ctx context.Context, conn net.Conn) (net.Conn, error) {
	if c.SSLMode == SSLDisable {
		return conn, nil
	}
	if deadline, ok := ctx.Deadline(); ok {
		if err := conn.SetDeadline(deadline); err != nil {
			return nil, err
		}
	}
	if _, err := conn.Write([]byte{0, 0, 0, 8, 4, 210, 22, 47}); err != nil { // length 8, code 80877103
		return nil, err
	}
	var answer [1]byte
	if _, err := io.ReadFull(conn, answer[:]); err != nil {
		return nil, fmt.Errorf("asking for TLS: %w", err)
	}
	out := conn
	switch {
	case answer[0] == 'S':
		cfg := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: c.Host, RootCAs: c.RootCAs}
		// Without a CA to vouch for it TLS keeps out only who merely listens. What is
		// fetched is public and signed, so that is enough for the weaker modes.
		cfg.InsecureSkipVerify = c.RootCAs == nil && c.SSLMode != SSLVerifyFull
		secure := tls.Client(conn, cfg)
		if err := secure.HandshakeContext(ctx); err != nil {
			return nil, fmt.Errorf("TLS with %s: %w", c.Host, err)
		}
		out = secure
	case answer[0] != 'N':
		return nil, fmt.Errorf("%s:%d does not speak PostgreSQL", c.Host, c.Port)
	case c.SSLMode != SSLPrefer:
		return nil, fmt.Errorf("%s:%d offers no TLS, and sslmode is %s", c.Host, c.Port, c.SSLMode)
	}
	return out, conn.SetDeadline(time.Time{})
}

// query runs one statement and passes its rows to fn; the values are valid only there.
func query(ctx context.Context, conn *pgconn.PgConn, c Config, statement string, columns int, fn func(row [][]byte) error) error {
	ctx, cancel := context.WithTimeout(ctx, c.StatementTimeout+grace)
	defer cancel()
	// One message is one implicit transaction: SET LOCAL ends with it, so that PgBouncer
	// hands no setting of ours to the next client.
	text := fmt.Sprintf("SET LOCAL statement_timeout = %d; SET LOCAL TimeZone = 'UTC'; %s", c.StatementTimeout.Milliseconds(), statement)
	results := conn.Exec(ctx, text)
	var failed error
	for failed == nil && results.NextResult() {
		rows := results.ResultReader()
		for failed == nil && rows.NextRow() {
			values := rows.Values()
			if len(values) != columns {
				failed = contradiction("a row of %d columns instead of %d", len(values), columns)
				break
			}
			failed = fn(values)
		}
	}
	if failed != nil {
		return failed // the rest of the answer is not read: the caller drops the connection
	}
	return results.Close()
}

// leave closes a connection on which nothing is going on, as is polite.
func leave(conn *pgconn.PgConn) {
	if conn != nil {
		ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
		defer cancel()
		_ = conn.Close(ctx) // all answers are in
	}
}

// drop closes a connection, also one on which an answer is still coming in.
func drop(conn *pgconn.PgConn) {
	if conn != nil {
		_ = conn.Conn().Close() // there is nothing left to lose on it
	}
}
