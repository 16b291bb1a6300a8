package config

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// DefaultCrtShAddress is crt.sh's public database.
const DefaultCrtShAddress = "postgresql://guest@crt.sh:5432/certwatch"

// IndexName is what crt.sh is called among the sources; no [[files]] may be called so.
const IndexName = "crt.sh"

// CrtSh is [crtsh]: crt.sh as a cross-check beside the logs.
type CrtSh struct {
	Use     bool
	Address string // as written; never with a password

	// What Address says.
	Host           string
	Port           uint16
	User, Database string
	SSLMode        string // "" if Address does not say

	StatementTimeout time.Duration
	Window           time.Duration // of notBefore, at most, in one question
	MaxGigabytes     int64         // of the disk that its answers may take
}

func defaultCrtSh() CrtSh {
	c := CrtSh{StatementTimeout: time.Minute, Window: 24 * time.Hour, MaxGigabytes: 20}
	_ = c.parse(DefaultCrtShAddress) // a test parses it
	return c
}

func (c *Config) readCrtSh(top *table) {
	c.CrtSh = defaultCrtSh()
	t := top.sub("crtsh")
	if t == nil {
		return
	}
	x := &c.CrtSh
	x.Use = true
	if _, there := t.value["use"]; there {
		x.Use = t.boolean("use")
	} else {
		t.known = append(t.known, "use")
	}
	if address, ok := t.text("address", DefaultCrtShAddress); ok {
		if err := x.parse(address); err != nil {
			t.problem("address", "address %s", err)
		}
	}
	x.StatementTimeout = t.duration("statement_timeout", x.StatementTimeout, time.Second, 10*time.Minute)
	x.Window = t.duration("window", x.Window, time.Minute, 31*24*time.Hour)
	x.MaxGigabytes = t.integer("max_gigabytes", x.MaxGigabytes, 1, 1_000_000)
	t.close()
}

// parse reads the address of a database. Passwords are refused: the configuration goes
// into the evidence. So is everything but sslmode, which would have no effect.
func (x *CrtSh) parse(address string) error {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "postgresql" && u.Scheme != "postgres" || u.Hostname() == "" || u.Opaque != "" {
		return fmt.Errorf("is not one like %q", DefaultCrtShAddress)
	}
	if _, secret := u.User.Password(); secret || u.Query().Has("password") {
		return errors.New("must not contain a password: the configuration becomes part of the evidence")
	}
	x.Address, x.Host, x.User, x.Database = address, u.Hostname(), u.User.Username(), strings.TrimPrefix(u.Path, "/")
	if x.User == "" || x.Database == "" || strings.ContainsAny(x.User+x.Database, "/\x00") || u.Fragment != "" {
		return fmt.Errorf("must name a user and a database, as %q does", DefaultCrtShAddress)
	}
	x.Port = 5432
	if p := u.Port(); p != "" {
		n, err := strconv.ParseUint(p, 10, 16)
		if err != nil || n == 0 {
			return fmt.Errorf("has the impossible port %s", quote(p))
		}
		x.Port = uint16(n)
	}
	values, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return fmt.Errorf("is not one like %q", DefaultCrtShAddress)
	}
	x.SSLMode = values.Get("sslmode")
	modes := []string{"disable", "prefer", "require", "verify-full"}
	if values.Has("sslmode") && !slices.Contains(modes, x.SSLMode) {
		return fmt.Errorf("has sslmode=%s; it is one of %s", quote(x.SSLMode), quoted(modes))
	}
	for key, list := range values {
		if key != "sslmode" || len(list) != 1 {
			return errors.New("has parameters; the only one is sslmode, once")
		}
	}
	return nil
}

// duration reads a time like "90s" or "24h"; missing gives def.
func (t *table) duration(key string, def, least, most time.Duration) time.Duration {
	s, ok := t.text(key, def.String())
	if !ok {
		return def
	}
	d, err := time.ParseDuration(s)
	switch {
	case err != nil:
		t.problem(key, "%s = %s is not a time: write it like \"60s\" or \"24h\"", key, quote(s))
	case d < least || d > most || d%time.Millisecond != 0:
		t.problem(key, "%s = %s is out of range: %s to %s", key, quote(s), least, most)
	default:
		return d
	}
	return def
}

// effective writes [crtsh] as it is in force.
func (x *CrtSh) effective(line func(key, value string)) {
	line("use", strconv.FormatBool(x.Use))
	line("address", tomlText(x.Address))
	line("statement_timeout", tomlText(x.StatementTimeout.String()))
	line("window", tomlText(x.Window.String()))
	line("max_gigabytes", strconv.FormatInt(x.MaxGigabytes, 10))
}
