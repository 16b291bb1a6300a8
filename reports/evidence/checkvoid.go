package evidence

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"selfaudit/internal/jsonlines"
	"selfaudit/sampler"
	"selfaudit/sampler/draw"
)

// checkVoided checks the folders of voided draws and that the commitments name each
// other: every voided draw stays on record (protocol section 9).
func (v *verifier) checkVoided() {
	const name = "voided draws"
	if v.docs.commitment == nil {
		v.refused(name, "the commitment")
		return
	}
	folders := v.voidFolders()
	var bad failures
	var replaced sampler.DocHash
	for i, dir := range folders {
		if want := fmt.Sprintf("draw/void-%d", i+1); dir != want {
			bad.add("%s is there but %s is not", dir, want)
			break
		}
		c, err := v.checkVoid(dir)
		if err != nil {
			bad.add("%s: %v", dir, err)
			break
		}
		if c.Replaces != replaced && !v.report.Rehearsal {
			bad.add("%s repeats commitment %s, the one voided before it is %s", dir, c.Replaces.OrNone(), replaced.OrNone())
		}
		if current := v.docs.commitment; c.PreviousCommitment != current.PreviousCommitment || !c.ChainStart.Equal(current.ChainStart) {
			bad.add("%s belongs to another chain than commitment.txt", dir)
		}
		raw, err := v.data.ReadFile(dir + "/commitment.txt")
		if err != nil {
			bad.add("%v", err)
			break
		}
		replaced = sampler.HashDoc(raw)
	}
	// A rehearsal is in no chain, so its commitments name no other.
	if got := v.docs.commitment.Replaces; bad.total == 0 && got != replaced && !v.report.Rehearsal {
		bad.add("commitment.txt repeats commitment %s, the last one in a void folder is %s", got.OrNone(), replaced.OrNone())
	}
	if len(folders) == 0 {
		bad.close(v, name, "none, and the commitment repeats none")
		return
	}
	bad.close(v, name, "%d, each with its files and a reason, each named by the commitment that repeats it", len(folders))
}

// voidFolders returns the folders draw/void-N in the order of their numbers.
func (v *verifier) voidFolders() []string {
	var out []string
	for n := 1; n <= 999; n++ {
		if dir := fmt.Sprintf("draw/void-%d", n); v.data.folders[dir] != nil {
			out = append(out, dir)
		}
	}
	return out
}

// checkVoid checks one voided draw as far as it had come: its reason, and its commitment
// with the documents it commits to; a draw that was made is derived again.
func (v *verifier) checkVoid(dir string) (*sampler.Commitment, error) {
	raw, err := v.data.ReadFile(dir + "/commitment.txt")
	if err != nil {
		return nil, err
	}
	c, err := sampler.ParseCommitment(raw)
	if err != nil {
		return nil, err
	}
	record, err := v.voidReason(dir, raw, c)
	if err != nil {
		return nil, err
	}
	if c.AuditID != v.docs.commitment.AuditID || c.Mode != v.docs.commitment.Mode {
		return nil, fmt.Errorf("its commitment is of audit %s in mode %s", c.AuditID, c.Mode)
	}
	drawn := "before its draw"
	if v.data.has(dir + "/sample.tsv") {
		drawn = "after its draw, which was derived again"
		_, err = draw.Verify(v.data.sub(dir))
	} else {
		err = v.compareVoid(dir, c)
	}
	if err == nil {
		err = v.setAside(dir)
	}
	if err != nil {
		return nil, err
	}
	v.note("voided draws", "%s: commitment %s was voided %s, %s, ground %s; reason: %s", dir, sampler.HashDoc(raw), record.VoidedAt, drawn, record.Ground, record.Reason)
	return c, nil
}

// compareVoid compares a voided commitment with its documents when no draw was made.
func (v *verifier) compareVoid(dir string, c *sampler.Commitment) error {
	for _, d := range []struct {
		name string
		want sampler.DocHash
	}{{"population.tsv", c.PopulationHash}, {"strata.tsv", c.StrataHash}, {"snapshot.json", c.SnapshotHash}} {
		hash, there := v.hashes[payloadFolder+"/"+dir+"/"+d.name]
		if !there {
			return fmt.Errorf("%s: %w", d.name, fs.ErrNotExist)
		}
		if hash != d.want {
			return fmt.Errorf("%s is not the committed one", d.name)
		}
	}
	return nil
}

