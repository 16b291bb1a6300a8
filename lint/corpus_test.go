package lint

import (
	"encoding/pem"
	"go/build"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
)

// corpusCert is one certificate of a test corpus.
type corpusCert struct {
	file string
	der  []byte
}

// zlintModule returns the folder of zlint's module in the module cache.
var zlintModule = sync.OnceValues(func() (string, error) {
	wd, err := os.Getwd()
	if err != nil {
		return "", err
	}
	pkg, err := build.Import("github.com/zmap/zlint/v3", wd, build.FindOnly)
	return pkg.Dir, err
})

// zlintCorpus returns every certificate of zlint's own test data that zcrypto
// parses: the first PEM block of each file, as zlint's tests read them.
func zlintCorpus(t testing.TB) []corpusCert {
	t.Helper()
	module, err := zlintModule()
	if err != nil {
		t.Fatalf("finding zlint's module: %v", err)
	}
	certs, err := loadCorpus(filepath.Join(module, "testdata"))
	if err != nil {
		t.Fatal(err)
	}
	if len(certs) < 1400 {
		t.Fatalf("zlint's test data in %s gave %d certificates, expected at least 1400", module, len(certs))
	}
	return certs
}

var loadCorpus = func() func(string) ([]corpusCert, error) {
	var once sync.Once
	var certs []corpusCert
	var err error
	return func(root string) ([]corpusCert, error) {
		once.Do(func() { certs, err = walkCorpus(root) })
		return certs, err
	}
}()

func walkCorpus(root string) ([]corpusCert, error) {
	var certs []corpusCert
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		der := data
		if block, _ := pem.Decode(data); block != nil {
			der = block.Bytes
		} else if !strings.HasSuffix(path, ".der") {
			return nil
		}
		if _, err := parseAs(KindCert, der); err == nil {
			name, _ := filepath.Rel(root, path)
			certs = append(certs, corpusCert{filepath.ToSlash(name), der})
		}
		return nil
	})
	return certs, err
}

// inParallel runs f for every index below n on all processors.
func inParallel(n int, f func(i int)) {
	var wait sync.WaitGroup
	next := make(chan int)
	for range runtime.GOMAXPROCS(0) {
		wait.Go(func() {
			for i := range next {
				f(i)
			}
		})
	}
	for i := range n {
		next <- i
	}
	close(next)
	wait.Wait()
}

// mustNew makes a linter or ends the test.
func mustNew(t testing.TB, options Options) *Linter {
	t.Helper()
	l, err := New(options)
	if err != nil {
		t.Fatal(err)
	}
	return l
}
