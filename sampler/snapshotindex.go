package sampler

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// FileIndex is the Kind of a SnapshotFile that is no file but what a certificate index
// answered; see SnapshotIndex.
const FileIndex = "index"

// SnapshotIndex is a public index of certificates (crt.sh) that was asked beside the logs.
// What it shows counts like a file: a certificate that verifies under an audited key. What
// it does not show means nothing, and neither do its times. Interruptions are not recorded
// here: they do not change the answer, and equal answers must give equal bytes.
type SnapshotIndex struct {
	Name           string                `json:"name"`             // "crt.sh": path of its entry in Files, and the first element of a sighting's file
	Server         string                `json:"server"`           // address as configured; never with a password
	AskedAt        string                `json:"asked_at"`         // when it was asked first
	NotBeforeFrom  string                `json:"not_before_from"`  // certificates valid from this time on were asked for
	NotBeforeUntil string                `json:"not_before_until"` // exclusive
	Issuers        []SnapshotIndexIssuer `json:"issuers"`          // in the order of Snapshot.Issuers
	Certificates   int64                 `json:"certificates"`     // rows it answered with: final certificates and precertificates
	Kept           int64                 `json:"kept"`             // of the audited issuers
	Complete       bool                  `json:"complete"`         // it answered for every issuer and the whole time
	Reason         string                `json:"reason,omitempty"` // why not
}

// SnapshotIndexIssuer is what an index answered for one issuer key.
type SnapshotIndexIssuer struct {
	KeySHA256 KeyHash           `json:"key_sha256"`
	CAs       []SnapshotIndexCA `json:"cas"` // empty: it knows none by this key, or could not be asked
}

// SnapshotIndexCA is one of the index's own CAs: a name with a key.
type SnapshotIndexCA struct {
	ID           int64  `json:"id"` // https://crt.sh/?caid=…
	Certificates int64  `json:"certificates"`
	AskedUntil   string `json:"asked_until"` // it answered for every notBefore from NotBeforeFrom to this one, exclusive
}

// complete returns a copy without nil lists.
func (x *SnapshotIndex) complete() *SnapshotIndex {
	if x == nil {
		return nil
	}
	doc := *x
	doc.Issuers = append([]SnapshotIndexIssuer{}, x.Issuers...)
	for i := range doc.Issuers {
		doc.Issuers[i].CAs = append([]SnapshotIndexCA{}, doc.Issuers[i].CAs...)
	}
	return &doc
}

// checkIndexIssuers checks that an index which answered completely was asked for all issuers.
func (s *Snapshot) checkIndexIssuers() error {
	same := func(x SnapshotIndexIssuer, i SnapshotIssuer) bool { return x.KeySHA256 == i.KeySHA256 }
	if s.Index != nil && s.Index.Complete && !slices.EqualFunc(s.Index.Issuers, s.Issuers, same) {
		return errors.New("complete, and yet its issuers are not those of the audit")
	}
	return nil
}

func (x *SnapshotIndex) check() error {
	if x == nil {
		return nil
	}
	for _, t := range []struct{ key, value string }{{"asked_at", x.AskedAt}, {"not_before_from", x.NotBeforeFrom}, {"not_before_until", x.NotBeforeUntil}} {
		if _, err := ParseTime(t.value); err != nil {
			return fmt.Errorf("%s: %w", t.key, err)
		}
	}
	switch {
	case x.Name == "":
		return errors.New("no name")
	case x.Complete && x.Reason != "":
		return errors.New("complete, and yet a reason why it is not")
	case !x.Complete && strings.TrimSpace(x.Reason) == "":
		return errors.New("not complete, and no reason why")
	case x.Kept < 0 || x.Certificates < x.Kept:
		return fmt.Errorf("%d certificates, of which %d kept", x.Certificates, x.Kept)
	}
	var sum int64
	for _, iss := range x.Issuers {
		for _, ca := range iss.CAs {
			until, err := ParseTime(ca.AskedUntil)
			if err != nil {
				return fmt.Errorf("CA %d: asked_until: %w", ca.ID, err)
			}
			if x.Complete && FormatTime(until) != x.NotBeforeUntil {
				return fmt.Errorf("complete, and yet CA %d was asked only until %s", ca.ID, ca.AskedUntil)
			}
			if ca.Certificates < 0 {
				return fmt.Errorf("CA %d with %d certificates", ca.ID, ca.Certificates)
			}
			sum += ca.Certificates
		}
	}
	if sum != x.Certificates {
		return fmt.Errorf("%d certificates, but its CAs have %d", x.Certificates, sum)
	}
	return nil
}
