package workbook

import (
	"fmt"
	"slices"
	"strings"

	"github.com/xuri/excelize/v2"

	"selfaudit/reports"
	"selfaudit/sampler"
)

// topic is one numbered paragraph of the methodology.
type topic struct{ title, text string }

// methodology writes how the audit was done: numbered paragraphs, each true of this
// audit and not of audits in general.
func (b *book) methodology() error {
	s, err := b.addSheet(page{name: sheetMethodology, portrait: true, onePage: true, widths: []float64{5, 98}}, nil)
	if err != nil {
		return err
	}
	s.title("Methodology", "How the audit was done and by which rules. Numbers are of this audit.")
	number := look{size: 10, bold: true, color: navy, top: true, align: "right"}
	text := look{size: 10, wrap: true, top: true, indent: 1}
	bold := &excelize.Font{Family: textFont, Size: 10, Bold: true, Color: navy}
	plainFont := &excelize.Font{Family: textFont, Size: 10, Color: ink}
	for i, t := range b.topics() {
		runs := []excelize.RichTextRun{{Text: t.title + ".  ", Font: bold}, {Text: t.text, Font: plainFont}}
		s.write(height(wrapped(flat(runs), text, s.p.widths[1]), text.size)+5,
			cell{v: fmt.Sprintf("%d", i+1), l: number}, cell{v: runs, l: text})
	}
	return s.close()
}

func (b *book) topics() []topic {
	return []topic{
		{"Purpose", "Quarterly self-audit of issued certificates by " + b.requirement() + ": a randomly selected sample of the greater of one certificate or at least three percent of the certificates issued since the previous sample was taken (S/MIME: at least thirty), reviewed against the CA's Certificate Policy, its Certification Practice Statement and the requirements. The drawn certificates are linted again, independently of linting before issuance, as BR 8.7 asks since 2025-03-15."},
		{"Requirements in force", b.inForce()},
		{"Population", b.populationText()},
		{"Completeness", b.completenessText()},
		{"Which audit a certificate belongs to", b.membershipText()},
		{"Strata", b.strataText()},
		{"Selection", b.selectionText()},
		{"Replacement", "A drawn certificate is replaced only if it does not belong to the population after all: not issued under this key, a duplicate, or an issuer that is not publicly trusted. The lowest unused rank of the same stratum then takes its place. Missing or late evidence, revocation, expiry or an unreachable subscriber are no grounds; such an item is recorded as a deviation. In this audit: no replacement, " + b.voidedText() + "."},
		{"Linting", b.lintText()},
		{"Manual review", fmt.Sprintf("Each drawn certificate is compared with the evidence of its validation on the sheet %s. Recorded so far: %s of %s. Validation documents stay with the CA; the record holds their internal reference.", sheetReview, number(b.summary.Review.Recorded), number(b.summary.Review.Of))},
		{"Evaluation", "For each stratum: the number of drawn certificates with a problem, the observed rate, and the largest number of certificates in the stratum that could have one without the sample being improbable at 5 % (one-sided, exact, hypergeometric distribution: sampling without replacement). Until a reviewer has decided, a finding of severity error or fatal counts as a problem. Strata of different rates are never pooled: the estimate for all weights them by population, the bound for all adds the strata's bounds at 5 % divided by the number of strata."},
		{"Limits", b.limitsText()},
	}
}

// inForce lists the versions of the requirement documents on the days that matter.
func (b *book) inForce() string {
	var parts []string
	for _, r := range b.summary.Requirements {
		if !b.concerns(r) {
			continue
		}
		versions := "version " + r.PeriodStart
		switch {
		case r.PeriodStart == r.PeriodEnd && r.PeriodEnd == r.AtReport:
			versions += " throughout"
		default:
			versions = fmt.Sprintf("version %s at the start of the period, %s at its end, %s at the time of this report", r.PeriodStart, r.PeriodEnd, r.AtReport)
		}
		parts = append(parts, r.Name+": "+versions+".")
	}
	return strings.Join(parts, " ") + " Source: " + b.summary.TableEdition + ". The versions of the CA's own CP and CPS are stated on the sheet " + sheetSignOff + "."
}

