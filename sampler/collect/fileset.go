package collect

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
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

// FilesResult is what one configured file or folder gave.
type FilesResult struct {
	Name         string
	SHA256       string // over "path block sha256-of-the-DER\n" of all certificates, in order
	Certificates uint64
	Bytes        uint64
	Kept         uint64
	OtherIssuers uint64
	Unreadable   []fault
	Other        uint64 // blocks that are something else: keys, CRLs, text
	units        []*unit
}

// filesPin is what the work folder remembers of a configured path, so that a resumed
// collect notices that files have changed under it.
type filesPin struct {
	SHA256       string
	Certificates uint64
	Bytes        uint64
	Signers      [][]byte // Precertificate Signing Certificates of audited issuers
	Unreadable   []fault
	Other        uint64
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
	pin, err := h.pinFiles(ctx, number, r)
	if err != nil {
		return FilesResult{}, err
	}
	res := FilesResult{Name: r.Name(), SHA256: pin.SHA256, Certificates: pin.Certificates, Bytes: pin.Bytes, Unreadable: pin.Unreadable, Other: pin.Other}
	h.Observer.Begin(r.Name(), pin.Certificates)
	run := &filesRun{h: h, dir: filesFolder(number), name: r.Name(), total: pin.Certificates,
		madeFor: h.madeFor() + pin.SHA256, check: h.newChecker(nil)}
	for _, der := range pin.Signers {
		cert, err := ct.ParseCertificate(der)
		if err != nil {
			return FilesResult{}, err
		}
		run.signers = append(run.signers, cert)
	}
	if err := r.Read(ctx, run.certificate, func(FileProblem) error { return nil }); err != nil {
		run.abort()
		return FilesResult{}, err
	}
	if err := run.finish(); err != nil {
		return FilesResult{}, err
	}
	h.Observer.End(r.Name(), "read")
	res.units = run.units
	for _, u := range res.units {
		res.Kept += u.foot.Kept
		res.Unreadable = append(res.Unreadable, u.foot.Unreadable...)
	}
	res.OtherIssuers = res.Certificates - res.Kept - uint64(len(res.Unreadable)-len(pin.Unreadable))
	return res, nil
}

