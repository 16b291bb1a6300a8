package collect

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"

	"selfaudit/sampler"
	"selfaudit/sampler/ct"
)

// Issuer is one audited issuer: all CA certificates that share a key. Cross-signed twins
// are one issuer, and so are two names over one key, because items belong to the key
// (draw protocol section 3).
type Issuer struct {
	Key          sampler.KeyHash // the lowest hash where the key has several encodings
	Label        string          // for people; empty: the common name of the first certificate
	Certificates [][]byte        // DER, in the order given
	PolicyOIDs   map[string]sampler.Class

	spkis [][]byte   // the encodings of the key, lowest hash first
	keys  [][32]byte // their hashes
	key   *ct.PublicKey
	names [][]byte // distinct subjects, DER
}

// Subject returns the DER Name of the issuer's first certificate.
func (i *Issuer) Subject() []byte { return i.names[0] }

// verify says whether the issuer's key signed c.
func (i *Issuer) verify(c *ct.Certificate) error { return i.key.VerifySignature(c) }

func (i *Issuer) hasKey(h [32]byte) bool { return slices.Contains(i.keys, h) }

// Issuers is the set of audited issuers, indexed for matching.
type Issuers struct {
	list   []*Issuer
	byKey  map[[32]byte]*Issuer
	sieve  keySieve // of byKey
	byName map[string][]*Issuer
}

// NewIssuers groups certificates by key. Each given Issuer needs at least one
// certificate; label and policy OIDs of issuers that turn out to share a key are merged,
// a contradiction between them is an error.
func NewIssuers(given []Issuer) (*Issuers, error) {
	set := &Issuers{byKey: map[[32]byte]*Issuer{}, byName: map[string][]*Issuer{}}
	canonical := map[string]*Issuer{}
	for n, g := range given {
		for _, der := range g.Certificates {
			c, err := ct.ParseCertificate(der)
			if err != nil {
				return nil, fmt.Errorf("issuer %d (%s): %w", n+1, g.Label, err)
			}
			id := ct.CanonicalKey(c.RawSPKI)
			iss := canonical[id]
			if iss == nil {
				iss = &Issuer{Label: g.Label}
				canonical[id] = iss
				set.list = append(set.list, iss)
			}
			if err := iss.merge(g, c); err != nil {
				return nil, fmt.Errorf("issuer %d (%s): %w", n+1, g.Label, err)
			}
		}
	}
	for _, iss := range set.list {
		slices.SortFunc(iss.spkis, func(a, b []byte) int {
			x, y := sha256.Sum256(a), sha256.Sum256(b)
			return bytes.Compare(x[:], y[:])
		})
		for _, spki := range iss.spkis {
			key := sha256.Sum256(spki)
			iss.keys = append(iss.keys, key)
			set.byKey[key] = iss
			set.sieve.add(key)
		}
		iss.Key, iss.key = sampler.KeyHash(iss.keys[0]), ct.NewPublicKey(iss.spkis[0])
		for _, name := range iss.names {
			set.byName[string(name)] = append(set.byName[string(name)], iss)
		}
	}
	slices.SortFunc(set.list, func(a, b *Issuer) int { return bytes.Compare(a.Key[:], b.Key[:]) })
	return set, nil
}

func (i *Issuer) merge(g Issuer, c *ct.Certificate) error {
	i.Label = cmp.Or(i.Label, g.Label)
	if g.Label != "" && g.Label != i.Label {
		return fmt.Errorf("the certificates of one key have the labels %q and %q: give them one label", i.Label, g.Label)
	}
	for oid, class := range g.PolicyOIDs {
		if old, ok := i.PolicyOIDs[oid]; ok && old != class {
			return fmt.Errorf("policy OID %s is mapped to %s and to %s", oid, old, class)
		}
		if i.PolicyOIDs == nil {
			i.PolicyOIDs = map[string]sampler.Class{}
		}
		i.PolicyOIDs[oid] = class
	}
	if !slices.ContainsFunc(i.Certificates, func(d []byte) bool { return bytes.Equal(d, c.Raw) }) {
		i.Certificates = append(i.Certificates, c.Raw)
	}
	if !slices.ContainsFunc(i.spkis, func(d []byte) bool { return bytes.Equal(d, c.RawSPKI) }) {
		i.spkis = append(i.spkis, c.RawSPKI)
	}
	if !slices.ContainsFunc(i.names, func(d []byte) bool { return bytes.Equal(d, c.RawSubject) }) {
		i.names = append(i.names, c.RawSubject)
	}
	return nil
}

// List returns the issuers by ascending key hash.
func (s *Issuers) List() []*Issuer { return s.list }

// Of returns the issuer that a CA certificate belongs to, or nil.
func (s *Issuers) Of(der []byte) *Issuer {
	c, err := ct.ParseCertificate(der)
	if err != nil {
		return nil
	}
	return s.byKey[c.KeyHash()]
}

// hash identifies all that decides which entries are kept and how they are classed, so
// that units made for other issuers are made again.
func (s *Issuers) hash() string {
	h := sha256.New()
	for _, iss := range s.list {
		for _, spki := range iss.spkis {
			fmt.Fprintf(h, "key %x\n", sha256.Sum256(spki))
		}
		for _, name := range iss.names {
			fmt.Fprintf(h, "name %x\n", name)
		}
		for _, oid := range slices.Sorted(maps.Keys(iss.PolicyOIDs)) {
			fmt.Fprintf(h, "policy %s %s\n", oid, iss.PolicyOIDs[oid])
		}
	}
	return hex.EncodeToString(h.Sum(nil))
}
