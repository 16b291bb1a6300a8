package evidence

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"selfaudit/sampler"
	"selfaudit/sampler/ct"
)

// itemSightings is everything that ct/sightings.jsonl says of one item.
type itemSightings struct {
	certs    []sampler.CertHash // distinct, in the order of the sightings
	earliest time.Time          // earliest log time stamp; zero if seen in files only
	ofOthers time.Time          // the same of logs that the CA does not operate
	ofOwn    time.Time          // and of those that it operates
	inLogs   []sampler.CertHash // those seen as entries of logs
	sct      bool               // the entry of an embedded SCT was looked up and proven
	proven   map[sctSeen]bool   // certificates and precertificates with what logs prove of them
}

// certificate is one certificate or precertificate of an item, checked against it.
type certificate struct {
	item     sampler.ItemID
	form     sampler.Form
	signer   sampler.CertHash // Precertificate Signing Certificate, zero if none
	class    sampler.Class
	nb, na   time.Time
	pairing  [32]byte // SHA-256 of the TBSCertificate without poison and SCT list
	pairable bool
	pairKey  [32]byte  // as in ct/pairings.tsv; zero if not pairable
	scts     time.Time // earliest verified embedded SCT of a log that the CA does not operate; zero if none
	ownSCTs  time.Time // the same of logs that it operates
	unsigned bool      // the signature's algorithm cannot be checked here
}

// checkSightings goes through ct/sightings.jsonl: every line is canonical, names a drawn
// or finding-named item and a certificate that is here; every sighting in a log has a leaf
// that is consistent with the certificate and an inclusion proof that verifies under the
// log's signed tree head.
func (v *verifier) checkSightings() {
	const name = "sightings"
	if !v.data.has("ct/sightings.jsonl") {
		v.missing(name, "ct/sightings.jsonl")
		return
	}
	if v.docs.snapshot == nil || v.docs.issuers == nil || v.docs.logs == nil {
		v.refused(name, "snapshot, issuers or logs")
		return
	}
	f, err := v.data.Open("ct/sightings.jsonl")
	if err != nil {
		v.fail(name, "%v", err)
		return
	}
	defer f.Close()
	r := &sightingReader{v: v, named: v.namedItems(), hash: newDocHasher()}
	v.docs.items, v.docs.certs = map[sampler.ItemID]*itemSightings{}, map[sampler.CertHash]*certificate{}
	err = sampler.ReadSightings(f, r.sighting)
	if cause := cancelled(v.ctx); cause != nil {
		v.fatal = cause
		return
	}
	if err != nil {
		v.fail(name, "%v", err)
		return
	}
	if r.hash.docHash() != v.hashes[payloadFolder+"/ct/sightings.jsonl"] {
		r.bad.add("not written the way this program writes it")
	}
	r.bad.close(v, name, "%d sightings in logs, each with a leaf that fits its certificate and an inclusion proof under the signed tree head; %d in files", r.inLogs, r.inFiles)
	if r.inFiles > 0 {
		v.note(name, "%d sightings in files: the certificates verify, but no log proves where and when they were seen", r.inFiles)
	}
}

// namedItems are the items that sightings may be about.
func (v *verifier) namedItems() map[sampler.ItemID]bool {
	named := map[sampler.ItemID]bool{}
	for _, r := range v.docs.sample {
		named[r.Item] = true
	}
	for _, f := range v.docs.findings {
		named[f.ItemID] = true
	}
	return named
}

// sightingReader checks sightings one by one.
type sightingReader struct {
	v               *verifier
	named           map[sampler.ItemID]bool
	hash            docHasher
	bad             failures
	inLogs, inFiles int
	previous        sampler.Sighting

	// the certificate that was parsed last: an item's sightings follow each other
	last     sampler.CertHash
	lastCert *ct.Certificate
}

