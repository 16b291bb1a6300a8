package config

import (
	"bytes"
	"strings"
	"testing"
)

func TestRequirementsLintAndSecondOpinion(t *testing.T) {
	const text = `[ca]
name = "A"
[requirements]
tables = "newer"
[lint]
newest_zlint = "v3.8.0"
released = "2026-12-01"
[second_opinion]
url = "http://127.0.0.1:8080/"
profile = "tbr_leaf_tlsserver_dv"
`
	c, err := Parse([]byte(text), "x.toml")
	if err != nil {
		t.Fatal(err)
	}
	if c.Requirements.Tables != "newer" || c.Lint.NewestZlint != "v3.8.0" || c.Lint.Released.Format("2006-01-02") != "2026-12-01" ||
		c.SecondOpinion.URL != "http://127.0.0.1:8080" || c.SecondOpinion.Profile != "tbr_leaf_tlsserver_dv" {
		t.Errorf("%+v %+v %+v", c.Requirements, c.Lint, c.SecondOpinion)
	}
	again, err := Parse(c.Effective(), "again.toml")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(again.Effective(), c.Effective()) {
		t.Errorf("the effective configuration is not stable:\n%s\n%s", c.Effective(), again.Effective())
	}
	plain, err := Parse([]byte("[ca]\nname = \"A\"\n"), "x.toml")
	if err != nil {
		t.Fatal(err)
	}
	if s := string(plain.Effective()); strings.Contains(s, "[lint]") || strings.Contains(s, "[requirements]") || strings.Contains(s, "[second_opinion]") {
		t.Errorf("tables that say nothing are written:\n%s", s)
	}
}

func TestRequirementsLintAndSecondOpinionRefuse(t *testing.T) {
	for text, want := range map[string]string{
		"[requirements]\n": "tables", "[requirements]\ntables = \"\"\n": "empty",
		"[lint]\nnewest_zlint = \"v3.8.0\"\n":                           "together",
		"[lint]\nnewest_zlint = \"3.8\"\nreleased = \"2026-12-01\"\n":   "not a release",
		"[lint]\nnewest_zlint = \"v3.8.0\"\nreleased = \"1.12.2026\"\n": "not a date",
		"[second_opinion]\n":                                        "url",
		"[second_opinion]\nurl = \"127.0.0.1:8080\"\n":              "address",
		"[second_opinion]\nurl = \"http://u:p@127.0.0.1\"\n":        "evidence",
		"[second_opinion]\nurl = \"http://a\"\nprofile = \"A b\"\n": "profile",
	} {
		if _, err := Parse([]byte("[ca]\nname = \"A\"\n"+text), "x.toml"); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want something about %q", text, err, want)
		}
	}
}
