package auditdir_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"selfaudit/internal/auditdir"
)

// TestIntercept fails each kind of change in turn: the error names the file, and no document appears or is lost.
func TestIntercept(t *testing.T) {
	t.Cleanup(func() { auditdir.Intercept(nil) })
	for _, op := range []string{auditdir.OpWrite, auditdir.OpSync, auditdir.OpRename} {
		dir := auditdir.At(t.TempDir())
		if err := dir.Replace("a/x", []byte("old")); err != nil {
			t.Fatal(err)
		}
		var asked []string
		auditdir.Intercept(func(o, path string) error {
			asked = append(asked, o+" "+filepath.Base(path))
			if o == op {
				return syscall.ENOSPC
			}
			return nil
		})
		err := dir.Replace("a/x", []byte("new"))
		auditdir.Intercept(nil)
		var named *fs.PathError
		if !errors.As(err, &named) || !errors.Is(err, syscall.ENOSPC) || !strings.HasPrefix(filepath.Base(named.Path), "x") || named.Op != op {
			t.Errorf("%s: error %v", op, err)
		}
		if got, err := dir.Read("a/x"); err != nil || string(got) != "old" {
			t.Errorf("%s: the document is now %q, %v", op, got, err)
		}
		if list, err := os.ReadDir(dir.Path("a")); err != nil || len(list) != 1 {
			t.Errorf("%s: left behind %v, %v", op, list, err)
		}
		if len(asked) < 2 || asked[0] != "write x.partial" || asked[len(asked)-1] != "remove x.partial" {
			t.Errorf("%s: asked %q", op, asked)
		}
	}
}

// TestRenameAndRemove go through the same.
func TestRenameAndRemove(t *testing.T) {
	t.Cleanup(func() { auditdir.Intercept(nil) })
	path := filepath.Join(t.TempDir(), "x")
	if err := os.WriteFile(path, nil, 0o666); err != nil {
		t.Fatal(err)
	}
	auditdir.Intercept(func(string, string) error { return syscall.EIO })
	if err := auditdir.Rename(path, path+"2"); !errors.Is(err, syscall.EIO) {
		t.Errorf("rename: %v", err)
	}
	if err := auditdir.RemoveFile(path); !errors.Is(err, syscall.EIO) {
		t.Errorf("remove: %v", err)
	}
	auditdir.Intercept(nil)
	if err := auditdir.Rename(path, path+"2"); err != nil {
		t.Error(err)
	}
	if err := auditdir.RemoveFile(path + "2"); err != nil {
		t.Error(err)
	}
}
