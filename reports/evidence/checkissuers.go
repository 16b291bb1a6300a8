package evidence

import (
	"bytes"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"selfaudit/sampler"
	"selfaudit/sampler/ct"
)

// issuer is an audited issuer as its certificates in issuers/ show it.
type issuer struct {
	key      sampler.KeyHash          // the lowest of keys
	keys     [][32]byte               // hashes of the encodings of its key
	spki     []byte                   // the encoding with the lowest hash
	certs    []sampler.CertHash       // its certificates
	policies map[string]sampler.Class // the CA's own policy OIDs
	listed   *sampler.SnapshotIssuer  // its entry in snapshot.json
	from     time.Time                // its certificates are valid from here …
	until    time.Time                // … to here, taken together; zero if unreadable
}

func (i *issuer) hasKey(h [32]byte) bool { return slices.Contains(i.keys, h) }

// checkIssuers compares the certificates in issuers/ with the issuers that the snapshot
// lists. Whether they are the right ones is for the auditor to compare.
func (v *verifier) checkIssuers() {
	const name = "issuers"
	s := v.docs.snapshot
	if s == nil {
		v.refused(name, "the snapshot")
		return
	}
	var bad failures
	byHash := map[sampler.CertHash]*ct.Certificate{}
	for _, path := range v.data.in("issuers") {
		cert, hash, err := v.readCertificate(path)
		if err != nil {
			bad.add("%v", err)
			continue
		}
		byHash[hash] = cert
	}
	issuers := map[sampler.KeyHash]*issuer{}
	listed := map[sampler.CertHash]bool{}
	for n := range s.Issuers {
		entry := &s.Issuers[n]
		i, err := newIssuer(entry, byHash)
		if err == nil && issuers[entry.KeySHA256] != nil {
			err = fmt.Errorf("the issuer is listed twice")
		}
		if err != nil {
			bad.add("issuer %s (%s): %v", entry.KeySHA256, entry.Label, err)
			continue
		}
		issuers[entry.KeySHA256] = i
		for _, c := range i.certs {
			listed[c] = true
		}
	}
	for _, path := range v.data.in("issuers") {
		if hash, err := hashOfName(path); err == nil && !listed[hash] {
			bad.add("%s: not a certificate of an issuer that snapshot.json lists", path)
		}
	}
	v.docs.issuers = issuers
	bad.close(v, name, "%s with %s: those of snapshot.json", sampler.Counted(len(issuers), "issuer", "issuers"), sampler.Counted(len(listed), "certificate", "certificates"))
}

// newIssuer gathers an issuer's certificates and checks that they have its key.
func newIssuer(entry *sampler.SnapshotIssuer, byHash map[sampler.CertHash]*ct.Certificate) (*issuer, error) {
	i := &issuer{key: entry.KeySHA256, listed: entry, policies: map[string]sampler.Class{}}
	if len(entry.Certificates) == 0 {
		return nil, fmt.Errorf("no certificate is listed")
	}
	for _, hash := range entry.Certificates {
		cert := byHash[hash]
		if cert == nil {
			return nil, fmt.Errorf("issuers/%s.der is missing or unreadable", hash)
		}
		i.certs = append(i.certs, hash)
		if nb := cert.NotBefore; !nb.IsZero() && (i.from.IsZero() || nb.Before(i.from)) {
			i.from = nb
		}
		if na := cert.NotAfter; na.After(i.until) {
			i.until = na
		}
		key := cert.KeyHash()
		if !i.hasKey(key) {
			i.keys = append(i.keys, key)
		}
		if key == i.key {
			i.spki = cert.RawSPKI
		}
		if bytes.Compare(key[:], i.key[:]) < 0 {
			return nil, fmt.Errorf("issuers/%s.der has the key hash %x, which is lower: the lowest names the issuer", hash, key)
		}
	}
	if i.spki == nil {
		return nil, fmt.Errorf("none of its certificates has the key")
	}
	for _, hash := range entry.Certificates {
		if ct.CanonicalKey(byHash[hash].RawSPKI) != ct.CanonicalKey(i.spki) {
			return nil, fmt.Errorf("issuers/%s.der has another key", hash)
		}
	}
	for _, oid := range sortedKeys(entry.PolicyOIDs) {
		class, err := sampler.ParseClass(entry.PolicyOIDs[oid])
		if err != nil {
			return nil, err
		}
		i.policies[oid] = class
	}
	return i, nil
}

// readCertificate reads <folder>/<hash>.der, whose name is its hash.
func (v *verifier) readCertificate(path string) (*ct.Certificate, sampler.CertHash, error) {
	want, err := hashOfName(path)
	if err != nil {
		return nil, want, err
	}
	der, err := v.data.ReadFile(path)
	if err != nil {
		return nil, want, err
	}
	if got := sampler.HashCert(der); got != want {
		return nil, want, fmt.Errorf("%s: its SHA-256 is %s", path, got)
	}
	cert, err := ct.ParseCertificate(der)
	if err != nil {
		return nil, want, fmt.Errorf("%s: %w", path, err)
	}
	return cert, want, nil
}

func hashOfName(path string) (sampler.CertHash, error) {
	base := path[strings.LastIndexByte(path, '/')+1:]
	return sampler.ParseCertHash(strings.TrimSuffix(base, ".der"))
}

// ownIssuers reads the auditor's own copies of issuer certificates and returns the
// hashes of certificates and keys.
func ownIssuers(paths []string) (certs map[sampler.CertHash]bool, keys map[[32]byte]bool, err error) {
	certs, keys = map[sampler.CertHash]bool{}, map[[32]byte]bool{}
	for _, path := range paths {
		raw, err := os.ReadFile(path)
		if err != nil {
			return nil, nil, err
		}
		blocks := pemBlocks(raw, "CERTIFICATE")
		if len(blocks) == 0 {
			blocks = [][]byte{raw}
		}
		for _, der := range blocks {
			c, err := ct.ParseCertificate(der)
			if err != nil {
				return nil, nil, fmt.Errorf("%s: neither PEM nor DER certificates: %w", path, err)
			}
			certs[sampler.HashCert(der)] = true
			keys[c.KeyHash()] = true
		}
	}
	return certs, keys, nil
}
