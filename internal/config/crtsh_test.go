package config

import (
	"strings"
	"testing"
	"time"
)

func TestCrtSh(t *testing.T) {
	const ca = "[ca]\nname = \"A\"\n"
	parsed := func(text string) CrtSh {
		t.Helper()
		c, err := parse("x.toml", []byte(ca+text), noFiles)
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		again, err := parse("x.toml", c.Effective(), noFiles)
		if err != nil || again.CrtSh != c.CrtSh {
			t.Errorf("%s: read again as %+v, error %v", text, again.CrtSh, err)
		}
		return c.CrtSh
	}
	public := CrtSh{Address: DefaultCrtShAddress, Host: "crt.sh", Port: 5432, User: "guest", Database: "certwatch", StatementTimeout: time.Minute, Window: 24 * time.Hour, MaxGigabytes: 20}
	if got := parsed(""); got != public {
		t.Errorf("without the table: %+v", got)
	}
	if c, _ := parse("x.toml", []byte(ca), noFiles); strings.Contains(string(c.Effective()), "crtsh") {
		t.Error("what is not configured is in the configuration in force")
	}
	public.Use = true
	if got := parsed("[crtsh]\n"); got != public {
		t.Errorf("empty table: %+v", got)
	}
	public.Use = false
	if got := parsed("[crtsh]\nuse = false\n"); got != public {
		t.Errorf("use = false: %+v", got)
	}
	want := CrtSh{Use: true, Address: "postgres://me@[::1]:6432/mirror?sslmode=verify-full", Host: "::1", Port: 6432, User: "me", Database: "mirror",
		SSLMode: "verify-full", StatementTimeout: 90 * time.Second, Window: 6 * time.Hour, MaxGigabytes: 300}
	if got := parsed("[crtsh]\naddress = \"" + want.Address + "\"\nstatement_timeout = \"90s\"\nwindow = \"6h\"\nmax_gigabytes = 300\n"); got != want {
		t.Errorf("%+v", got)
	}
	for _, tt := range []struct{ in, want string }{
		{"max_gigabytes = 0", "max_gigabytes = 0 is out of range: 1 to 1000000"},
		{`use = "yes"`, "use must be true or false"},
		{`address = "postgresql://guest:guest@crt.sh:5432/certwatch"`, "must not contain a password"},
		{`address = "postgresql://guest:@crt.sh:5432/certwatch"`, "must not contain a password"},
		{`address = "postgresql://guest@crt.sh/certwatch?password=x"`, "must not contain a password"},
		{`address = "https://crt.sh"`, `is not one like "postgresql://guest@crt.sh:5432/certwatch"`},
		{`address = "host=crt.sh user=guest"`, "is not one like"},
		{`address = "postgresql:///certwatch"`, "is not one like"},
		{`address = "postgresql://crt.sh/certwatch"`, "must name a user and a database"},
		{`address = "postgresql://guest@crt.sh"`, "must name a user and a database"},
		{`address = "postgresql://guest@crt.sh/a/b"`, "must name a user and a database"},
		{`address = "postgresql://guest@crt.sh/a%00b"`, "must name a user and a database"},
		{`address = "postgresql://guest@crt.sh:0/a"`, "impossible port"},
		{`address = "postgresql://guest@crt.sh:99999/a"`, "impossible port"},
		{`address = "postgresql://guest@crt.sh/a?sslmode=allow"`, `sslmode="allow"`},
		{`address = "postgresql://guest@crt.sh/a?sslmode=prefer&sslmode=disable"`, "the only one is sslmode, once"},
		{`address = "postgresql://guest@crt.sh/a?service=x"`, "the only one is sslmode, once"},
		{`statement_timeout = "60"`, `is not a time: write it like "60s"`},
		{`statement_timeout = "11m"`, "out of range"},
		{`statement_timeout = 60`, "must be text"},
		{`window = "30s"`, "out of range"},
		{`window = "1000h"`, "out of range"},
		{`windw = "1h"`, `did you mean "window"?`},
	} {
		_, err := parse("x.toml", []byte(ca+"[crtsh]\n"+tt.in+"\n"), noFiles)
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: error %v, want %q", tt.in, err, tt.want)
		}
		if err != nil && strings.Contains(err.Error(), "guest:guest") {
			t.Errorf("the error shows the password: %v", err)
		}
	}
	if _, err := parse("x.toml", []byte(ca+"[[files]]\npath = \"crt.sh\"\n"), noFiles); err == nil || !strings.Contains(err.Error(), `write "./crt.sh"`) {
		t.Errorf("files called crt.sh: %v", err)
	}
	parsed("[[files]]\npath = \"./crt.sh\"\n")
}
