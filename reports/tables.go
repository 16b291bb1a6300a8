package reports

import (
	"fmt"
	"slices"
	"time"

	"selfaudit/lint/requirements"
	"selfaudit/sampler"
)

// registerDocument is where report keeps the CA's register of reviews.
const registerDocument = "config/requirements-review.csv"

// loadTables reads the tables of document versions that freeze kept. An audit of an older
// program has none: then the program's own are used, and the summary leaves out what came
// with the kept ones.
func (a *Audit) loadTables() (err error) {
	a.Tables, a.TablesKept, err = requirements.OfAudit(a.fsys)
	return err
}

// loadRegister reads the CA's register of reviews, as report kept it.
func (a *Audit) loadRegister() error {
	data, ok, err := a.read(registerDocument)
	if err != nil || !ok {
		return err
	}
	if a.Register, err = requirements.ParseRegister(data); err != nil {
		return fmt.Errorf("reading %s: %w", registerDocument, err)
	}
	return nil
}

// VersionReview is one version that came into force in the audited period, with what the
// CA's register says of it.
type VersionReview struct {
	Document     string   `json:"document"`
	Version      string   `json:"version"`
	Effective    string   `json:"effective"` // YYYY-MM-DD
	Ballots      []string `json:"ballots"`
	InPopulation bool     `json:"in_population"` // the population has certificates that the document is about
	// Recorded says whether the register has a review; Before whether the first one was made
	// before the version came into force.
	Recorded bool                  `json:"recorded"`
	Before   bool                  `json:"before_effective"`
	Reviews  []requirements.Review `json:"reviews"`
}

// RegisterState is what the register has beside the reviews of the period.
type RegisterState struct {
	Kept bool `json:"kept"` // the CA keeps a register
	Rows int  `json:"rows"`
	// Unknown are rows about versions that the tables do not know, or know otherwise.
	Unknown []string `json:"unknown"`
}

// versionReviews lists the versions that came into force in the period.
func (a *Audit) versionReviews(start, end time.Time) []VersionReview {
	out := []VersionReview{}
	for _, document := range requirements.Documents() {
		for _, v := range a.Tables.Between(document, start, end) {
			r := VersionReview{Document: document, Version: v.Number, Effective: v.Effective.Format(time.DateOnly), Ballots: v.Ballots,
				InPopulation: a.concerned(document), Reviews: []requirements.Review{}}
			if a.Register != nil {
				r.Reviews = append(r.Reviews, a.Register.Of(document, v.Number)...)
			}
			if len(r.Reviews) > 0 {
				r.Recorded, r.Before = true, r.Reviews[0].ReviewedOn < r.Effective
			}
			out = append(out, r)
		}
	}
	return out
}

// registerState says what of the register the tables do not know.
func (a *Audit) registerState() *RegisterState {
	s := &RegisterState{Unknown: []string{}}
	if a.Register == nil {
		return s
	}
	s.Kept, s.Rows = true, len(a.Register.Reviews)
	for _, v := range a.Register.Reviews {
		if why := a.Tables.Unknown(v); why != "" {
			s.Unknown = append(s.Unknown, why)
		}
	}
	return s
}

// concerned says whether the population has certificates that a document is about, by their
// classes (draw protocol section 4). The TLS documents always count: certificates of an
// undecided class can be TLS certificates.
func (a *Audit) concerned(document string) bool {
	return document == requirements.TLSBR || slices.ContainsFunc(a.Strata, func(s sampler.Stratum) bool {
		switch s.ID.Class {
		case sampler.ClassEV:
			return document == requirements.EVG
		case sampler.ClassSMIME:
			return document == requirements.SMIMEBR
		case sampler.ClassCS, sampler.ClassCSEV:
			return document == requirements.CSBR
		}
		return false
	})
}
