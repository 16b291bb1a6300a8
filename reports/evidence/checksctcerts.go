package evidence

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"selfaudit/sampler"
	"selfaudit/sampler/ct"
)

// here goes through the members whose certificates are here, and their final certificates.
func (c *sctCheck) here() {
	if c.v.docs.items == nil || c.v.docs.population == nil {
		c.v.skip("scts", "certificates are not compared: there are no sightings or no population")
		return
	}
	ids := slices.SortedFunc(mapKeys(c.v.docs.items), sampler.ItemID.Compare)
	for _, id := range ids {
		if _, member := c.v.docs.population.rows[id]; !member {
			continue
		}
		it := c.v.docs.items[id]
		if proven := len(it.inLogs)+len(it.proven) > 0; proven == c.unproven[id] {
			c.bad.add("item %s: that a log proves it is %v by its sightings, and %v by %s", id, proven, !c.unproven[id], sampler.NotProvenFile)
		}
		finals, precerts := c.v.split(it)
		for _, hash := range finals {
			c.checked++
			if err := c.certificate(it, hash, precerts); err != nil {
				c.bad.add("item %s, certificate %s: %v", id, hash, err)
			}
		}
	}
}

// certificate checks that every SCT is proven or listed, and that what is listed can be.
func (c *sctCheck) certificate(it *itemSightings, hash sampler.CertHash, precerts []sampler.CertHash) error {
	cert, _, err := c.v.readCertificate("certificates/" + hash.String() + ".der")
	if err != nil {
		return err
	}
	list, err := cert.SCTs()
	if err != nil {
		return c.must(sctSeen{cert: hash, logID: sampler.NoLog}, sampler.SCTUnreadable)
	}
	proven := slices.Contains(it.inLogs, hash)
	for _, p := range precerts {
		proven = proven || slices.Contains(it.inLogs, p) && c.v.pair(hash, p)
	}
	for _, s := range list {
		proven = proven || it.proven[sctSeen{hash, s.LogID.String(), s.Timestamp}]
	}
	if len(list) == 0 && !proven {
		return c.must(sctSeen{cert: hash, logID: sampler.NoLog}, sampler.SCTNone)
	}
	tbs, err := cert.PairingTBS()
	if err != nil {
		return err
	}
	for _, s := range list {
		if err := c.sct(it, hash, precerts, s, tbs, proven); err != nil {
			return fmt.Errorf("SCT of log %s: %w", s.LogID, err)
		}
	}
	return nil
}

// must checks that the list has this line.
func (c *sctCheck) must(key sctSeen, o sampler.SCTOutcome) error {
	if !slices.ContainsFunc(c.rows[key], func(r sampler.NotProven) bool { return r.Outcome == o }) {
		return fmt.Errorf("%s does not have it with outcome %s", sampler.NotProvenFile, o)
	}
	return nil
}

// sct checks one SCT of a certificate that is, or is not, proven by any of them.
func (c *sctCheck) sct(it *itemSightings, hash sampler.CertHash, precerts []sampler.CertHash, s ct.SCT, tbs []byte, proven bool) error {
	key := sctSeen{cert: hash, logID: s.LogID.String()}
	l := c.v.docs.logs[key.logID]
	rows := c.rows[key]
	if l == nil {
		if proven {
			return nil
		}
		return c.must(key, sampler.SCTUnknownLog)
	}
	valid := c.v.validSCT(l, s, tbs, c.v.docs.certs[hash].item.Issuer)
	if !valid {
		return c.must(key, sampler.SCTInvalid)
	}
	if l.listed.Status == sampler.LogExcluded {
		if proven {
			return nil
		}
		return c.must(key, sampler.SCTExcluded)
	}
	if it.proven[sctSeen{hash, key.logID, s.Timestamp}] {
		return nil
	}
	for _, p := range precerts { // its entry was read, not looked up
		if it.proven[sctSeen{p, key.logID, s.Timestamp}] && c.v.pair(hash, p) {
			return nil
		}
	}
	if len(rows) == 0 && (!proven || !young(l, s)) {
		return fmt.Errorf("it is neither proven nor in %s", sampler.NotProvenFile)
	}
	for _, row := range rows {
		if err := plausible(row.Outcome, l, s); err != nil {
			return fmt.Errorf("%s: %w", row.Outcome, err)
		}
	}
	return nil
}

// validSCT says whether the log signed the SCT, for any encoding of the issuer's key.
func (v *verifier) validSCT(l *log, s ct.SCT, tbs []byte, issuer sampler.KeyHash) bool {
	iss := v.docs.issuers[issuer]
	return iss != nil && slices.ContainsFunc(iss.keys, func(key [32]byte) bool { return ct.VerifySCT(l.listed.PublicKey, s, key, tbs) == nil })
}

// young says whether the entry need not have been in the tree yet.
func young(l *log, s ct.SCT) bool {
	return s.Timestamp > l.head.Timestamp || l.head.Timestamp-s.Timestamp < uint64(mergeDelay/time.Millisecond)
}

// plausible refuses an outcome that the SCT and the tree head refute.
func plausible(o sampler.SCTOutcome, l *log, s ct.SCT) error {
	index, noIndex := ct.LeafIndex(s.Extensions)
	switch o {
	case sampler.SCTAfterHead:
		if s.Timestamp <= l.head.Timestamp {
			return errors.New("the SCT is older than the tree head")
		}
	case sampler.SCTNotDue:
		if !young(l, s) {
			return errors.New("the SCT is older than 24 hours before the tree head")
		}
	case sampler.SCTNoEntry:
		if young(l, s) {
			return errors.New("the entry was not due yet")
		}
		if l.static() && noIndex == nil && index < l.head.Size {
			return fmt.Errorf("it names entry %d, and the tree has %d", index, l.head.Size)
		}
	case sampler.SCTOtherEntry:
		if !l.static() || noIndex != nil || index >= l.head.Size {
			return errors.New("the SCT names no entry of the tree")
		}
	case sampler.SCTNoIndex:
		if !l.static() || noIndex == nil {
			return errors.New("the SCT has an index")
		}
	case sampler.SCTInvalid, sampler.SCTExcluded, sampler.SCTUnknownLog:
		return errors.New("the SCT verifies under the log's key, and the log was not excluded")
	}
	return nil
}
