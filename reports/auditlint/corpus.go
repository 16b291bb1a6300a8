package auditlint

import (
	"fmt"
	"io/fs"

	"selfaudit/lint"
	"selfaudit/lint/checks"
	"selfaudit/sampler"
)

// Corpus lints certificates of a whole population the way the sample is linted, with the
// same surroundings, so that a certificate gets the same result in both.
type Corpus struct{ plan *Plan }

// CorpusCert is one certificate or precertificate of an item.
type CorpusCert struct {
	Cert   sampler.CertHash
	DER    []byte
	Signer []byte // Precertificate Signing Certificate, nil for none
}

// ReadCorpus takes issuers and logs from the documents of a frozen audit.
func ReadCorpus(fsys fs.FS, snapshot *sampler.Snapshot) (*Corpus, error) {
	p := &Plan{fsys: fsys, issuers: map[sampler.KeyHash]*checks.Pool{}}
	if err := p.readIssuers(snapshot); err != nil {
		return nil, err
	}
	if err := p.readTables(); err != nil {
		return nil, err
	}
	return &Corpus{p}, p.readLogs(snapshot)
}

// Linter returns the linter that Artifacts are for: the one of the lint stage.
func (c *Corpus) Linter() (*lint.Linter, error) {
	return lint.New(lint.Options{Document: true, Tables: c.plan.tables, Checks: checks.Set{}.Check})
}

// Artifacts makes the artifacts of one item with all its certificates.
func (c *Corpus) Artifacts(item sampler.ItemID, certs []CorpusCert) ([]lint.Artifact, error) {
	pool := c.plan.issuers[item.Issuer]
	if pool == nil {
		return nil, fmt.Errorf("reading draw/snapshot.json: it lists no issuer with key %s", item.Issuer)
	}
	var signers [][]byte
	for _, x := range certs {
		if x.Signer != nil {
			signers = append(signers, x.Signer)
		}
	}
	if len(signers) > 0 {
		pool = pool.Beside(signers)
	}
	list := make([]lint.Artifact, len(certs))
	for i, x := range certs {
		around := &checks.Surroundings{Issuers: pool, Logs: c.plan.logs}
		for j, other := range certs {
			if j != i {
				around.Others = append(around.Others, checks.Other{Name: fileName(other.Cert), DER: other.DER})
			}
		}
		list[i] = lint.Artifact{File: fileName(x.Cert), Kind: lint.KindCert, DER: x.DER, Attachment: around}
	}
	return list, nil
}

func fileName(h sampler.CertHash) string { return "certificates/" + h.String() + ".der" }