// concerns says whether a document applies to any stratum; the TLS requirements are
// named always, because BR 8.7 is the rule of the audit itself.
func (b *book) concerns(r reports.InForce) bool {
	if r.Document == "TLS-BR" {
		return true
	}
	for _, st := range b.audit.Strata {
		switch st.ID.Class {
		case sampler.ClassEV:
			if r.Document == "EVG" {
				return true
			}
		case sampler.ClassSMIME:
			if r.Document == "SMIME-BR" {
				return true
			}
		case sampler.ClassCS, sampler.ClassCSEV:
			if r.Document == "CS-BR" {
				return true
			}
		}
	}
	return false
}

func (b *book) populationText() string {
	snap := b.audit.Snapshot
	proven, entries, lookedUp := 0, int64(0), 0
	for _, l := range snap.Logs {
		if l.Status == sampler.LogLookedUp && l.LookedUp > 0 {
			lookedUp++
		}
		if l.Status == sampler.LogProven {
			proven++
			entries += l.Entries
		}
	}
	text := fmt.Sprintf("All certificates of %s whose issuance time lies in the period, one item for each issuing key and serial number: a certificate and its precertificate are one item, a precertificate alone counts as issued (BR 7.1.2.9). Issuers are recognised by key, so cross-certificates of one key are one issuer. ", counted(len(snap.Issuers), "issuing CA", "issuing CAs"))
	text += fmt.Sprintf("Sources: %s with %s", counted(proven, "Certificate Transparency log", "Certificate Transparency logs"), sampler.Counted(entries, "entry", "entries"))
	if lookedUp > 0 {
		text += fmt.Sprintf(", %s in which single entries were looked up", counted(lookedUp, "log", "logs"))
	}
	files := slices.DeleteFunc(slices.Clone(snap.Files), func(f sampler.SnapshotFile) bool { return f.Kind == sampler.FileIndex })
	if len(files) > 0 {
		text += fmt.Sprintf(" and %s of certificates given by the CA", counted(len(files), "file", "files"))
	}
	if snap.Index != nil {
		text += fmt.Sprintf(", with %s as a cross-check", brief(snap.Index.Name, briefDetail, "draw/snapshot.json"))
	}
	return text + fmt.Sprintf(". Result: %s seen, %s in the population (%s as certificate and precertificate, %s as certificate only, %s as precertificate only). Nothing but issuing key and time selects; there is no other filter.",
		sampler.Counted(snap.Counts.ItemsSeen, "item", "items"), number(b.summary.Population), number(snap.Counts.Both), number(snap.Counts.FinalOnly), number(snap.Counts.PrecertOnly))
}

func (b *book) completenessText() string {
	snap := b.audit.Snapshot
	if len(snap.Completeness) > 0 {
		return b.completenessStatement(snap.Completeness)
	}
	text := "Each log was read in full up to a signed tree head that was fixed before the first entry was read; its signature was verified with the log's configured key, and the Merkle tree root recomputed from every entry equals the signed one, so no entry was left out, added or changed. What the tree does not cover (stored precertificates and chains) was checked against what it covers. "
	excluded := 0
	for _, l := range snap.Logs {
		if l.Status == sampler.LogExcluded {
			excluded++
		}
	}
	if excluded > 0 {
		text += counted(excluded, "log was", "logs were") + " excluded, with the reason on the sheet " + sheetDraw + ". "
	}
	if n := len(snap.UnreadLogs); n > 0 {
		text += counted(n, "log", "logs") + " named in certificates but not read. "
	}
	if len(snap.Logs) == 0 {
		text = "The population rests on files given by the CA alone; nothing outside the CA shows that they are complete. "
	}
	return text + "Certificates that are in no log and in no file of the CA cannot be seen: reconciliation with the CA's issuance records is a step of its own."
}

func (b *book) membershipText() string {
	snap := b.audit.Snapshot
	rule := "the earliest of its log entries' time stamps, the time stamps of its embedded SCTs, and the CA's own record; without any of these its notBefore"
	if snap.IssuanceTime == sampler.IssuedByNotBefore {
		rule = "the earlier of its notBefore and its CT time, a choice of the CA that stands in the snapshot"
	}
	text := fmt.Sprintf("Issuance time of an item: %s. An item belongs to the first audit of the chain in which it is seen, so none falls between two audits and none is counted twice. By CT time: %s, by the CA's record: %s, by notBefore: %s. First seen now though issued before the period: %s. At or after the end of the period, waiting for the next audit: %s.",
		rule, sampler.Counted(snap.Counts.IssuedByCT, "item", "items"), number(snap.Counts.IssuedByRecord), number(snap.Counts.IssuedByNotBefore), number(snap.Counts.Late), number(snap.Counts.Waiting))
	if o := snap.Outside; o != nil && o.Carried > 0 {
		text += fmt.Sprintf(" Waited in an earlier audit and shown by nothing that was read now, so waiting on: %s.", number(o.Carried))
	}
	if snap.Counts.Predated > 0 {
		text += fmt.Sprintf(" Left out by notBefore although their CT time is not before the chain: %s; the CA chose these times itself.", number(snap.Counts.Predated))
	}
	return text
}

