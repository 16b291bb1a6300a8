package evidence

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"selfaudit/internal/auditdir"
	"selfaudit/sampler"
)

// Info is what Seal cannot read from the audit's documents.
type Info struct {
	CAName  string // the CA's name as configured: Source-Organization
	AuditID string // must be that of audit.json
	Mode    string // sampler.ModeAudit or sampler.ModeRehearsal; must be that of audit.json
	// Incomplete allows a package of an audit whose later stages are still open. It is
	// then labelled incomplete; a package that lacks nothing never is.
	Incomplete bool
	SealedAt   time.Time // whole seconds count
	Clock      string    // "system" or "given"
	Program    sampler.ProgramInfo
}

// Result names what Seal made.
type Result struct {
	Dir             string          // the package's folder
	Zip             string          // the zip of it
	ZipHash         sampler.DocHash // SHA-256 of the zip, for the hand-over letter
	TagManifestHash sampler.DocHash // SHA-256 of tagmanifest-sha256.txt: what signatures and time stamps cover
	Files           int64           // files under data/
	Bytes           int64           // their bytes
	Incomplete      bool            // the package is labelled incomplete
	Existed         bool            // an identical package was there already
}

// ErrExists is wrapped when a package of that name exists and differs: a sealed
// package is never rewritten.
var ErrExists = errors.New("a different package of that name exists and is never rewritten")

// Seal makes the package of the audit folder auditDir in outDir: the folder
// PackageName and the file ZipName. Both appear under their names only when they are
// complete, the zip last. An identical package that exists already is fine.
//
// Only the documents of the audit folder's layout are packaged. work/, sealed/ and
// what a killed process left (*.partial) are passed over; any other file, a symbolic
// link or a special file is an error that names it. Documents that are missing are an
// error too, unless info.Incomplete allows them.
func Seal(ctx context.Context, auditDir, outDir string, info Info) (*Result, error) {
	root, err := os.OpenRoot(auditDir)
	if err != nil {
		return nil, fmt.Errorf("sealing: %w", err)
	}
	defer root.Close()
	s := &sealer{ctx: ctx, root: root, info: info, buf: make([]byte, zipCopyBuffer)}
	if err := s.survey(); err != nil {
		return nil, fmt.Errorf("sealing %s: %w", auditDir, err)
	}
	res, err := s.write(outDir)
	if err != nil {
		return nil, fmt.Errorf("sealing %s: %w", auditDir, err)
	}
	return res, nil
}

// sealer makes one package.
type sealer struct {
	ctx      context.Context
	root     *os.Root // the audit folder
	info     Info
	files    map[string]int64 // documents to package, relative to the audit folder
	bag      BagInfo          // payload sizes are filled in while copying
	payload  []manifestEntry
	tags     []manifestEntry
	buf      []byte
	tagsHash sampler.DocHash
}

// survey lists the documents and settles what the package will say of itself.
func (s *sealer) survey() error {
	var err error
	s.files, err = listFolder(s.ctx, s.root, defaultLimits, true, outsideThePackage)
	if err != nil {
		return err
	}
	for _, name := range sortedKeys(s.files) {
		d, known := findDocument(name)
		if !known || d.need == bySeal {
			return fmt.Errorf("%s: no document of an audit; remove it from the audit folder or keep it elsewhere", name)
		}
		if s.files[name] > d.max {
			return fmt.Errorf("%s: %d bytes, at most %d are allowed", name, s.files[name], d.max)
		}
	}
	if err := s.checkOpening(); err != nil {
		return err
	}
	if err := s.checkCertificates(); err != nil {
		return err
	}
	dice, err := s.usesDice()
	if err != nil {
		return err
	}
	missing := missingDocuments(func(rel string) bool { _, ok := s.files[rel]; return ok }, dice)
	if len(missing) > 0 && !s.info.Incomplete {
		return fmt.Errorf("missing %s; run those stages first, or seal an incomplete package on purpose", describeMissing(missing))
	}
	s.bag = BagInfo{
		SourceOrganization: s.info.CAName, AuditID: s.info.AuditID, SealedAt: s.info.SealedAt.UTC().Truncate(time.Second),
		Clock: s.info.Clock, Program: cleanProgram(s.info.Program), Compressor: ownCompressor(), Mode: s.info.Mode,
		Incomplete: len(missing) > 0, OpenStages: openStages(missing),
	}
	return s.bag.check()
}

