package collect

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"

	"selfaudit/sampler"
	"selfaudit/sampler/ct"
)

// checker decides for each entry whether an audited issuer issued it, and checks what
// the Merkle tree does not cover (static-ct's stored precertificate and chain
// fingerprints, RFC 6962's extra_data, issuer files) against what it does cover.
//
// A returned error is a contradiction: the log serves something that cannot be true.
//
// Its methods may be called from several goroutines.
type checker struct {
	issuers *Issuers
	logs    map[ct.LogID]*ct.PublicKey // of every configured log, for SCTs
	own     ownLogs
	issuer  func(context.Context, ct.Fingerprint) ([]byte, error)

	memo chainMemo
}

// newChecker makes a checker for one log or one file.
func (h *Harvest) newChecker(issuer func(context.Context, ct.Fingerprint) ([]byte, error)) *checker {
	c := &checker{issuers: h.Issuers, logs: make(map[ct.LogID]*ct.PublicKey, len(h.LogKeys)), own: h.OwnLogs, issuer: issuer}
	for id, spki := range h.LogKeys {
		c.logs[id] = ct.NewPublicKey(spki)
	}
	return c
}

// kept is an entry of an audited issuer, checked.
type kept struct {
	rec    record
	cert   []byte
	signer []byte // Precertificate Signing Certificate, or nil
}

var errNotOurs = errors.New("not issued by an audited issuer")

// errSameName marks a certificate under the issuer's name that another key signed.
var errSameName = fmt.Errorf("%w: same name, another key", errNotOurs)

// maxTimestamp is the last millisecond of the year 9999, the last that documents can state.
const maxTimestamp = 253402300799999

// glance is what a first look at an x509_entry gave: the certificate that its chain
// begins with, nil for no chain.
type glance struct {
	first    *chainCert
	chainErr error
}

// foreign says whether another CA issued the entry, as far as that can be told without
// parsing the certificate: this decides almost all entries of a log.
func (c *checker) foreign(ctx context.Context, e *ct.Entry) (glance, bool) {
	if e.Type == ct.PrecertEntry {
		return glance{}, c.issuers.byKey[e.IssuerKeyHash] == nil
	}
	var g glance
	g.first, g.chainErr = c.firstKey(ctx, e)
	if g.chainErr != nil || g.first != nil && c.issuers.byKey[g.first.keyHash] != nil {
		return g, false
	}
	name, err := ct.IssuerName(e.Certificate)
	return g, err == nil && c.issuers.byName[string(name)] == nil
}

// entry returns the sighting, errNotOurs, or the contradiction, for an entry that is not
// foreign at first glance.
func (c *checker) entry(ctx context.Context, e *ct.Entry, seen glance) (k *kept, err error) {
	if e.Type == ct.PrecertEntry {
		k, err = c.precert(ctx, e, c.issuers.byKey[e.IssuerKeyHash])
	} else {
		k, err = c.final(ctx, e, seen)
	}
	if err == nil && e.Timestamp > maxTimestamp {
		return nil, fmt.Errorf("the time stamp %d ms is after the year 9999", e.Timestamp)
	}
	return k, err
}

// precert checks an entry whose issuer_key_hash, which the tree covers, is an audited
// issuer's (RFC 6962 section 3.2; ct-harvest 1.4).
func (c *checker) precert(ctx context.Context, e *ct.Entry, iss *Issuer) (*kept, error) {
	pre, err := ct.ParseCertificate(e.Precertificate)
	if err != nil {
		return nil, fmt.Errorf("the stored precertificate cannot be read: %w", err)
	}
	chain, err := c.chain(ctx, e)
	if err != nil {
		return nil, err
	}
	if len(chain) == 0 {
		return nil, errors.New("the stored chain is empty, so it does not name the issuer")
	}
	var signer *ct.Certificate
	if !iss.hasKey(chain[0].keyHash) {
		signer = chain[0].Certificate
		if !signer.IsPrecertSigning() || len(chain) < 2 || !iss.hasKey(chain[1].keyHash) {
			return nil, fmt.Errorf("the stored chain begins with a certificate of key %x, the entry's issuer_key_hash is %x", chain[0].keyHash, e.IssuerKeyHash)
		}
	}
	tbs, err := pre.PrecertTBS(signer)
	if err != nil {
		return nil, fmt.Errorf("the stored precertificate gives no TBSCertificate: %w", err)
	}
	if !bytes.Equal(tbs, e.TBS) {
		return nil, errors.New("the stored precertificate is not the one whose TBSCertificate the tree covers")
	}
	k := &kept{cert: e.Precertificate}
	signed := chain[0].key.VerifySignature(pre)
	if errors.Is(signed, ct.ErrUnsupportedAlgorithm) {
		k.rec.flags |= flagSignatureUnchecked
	} else if signed != nil {
		return nil, fmt.Errorf("the stored precertificate is not signed by its issuer: %w", signed)
	}
	if err := c.links(chain); err != nil {
		return nil, err
	}
	if signer != nil {
		k.signer = signer.Raw
		k.rec.flags |= flagPrecertSigner
	}
	k.rec.pairing = pairingHash(iss, e.TBS)
	return k, c.describe(&k.rec, pre, iss, sampler.FormPrecert, false)
}

