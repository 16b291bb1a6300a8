package config

import (
	"reflect"
	"strings"
	"testing"
)

func TestLogList(t *testing.T) {
	const ca = "[ca]\nname = \"A\"\n"
	key := inlineKey(t)
	parsed := func(text string) LogList {
		t.Helper()
		c, err := parse("x.toml", []byte(ca+text), noFiles)
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		again, err := parse("x.toml", c.Effective(), noFiles)
		if err != nil || !reflect.DeepEqual(again.LogList, c.LogList) {
			t.Errorf("%s: read again as %+v, error %v", text, again, err)
		}
		return c.LogList
	}
	if got := parsed(""); !reflect.DeepEqual(got, LogList{Select: SelectNone}) {
		t.Errorf("without the table: %+v", got)
	}
	if got := parsed("[log_list]\n"); !reflect.DeepEqual(got, LogList{Select: SelectAuto}) {
		t.Errorf("empty table: %+v", got)
	}
	got := parsed("[log_list]\nurl = \"https://l.example/list.json\"\ninclude = \"a\"\nmargin_days = 30\npublic_key = \"" + key + "\"\nexclude = { \"b 'c'\" = \"gone\" }\n")
	if got.Signature != "https://l.example/list.sig" || got.Include[0] != "a" || got.MarginDays != 30 || len(got.PublicKey) != 91 || got.Exclude["b 'c'"] != "gone" {
		t.Errorf("%+v", got)
	}
	if got := parsed("[log_list]\nfile = \"l.json\"\nsignature = \"l.sig\"\n"); got.File != "l.json" || got.Signature != "l.sig" || got.PublicKey != nil {
		t.Errorf("%+v", got)
	}
	for _, tt := range []struct{ in, want string }{
		{"select = \"all\"", `select = "all" is not known`},
		{"file = \"a\"\nurl = \"https://a/b.json\"", "file and url are both set"},
		{"url = \"http://a/b.json\"", "is not an https:// address"},
		{"url = \"file:///etc/passwd.json\"", "is not an https:// address"},
		{"url = \"https://a/b\"", "does not end in .json"},
		{"url = \"https://u:p@a/b.json\"", "user name or password"},
		{"signature = \"a\"", "signature belongs to a file or url"},
		{"url = \"https://a/b.json\"\nsignature = \"b.sig\"", "signature \"b.sig\" is not an https:// address"},
		{"exclude = { \"a\" = \"\" }", "a is empty"},
		{"exclude = [\"a\"]", "exclude"},
		{"margin_days = 1201", "out of range"},
		{"public_key = \"AAAA\"", "not a SubjectPublicKeyInfo"},
		{"includ = \"a\"", `did you mean "include"?`},
	} {
		_, err := parse("x.toml", []byte(ca+"[log_list]\n"+tt.in+"\n"), noFiles)
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: error %v, want %q", tt.in, err, tt.want)
		}
	}
}

// TestFilled reads a template with issuers back, hostile names included.
func TestFilled(t *testing.T) {
	issuers := []Issuer{{Certificates: []string{"issuers/a.pem"}, Label: "A \"1\""}, {Certificates: []string{"issuers/b.pem", "issuers/c.pem"}}}
	c, err := parse("x.toml", Filled("N", issuers, []string{"first\n[[log]]\x1b", ""}), noFiles)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(c.Issuers, issuers) || c.LogList.Select != SelectAuto || c.LogList.URL != "" {
		t.Errorf("%+v", c)
	}
	if err := c.Complete(); err != nil {
		t.Error(err)
	}
}