// sighting takes one line. Only an error that makes going on pointless is returned.
func (r *sightingReader) sighting(s sampler.Sighting) error {
	if (r.inLogs+r.inFiles)%256 == 0 {
		if err := cancelled(r.v.ctx); err != nil {
			return err
		}
	}
	line, err := s.Line()
	if err != nil {
		return err
	}
	r.hash.Write(line)
	where := fmt.Sprintf("item %s, certificate %s", s.ItemID, s.Cert)
	if s.Source != sampler.SightingFile {
		r.inLogs++
		where += fmt.Sprintf(", log %s entry %d", s.LogID, s.Index)
	} else {
		r.inFiles++
		where += ", file " + s.File
	}
	if err := r.check(s); err != nil {
		r.bad.add("%s: %v", where, err)
	}
	r.previous = s
	return nil
}

func (r *sightingReader) check(s sampler.Sighting) error {
	if !r.named[s.ItemID] {
		return errors.New("the item is neither drawn nor named by a finding")
	}
	if s.ItemID.Compare(r.previous.ItemID) < 0 {
		return errors.New("not in the order of the items")
	}
	cert, err := r.certificate(s)
	if err != nil {
		return err
	}
	it := r.v.docs.items[s.ItemID]
	if it == nil {
		it = &itemSightings{}
		r.v.docs.items[s.ItemID] = it
	}
	if !slices.Contains(it.certs, s.Cert) {
		it.certs = append(it.certs, s.Cert)
	}
	if s.Source == sampler.SightingFile {
		return r.v.checkFileName(s.File)
	}
	at := time.UnixMilli(int64(s.TimestampMS)).UTC()
	it.earliest = earlier(it.earliest, at)
	if l := r.v.docs.logs[s.LogID]; l != nil && l.listed.OperatedByCA {
		it.ofOwn = earlier(it.ofOwn, at)
	} else {
		it.ofOthers = earlier(it.ofOthers, at)
	}
	it.logged(s)
	if s.Source == sampler.SightingSCT {
		return r.v.checkSCTEntry(s, cert)
	}
	return r.v.checkEntry(s, cert)
}

// certificate returns the sighting's certificate; the first sighting of each makes the
// checks that concern the certificate alone.
func (r *sightingReader) certificate(s sampler.Sighting) (*ct.Certificate, error) {
	if s.Cert != r.last || r.lastCert == nil {
		cert, _, err := r.v.readCertificate("certificates/" + s.Cert.String() + ".der")
		if err != nil {
			return nil, err
		}
		r.last, r.lastCert = s.Cert, cert
	}
	known := r.v.docs.certs[s.Cert]
	if known == nil {
		c, err := r.v.checkCertificate(s, r.lastCert)
		if err != nil {
			return nil, err
		}
		r.v.docs.certs[s.Cert] = c
		return r.lastCert, nil
	}
	if known.item != s.ItemID || known.form != s.Form {
		return nil, fmt.Errorf("another sighting says item %s, form %s", known.item, known.form)
	}
	if known.signer != s.PrecertSigner {
		return nil, fmt.Errorf("precert_signer %s, another sighting says %s", s.PrecertSigner, known.signer)
	}
	return r.lastCert, nil
}

// checkFileName checks that the snapshot lists the file, or a folder above it.
func (v *verifier) checkFileName(file string) error {
	for _, f := range v.docs.snapshot.Files {
		if file == f.Path || strings.HasPrefix(file, strings.TrimSuffix(f.Path, "/")+"/") {
			return nil
		}
	}
	for _, r := range v.docs.snapshot.Records {
		if file == r.Path || strings.HasPrefix(file, strings.TrimSuffix(r.Path, "/")+"/") {
			return nil
		}
	}
	return errors.New("snapshot.json lists no such file")
}

