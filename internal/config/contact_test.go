package config

import (
	"strings"
	"testing"
)

func TestContact(t *testing.T) {
	for s, want := range map[string]string{
		"audit@ca.example":        "mailto:audit@ca.example",
		"mailto:audit@ca.example": "mailto:audit@ca.example",
		"https://ca.example/ct?x": "https://ca.example/ct?x",
		"a+b@sub.ca.example":      "mailto:a+b@sub.ca.example",
	} {
		if got, err := Contact(s); got != want || err != nil {
			t.Errorf("%q: %q, %v", s, got, err)
		}
	}
	for _, s := range []string{"", "mailto:", "nobody", "http://ca.example", "https://", "https://user:secret@ca.example/", "https://ca.example/\r\nX-Evil: 1", "a@b.example\n",
		"a@b.example) (x", `a@b.example\`, "a@b.example\x00", "ä@b.example", "a b@c.example", "javascript:x@y.example", "a@b", "https://ca.example/" + strings.Repeat("x", maxContact)} {
		if got, err := Contact(s); err == nil || got != "" {
			t.Errorf("%q was taken as %q", s, got)
		}
	}
	const head = "[ca]\nname = \"A\"\n"
	c, err := parse("selfaudit.toml", []byte(head+`contact = "audit@ca.example"`), noFiles)
	if err != nil || c.CA.Contact != "mailto:audit@ca.example" {
		t.Fatalf("%+v, %v", c, err)
	}
	again, err := Parse(c.Effective(), "effective")
	if err != nil || again.CA.Contact != c.CA.Contact {
		t.Errorf("the configuration in force loses it: %v\n%s", err, c.Effective())
	}
	if _, err := parse("selfaudit.toml", []byte(head+`contact = "a@b.example\r\nX: y"`), noFiles); err == nil || !strings.Contains(err.Error(), "contact") {
		t.Errorf("a header was injected: %v", err)
	}
}

func FuzzContact(f *testing.F) {
	f.Add("audit@ca.example")
	f.Add("https://ca.example/ct")
	f.Add("a@b.example\r\nX: y")
	f.Fuzz(func(t *testing.T, s string) {
		got, err := Contact(s)
		if err != nil {
			return
		}
		if strings.ContainsAny(got, "\r\n()\\\" \x00") || !strings.HasPrefix(got, "mailto:") && !strings.HasPrefix(got, "https://") {
			t.Errorf("%q became %q", s, got)
		}
		if again, err := Contact(got); err != nil && len(got) <= maxContact || err == nil && again != got {
			t.Errorf("%q became %q, and that %q, %v", s, got, again, err)
		}
	})
}
