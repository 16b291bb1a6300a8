package evidence

import (
	"bytes"
	"maps"
	"slices"

	"selfaudit/sampler"
)

// compareOutOfBand prints what only the auditor can know, because everything in a
// package could be made up together (evidence-and-workbook.md 1.3a). With the auditor's
// own copies of log keys and issuer certificates those are checked.
func (v *verifier) compareOutOfBand() {
	if v.docs.commitment != nil {
		v.report.add("commitment hash", Compare, "%s: with your receipt, or the place where it was published before %s",
			v.docs.commitHash, sampler.FormatTime(v.docs.commitment.BeaconTime))
	}
	v.report.add("tag manifest hash", Compare, "%s: with the hand-over letter; it covers every file of the package", v.hashes[fileTagManifest])
	v.compareLogs()
	v.compareIssuers()
}

// compareLogs compares the logs' ids with the auditor's copies of their keys.
func (v *verifier) compareLogs() {
	const name = "log id"
	if v.docs.logs == nil {
		return
	}
	own, err := ownLogKeys(v.options.LogKeys)
	if err != nil {
		v.fatal = err
		return
	}
	for _, id := range sortedKeys(v.docs.logs) {
		l := v.docs.logs[id]
		switch {
		case len(v.options.LogKeys) == 0:
			v.report.add(name, Compare, "%s, %s: with the root programmes' log lists", id, l.listed.URL)
		case own[id]:
			v.ok(name, "%s, %s: the key is one of yours", id, l.listed.URL)
		default:
			v.fail(name, "%s, %s: the key is none of yours", id, l.listed.URL)
		}
	}
}

// compareIssuers compares the issuers' certificates with the auditor's copies. A
// certificate that is none of his but has the key of one is a cross-signed twin.
func (v *verifier) compareIssuers() {
	const name = "issuer"
	if v.docs.issuers == nil {
		return
	}
	certs, keys, err := ownIssuers(v.options.Issuers)
	if err != nil {
		v.fatal = err
		return
	}
	audited := map[[32]byte]bool{}
	order := slices.SortedFunc(maps.Keys(v.docs.issuers), func(a, b sampler.KeyHash) int { return bytes.Compare(a[:], b[:]) })
	for _, key := range order {
		i := v.docs.issuers[key]
		known := false
		for _, k := range i.keys {
			audited[k] = true
			known = known || keys[k]
		}
		for _, hash := range i.certs {
			switch {
			case len(v.options.Issuers) == 0:
				v.report.add(name, Compare, "%s, certificate SHA-256 %s: with the CCADB", i.listed.Label, hash)
			case certs[hash]:
				v.ok(name, "%s, certificate SHA-256 %s: is one of yours", i.listed.Label, hash)
			case known:
				v.ok(name, "%s, certificate SHA-256 %s: not one of yours, but its key is", i.listed.Label, hash)
			default:
				v.fail(name, "%s, certificate SHA-256 %s: neither it nor its key is one of yours", i.listed.Label, hash)
			}
		}
	}
	missing := 0
	for key := range keys {
		if !audited[key] {
			missing++
		}
	}
	if missing > 0 {
		v.note(name, "%d issuer keys of yours are not audited here", missing)
	}
}

// openPoints says what no package of this version can show, loudly.
func (v *verifier) openPoints() {
	for _, stage := range v.bag.OpenStages {
		v.report.add(stage, Open, "this stage has not been done")
	}
	v.report.add("review", Open, "no record of a manual review is in this package; linting covers only part of the duty (BR 8.7)")
	v.report.add("signatures", Open, "nobody has signed this package")
	v.report.add("time stamps", Open, "no independent time stamp: without your receipt or a publication before the round, the commitment's time rests on the CA's clock alone (assurance level C)")
}