// checkEntry compares a log entry's leaf with the certificate and proves it.
func (v *verifier) checkEntry(s sampler.Sighting, cert *ct.Certificate) error {
	l := v.docs.logs[s.LogID]
	if l == nil {
		return errors.New("snapshot.json does not list the log")
	}
	if !l.proven {
		return errors.New("the log has no verified tree head")
	}
	if first, read := l.listed.First(); s.Source == sampler.SightingLog && read && s.Index < first {
		return fmt.Errorf("snapshot.json says that entries before %d were not read", first)
	}
	if l.listed.Status == sampler.LogLookedUp {
		return errors.New("the log was not read, so no entry of it was seen")
	}
	var e ct.Entry
	if err := ct.ParseLeafInput(s.Leaf, &e); err != nil {
		return err
	}
	if e.Timestamp != s.TimestampMS {
		return fmt.Errorf("timestamp_ms %d, the leaf says %d", s.TimestampMS, e.Timestamp)
	}
	if l.static() {
		if index, err := leafIndex(e.Extensions); err != nil || index != s.Index {
			return fmt.Errorf("the leaf does not say that its index is %d: %w", s.Index, cmp.Or(err, fmt.Errorf("it says %d", index)))
		}
	}
	if err := v.compareLeaf(s, &e, cert); err != nil {
		return err
	}
	proof := make([]ct.Hash, len(s.Proof))
	for i, h := range s.Proof {
		copy(proof[i][:], h) // 32 bytes each: ReadSightings has checked it
	}
	if err := ct.VerifyInclusion(ct.HashLeaf(s.Leaf), s.Index, l.head.Size, proof, l.head.Root); err != nil {
		return fmt.Errorf("inclusion proof: %w", err)
	}
	return nil
}

// compareLeaf checks that the leaf is that of the certificate.
func (v *verifier) compareLeaf(s sampler.Sighting, e *ct.Entry, cert *ct.Certificate) error {
	if e.Type == ct.X509Entry {
		if s.Form != sampler.FormFinal {
			return fmt.Errorf("form %s, the leaf is an x509_entry", s.Form)
		}
		if !bytes.Equal(e.Certificate, cert.Raw) {
			return errors.New("the leaf holds another certificate")
		}
		return nil
	}
	if s.Form != sampler.FormPrecert {
		return fmt.Errorf("form %s, the leaf is a precert_entry", s.Form)
	}
	if !v.docs.issuers[s.ItemID.Issuer].hasKey(e.IssuerKeyHash) {
		return fmt.Errorf("the leaf's issuer_key_hash is %x", e.IssuerKeyHash)
	}
	signer, err := v.signer(s.PrecertSigner)
	if err != nil {
		return err
	}
	tbs, err := cert.PrecertTBS(signer)
	if err != nil {
		return err
	}
	if !bytes.Equal(tbs, e.TBS) {
		return errors.New("the leaf's TBSCertificate is not that of the precertificate")
	}
	return nil
}

// signer returns a Precertificate Signing Certificate, nil for the zero hash.
func (v *verifier) signer(hash sampler.CertHash) (*ct.Certificate, error) {
	if hash.IsZero() {
		return nil, nil
	}
	cert, _, err := v.readCertificate("certificates/" + hash.String() + ".der")
	if err != nil {
		return nil, fmt.Errorf("reading the Precertificate Signing Certificate: %w", err)
	}
	return cert, nil
}

// leafIndex reads the leaf_index extension that every entry of a static-ct log carries.
func leafIndex(extensions []byte) (uint64, error) {
	for rest := extensions; len(rest) > 0; {
		if len(rest) < 3 {
			return 0, errors.New("extensions are cut short")
		}
		kind, n := rest[0], int(binary.BigEndian.Uint16(rest[1:]))
		if len(rest) < 3+n {
			return 0, errors.New("extensions are cut short")
		}
		if kind == 0 && n == 5 {
			b := rest[3:]
			return uint64(b[0])<<32 | uint64(binary.BigEndian.Uint32(b[1:])), nil
		}
		rest = rest[3+n:]
	}
	return 0, errors.New("it has no leaf_index extension")
}