// outsideThePackage says what of an audit folder is never packaged.
func outsideThePackage(name string, folder bool) bool {
	if folder {
		return name == "work" || name == "sealed"
	}
	return strings.HasSuffix(name, ".partial")
}

// checkOpening compares the caller's idea of the audit with audit.json.
func (s *sealer) checkOpening() error {
	raw, err := s.read("audit.json")
	if errors.Is(err, fs.ErrNotExist) {
		return errors.New("audit.json is missing: not an audit folder, or collect has not run yet")
	}
	if err != nil {
		return err
	}
	var opening sampler.Opening
	if err := json.Unmarshal(raw, &opening); err != nil {
		return fmt.Errorf("audit.json: %w", err)
	}
	if opening.AuditID != s.info.AuditID || opening.Mode != s.info.Mode {
		return fmt.Errorf("audit.json is of audit %q in mode %q, not of %q in mode %q", opening.AuditID, opening.Mode, s.info.AuditID, s.info.Mode)
	}
	return nil
}

func (s *sealer) usesDice() (bool, error) {
	raw, err := s.read("draw/commitment.txt")
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	c, err := sampler.ParseCommitment(raw)
	if err != nil {
		return false, fmt.Errorf("draw/commitment.txt: %w", err)
	}
	return c.Beacon == sampler.BeaconDice, nil
}

func (s *sealer) read(name string) ([]byte, error) {
	r, err := openIn(s.root, name)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return io.ReadAll(r)
}

// write makes folder and zip under temporary names and gives them their own.
func (s *sealer) write(outDir string) (*Result, error) {
	name := PackageName(s.info.CAName, s.info.AuditID, s.info.Mode, s.bag.Incomplete)
	res := &Result{
		Dir:        filepath.Join(outDir, name),
		Zip:        filepath.Join(outDir, ZipName(s.info.AuditID, s.info.Mode, s.bag.Incomplete)),
		Incomplete: s.bag.Incomplete,
	}
	if err := checkSegment(name); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(outDir, 0o777); err != nil {
		return nil, err
	}
	tempDir, tempZip := res.Dir+".partial", res.Zip+".partial"
	for _, temp := range []string{tempDir, tempZip} { // what a killed process left
		if err := os.RemoveAll(temp); err != nil {
			return nil, err
		}
		defer os.RemoveAll(temp)
	}
	if err := s.writeBag(tempDir); err != nil {
		return nil, err
	}
	hash, err := s.writeZipFile(tempZip, name, tempDir)
	if err != nil {
		return nil, err
	}
	res.ZipHash, res.TagManifestHash = hash, s.tagsHash
	res.Files, res.Bytes = s.bag.PayloadFiles, s.bag.PayloadBytes
	res.Existed, err = s.publish(res, tempDir, tempZip)
	return res, err
}

// writeBag writes the whole bag below dir.
func (s *sealer) writeBag(dir string) error {
	for _, name := range sortedKeys(s.files) {
		if err := s.copyDocument(dir, name); err != nil {
			return err
		}
	}
	text, err := readme(s.bag)
	if err != nil {
		return err
	}
	for _, f := range []struct {
		name string
		data []byte
	}{{"README.txt", text}, {"draw/draw_reference.py", drawReference}} {
		if err := s.addPayload(dir, f.name, bytes.NewReader(f.data)); err != nil {
			return err
		}
	}
	info, err := s.bag.Bytes()
	if err != nil {
		return err
	}
	for _, f := range []struct {
		name string
		data []byte
	}{{fileBagIt, []byte(bagDeclaration)}, {fileBagInfo, info}, {fileManifest, formatManifest(s.payload)}} {
		if err := writeFile(filepath.Join(dir, f.name), bytes.NewReader(f.data), s.buf, true); err != nil {
			return err
		}
		s.tags = append(s.tags, manifestEntry{hash: sampler.HashDoc(f.data), path: f.name})
	}
	tags := formatManifest(s.tags)
	s.tagsHash = sampler.HashDoc(tags)
	return writeFile(filepath.Join(dir, fileTagManifest), bytes.NewReader(tags), s.buf, true)
}

