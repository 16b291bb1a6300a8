package main

import (
	"fmt"

	"selfaudit/reports/evidence"
)

// stage is one step of an audit. The order of the constants is the order of the steps.
type stage int

const (
	stageCollect stage = iota
	stageFreeze
	stageDraw
	stageLint
	stageReport
	stageSeal
	stageCount
)

var stageNames = [...]string{"collect", "freeze", "draw", "lint", "report", "seal"}

// stageMarks are the documents whose existence completes a stage; seal has its own rule.
var stageMarks = [...]string{docCollected, docCommitment, docSightings, docResults, docSummary}

func (s stage) String() string { return stageNames[s] }

// done says whether a stage is complete. The work folder may be deleted once the audit is
// sealed, so a later stage counts for an earlier one.
func (a *audit) done(s stage) bool {
	if s == stageSeal {
		return a.sealedZip() != ""
	}
	for i := s; i < stageSeal; i++ {
		if i >= stageFreeze && a.dir.Has(voidMark) {
			return false // being voided
		}
		if a.dir.Has(stageMarks[i]) {
			return true
		}
	}
	return false
}

// next is the first stage that is not complete; stageCount when all are.
func (a *audit) next() stage {
	for s := stageCollect; s < stageCount; s++ {
		if !a.done(s) {
			return s
		}
	}
	return stageCount
}

// sealedZip returns the name of the complete package's zip, or "".
func (a *audit) sealedZip() string {
	name := evidence.ZipName(a.id, a.opening.Mode, false)
	if !a.dir.Has(sealedFolder + "/" + name) {
		return ""
	}
	return name
}

// need refuses to run stage s before the stages it stands on, and names the missing command.
func (a *audit) need(s stage) error {
	if n := a.next(); n < s {
		return &exitError{code: exitUsage, id: "out_of_order", err: fmt.Errorf("audit %s cannot %s yet: %s has not been done", a.id, s, n),
			hint: fmt.Sprintf("run `selfaudit %s --audit %s` first, or let `selfaudit run --audit %s` take every step", n, a.id, a.id)}
	}
	return nil
}
