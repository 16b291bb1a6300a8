package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"selfaudit/internal/auditdir"
	"selfaudit/reports/evidence"
	"selfaudit/sampler"
)

// voidedDraw is a commitment that was given up; its files stay in draw/void-<n>.
type voidedDraw struct {
	folder     string
	hash       sampler.DocHash
	commitment *sampler.Commitment
}

// voidDocument is void.json, which says why.
type voidDocument struct {
	Schema     string `json:"schema"`
	Commitment string `json:"commitment_sha256"`
	Reason     string `json:"reason"`
	Ground     string `json:"ground"` // "before-round", or the closed list of draw protocol 9
	VoidedAt   string `json:"voided_at"`
	Clock      string `json:"clock"`
}

// voided returns the audit's voided draws, oldest first.
func (a *audit) voided() ([]voidedDraw, error) {
	var out []voidedDraw
	for n := 1; ; n++ {
		folder := fmt.Sprintf("draw/void-%d", n)
		raw, err := a.dir.Read(folder + "/commitment.txt")
		if errors.Is(err, fs.ErrNotExist) {
			return out, nil
		}
		if err != nil {
			return nil, err
		}
		c, err := sampler.ParseCommitment(raw)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", a.dir.Path(folder+"/commitment.txt"), err)
		}
		out = append(out, voidedDraw{folder, sampler.HashDoc(raw), c})
	}
}

// voidGrounds are the only ones once the round has come (draw protocol 9).
var voidGrounds = map[string]string{
	"contribution":    "the auditor did not reveal the contribution",
	"chain-retired":   "the beacon's chain was retired",
	"dice-not-rolled": "the dice were not rolled",
}

// void gives the audit's commitment up: its files move to draw/void-<n>, with the reason.
// It returns the voided commitment's hash.
func (w *workspace) void(a *audit, o freezeOptions) (string, error) {
	if err := a.finishVoid(); err != nil {
		return "", err
	}
	switch {
	case a.commitment == nil:
		return "", usageErrorf("run `selfaudit freeze` without --void", "audit %s has no commitment to void", a.id)
	case strings.TrimSpace(o.Void) == "":
		return "", usageErrorf("", "--void needs a reason; it stays on record")
	case a.dir.Has(docSeed):
		return "", usageErrorf("items that do not belong are replaced, omitted ones enter the next population (draw protocol 9)",
			"audit %s is drawn: no defect of the population voids a draw", a.id)
	}
	raw, err := a.dir.Read(docCommitment)
	if err != nil {
		return "", err
	}
	hash := sampler.HashDoc(raw)
	if err := w.e.lastOfChain(a, hash); err != nil {
		return "", err
	}
	doc := voidDocument{Schema: "selfaudit.void/v1", Reason: o.Void, Ground: "before-round", VoidedAt: sampler.FormatTime(w.e.Now()), Clock: w.e.Clock()}
	if w.e.Now().Before(a.commitment.BeaconTime) && o.Ground != "" {
		return "", usageErrorf("leave --void-ground out: before the round a wrong commitment may simply be replaced", "the round of audit %s comes at %s",
			a.id, sampler.FormatTime(a.commitment.BeaconTime))
	}
	if !w.e.Now().Before(a.commitment.BeaconTime) {
		if voidGrounds[o.Ground] == "" {
			return "", usageErrorf("the grounds are --void-ground contribution, chain-retired and dice-not-rolled",
				"the round of audit %s came at %s: a draw is void only on a ground of draw protocol 9, else a planted defect would be a free second draw",
				a.id, sampler.FormatTime(a.commitment.BeaconTime))
		}
		if err := a.commitment.CheckVoidGround(o.Ground); err != nil {
			return "", usageErrorf("give the ground that there is, or draw", "audit %s cannot be voided: %w", a.id, err)
		}
		doc.Ground = o.Ground
	}
	if err := w.e.confirm(context.Background(), fmt.Sprintf("Void the commitment of audit %s? It stays on record, with your reason", a.id)); err != nil {
		return "", err
	}
	doc.Commitment = hash.String()
	text, err := jsonDocument(doc)
	if err != nil {
		return "", err
	}
	if err := a.dir.Replace(voidMark, text); err != nil {
		return "", err
	}
	return doc.Commitment, a.finishVoid()
}

// lastOfChain refuses to void a commitment that a later audit was built on.
func (e *env) lastOfChain(a *audit, hash sampler.DocHash) error {
	all, err := e.audits()
	if err != nil {
		return err
	}
	for _, b := range all {
		if b.id != a.id && b.commitment != nil && b.commitment.PreviousCommitment == hash {
			return usageErrorf(fmt.Sprintf("void audit %s first, if it must be", b.id), "audit %s follows this commitment of audit %s, which can no longer be voided", b.id, a.id)
		}
	}
	return nil
}

// voidMark, while it exists, says that the documents of the freeze belong to a voided
// commitment and are being moved: a killed process is completed by the next one.
const voidMark = "draw/void.json"

// finishVoid completes a void that was begun, and its record. The mark moves last.
func (a *audit) finishVoid() error {
	if a.dir.Has(voidMark) {
		if err := a.moveVoided(); err != nil {
			return err
		}
	}
	list, err := a.voided()
	if err != nil || len(list) == 0 {
		return err
	}
	name := list[len(list)-1].folder + "/void.json"
	raw, err := a.dir.Read(name)
	if err != nil {
		return err
	}
	var doc voidDocument
	if err := json.Unmarshal(raw, &doc); err != nil {
		return fmt.Errorf("%s: %w", a.dir.Path(name), err)
	}
	hashes, err := a.dir.HashDocuments(name)
	if err != nil {
		return err
	}
	return a.dir.Record(auditdir.Event{At: doc.VoidedAt, Clock: doc.Clock, Stage: "void", Note: doc.Reason, Documents: hashes})
}

// moveVoided moves the documents of the freeze to the next void folder: those of draw/ into it, the
// others under the names that they had. The mark moves last, so that whoever finds it goes on.
func (a *audit) moveVoided() error {
	folder := "draw/void-1"
	for n := 1; a.dir.Has(fmt.Sprintf("draw/void-%d/void.json", n)); n++ {
		folder = fmt.Sprintf("draw/void-%d", n+1)
	}
	others, err := a.frozenDocuments()
	if err != nil {
		return err
	}
	for _, name := range slices.Concat([]string{docCommitment, docBeacon}, others, []string{voidMark}) {
		to := folder + "/" + strings.TrimPrefix(name, "draw/")
		if err := os.MkdirAll(filepath.Dir(a.dir.Path(to)), 0o777); err != nil {
			return err
		}
		err := auditdir.Rename(a.dir.Path(name), a.dir.Path(to))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("moving %s aside: %w", name, err)
		}
	}
	a.commitment = nil
	return nil
}

// frozenDocuments are the documents that freeze has written and that are still in their places.
func (a *audit) frozenDocuments() ([]string, error) {
	var out []string
	for _, folder := range []string{"config", "ct", "draw", "findings", "records"} {
		err := fs.WalkDir(a.dir.FS(), folder, func(name string, e fs.DirEntry, err error) error {
			if err == nil && e.Type().IsRegular() && evidence.WrittenByFreeze(name) {
				out = append(out, name)
			}
			return err
		})
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
	}
	return out, nil
}
