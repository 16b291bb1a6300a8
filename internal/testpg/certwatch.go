package testpg

import (
	_ "embed"
	"encoding/hex"
	"fmt"
	"strings"
	"testing"
)

// schema builds what of crt.sh's database a reader of certificates touches: the tables,
// partitions, indexes and roles of github.com/crtsh/certwatch_db under their names, with
// functions in SQL in place of those of its extension in C.
//
//go:embed certwatch.sql
var schema string

// Certwatch is a database like crt.sh's.
type Certwatch struct {
	*Server
	Database string
	t        testing.TB
	next     int64
}

const template = "certwatch_template"

// Certwatch builds a new database.
func (s *Server) Certwatch(t testing.TB) *Certwatch {
	t.Helper()
	n := s.databases.Add(1)
	c := &Certwatch{Server: s, Database: fmt.Sprintf("certwatch_%d", n), t: t, next: 1000}
	if n == 1 {
		c.admin("postgres", "CREATE ROLE guest LOGIN")
		c.admin("postgres", "CREATE DATABASE "+template)
		c.admin(template, schema)
	}
	c.admin("postgres", "CREATE DATABASE "+c.Database+" TEMPLATE "+template)
	return c
}

func (c *Certwatch) admin(database, statements string) [][]string {
	c.t.Helper()
	rows, err := c.Server.Do(database, statements)
	if err != nil {
		c.t.Fatalf("%v\n%.300s", err, statements)
	}
	return rows
}

// Exec runs statements in the database as its administrator and returns the last one's rows.
func (c *Certwatch) Exec(statements string) [][]string {
	c.t.Helper()
	return c.admin(c.Database, statements)
}

// Address is where the database is, for the guest.
func (c *Certwatch) Address() string {
	return fmt.Sprintf("postgresql://guest@%s:%d/%s", c.Host, c.Port, c.Database)
}

// AddCA makes a CA of a name and key.
func (c *Certwatch) AddCA(id int64, name string, spki []byte) {
	c.t.Helper()
	c.Exec(fmt.Sprintf("INSERT INTO ca (id, name, public_key) VALUES (%d, convert_from(%s, 'UTF8'), %s)", id, bytea([]byte(name)), bytea(spki)))
}

// Add puts certificates of a CA into the database and returns the first one's id; the
// others have the next ones.
func (c *Certwatch) Add(ca int64, ders ...[]byte) (first int64) {
	c.t.Helper()
	first = c.next
	for len(ders) > 0 {
		var values []string
		for size := 0; len(ders) > 0 && size < 1<<20; ders = ders[1:] {
			values = append(values, fmt.Sprintf("(%d, %d, %s)", c.next, ca, bytea(ders[0])))
			size += len(ders[0])
			c.next++
		}
		c.Exec("INSERT INTO certificate (id, issuer_ca_id, certificate) VALUES " + strings.Join(values, ", "))
	}
	return first
}

func bytea(b []byte) string { return "'\\x" + hex.EncodeToString(b) + "'::bytea" }

// Trap puts a function between the reader and the certificates: it is called for every row
// that a statement looks at, and whatever body, in PL/pgSQL, does there happens to that
// statement. body sees n, the number of the row in its statement, from 1.
func (c *Certwatch) Trap(body string) {
	c.t.Helper()
	c.Exec(`ALTER TABLE certificate RENAME TO certificate_behind;
CREATE TABLE armed (left_over integer); INSERT INTO armed VALUES (1); GRANT SELECT ON armed TO guest;
CREATE FUNCTION trap() RETURNS boolean LANGUAGE plpgsql VOLATILE AS $$
DECLARE n integer := coalesce(nullif(current_setting('test.n', true), ''), '0')::integer + 1;
BEGIN PERFORM set_config('test.n', n::text, true);
` + body + `
RETURN true; END $$;
CREATE VIEW certificate AS SELECT id, issuer_ca_id, certificate FROM certificate_behind WHERE trap();
GRANT SELECT ON certificate TO guest;`)
}

// Sleep is a body for Trap: the statement hangs while traps are armed.
const Sleep = "IF (SELECT left_over FROM armed) > 0 THEN PERFORM pg_sleep(3600); END IF;"

// Disarm takes one trap away.
func (c *Certwatch) Disarm() { c.Exec("UPDATE armed SET left_over = left_over - 1") }

// Caught waits until a reader's statement hangs in a trap and returns the process that runs it.
func (c *Certwatch) Caught(application string) (pid string) {
	c.t.Helper()
	for range 6000 { // a minute
		rows := c.Exec(fmt.Sprintf("SELECT pg_sleep(0.01); SELECT pid FROM pg_stat_activity WHERE application_name = '%s' AND datname = '%s' AND wait_event = 'PgSleep'", application, c.Database))
		if len(rows) == 1 {
			return rows[0][0]
		}
	}
	c.t.Fatal("no statement was caught")
	return ""
}
