package collect_test

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"selfaudit/internal/testpki"
	"selfaudit/sampler/collect"
)

// fickleFiles gives another list of certificates each time it is read; the last one again
// and again.
type fickleFiles struct {
	lists [][][]byte
	err   error // what the second reading ends with
	reads int
}

func (f *fickleFiles) Name() string { return "exports" }

func (f *fickleFiles) Read(_ context.Context, cert func(collect.FileCertificate) error, problem func(collect.FileProblem) error) error {
	list := f.lists[min(f.reads, len(f.lists)-1)]
	f.reads++
	for i, der := range list {
		var err error
		if der == nil {
			err = problem(collect.FileProblem{Path: "x.pem", Block: i, Err: os.ErrInvalid})
		} else {
			err = cert(collect.FileCertificate{Path: "x.pem", Block: i, DER: der})
		}
		if err != nil {
			return err
		}
	}
	if f.reads == 2 {
		return f.err
	}
	return nil
}

// TestFilesChangedBetweenReadings has files that change between the two times that they are
// read: no unit of the second reading stays.
func TestFilesChangedBetweenReadings(t *testing.T) {
	leaf := func(seed string) []byte { return ourCA.Certificate(testpki.Template{Seed: seed}) }
	one, two := leaf("1"), leaf("2")
	foreign := foreignCA.Certificate(testpki.Template{Seed: "f", Unsigned: true})
	for name, second := range map[string][][]byte{
		"another":    {one, foreign},
		"one more":   {one, two, two},
		"many more":  slices.Repeat([][]byte{one}, 5),
		"one less":   {one},
		"none":       {},
		"exchanged":  {two, one},
		"unreadable": {one, two, nil},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCollection(t, newIssuers(t, ourCA))
			c.files = []collect.FileReader{&fickleFiles{lists: [][][]byte{{one, two}, second, {one, two}}}}
			_, _, results, err := c.harvest(context.Background())
			if err == nil || !strings.Contains(err.Error(), "the files have changed since this audit's collect began: restore them, or delete ") {
				t.Errorf("%+v, %v", results, err)
			}
			if left, _ := filepath.Glob(c.dir.Path("work/files/0000/*unit*")); len(left) > 0 {
				t.Errorf("units are left: %q", left)
			}
			// Restoring the files helps, as the message says.
			_, _, results, err = c.harvest(context.Background())
			must(t, err)
			if r := results[0]; r.Certificates != 2 || r.Kept != 2 || r.OtherIssuers != 0 {
				t.Errorf("after that: %+v", r)
			}
		})
	}
}

// TestFilesChangedBeforeInterruption has other files while the first unit is made, and the
// process ends before the last one: no later run finds that unit.
func TestFilesChangedBeforeInterruption(t *testing.T) {
	rsa := testpki.NewRoot("RSA Root", testpki.CAOptions{Key: testpki.RSAKey(0)}) // cheap to tell from our EC key's
	foreign := rsa.Certificate(testpki.Template{Unsigned: true})
	good := slices.Repeat([][]byte{foreign}, 16385)
	good[7] = ourCA.Certificate(testpki.Template{Seed: "7"})
	other := slices.Clone(good)
	other[7] = foreign
	c := newCollection(t, newIssuers(t, ourCA))
	c.files = []collect.FileReader{&fickleFiles{lists: [][][]byte{good, other, good}, err: context.Canceled}}
	if _, _, _, err := c.harvest(context.Background()); err == nil {
		t.Fatal("a reading of other files is complete")
	}
	if left, _ := filepath.Glob(c.dir.Path("work/files/0000/*unit*")); len(left) > 0 {
		t.Errorf("units are left: %q", left)
	}
	_, _, results, err := c.harvest(context.Background())
	must(t, err)
	if r := results[0]; r.Kept != 1 || r.OtherIssuers != 16384 {
		t.Errorf("%+v", r)
	}
}
