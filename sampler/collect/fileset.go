package collect

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"

	"selfaudit/sampler"
	"selfaudit/sampler/ct"
)

// FileCertificate is one certificate of a file: the slash-separated path below the
// configured one, the block's number in the file (from 0), and the DER.
type FileCertificate struct {
	Path  string
	Block int
	DER   []byte
}

// FileProblem is a block that is no readable certificate.
type FileProblem struct {
	Path  string
	Block int // -1 for the file as a whole
	Err   error
	Other bool // it is something else on purpose (a key, a CRL, a text), not a damaged certificate
}

// FileReader is what harvesting needs of a configured file or folder.
type FileReader interface {
	// Name is the path as configured.
	Name() string
	// Read passes every certificate, and every block that is none, in a fixed order.
	Read(ctx context.Context, cert func(FileCertificate) error, problem func(FileProblem) error) error
}

// kinded is a FileReader of something else than files; Kind is that of SnapshotFile. What
// an index (sampler.FileIndex) answers may grow from one collect to the next, so its
// earlier units are then given up; a changed file is an error.
type kinded interface{ Kind() string }

// FilesResult is what one configured file or folder gave.
type FilesResult struct {
	Name         string
	Kind         string // as in SnapshotFile
	SHA256       string // over "path block sha256-of-the-DER\n" of all certificates, in order
	Certificates uint64
	Bytes        uint64
	Kept         uint64
	OtherIssuers uint64
	Unreadable   []fault // the first maxUnreadable
	Other        uint64  // blocks that are something else: keys, CRLs, text
	units        []*unit
	folder       string // where the units are

	UnreadableCount uint64 // all blocks that are no readable certificate
}

// filesPin is what the work folder remembers of a configured path, so that a resumed
// collect notices that files have changed under it.
type filesPin struct {
	SHA256       string
	Certificates uint64
	Bytes        uint64
	Signers      [][]byte // Precertificate Signing Certificates of audited issuers
	Unreadable   []fault  // the first maxUnreadable
	Other        uint64

	UnreadableCount uint64

	full [][32]byte // digest as it was after each full unit
}

// Files reads certificate files. Files have no proof of their own: their certificates are
// attributed by the signature under the audited keys.
func (h *Harvest) Files(ctx context.Context, readers []FileReader) ([]FilesResult, error) {
	var out []FilesResult
	for i, r := range readers {
		res, err := h.files(ctx, i, r)
		if err != nil {
			return nil, fmt.Errorf("reading %s: %w", r.Name(), err)
		}
		out = append(out, res)
	}
	return out, nil
}

func (h *Harvest) files(ctx context.Context, number int, r FileReader) (FilesResult, error) {
	kind, folder := "", filesFolder(number)
	if k, ok := r.(kinded); ok && k.Kind() != "" {
		kind, folder = k.Kind(), path.Join("work", "files", k.Kind())
	}
	pin, err := h.pinFiles(ctx, folder, kind, r)
	if err != nil {
		return FilesResult{}, err
	}
	res := FilesResult{Name: r.Name(), Kind: kind, folder: folder, SHA256: pin.SHA256, Certificates: pin.Certificates, Bytes: pin.Bytes, Other: pin.Other}
	h.Observer.Begin(r.Name(), pin.Certificates)
	// "checked": units of an unproven second reading are not taken over.
	run := &filesRun{pin: &pin, digest: newFilesDigest(), check: h.newChecker(nil),
		unitRun: unitRun{h: h, dir: folder, name: r.Name(), total: pin.Certificates, madeFor: h.madeFor() + "checked" + pin.SHA256, left: maxUnreadable - len(pin.Unreadable)}}
	for _, der := range pin.Signers {
		cert, err := ct.ParseCertificate(der)
		if err != nil {
			return FilesResult{}, err
		}
		run.signers = append(run.signers, cert)
	}
	if err := run.read(ctx, r); err != nil {
		return FilesResult{}, err
	}
	h.Observer.End(r.Name(), "read")
	res.units = run.units
	res.Unreadable = pin.Unreadable
	for _, u := range res.units {
		res.Kept += u.foot.Kept
		res.Unreadable = append(res.Unreadable, u.foot.Unreadable...)
		res.UnreadableCount += u.foot.UnreadableCount
	}
	res.OtherIssuers = res.Certificates - res.Kept - res.UnreadableCount
	res.UnreadableCount += pin.UnreadableCount
	return res, nil
}

// pinFiles reads everything once to learn its digest and the signing certificates, and
// compares the digest with the one remembered.
func (h *Harvest) pinFiles(ctx context.Context, folder, kind string, r FileReader) (filesPin, error) {
	var pin filesPin
	digest := newFilesDigest()
	err := r.Read(ctx, func(c FileCertificate) error {
		pin.Certificates++
		pin.Bytes += uint64(len(c.DER))
		digest.certificate(c)
		cert, err := ct.ParseCertificate(c.DER)
		if err == nil && cert.IsPrecertSigning() && h.signerOf(cert) != nil {
			pin.Signers = append(pin.Signers, bytes.Clone(c.DER))
		}
		return nil
	}, func(p FileProblem) error {
		digest.problem(p)
		if p.Other {
			pin.Other++
			return nil
		}
		where := p.Path
		if p.Block >= 0 {
			where = fmt.Sprintf("%s block %d", p.Path, p.Block)
		}
		pin.UnreadableCount++
		if len(pin.Unreadable) < maxUnreadable {
			pin.Unreadable = append(pin.Unreadable, fault{uint64(max(0, p.Block)), where, p.Err.Error()})
		}
		return nil
	})
	if err != nil {
		return pin, err
	}
	pin.SHA256, pin.full = digest.String(), digest.full
	name := path.Join(folder, "pin.json")
	raw, err := h.Dir.Read(name)
	if errors.Is(err, fs.ErrNotExist) {
		if raw, err = json.Marshal(pin); err != nil {
			return pin, err
		}
		return pin, h.Dir.WriteOnce(name, raw)
	}
	if err != nil {
		return pin, err
	}
	var old filesPin
	if err := json.Unmarshal(raw, &old); err != nil {
		return pin, fmt.Errorf("%s: %w", name, err)
	}
	if old.SHA256 == pin.SHA256 {
		return pin, nil
	}
	if kind != sampler.FileIndex {
		return pin, h.filesChanged(folder)
	}
	if err := os.RemoveAll(h.Dir.Path(folder)); err != nil {
		return pin, err
	}
	if raw, err = json.Marshal(pin); err != nil {
		return pin, err
	}
	return pin, h.Dir.WriteOnce(name, raw)
}

// filesFolder is where the units of the numbered path are.
func filesFolder(number int) string { return path.Join("work", "files", fmt.Sprintf("%04d", number)) }

// signerOf returns the audited issuer whose key signed cert, or nil.
func (h *Harvest) signerOf(cert *ct.Certificate) *Issuer {
	for _, iss := range h.Issuers.byName[string(cert.RawIssuer)] {
		if iss.verify(cert) == nil {
			return iss
		}
	}
	for _, iss := range h.Issuers.list {
		if iss.verify(cert) == nil {
			return iss
		}
	}
	return nil
}

// unverifiable returns the audited issuer that cert names, if the signature's algorithm is
// one that cannot be verified here: the certificate must not be passed over for that.
func (h *Harvest) unverifiable(cert *ct.Certificate) *Issuer {
	for _, iss := range h.Issuers.byName[string(cert.RawIssuer)] {
		if errors.Is(iss.verify(cert), ct.ErrUnsupportedAlgorithm) {
			return iss
		}
	}
	return nil
}