func (b *book) strataText() string {
	if len(b.summary.Strata) == 0 {
		return "None, because nothing was issued in the period. The record of an empty period is still evidence that the control ran."
	}
	var rates []string
	seen := map[string]bool{}
	for _, l := range b.summary.Strata {
		r := fmt.Sprintf("%g %% of %s", float64(l.RateBP)/100, reports.Level(sampler.Class(l.Class)))
		if !seen[r] {
			seen[r] = true
			rates = append(rates, r)
		}
	}
	return fmt.Sprintf("The population is divided by issuing CA and type of certificate into %s, decided from the policy identifiers before the draw and committed with it. Rates: %s. Each stratum's sample is rounded up and at least one, so the rate of the whole is never below that of the rule. Types that cannot be decided are reviewed in full.",
		counted(len(b.summary.Strata), "stratum", "strata"), strings.Join(rates, ", "))
}

func (b *book) selectionText() string {
	c := b.audit.Commitment
	source := "a public value of the drand randomness beacon that did not exist when the population was fixed; its round follows by rule from the end of the period, and its signature is verified with the beacon's known key"
	if c.Beacon == sampler.BeaconDice {
		source = "20 rolls of a ten-sided die, made after the population was fixed"
		if b.rehearsal != "" {
			source = "digits given for this rehearsal (in an audit: a public randomness beacon, or dice rolled before a witness)"
		}
	}
	return fmt.Sprintf("Random selection without replacement within each stratum. The population, the strata and the sizes were fixed first by a commitment (the SHA-256 of draw/commitment.txt). The seed comes from %s. Each item's ticket is SHA-256 over the seed and the item's identity; the lowest tickets of a stratum are its sample, the next its reserve (method %s). Anyone can repeat the draw with common tools; neither the CA nor this program can influence it once the population is fixed.", source, c.DrawMethod)
}

func (b *book) voidedText() string {
	if n := len(b.audit.Voided); n > 0 {
		return counted(n, "voided draw, on record on the sheet "+sheetDraw, "voided draws, on record on the sheet "+sheetDraw)
	}
	return "no voided draw"
}

func (b *book) lintText() string {
	text := "Every drawn item was linted: the certificate, and the precertificate where both exist. "
	if b.summary.Lint == nil {
		text = "Open: the sample is not linted yet. "
	} else {
		text += fmt.Sprintf("Linter: %s (versions, checksums and rule list in lint/linter.json). ", b.summary.Lint.Linter)
	}
	if l := b.summary.Lint; l != nil && len(l.RuleSets) > 0 {
		text += "Every lint ran on every certificate; which sources count for it follows from its type (lint/linter.json). Each was judged as of issuance, and a second time as if issued on the day of the audit (sheet " + sheetToday + "), which is no result about compliance. Beside the linter's rules, issuer name, key identifier, signature, validity, serial number, precertificate and SCTs were checked with the certificates and log keys of the audit; what collecting has found already is not counted twice. "
	}
	return text + "What linting does not say: it judges the bytes of the certificate against rules that a program can check. It does not see whether the applicant controlled the domain, whether the organisation exists, whether CAA was honoured, how old the evidence was or whether the CP and CPS were followed; and the absence of a remark is no proof of compliance, because not every rule has a check. Rules apply by the linter's own effective dates."
}

func (b *book) limitsText() string {
	text := "The sample is a duty, not a statistical assurance: a small stratum proves little, and with one drawn certificate and no finding the bound stays near 95 %. The draw shows how certificates were chosen, not that their review was right. The time of the commitment rests on the clock of the CA unless an independent time stamp or the auditor's receipt is added. Revocation status is not checked here. Log keys and issuer certificates come with the package; an auditor compares them with copies of his own."
	if b.rehearsal != "" {
		text = "This is a rehearsal: it belongs to no chain of audits, its randomness was known in advance, and it is no evidence of anything. " + text
	}
	return text
}
