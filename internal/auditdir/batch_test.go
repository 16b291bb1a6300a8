package auditdir_test

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"syscall"
	"testing"

	"selfaudit/internal/auditdir"
)

// content returns what is below the folder, by name.
func content(t *testing.T, d auditdir.Dir) map[string]string {
	t.Helper()
	out := map[string]string{}
	err := fs.WalkDir(d.FS(), ".", func(name string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() {
			raw, err := d.Read(name)
			out[name] = string(raw)
			return err
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// TestBatch writes more documents than wait at once, into two folders, some of them twice.
func TestBatch(t *testing.T) {
	d := auditdir.At(t.TempDir())
	b := d.Batch()
	const n = 300
	for i := range n {
		name := fmt.Sprintf("%d/%d", i%2, i)
		for range 1 + i%3 {
			if err := b.WriteOnce(name, []byte(name)); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := b.WriteOnce("last", []byte("last")); err != nil {
		t.Fatal(err)
	}
	if d.Has("last") {
		t.Error("a document is there before Commit")
	}
	if err := b.Commit(); err != nil {
		t.Fatal(err)
	}
	b.Abort() // as a deferred call does
	got := content(t, d)
	if len(got) != n+1 {
		t.Errorf("%d documents, want %d", len(got), n+1)
	}
	for name, data := range got {
		if name != data {
			t.Errorf("%s holds %q", name, data)
		}
	}
}

// TestBatchFrozen holds a batch to the rule of WriteOnce, also against its own documents.
func TestBatchFrozen(t *testing.T) {
	d := auditdir.At(t.TempDir())
	if err := d.WriteOnce("old", []byte("1")); err != nil {
		t.Fatal(err)
	}
	b := d.Batch()
	if err := errors.Join(b.WriteOnce("old", []byte("1")), b.WriteOnce("new", []byte("2"))); err != nil {
		t.Fatal(err)
	}
	for name, other := range map[string]string{"old": "2", "new": "1"} {
		if err := b.WriteOnce(name, []byte(other)); !errors.Is(err, auditdir.ErrFrozen) {
			t.Errorf("%s: %v, want ErrFrozen", name, err)
		}
	}
	if err := b.WriteOnce("given up", nil); err != nil {
		t.Fatal(err)
	}
	b.Abort()
	if got := fmt.Sprint(content(t, d)); got != "map[new:2 old:1]" {
		t.Errorf("left are %s", got)
	}
}

// TestBatchFaults fails each change of a batch in turn: the error names the file, nothing temporary stays, and what is there is whole.
func TestBatchFaults(t *testing.T) {
	t.Cleanup(func() { auditdir.Intercept(nil) })
	for _, op := range []string{auditdir.OpWrite, auditdir.OpSync, auditdir.OpRename} {
		for fails := range 3 {
			d := auditdir.At(t.TempDir())
			seen, failed := 0, ""
			auditdir.Intercept(func(o, path string) error {
				if o != op {
					return nil
				}
				if seen++; seen > fails {
					failed = path
					return syscall.ENOSPC
				}
				return nil
			})
			b := d.Batch()
			var err error
			for i := range 3 {
				if err = b.WriteOnce(fmt.Sprint(i), bytes.Repeat([]byte{'x'}, i)); err != nil {
					break
				}
			}
			if err == nil {
				err = b.Commit()
			}
			b.Abort()
			auditdir.Intercept(nil)
			var named *fs.PathError
			if !errors.As(err, &named) || !errors.Is(err, syscall.ENOSPC) || named.Path != failed {
				t.Errorf("%s %d: error %v, want one that names %s", op, fails, err, failed)
			}
			for name, data := range content(t, d) {
				if strings.HasSuffix(name, ".partial") || name != fmt.Sprint(len(data)) {
					t.Errorf("%s %d: left is %s with %q", op, fails, name, data)
				}
			}
			if _, err := os.Stat(d.Path("2")); err == nil {
				t.Errorf("%s %d: the last document is there", op, fails)
			}
		}
	}
}
