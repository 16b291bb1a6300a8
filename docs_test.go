package selfaudit

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// buildProgram builds the program and returns its path.
func buildProgram(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "selfaudit.exe")
	if out, err := exec.Command("go", "build", "-o", path, "./cmd/selfaudit").CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	return path
}

// help returns what `selfaudit help [COMMAND]` prints.
func help(t *testing.T, program string, command ...string) string {
	t.Helper()
	out, err := exec.Command(program, append([]string{"help"}, command...)...).Output()
	if err != nil {
		t.Fatalf("selfaudit help %v: %v", command, err)
	}
	return string(out)
}

var (
	helpCommand = regexp.MustCompile(`(?m)^  ([a-z]+) {2,}\S`)
	helpFlag    = regexp.MustCompile(`(?m)^ {2,6}(-[a-zA-Z], )?--([a-z-]+)`)
)

// TestDocuments compares the documents with the program, which it builds once.
func TestDocuments(t *testing.T) {
	program := buildProgram(t)
	t.Run("commands", func(t *testing.T) { commandsAreDocumented(t, program) })
	t.Run("exit codes", func(t *testing.T) { exitCodesAreDocumented(t, program) })
	t.Run("example configuration", func(t *testing.T) { exampleLoads(t, program) })
}

// commandsAreDocumented compares docs/cli.md with the program's own help: every
// command has a section, every flag of it stands in that section or among the flags that
// all commands have, and no section or flag is there that the program does not know.
func commandsAreDocumented(t *testing.T, program string) {
	raw, err := os.ReadFile("docs/cli.md")
	if err != nil {
		t.Fatal(err)
	}
	sections := cliSections(string(raw))
	common := sections["Flags that every command has"]
	if common == "" {
		t.Fatal("docs/cli.md has no section about the flags that every command has")
	}
	// The flags of run are those of three other commands, by reference.
	borrowed := sections["selfaudit collect"] + sections["selfaudit freeze"] + sections["selfaudit draw"]

	known := map[string]bool{}
	for _, m := range helpCommand.FindAllStringSubmatch(commandList(help(t, program)), -1) {
		name := m[1]
		title := "selfaudit " + name
		known[title] = true
		text, ok := sections[title]
		if !ok {
			t.Errorf("docs/cli.md has no section about `%s`", title)
			continue
		}
		where := text + common
		if name == "run" {
			where += borrowed
		}
		long := help(t, program, name)
		flags := helpFlag.FindAllStringSubmatch(long, -1)
		if len(flags) == 0 {
			t.Fatalf("`selfaudit help %s` shows no flag at all: has the form of the help changed?", name)
		}
		for _, f := range flags {
			if !mentions(where, "--"+f[2]) {
				t.Errorf("docs/cli.md does not mention --%s of `%s`", f[2], title)
			}
		}
		for _, f := range regexp.MustCompile("(?m)^\\| `(--[a-z-]+)").FindAllStringSubmatch(text, -1) {
			if !mentions(long, f[1]) {
				t.Errorf("docs/cli.md gives `%s` the flag %s, which it does not have", title, f[1])
			}
		}
	}
	if len(known) < 10 {
		t.Fatalf("found only %d commands in the help: has its form changed?", len(known))
	}
	for title := range sections {
		if strings.HasPrefix(title, "selfaudit ") && !known[title] {
			t.Errorf("docs/cli.md describes `%s`, which the program does not know", title)
		}
	}
}

// exitCodesAreDocumented holds the tables of the documents against the help.
func exitCodesAreDocumented(t *testing.T, program string) {
	text := help(t, program)
	_, list, found := strings.Cut(text, "Exit codes:\n")
	codes := regexp.MustCompile(`(?m)^  (\d+) `).FindAllStringSubmatch(list, -1)
	if !found || len(codes) < 8 {
		t.Fatalf("the help lists %d exit codes", len(codes))
	}
	for _, doc := range []string{"README.md", "docs/cli.md"} {
		raw, err := os.ReadFile(doc)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range codes {
			if !strings.Contains(string(raw), "\n| "+c[1]+" | ") {
				t.Errorf("%s: exit code %s is missing", doc, c[1])
			}
		}
	}
}

