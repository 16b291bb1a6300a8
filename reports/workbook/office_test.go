package workbook_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"

	"selfaudit/internal/testaudit"
	"selfaudit/internal/testneed"
)

// LibreOffice opens the workbook and prints it: every sheet on paper, no page too many.
func TestLibreOfficePrintsIt(t *testing.T) {
	if testing.Short() {
		t.Skip("starts LibreOffice")
	}
	soffice := testneed.Tool(t, "soffice", "Debian package libreoffice-calc")
	dir := t.TempDir()
	tests := map[string]struct {
		options   testaudit.Options
		low, high int // pages
	}{
		"audit":   {testaudit.Options{Audit: true}, 18, 30},
		"frozen":  {testaudit.Options{Issuers: few, Drand: true, Stage: testaudit.Frozen}, 12, 14},
		"hostile": {testaudit.Options{Issuers: few, Hostile: true, RateBP: 3000}, 11, 40},
	}
	args := []string{"-env:UserInstallation=file://" + filepath.ToSlash(dir) + "/profile", "--headless", "--convert-to", "pdf", "--outdir", dir}
	for name, test := range tests {
		file := filepath.Join(dir, name+".xlsx")
		if err := os.WriteFile(file, write(t, test.options), 0o644); err != nil {
			t.Fatal(err)
		}
		args = append(args, file)
	}
	if out, err := exec.Command(soffice, args...).CombinedOutput(); err != nil {
		t.Fatalf("converting: %v\n%s", err, out)
	}
	for name, test := range tests {
		pdf, err := os.ReadFile(filepath.Join(dir, name+".pdf"))
		if err != nil {
			t.Fatalf("%s is not printed: %v", name, err)
		}
		pages := len(regexp.MustCompile(`/Type\s*/Page[^s]`).FindAll(pdf, -1))
		if pages < test.low || pages > test.high || bytes.Contains(pdf, []byte("Err:5")) {
			t.Errorf("%s: %d pages, want %d to %d", name, pages, test.low, test.high)
		}
	}
}