// pinFiles reads everything once to learn its digest and the signing certificates, and
// compares the digest with the one remembered.
func (h *Harvest) pinFiles(ctx context.Context, number int, r FileReader) (filesPin, error) {
	var pin filesPin
	sum := sha256.New()
	err := r.Read(ctx, func(c FileCertificate) error {
		pin.Certificates++
		pin.Bytes += uint64(len(c.DER))
		fmt.Fprintf(sum, "%s %d %x\n", c.Path, c.Block, sha256.Sum256(c.DER))
		cert, err := ct.ParseCertificate(c.DER)
		if err == nil && cert.IsPrecertSigning() && h.signerOf(cert) != nil {
			pin.Signers = append(pin.Signers, bytes.Clone(c.DER))
		}
		return nil
	}, func(p FileProblem) error {
		fmt.Fprintf(sum, "%s %d unreadable\n", p.Path, p.Block)
		if p.Other {
			pin.Other++
			return nil
		}
		where := p.Path
		if p.Block >= 0 {
			where = fmt.Sprintf("%s block %d", p.Path, p.Block)
		}
		pin.Unreadable = append(pin.Unreadable, fault{uint64(max(0, p.Block)), where, p.Err.Error()})
		return nil
	})
	if err != nil {
		return pin, err
	}
	pin.SHA256 = hex.EncodeToString(sum.Sum(nil))
	name := path.Join(filesFolder(number), "pin.json")
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
	if old.SHA256 != pin.SHA256 {
		return pin, fmt.Errorf("the files have changed since this audit's collect began: restore them, or delete %s to begin with the new ones", h.Dir.Path(path.Dir(name)))
	}
	return pin, nil
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

// filesRun turns certificates of one configured path into units.
type filesRun struct {
	h         *Harvest
	dir, name string
	total     uint64
	madeFor   string
	check     *checker
	signers   []*ct.Certificate
	count     uint64
	cur       *unitWriter
	skip      bool // the unit of the current certificate exists already
	units     []*unit
}

func (r *filesRun) unitName(start uint64) string {
	return path.Join(r.dir, fmt.Sprintf("%012d-%012d.unit", start, min(start+unitEntries, r.total)))
}

func (r *filesRun) certificate(c FileCertificate) error {
	n := r.count
	if n%unitEntries == 0 {
		if err := r.finish(); err != nil {
			return err
		}
		if err := r.begin(n); err != nil {
			return err
		}
	}
	r.count++
	if r.skip {
		return nil
	}
	r.cur.foot.End++
	r.h.Observer.Advance(r.name, 1, 0)
	return r.keep(n, c)
}

func (r *filesRun) begin(start uint64) error {
	name := r.unitName(start)
	u, ok, err := haveUnit(r.h.Dir.Path(name), start, min(start+unitEntries, r.total), r.madeFor)
	if err != nil {
		return err
	}
	if r.skip = ok; ok {
		r.units = append(r.units, u)
		r.h.Observer.Advance(r.name, u.foot.End-u.foot.Start, u.foot.Kept)
		return nil
	}
	r.cur, err = newUnit(r.h.Dir, name, start, r.madeFor)
	return err
}

// finish commits the unit in work, if any.
func (r *filesRun) finish() error {
	if r.cur == nil {
		return nil
	}
	w := r.cur
	r.cur = nil
	if err := w.commit(); err != nil {
		return err
	}
	u, err := openUnit(r.h.Dir.Path(r.unitName(w.foot.Start)))
	if err != nil {
		return err
	}
	r.units = append(r.units, u)
	return nil
}

func (r *filesRun) abort() {
	if r.cur != nil {
		r.cur.abort()
	}
}

// keep stores the certificate if an audited issuer signed it, directly or, for a
// precertificate, through one of its Precertificate Signing Certificates.
func (r *filesRun) keep(n uint64, c FileCertificate) error {
	cert, err := ct.ParseCertificate(c.DER)
	if err != nil {
		r.cur.unreadable(n, fmt.Sprintf("%s block %d", c.Path, c.Block), err)
		return nil
	}
	form := sampler.FormFinal
	if cert.IsPrecert() {
		form = sampler.FormPrecert
	}
	iss, signer := r.h.signerOf(cert), (*ct.Certificate)(nil)
	if iss == nil && form == sampler.FormPrecert {
		for _, s := range r.signers {
			if bytes.Equal(s.RawSubject, cert.RawIssuer) && ct.VerifySignature(s.RawSPKI, cert) == nil {
				iss, signer = r.h.signerOf(s), s
				break
			}
		}
	}
	k := kept{cert: cert.Raw}
	if iss == nil {
		if iss = r.h.unverifiable(cert); iss == nil {
			return nil
		}
		k.rec.flags |= flagSignatureUnchecked
	}
	if err := r.check.describe(&k.rec, cert, iss, form, form == sampler.FormFinal); err != nil {
		r.cur.unreadable(n, fmt.Sprintf("%s block %d", c.Path, c.Block), err)
		return nil
	}
	if form == sampler.FormPrecert {
		if tbs, err := cert.PrecertTBS(signer); err == nil {
			k.rec.pairing = pairingHash(iss, tbs)
		} else {
			k.rec.flags |= flagPairingFailed
			k.rec.pairing = ct.Hash(k.rec.cert)
		}
		if signer != nil {
			k.signer = signer.Raw
			k.rec.flags |= flagPrecertSigner
		}
	}
	k.rec.index = n
	r.cur.keep(k.rec, k.cert, k.signer, []byte(fmt.Sprintf("%s\x00%d", c.Path, c.Block)))
	return r.cur.err
}