// commandList is the part of the program's help that lists commands.
func commandList(text string) string {
	_, text, _ = strings.Cut(text, "An audit, step by step:\n")
	text, _, _ = strings.Cut(text, "Common flags:\n")
	return text
}

// cliSections splits a document at its headings of any level.
func cliSections(text string) map[string]string {
	sections := map[string]string{}
	title := ""
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "#") {
			title = strings.TrimSpace(strings.TrimLeft(line, "#"))
			continue
		}
		sections[title] += line
	}
	return sections
}

// mentions says whether text holds the flag as a whole word.
func mentions(text, flag string) bool {
	return regexp.MustCompile(regexp.QuoteMeta(flag) + `([^a-z-]|$)`).MatchString(text)
}

var (
	mdLink = regexp.MustCompile(`\]\(([^()\s]+)\)|(?:src|href)="([^"]+)"`)
	fence  = regexp.MustCompile("(?ms)^```.*?^```")
)

// TestLinks checks that every relative link of every document leads to a file, and every
// anchor to a heading.
func TestLinks(t *testing.T) {
	count := 0
	eachFile(t, func(path, text string) {
		if filepath.Ext(path) != ".md" || strings.HasPrefix(path, "testdata/") || strings.Contains(path, "/testdata/") {
			return
		}
		for _, m := range mdLink.FindAllStringSubmatch(fence.ReplaceAllString(text, ""), -1) {
			link := m[1] + m[2]
			if strings.Contains(link, "://") || strings.HasPrefix(link, "mailto:") {
				continue
			}
			count++
			file, anchor, _ := strings.Cut(link, "#")
			target := path
			if file != "" {
				target = filepath.Join(filepath.Dir(path), filepath.FromSlash(file))
			}
			raw, err := os.ReadFile(target)
			if info, statErr := os.Stat(target); statErr == nil && info.IsDir() {
				err = nil
			}
			if err != nil {
				t.Errorf("%s: link %s: %v", path, link, err)
				continue
			}
			if anchor != "" && !anchors(string(raw))[anchor] {
				t.Errorf("%s: link %s: no such heading", path, link)
			}
		}
	})
	if count < 20 {
		t.Errorf("found only %d relative links: has the form of links changed?", count)
	}
}

// anchors are the names of a document's headings, as GitHub and its like make them.
func anchors(text string) map[string]bool {
	out := map[string]bool{}
	for line := range strings.Lines(fence.ReplaceAllString(text, "")) {
		if !strings.HasPrefix(line, "#") {
			continue
		}
		title := strings.TrimSpace(strings.TrimLeft(line, "#"))
		title = strings.NewReplacer("&lt;", "<", "&gt;", ">", "&amp;", "&").Replace(title)
		var b strings.Builder
		for _, r := range strings.ToLower(title) {
			switch {
			case r == ' ':
				b.WriteByte('-')
			case r == '-' || r == '_' || r >= 'a' && r <= 'z' || r >= '0' && r <= '9':
				b.WriteRune(r)
			}
		}
		out[b.String()] = true
	}
	return out
}

// exampleLoads loads the example of docs/configuration.md.
func exampleLoads(t *testing.T, program string) {
	raw, err := os.ReadFile("docs/configuration.md")
	if err != nil {
		t.Fatal(err)
	}
	_, example, _ := strings.Cut(string(raw), "```toml\n")
	example, _, found := strings.Cut(example, "```")
	if !found {
		t.Fatal("docs/configuration.md has no example")
	}
	dir := t.TempDir()
	write := func(name string, data []byte) {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, data, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	write("selfaudit.toml", []byte(example))
	for _, name := range regexp.MustCompile(`public_key_file = "(.*)"`).FindAllStringSubmatch(example, -1) {
		write(name[1], newKey(t))
	}
	if out, err := exec.Command(program, "status", "-C", dir).CombinedOutput(); err != nil {
		t.Errorf("the example does not load: %v\n%s", err, out)
	}
	// The same file with a mistake in it must be refused, or this test shows nothing.
	write("selfaudit.toml", []byte(strings.Replace(example, "ev_ra", "ev_raa", 1)))
	if _, err := exec.Command(program, "status", "-C", dir).CombinedOutput(); err == nil {
		t.Error("a configuration with an unknown key was accepted")
	}
}

// newKey returns a log key in PEM.
func newKey(t *testing.T) []byte {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
}
