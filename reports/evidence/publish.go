package evidence

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"selfaudit/internal/auditdir"
	"selfaudit/sampler"
)

// Publish moves a package that Seal made elsewhere on the same file system into outDir, by
// the rules of Seal: the folder, then the zip, and nothing that exists is replaced.
func Publish(ctx context.Context, made *Result, outDir string) (*Result, error) {
	if err := os.MkdirAll(outDir, 0o777); err != nil {
		return nil, err
	}
	res := *made
	res.Dir, res.Zip = filepath.Join(outDir, filepath.Base(made.Dir)), filepath.Join(outDir, filepath.Base(made.Zip))
	s := &sealer{ctx: ctx, buf: make([]byte, zipCopyBuffer)}
	var err error
	res.Existed, err = s.publish(&res, made.Dir, made.Zip)
	return &res, err
}

// publish gives folder and zip their names, the zip last: its name is what says that
// sealing is done. What exists already must be identical to what was made now; a
// process killed between the two renames is thus completed by sealing again with the
// same facts.
func (s *sealer) publish(res *Result, tempDir, tempZip string) (existed bool, err error) {
	dirExists, err := exists(res.Dir)
	if err != nil {
		return false, err
	}
	zipExists, err := exists(res.Zip)
	if err != nil {
		return false, err
	}
	if dirExists {
		if err := sameFolder(s.ctx, tempDir, res.Dir, s.buf); err != nil {
			return false, fmt.Errorf("%s: %w (%w)", res.Dir, ErrExists, err)
		}
	}
	if zipExists {
		if err := sameHash(res.Zip, res.ZipHash, s.buf); err != nil {
			return false, fmt.Errorf("%s: %w (%w)", res.Zip, ErrExists, err)
		}
	}
	if !dirExists {
		if err := auditdir.Rename(tempDir, res.Dir); err != nil {
			return false, err
		}
	}
	if !zipExists {
		if err := auditdir.Rename(tempZip, res.Zip); err != nil {
			return false, err
		}
	}
	return dirExists && zipExists, nil
}

func exists(path string) (bool, error) {
	_, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}

func sameHash(path string, want sampler.DocHash, buf []byte) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	got, _, err := hashReader(f, buf)
	if err == nil && got != want {
		err = fmt.Errorf("its SHA-256 is %s, the new one's %s", got, want)
	}
	return err
}

// sameFolder compares two bags file by file. Files of a seal/ folder, which may have
// been added since, are not compared: they are outside what Seal writes.
func sameFolder(ctx context.Context, made, old string, buf []byte) error {
	a, err := os.OpenRoot(made)
	if err != nil {
		return err
	}
	defer a.Close()
	b, err := os.OpenRoot(old)
	if err != nil {
		return err
	}
	defer b.Close()
	files, err := listFolder(ctx, a, defaultLimits, false, nil)
	if err != nil {
		return err
	}
	others, err := listFolder(ctx, b, defaultLimits, true, func(name string, folder bool) bool { return folder && name == sealFolder })
	if err != nil {
		return err
	}
	for _, name := range sortedKeys(others) {
		if _, ok := files[name]; !ok {
			return fmt.Errorf("it has %s, the new one has not", name)
		}
	}
	for _, name := range sortedKeys(files) {
		if err := sameFile(a, b, name, buf); err != nil {
			return err
		}
	}
	return nil
}

func sameFile(a, b *os.Root, name string, buf []byte) error {
	x, err := hashIn(a, name, buf)
	if err != nil {
		return err
	}
	y, err := hashIn(b, name, buf)
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("it has no %s", name)
	}
	if err == nil && x != y {
		err = fmt.Errorf("%s differs", name)
	}
	return err
}

func hashIn(root *os.Root, name string, buf []byte) (sampler.DocHash, error) {
	f, err := openIn(root, name)
	if err != nil {
		return sampler.DocHash{}, err
	}
	defer f.Close()
	h, _, err := hashReader(f, buf)
	return h, err
}
