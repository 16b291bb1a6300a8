package collect

import (
	"bytes"
	"context"
	"fmt"

	"selfaudit/sampler"
	"selfaudit/sampler/ct"
)

// filesRun turns certificates of one configured path into units.
type filesRun struct {
	unitRun
	pin     *filesPin
	digest  *filesDigest
	check   *checker
	signers []*ct.Certificate
}

// read reads the files for the second time. They must still be what was pinned: a unit is
// kept only if everything up to its end is, and if the rest is not, none is.
func (r *filesRun) read(ctx context.Context, files FileReader) error {
	err := files.Read(ctx, r.certificate, func(p FileProblem) error { r.digest.problem(p); return nil })
	if err == nil && r.digest.String() != r.pin.SHA256 {
		err = r.h.filesChanged(r.dir)
	}
	if err == nil {
		return r.finish()
	}
	return r.abort(err)
}

func (r *filesRun) certificate(c FileCertificate) error {
	n := r.digest.count
	if n >= r.pin.Certificates {
		return r.h.filesChanged(r.dir)
	}
	if n%unitEntries == 0 {
		if k := len(r.digest.full); k > 0 && r.digest.full[k-1] != r.pin.full[k-1] {
			return r.h.filesChanged(r.dir)
		}
	}
	if err := r.next(n); err != nil {
		return err
	}
	r.digest.certificate(c)
	if r.skip {
		return nil
	}
	r.cur.foot.End++
	before := r.cur.foot.Kept
	err := r.keep(n, c)
	r.h.Observer.Advance(r.name, 1, r.cur.foot.Kept-before)
	return err
}

// keep stores the certificate if an audited issuer signed it, directly or, for a
// precertificate, through one of its Precertificate Signing Certificates.
func (r *filesRun) keep(n uint64, c FileCertificate) error {
	cert, err := ct.ParseCertificate(c.DER)
	if err != nil {
		r.cur.unreadable(n, fmt.Sprintf("%s block %d", c.Path, c.Block), err)
		return nil
	}
	k, err := r.h.fromFile(r.check, cert, r.signers)
	if err != nil {
		r.cur.unreadable(n, fmt.Sprintf("%s block %d", c.Path, c.Block), err)
		return nil
	}
	if k == nil {
		return nil
	}
	k.rec.index = n
	r.cur.keep(k.rec, k.cert, k.signer, []byte(fmt.Sprintf("%s\x00%d", c.Path, c.Block)))
	return r.cur.err
}

// fromFile is what a certificate that no log vouches for gives; nil if no audited issuer
// signed it. signers are Precertificate Signing Certificates of audited issuers.
func (h *Harvest) fromFile(check *checker, cert *ct.Certificate, signers []*ct.Certificate) (*kept, error) {
	form := sampler.FormFinal
	if cert.IsPrecert() {
		form = sampler.FormPrecert
	}
	iss, signer := h.signerOf(cert), (*ct.Certificate)(nil)
	if iss == nil && form == sampler.FormPrecert {
		for _, s := range signers {
			if bytes.Equal(s.RawSubject, cert.RawIssuer) && ct.VerifySignature(s.RawSPKI, cert) == nil {
				iss, signer = h.signerOf(s), s
				break
			}
		}
	}
	k := &kept{cert: cert.Raw}
	if iss == nil {
		if iss = h.unverifiable(cert); iss == nil {
			return nil, nil
		}
		k.rec.flags |= flagSignatureUnchecked
	}
	if err := check.describe(&k.rec, cert, iss, form, form == sampler.FormFinal); err != nil {
		return nil, err
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
	return k, nil
}