func (s *sealer) copyDocument(dir, name string) error {
	if err := cancelled(s.ctx); err != nil {
		return err
	}
	r, err := openIn(s.root, name)
	if err != nil {
		return err
	}
	defer r.Close()
	return s.addPayload(dir, name, r)
}

// addPayload copies one file under data/ and takes its hash and size on the way.
func (s *sealer) addPayload(dir, name string, r io.Reader) error {
	h, count := newDocHasher(), &countingReader{r: r}
	path := payloadFolder + "/" + name
	if err := writeFile(filepath.Join(dir, filepath.FromSlash(path)), io.TeeReader(count, h), s.buf, false); err != nil {
		return fmt.Errorf("copying %s: %w", name, err)
	}
	if want, ok := s.files[name]; ok && count.n != want {
		return fmt.Errorf("copying %s: %d bytes, %d a moment ago: is another process at work?", name, count.n, want)
	}
	s.payload = append(s.payload, manifestEntry{hash: h.docHash(), path: path})
	s.bag.PayloadBytes += count.n
	s.bag.PayloadFiles++
	return nil
}

type countingReader struct {
	r io.Reader
	n int64
}

func (c *countingReader) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	return n, err
}

// writeZipFile packs the bag at dir into a zip file and returns the zip's hash.
func (s *sealer) writeZipFile(path, top, dir string) (sampler.DocHash, error) {
	bag, err := os.OpenRoot(dir)
	if err != nil {
		return sampler.DocHash{}, err
	}
	defer bag.Close()
	files, err := listFolder(s.ctx, bag, defaultLimits, false, nil)
	if err != nil {
		return sampler.DocHash{}, err
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o666)
	if err != nil {
		return sampler.DocHash{}, err
	}
	defer f.Close()
	h := newDocHasher()
	out := bufio.NewWriterSize(io.MultiWriter(auditdir.Writer(f), h), zipCopyBuffer)
	err = writeZip(out, top, sortedKeys(files), func(name string) (io.ReadCloser, error) {
		if err := cancelled(s.ctx); err != nil {
			return nil, err
		}
		return openIn(bag, name)
	})
	if err == nil {
		err = out.Flush()
	}
	if err == nil {
		err = f.Sync()
	}
	if err == nil {
		err = readableZip(f)
	}
	if err == nil {
		err = f.Close()
	}
	if err != nil {
		return sampler.DocHash{}, fmt.Errorf("writing %s: %w", filepath.Base(path), err)
	}
	return h.docHash(), nil
}

// writeFile creates a file with its folders; sync makes it survive a power cut.
func writeFile(path string, r io.Reader, buf []byte, sync bool) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o666)
	if err != nil {
		return err
	}
	defer f.Close()
	if _, err := io.CopyBuffer(onlyWriter{auditdir.Writer(f)}, onlyReader{r}, buf); err != nil {
		return err
	}
	if sync {
		if err := f.Sync(); err != nil {
			return err
		}
	}
	return f.Close()
}

// cleanProgram replaces what cannot stand in bag-info.txt, such as the spaces in the
// version of a Go development build.
func cleanProgram(p sampler.ProgramInfo) sampler.ProgramInfo {
	return sampler.ProgramInfo{Name: cleanWord(p.Name), Version: cleanWord(p.Version), Revision: cleanWord(p.Revision), Go: cleanWord(p.Go)}
}

func cleanWord(s string) string {
	out := []byte(s)
	for i, c := range out {
		if !strings.Contains(agentAlphabet, string(rune(c))) {
			out[i] = '_'
		}
	}
	return string(out[:min(len(out), maxAgentFieldSize)])
}

// ownCompressor names what decides the compressed bytes: Go's own compress/flate.
func ownCompressor() string { return cleanWord(runtime.Version()) }
