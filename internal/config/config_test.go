package config

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

func noFiles(string) ([]byte, error) { return nil, fs.ErrNotExist }

func load(t *testing.T, path string) *Config {
	t.Helper()
	c, err := Load(path)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestLoadFull(t *testing.T) {
	c := load(t, "testdata/full.toml")
	if c.CA.Name != `Example CA "quoted" Ä` {
		t.Errorf("name %q", c.CA.Name)
	}
	if want := (Audit{350, 2, IssuedByNotBefore, "none", 7, BeaconDefaultChain, 5}); c.Audit != want {
		t.Errorf("audit %+v, want %+v", c.Audit, want)
	}
	want := []Issuer{
		{[]string{"issuers/dv1.pem", "issuers/dv1-cross.der"}, "DV1", 1000, 5, map[string]string{"2.999.1": "ev", "2.999.2": "ov"}},
		{[]string{"issuers/dv2.pem"}, "", 0, 0, map[string]string{"2.999.3": "smime"}},
	}
	if !reflect.DeepEqual(c.Issuers, want) {
		t.Errorf("issuers %+v, want %+v", c.Issuers, want)
	}
	if len(c.Logs) != 2 || c.Logs[0].URL != "https://log.example/2026h2" || c.Logs[1].Exclude != "shut down on 2026-08-14" {
		t.Errorf("logs %+v", c.Logs)
	}
	if len(c.Logs[1].PublicKey) != 91 || c.Logs[1].PublicKey[0] != 0x30 {
		t.Errorf("key from file: %x", c.Logs[1].PublicKey)
	}
	if got, want := c.Resolve(c.Files[0].Path), filepath.Join("testdata", "exports", "2026Q3"); got != want {
		t.Errorf("Resolve = %q, want %q", got, want)
	}
	if err := c.Complete(); err != nil {
		t.Errorf("Complete: %v", err)
	}
}

func TestDefaults(t *testing.T) {
	c, err := parse("selfaudit.toml", []byte("[ca]\nname = \"A\"\n"), noFiles)
	if err != nil {
		t.Fatal(err)
	}
	if want := (Audit{300, 0, IssuedByCT, "", 3, BeaconQuicknet, 0}); c.Audit != want {
		t.Errorf("audit %+v, want %+v", c.Audit, want)
	}
	if !reflect.DeepEqual(c.Drand.Relays, DefaultRelays()) {
		t.Errorf("relays %v", c.Drand.Relays)
	}
	err = c.Complete()
	if err == nil || !strings.Contains(err.Error(), "no [[issuer]]") || !strings.Contains(err.Error(), "no [[log]]") {
		t.Errorf("Complete = %v", err)
	}
}

func TestEffective(t *testing.T) {
	want, err := os.ReadFile("testdata/full.effective.toml")
	if err != nil {
		t.Fatal(err)
	}
	c := load(t, "testdata/full.toml")
	if got := c.Effective(); string(got) != string(want) {
		t.Errorf("effective configuration:\n%s\nwant:\n%s", got, want)
	}
	again := load(t, "testdata/full.effective.toml")
	if got := again.Effective(); string(got) != string(want) {
		t.Errorf("the effective configuration, read again, gives:\n%s", got)
	}
	again.File = c.File
	if !reflect.DeepEqual(again, c) {
		t.Errorf("read again: %+v\nwant %+v", again, c)
	}
}

// TestParse: what Effective writes stands alone; what names a file does not.
func TestParse(t *testing.T) {
	text, err := os.ReadFile("testdata/full.effective.toml")
	if err != nil {
		t.Fatal(err)
	}
	c, err := Parse(text, "config/selfaudit.toml")
	if err != nil || string(c.Effective()) != string(text) || c.File != "config/selfaudit.toml" {
		t.Errorf("%v: %+v", err, c)
	}
	full, err := os.ReadFile("testdata/full.toml")
	if err != nil {
		t.Fatal(err)
	}
	_, err = Parse(full, "x.toml")
	if !errors.As(err, new(Errors)) || !strings.Contains(err.Error(), "x.toml:") || !strings.Contains(err.Error(), "public_key_file: no file is read here") {
		t.Errorf("a key in a file: %v", err)
	}
}

func TestTemplate(t *testing.T) {
	name := "Ex\"am\\ple CA"
	c, err := parse("selfaudit.toml", Template(name), noFiles)
	if err != nil {
		t.Fatalf("the template is not valid: %v", err)
	}
	if c.CA.Name != name {
		t.Errorf("name %q, want %q", c.CA.Name, name)
	}
	open, err := parse("selfaudit.toml", Template(""), noFiles)
	if err != nil {
		t.Fatalf("a template without a name: %v", err)
	}
	if err := open.Complete(); err == nil || !strings.Contains(err.Error(), "name is empty") {
		t.Errorf("nobody asks for the name: %v", err)
	}
}

// TestTemplateExamples uncomments the examples of the template: what it
// teaches must be right.
func TestTemplateExamples(t *testing.T) {
	var out []string
	for _, line := range strings.Split(string(Template("A")), "\n") {
		text, isComment := strings.CutPrefix(line, "# ")
		if isComment && (strings.HasPrefix(text, "[") || strings.Contains(text, " = ")) {
			line = strings.Replace(text, "base64 SubjectPublicKeyInfo", inlineKey(t), 1)
		}
		out = append(out, line)
	}
	c, err := parse("selfaudit.toml", []byte(strings.Join(out, "\n")), noFiles)
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Issuers) != 1 || len(c.Logs) != 1 || len(c.Files) != 1 || c.Issuers[0].PolicyOIDs["1.3.6.1.4.1.99999.1"] != "ev" {
		t.Errorf("examples read as %+v", c)
	}
}

// inlineKey is the base64 key of testdata/full.toml.
func inlineKey(t *testing.T) string {
	t.Helper()
	data, err := os.ReadFile("testdata/full.toml")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(data), `public_key = "`)
	key, _, _ := strings.Cut(rest, `"`)
	return key
}

func TestLoadMissing(t *testing.T) {
	_, err := Load(filepath.Join(t.TempDir(), FileName))
	if !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("err = %v", err)
	}
	if errors.As(err, new(Errors)) {
		t.Error("a missing file is not a mistake in the file")
	}
}

func TestLoadTooLarge(t *testing.T) {
	path := filepath.Join(t.TempDir(), FileName)
	if err := os.WriteFile(path, make([]byte, maxFile+1), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(path); err == nil || !strings.Contains(err.Error(), "larger than") {
		t.Errorf("err = %v", err)
	}
}
