package evidence

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"time"

	"selfaudit/sampler"
	"selfaudit/sampler/ct"
)

// checkCertificate checks a certificate against the item that a sighting gives it: form,
// serial, issuer, and the signature under the issuer's key.
func (v *verifier) checkCertificate(s sampler.Sighting, cert *ct.Certificate) (*certificate, error) {
	iss := v.docs.issuers[s.ItemID.Issuer]
	if iss == nil {
		return nil, fmt.Errorf("snapshot.json lists no issuer with key %s", s.ItemID.Issuer)
	}
	if serial := sampler.SerialFromInteger(cert.SerialContent); serial != s.ItemID.Serial {
		return nil, fmt.Errorf("the certificate's serial is %s", serial)
	}
	form := sampler.FormFinal
	if cert.IsPrecert() {
		form = sampler.FormPrecert
	}
	if form != s.Form {
		return nil, fmt.Errorf("form %s, the certificate is %s", s.Form, form)
	}
	c := &certificate{item: s.ItemID, form: form, signer: s.PrecertSigner, class: ct.ClassOf(cert, iss.policies), nb: cert.NotBefore, na: cert.NotAfter}
	signer, err := v.signer(s.PrecertSigner)
	if err != nil {
		return nil, err
	}
	if c.unsigned, err = checkSignatures(iss, signer, cert); err != nil {
		return nil, err
	}
	if tbs, err := v.pairingTBS(cert, signer); err == nil {
		c.pairing, c.pairable = sha256.Sum256(tbs), true
		c.pairKey = sha256.Sum256(append(s.ItemID.Issuer[:len(s.ItemID.Issuer):len(s.ItemID.Issuer)], tbs...))
		v.embeddedSCTs(c, cert, iss, tbs)
	}
	return c, nil
}

// checkSignatures verifies the certificate under the issuer's key, or under that of a
// Precertificate Signing Certificate that the issuer signed. unchecked says that an
// algorithm is not one that this program can verify.
func checkSignatures(iss *issuer, signer, cert *ct.Certificate) (unchecked bool, err error) {
	links := []struct {
		key  []byte
		cert *ct.Certificate
		what string
	}{{iss.spki, cert, "the issuer did not sign it"}}
	if signer != nil {
		if !signer.IsPrecertSigning() {
			return false, errors.New("precert_signer is no Precertificate Signing Certificate")
		}
		links[0].key, links[0].what = signer.RawSPKI, "precert_signer did not sign it"
		links = append(links, links[0])
		links[1].key, links[1].cert, links[1].what = iss.spki, signer, "the issuer did not sign precert_signer"
	}
	for _, l := range links {
		err := ct.VerifySignature(l.key, l.cert)
		if errors.Is(err, ct.ErrUnsupportedAlgorithm) {
			unchecked = true
		} else if err != nil {
			return false, fmt.Errorf("%s: %w", l.what, err)
		}
	}
	return unchecked, nil
}

// pairingTBS is what final certificate and precertificate of one issuance share.
func (v *verifier) pairingTBS(cert, signer *ct.Certificate) ([]byte, error) {
	if cert.IsPrecert() {
		return cert.PrecertTBS(signer)
	}
	return cert.PairingTBS()
}

// embeddedSCTs finds the earliest SCT of a log of the snapshot that verifies: it is a CT
// time stamp of the certificate (protocol 3.1). Those of logs that the CA operates are apart.
func (v *verifier) embeddedSCTs(c *certificate, cert *ct.Certificate, iss *issuer, tbs []byte) {
	if c.form != sampler.FormFinal {
		return
	}
	list, err := cert.SCTs()
	if err != nil {
		return
	}
	for _, s := range list {
		l := v.docs.logs[s.LogID.String()]
		if l == nil {
			continue
		}
		for _, key := range iss.keys {
			if ct.VerifySCT(l.listed.PublicKey, s, key, tbs) != nil {
				continue
			}
			first := &c.scts
			if l.listed.OperatedByCA {
				first = &c.ownSCTs
			}
			*first = earlier(*first, time.UnixMilli(int64(s.Timestamp)).UTC())
			break
		}
	}
}

// checkCertificates looks for files in certificates/ that no sighting accounts for, and
// reports what could not be verified.
func (v *verifier) checkCertificates() {
	const name = "certificates"
	if v.docs.certs == nil {
		if len(v.data.in("certificates")) > 0 {
			v.refused(name, "the sightings")
		} else {
			v.missing(name, "ct/sightings.jsonl")
		}
		return
	}
	signers := map[sampler.CertHash]bool{}
	unsigned := 0
	for _, c := range v.docs.certs {
		if !c.signer.IsZero() {
			signers[c.signer] = true
		}
		if c.unsigned {
			unsigned++
		}
	}
	var bad failures
	for _, path := range v.data.in("certificates") {
		hash, err := hashOfName(path)
		switch {
		case err != nil:
			bad.add("%s: %v", path, err)
		case v.docs.certs[hash] == nil && !signers[hash]:
			bad.add("%s: no sighting accounts for it, or its sighting failed", path)
		}
	}
	bad.close(v, name, "%d certificates and precertificates: hash, serial, form, issuer and signature are those of their items", len(v.docs.certs))
	if unsigned > 0 {
		v.note(name, "%d have a signature algorithm that this program cannot verify", unsigned)
	}
}