// final decides an x509_entry, which carries no issuer hash. Neither the issuer name (two
// CAs can share it) nor the chain (the tree does not cover it) decides: the signature
// under the audited key does.
func (c *checker) final(ctx context.Context, e *ct.Entry, seen glance) (*kept, error) {
	first, chainErr := seen.first, seen.chainErr
	var claimed *Issuer
	if chainErr == nil && first != nil {
		claimed = c.issuers.byKey[first.keyHash]
	}
	cert, err := ct.ParseCertificate(e.Certificate)
	if err != nil {
		return nil, &unreadableError{err}
	}
	named := c.issuers.byName[string(cert.RawIssuer)]
	candidates := named
	switch {
	case claimed != nil:
		candidates = []*Issuer{claimed}
	case len(named) == 0 && chainErr != nil:
		// The chain cannot be had, so it cannot say that the entry is foreign.
		candidates = c.issuers.list
	}
	// An algorithm that cannot be verified here leaves the chain to go by, and where there
	// is none, the name.
	hearsay := (chainErr != nil || first == nil) && len(named) > 0
	for _, iss := range candidates {
		err := iss.verify(cert)
		if errors.Is(err, ct.ErrUnsupportedAlgorithm) && (claimed == iss || hearsay) {
			return c.keepFinal(ctx, e, cert, iss, flagSignatureUnchecked)
		}
		if err == nil {
			return c.keepFinal(ctx, e, cert, iss, 0)
		}
	}
	if claimed != nil {
		return nil, fmt.Errorf("the stored chain begins with a certificate of the audited key %s, but that key did not sign the certificate", claimed.Key)
	}
	if len(named) > 0 {
		return nil, errSameName
	}
	return nil, errNotOurs
}

func (c *checker) keepFinal(ctx context.Context, e *ct.Entry, cert *ct.Certificate, iss *Issuer, noticed flags) (*kept, error) {
	k := &kept{cert: cert.Raw, rec: record{flags: noticed}}
	if err := c.describe(&k.rec, cert, iss, sampler.FormFinal, true); err != nil {
		return nil, err
	}
	return k, c.finalChain(ctx, e, iss)
}

// finalChain checks the stored chain of a certificate that an audited issuer signed.
func (c *checker) finalChain(ctx context.Context, e *ct.Entry, iss *Issuer) error {
	chain, err := c.chain(ctx, e)
	if err != nil {
		return err
	}
	if len(chain) == 0 {
		if !c.selfIssued(e, iss) {
			return errors.New("the stored chain is empty, so it does not name the issuer")
		}
		return nil
	}
	if !iss.hasKey(chain[0].keyHash) {
		return fmt.Errorf("the stored chain begins with a certificate of key %x, but the audited key %s signed the certificate", chain[0].keyHash, iss.Key)
	}
	return c.links(chain)
}

// selfIssued says whether the entry is a CA certificate of the issuer's own key, which
// ends its chain itself.
func (c *checker) selfIssued(e *ct.Entry, iss *Issuer) bool {
	cert, err := ct.ParseCertificate(e.Certificate)
	return err == nil && iss.hasKey(cert.KeyHash())
}

// describe fills in what the certificate itself says. A serial number that no item can
// have (draw protocol section 3) is an *unreadableError.
func (c *checker) describe(r *record, cert *ct.Certificate, iss *Issuer, form sampler.Form, pair bool) error {
	serial, err := sampler.ParseSerial(string(sampler.SerialFromInteger(cert.SerialContent)))
	if err != nil {
		return &unreadableError{err}
	}
	r.item = sampler.ItemID{Issuer: iss.Key, Serial: serial}
	r.form = form
	r.cert = sampler.HashCert(cert.Raw)
	r.class = ct.ClassOf(cert, iss.PolicyOIDs)
	r.nb, r.na = unixOf(cert.NotBefore), unixOf(cert.NotAfter)
	if cert.ExtensionsErr != nil {
		r.flags |= flagExtensionsBroken
	}
	if !pair {
		return nil
	}
	tbs, err := cert.PairingTBS()
	if err != nil {
		r.flags |= flagPairingFailed
		r.pairing = ct.Hash(sha256.Sum256(cert.Raw))
		return nil
	}
	r.pairing = pairingHash(iss, tbs)
	c.scts(r, cert, iss, tbs)
	return nil
}

// scts verifies the embedded SCTs of configured logs: a verified one is a CT time stamp
// of the certificate (draw protocol 3.1).
func (c *checker) scts(r *record, cert *ct.Certificate, iss *Issuer, tbs []byte) {
	list, err := cert.SCTs()
	if err != nil {
		r.flags |= flagSCTInvalid | flagSCTList
		return
	}
	for _, s := range list {
		key, known := c.logs[s.LogID]
		if !known {
			r.others = append(r.others, s.LogID)
			continue
		}
		if s.Timestamp > maxTimestamp || !verifySCT(key, s, iss, tbs) {
			r.flags |= flagSCTInvalid
			continue
		}
		r.addSCT(s.Timestamp, c.own[s.LogID])
	}
}

func verifySCT(key *ct.PublicKey, s ct.SCT, iss *Issuer, tbs []byte) bool {
	for _, ikh := range iss.keys {
		if key.VerifySCT(s, ikh, tbs) == nil {
			return true
		}
	}
	return false
}

// pairingHash is the key under which precertificate and certificate meet (ct-harvest 1.5).
func pairingHash(iss *Issuer, tbs []byte) ct.Hash {
	h := sha256.New()
	h.Write(iss.Key[:])
	h.Write(tbs)
	return ct.Hash(h.Sum(nil))
}

// unreadableError marks an entry whose certificate cannot be read at all: not a fault of
// the log, but never passed over either.
type unreadableError struct{ err error }

func (e *unreadableError) Error() string { return "certificate cannot be read: " + e.err.Error() }
func (e *unreadableError) Unwrap() error { return e.err }