// setAside checks that the documents that the voided freeze wrote besides the draw's own are in the
// folder too, and are those that its snapshot names. The record of events has the others' hashes.
func (v *verifier) setAside(dir string) error {
	raw, err := v.data.ReadFile(dir + "/snapshot.json")
	if err != nil {
		return err
	}
	s, err := sampler.ParseSnapshot(raw)
	if err != nil {
		return err
	}
	want := map[string]sampler.DocHash{"config/selfaudit.toml": {}, "findings/items.jsonl": {}}
	if s.Pairings != nil {
		want["ct/pairings.tsv"] = s.Pairings.SHA256
	}
	if s.Outside != nil {
		want[sampler.OutsideFile] = s.Outside.SHA256
	}
	if s.SCTs != nil {
		want[sampler.NotProvenFile] = s.SCTs.List
	}
	if r := s.Reconciliation; r != nil {
		want[sampler.ReconciliationFile] = r.Document
		for _, l := range r.Lists {
			want[sampler.ReconciliationListFile(l.Name)] = l.SHA256
		}
	}
	for _, name := range sortedKeys(want) {
		hash, there := v.hashes[payloadFolder+"/"+dir+"/"+name]
		switch {
		case !there:
			return fmt.Errorf("%s: %w", name, fs.ErrNotExist)
		case want[name] != sampler.DocHash{} && hash != want[name]:
			return fmt.Errorf("%s is not the one that its snapshot.json names", name)
		}
	}
	for _, name := range []string{"ct/pairings.tsv", sampler.OutsideFile, sampler.NotProvenFile, sampler.ReconciliationFile} {
		if _, named := want[name]; !named && v.data.has(dir+"/"+name) {
			return fmt.Errorf("%s: its snapshot.json does not name it", name)
		}
	}
	return nil
}

// voidSchema names the form of void.json.
const voidSchema = "selfaudit.void/v1"

// voidRecord is void.json: which commitment was given up and why.
type voidRecord struct {
	Schema     string `json:"schema"`
	Commitment string `json:"commitment_sha256"`
	Reason     string `json:"reason"`
	Ground     string `json:"ground"`
	VoidedAt   string `json:"voided_at"`
	Clock      string `json:"clock"`
}

// voidGrounds are the grounds on which a commitment may be given up: before its round any
// reason, after it those of protocol section 9 alone.
var voidGrounds = []string{"before-round", "contribution", "chain-retired", "dice-not-rolled"}

// voidReason reads void.json of a folder whose commitment is c.
func (v *verifier) voidReason(dir string, commitment []byte, c *sampler.Commitment) (*voidRecord, error) {
	raw, err := v.data.ReadFile(dir + "/void.json")
	if err != nil {
		return nil, err
	}
	r := new(voidRecord)
	if err := jsonlines.Decode(raw, r); err != nil {
		return nil, fmt.Errorf("void.json: %w", err)
	}
	if err := sameBytes(raw, func() ([]byte, error) { return jsonlines.Document(r) }); err != nil {
		return nil, fmt.Errorf("void.json: %w", err)
	}
	at, err := sampler.ParseTime(r.VoidedAt)
	switch {
	case err != nil:
		return nil, fmt.Errorf("void.json: voided_at: %w", err)
	case r.Schema != voidSchema:
		return nil, fmt.Errorf("void.json: schema %q, this program reads %s", r.Schema, voidSchema)
	case r.Commitment != sampler.HashDoc(commitment).String():
		return nil, fmt.Errorf("void.json is about commitment %s, the folder holds %s", r.Commitment, sampler.HashDoc(commitment))
	case r.Reason == "":
		return nil, errors.New("void.json gives no reason")
	case !slices.Contains(voidGrounds, r.Ground):
		return nil, fmt.Errorf("void.json: %q is no ground of protocol section 9", r.Ground)
	case r.Ground != voidGrounds[0] && c.CheckVoidGround(r.Ground) != nil:
		return nil, fmt.Errorf("void.json: %w", c.CheckVoidGround(r.Ground))
	case r.Ground == voidGrounds[0] && !at.Before(c.BeaconTime):
		return nil, fmt.Errorf("void.json says %q, but was written %s, after the round's %s", r.Ground, r.VoidedAt, sampler.FormatTime(c.BeaconTime))
	}
	return r, nil
}
