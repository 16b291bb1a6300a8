package main

import (
	"slices"
	"strings"
	"time"

	"selfaudit/sampler"
)

// What can become of a collected item, beside the verdicts of sampler.
const (
	statusPopulation = "population" // current or late: in the population
	statusEarlier    = "in-earlier" // in the population of an earlier audit
)

var statusWords = []string{statusPopulation, string(sampler.Current), string(sampler.Late), string(sampler.Waiting), string(sampler.TooOld),
	string(sampler.Predated), string(sampler.Carried), statusEarlier}

// populationQuery is what the flags ask for.
type populationQuery struct {
	lookup      bool // one certificate is asked for: the answer is yes or no
	serial      sampler.Serial
	cert        *sampler.CertHash
	name        string // lower case
	issuers     map[sampler.KeyHash]bool
	from, until time.Time
	stratum     string
	stratumID   *sampler.StratumID
	status      string
	proof       bool
	detail      bool // sightings are wanted
	known       *knownIssuers
}

// knownIssuers are the audited issuers with their labels, in the order of their keys.
type knownIssuers struct {
	keys   []sampler.KeyHash
	labels map[sampler.KeyHash]string
	words  map[string]string // of stratum labels; nil before they are known
}

func issuersOfSnapshot(s *sampler.Snapshot) *knownIssuers {
	k := &knownIssuers{labels: map[sampler.KeyHash]string{}, words: s.Words()}
	for _, i := range s.Issuers {
		k.keys = append(k.keys, i.KeySHA256)
		k.labels[i.KeySHA256] = i.Label
	}
	return k
}

// stratum is the stratum's name for people, as in strata.tsv but not escaped for it.
func (k *knownIssuers) stratum(id sampler.StratumID) string {
	name := k.labels[id.Issuer]
	if name == "" {
		name = id.Issuer.String()[:16]
	}
	name += " " + strings.ToUpper(string(id.Class))
	if words := k.words[id.Label]; id.Label != "" && words != "" {
		name += " " + words
	} else if id.Label != "" {
		name += " " + id.Label
	}
	return name
}

// find returns the issuers of that label, or whose key hash begins so.
func (k *knownIssuers) find(text string) (map[sampler.KeyHash]bool, error) {
	out := map[sampler.KeyHash]bool{}
	var labels []string
	for _, key := range k.keys {
		labels = append(labels, k.labels[key])
		if strings.EqualFold(k.labels[key], text) || len(text) >= 8 && strings.HasPrefix(key.String(), strings.ToLower(text)) {
			out[key] = true
		}
	}
	if len(out) == 0 {
		return nil, usageErrorf("the issuers are: "+strings.Join(labels, ", "), "--issuer %q is no audited issuer", text)
	}
	return out, nil
}

// query turns the flags into a query over a source.
func (o populationOptions) query(about populationAbout, known *knownIssuers) (*populationQuery, error) {
	q := &populationQuery{lookup: o.Serial != "" || o.SHA256 != "", name: strings.ToLower(o.Name), proof: o.Proof, known: known}
	q.detail = q.lookup || q.proof || o.Format == "json" || o.Format == "jsonl" || o.Format == "pem"
	var err error
	if o.Serial != "" {
		if q.serial, err = serialOf(o.Serial); err != nil {
			return nil, usageErrorf("give the serial number in hex, as `openssl x509 -serial` prints it", "--serial %q: %w", o.Serial, err)
		}
	}
	if o.SHA256 != "" {
		cert, err := sampler.ParseCertHash(hexDigits(o.SHA256))
		if err != nil {
			return nil, usageErrorf("give the SHA-256 fingerprint of the DER certificate, 64 hex digits", "--sha256: %w", err)
		}
		q.cert = &cert
	}
	if o.Issuer != "" {
		if q.issuers, err = known.find(o.Issuer); err != nil {
			return nil, err
		}
	}
	if q.from, q.until, err = (collectOptions{From: o.From, Until: o.Until}).period(); err != nil {
		return nil, err
	}
	if o.Stratum != "" {
		if err := q.setStratum(o.Stratum); err != nil {
			return nil, err
		}
	}
	q.status = o.Status
	switch {
	case q.status != "" && !slices.Contains(statusWords, q.status):
		return nil, usageErrorf("use "+strings.Join(statusWords, ", "), "unknown --status %q", q.status)
	case about.Source == sourceDocuments && !about.outside && q.status != "" && !slices.Contains(statusWords[:3], q.status) && q.status != statusEarlier:
		return nil, usageErrorf("ask where the audit's work folder is", "--status %s: the documents of an audit do not tell what was collected and left out", q.status)
	}
	return q, nil
}

// setStratum takes a stratum's id, or the label of an issuer with a class: "DV1 DV".
func (q *populationQuery) setStratum(text string) error {
	if id, err := sampler.ParseStratumID(text); err == nil {
		q.stratumID = &id
		return nil
	}
	q.stratum = strings.ToLower(text)
	for _, key := range q.known.keys {
		prefix := strings.ToLower(q.known.stratum(sampler.StratumID{Issuer: key}))
		rest, ok := strings.CutPrefix(q.stratum, prefix)
		class, _, _ := strings.Cut(rest, " ")
		if _, err := sampler.ParseClass(class); ok && err == nil {
			return nil
		}
	}
	var labels []string
	for _, key := range q.known.keys {
		labels = append(labels, q.known.labels[key])
	}
	return usageErrorf("a stratum is an issuer's label and a class, such as \"DV1 DV\"; the issuers are: "+strings.Join(labels, ", "), "there is no stratum %q", text)
}

// wants says whether the query asks for an item, as far as its row tells. Names and the
// hashes of other certificates of the item are the source's to compare.
func (q *populationQuery) wants(row sampler.Row, status string) bool {
	switch {
	case q.serial != "" && row.Item.Serial != q.serial,
		q.issuers != nil && !q.issuers[row.Item.Issuer],
		q.stratumID != nil && row.Stratum != *q.stratumID,
		q.stratum != "" && strings.ToLower(q.known.stratum(row.Stratum)) != q.stratum,
		!q.from.IsZero() && row.Issued.Before(q.from),
		!q.until.IsZero() && !row.Issued.Before(q.until):
		return false
	}
	in := status == string(sampler.Current) || status == string(sampler.Late)
	return q.status == "" || q.status == status || q.status == statusPopulation && in
}

// named says whether one of a certificate's names holds the text asked for.
func (q *populationQuery) named(names []string) bool {
	return q.name == "" || slices.ContainsFunc(names, func(n string) bool { return strings.Contains(strings.ToLower(n), q.name) })
}

// hexDigits drops what people and programs put between hex digits.
func hexDigits(s string) string {
	s = strings.ToLower(strings.TrimSpace(s))
	_, value, found := strings.Cut(s, "=") // openssl: "serial=04AB", "sha256 Fingerprint=AB:CD"
	if !found {
		value = s
	}
	return strings.NewReplacer(":", "", " ", "", "\t", "").Replace(strings.TrimPrefix(value, "0x"))
}

// serialOf reads a serial number as people write it.
func serialOf(s string) (sampler.Serial, error) {
	digits := hexDigits(s)
	digits, negative := strings.CutPrefix(digits, "-")
	if len(digits)%2 == 1 {
		digits = "0" + digits
	}
	for len(digits) > 2 && strings.HasPrefix(digits, "00") {
		digits = digits[2:]
	}
	if negative {
		digits = "-" + digits
	}
	return sampler.ParseSerial(digits)
}
