// Package selfaudit holds only the tests of the house's walls; see docs/ARCHITECTURE.md.
package selfaudit

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

type goPackage struct {
	ImportPath string
	Standard   bool
	Imports    []string
}

// listPackages asks the go command for the packages of this module with their imports.
func listPackages(t *testing.T) []goPackage {
	t.Helper()
	cmd := exec.Command("go", "list", "-json=ImportPath,Standard,Imports", "./...")
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var list []goPackage
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var p goPackage
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			return list
		} else if err != nil {
			t.Fatal(err)
		}
		list = append(list, p)
	}
}

// floor is the height of a package: it may import only what is lower, and on its own
// floor only what the walls below allow. -1 is for what is not ours.
func floor(path string) int {
	switch {
	case strings.HasPrefix(path, "selfaudit/cmd/"):
		return 3
	case under(path, "selfaudit/reports"):
		return 2
	case under(path, "selfaudit/sampler"), under(path, "selfaudit/lint"):
		return 1
	case strings.HasPrefix(path, "selfaudit/internal/"):
		return 0
	}
	return -1
}

func under(path, tree string) bool { return path == tree || strings.HasPrefix(path, tree+"/") }

// testHelpers are plumbing for tests; they may look at anything below reports.
var testHelpers = map[string]bool{
	"selfaudit/internal/testaudit": true, "selfaudit/internal/testlog": true, "selfaudit/internal/testneed": true, "selfaudit/internal/testpg": true, "selfaudit/internal/testpki": true,
}

func TestFloors(t *testing.T) {
	for _, p := range listPackages(t) {
		from := floor(p.ImportPath)
		if from < 0 && p.ImportPath != "selfaudit" {
			t.Errorf("%s belongs to no floor", p.ImportPath)
		}
		for _, imp := range p.Imports {
			to := floor(imp)
			switch {
			case to < 0 || testHelpers[p.ImportPath]:
			case testHelpers[imp]:
				t.Errorf("%s imports %s, which is for tests", p.ImportPath, imp)
			case to > from:
				t.Errorf("%s (floor %d) imports %s (floor %d)", p.ImportPath, from, imp, to)
			}
			if under(p.ImportPath, "selfaudit/sampler") && under(imp, "selfaudit/lint") || under(p.ImportPath, "selfaudit/lint") && under(imp, "selfaudit/sampler") {
				t.Errorf("%s imports %s: sampler and lint do not know each other", p.ImportPath, imp)
			}
			if p.ImportPath == "selfaudit/sampler" && strings.HasPrefix(imp, "selfaudit/") {
				t.Errorf("sampler imports %s: the nouns stand on nothing", imp)
			}
		}
	}
}

// reserved says which packages alone may import something.
var reserved = map[string][]string{
	"github.com/zmap/zlint/v3":    {"selfaudit/lint"},
	"github.com/zmap/zcrypto":     {"selfaudit/lint"},
	"github.com/xuri/excelize/v2": {"selfaudit/reports/workbook"},
	"github.com/cloudflare/circl": {"selfaudit/sampler/draw"},
	"github.com/jackc":            {"selfaudit/sampler/crtsh", "selfaudit/internal/testpg"},
	"github.com/spf13":            {"selfaudit/cmd/selfaudit"},
	"net/http":                    {"selfaudit/sampler/ctlog", "selfaudit/cmd/selfaudit", "selfaudit/lint/pkimetal", "selfaudit/internal/testlog"},
}

func TestReservedImports(t *testing.T) {
	for _, p := range listPackages(t) {
		for _, imp := range p.Imports {
			for what, who := range reserved {
				if !under(imp, what) {
					continue
				}
				allowed := false
				for _, w := range who {
					allowed = allowed || under(p.ImportPath, w)
				}
				if !allowed {
					t.Errorf("%s imports %s, which only %s may", p.ImportPath, imp, strings.Join(who, ", "))
				}
			}
		}
	}
}

// TestClock keeps time, randomness and the environment at the edges: only cmd reads them.
func TestClock(t *testing.T) {
	forbidden := regexp.MustCompile(`\btime\.(Now|Since|Until)\(|\bos\.(Getenv|LookupEnv|Environ)\(|"math/rand|"crypto/rand"`)
	eachSource(t, func(path, text string) {
		if strings.HasPrefix(path, "cmd/") || strings.HasPrefix(path, "internal/test") || strings.HasSuffix(path, "_test.go") || strings.HasPrefix(path, "bench/") || strings.HasPrefix(path, "realtest/") {
			return
		}
		for n, line := range strings.Split(text, "\n") {
			code, _, _ := strings.Cut(line, "//")
			if m := forbidden.FindString(code); m != "" {
				t.Errorf("%s:%d: %s: clock, randomness and environment enter through cmd", path, n+1, m)
			}
		}
	})
}

// TestWords keeps out of the repository what has no place in it.
func TestWords(t *testing.T) {
	forbidden := regexp.MustCompile(`\b(TODO|FIXME|XXX)\b|(^|[^A-Za-z0-9.])/(work|farm)/`)
	eachFile(t, func(path, text string) {
		if path == "wall_test.go" || strings.HasPrefix(path, "testdata/") || strings.Contains(path, "/testdata/") {
			return
		}
		for n, line := range strings.Split(text, "\n") {
			if m := forbidden.FindString(line); m != "" {
				t.Errorf("%s:%d: %q", path, n+1, m)
			}
		}
	})
}

func eachSource(t *testing.T, fn func(path, text string)) {
	t.Helper()
	eachFile(t, func(path, text string) {
		if strings.HasSuffix(path, ".go") {
			fn(path, text)
		}
	})
}

func eachFile(t *testing.T, fn func(path, text string)) {
	t.Helper()
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		path = filepath.ToSlash(path)
		if d.IsDir() {
			if path == ".git" || path == "bin" || path == "demo" || path == "docs/img" {
				return fs.SkipDir
			}
			return nil
		}
		switch filepath.Ext(path) {
		case ".go", ".md", ".toml", ".sh", ".py", ".mod", ".txtar", ".yml", "":
		default:
			return nil
		}
		raw, err := os.ReadFile(path)
		if err == nil && !bytes.ContainsRune(raw, 0) {
			fn(path, string(raw))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
