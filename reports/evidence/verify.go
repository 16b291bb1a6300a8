package evidence

import (
	"context"
	"errors"
	"fmt"

	"selfaudit/sampler"
)

// Options are what the auditor brings along. The zero value is fine.
type Options struct {
	// Earlier are packages (folders or zips), audit folders or draw folders of the
	// earlier audits of the chain, newest first.
	Earlier []string
	// LogKeys are files with the auditor's own copies of log keys: PEM "PUBLIC KEY", DER or
	// base64 SubjectPublicKeyInfo, or a log list (version 3 JSON). With them, log ids are
	// checked instead of printed for comparison.
	LogKeys []string
	// Issuers are files with the auditor's own copies of the audited issuers'
	// certificates, PEM or DER.
	Issuers []string
	// Program is the program that verifies, as it names itself in audit.json; zero if that
	// is not known. What it has written itself must come out the same to the last byte.
	Program sampler.ProgramInfo
	// Limits bound what is read.
	Limits Limits
	// Progress, if not nil, is told how far a long step is.
	Progress func(step string, done, total int64)

	integrityOnly bool // for tests: stop after form and hashes
}

// Verify checks the package at path, a folder or a zip, and derives again what it says.
// It reads only, needs no network, and extracts nothing. An error means that the
// package could not be read at all (or ctx ended); everything that is wrong with it is a
// failed check of the report.
func Verify(ctx context.Context, path string, options Options) (*Report, error) {
	options.Limits = options.Limits.withDefaults()
	v := &verifier{ctx: ctx, options: options, report: &Report{Schema: ReportSchema, Package: path}}
	if err := v.run(path); err != nil {
		return nil, fmt.Errorf("verifying %s: %w", path, err)
	}
	v.report.Verified = !v.report.Failed()
	return v.report, nil
}

// verifier carries what the checks have established. A field is nil until the check
// that reads it has passed; later checks that need it then say why they are skipped.
type verifier struct {
	ctx     context.Context
	options Options
	report  *Report
	pack    *opened
	bag     BagInfo
	hashes  map[string]sampler.DocHash // of every file in the package
	data    *tree                      // data/
	docs    documentSet
	fatal   error // an I/O error that ends the run
}

// run opens the package and goes through the checks.
func (v *verifier) run(path string) error {
	pack, err := open(v.ctx, path, v.options.Limits)
	var form *formError
	if errors.As(err, &form) {
		v.report.add("form", Fail, "%v", form)
		v.report.add("everything else", Skipped, "nothing in a package of this form is read")
		return nil
	}
	if err != nil {
		return err
	}
	defer pack.Close()
	v.pack = pack
	v.data = pack.tree.sub(payloadFolder)
	if !v.integrity() || v.options.integrityOnly {
		return v.fatal
	}
	for _, check := range []func(){
		v.checkDocuments, v.checkCommitment, v.checkSnapshot, v.checkPopulation, v.checkStrata, v.checkBeacon, v.checkSample,
		v.checkNotes, v.checkChain, v.checkVoided,
		v.checkIssuers, v.checkLogs, v.checkLogChain, v.checkConflicts, v.checkLogList, v.checkSightings, v.checkCertificates, v.checkRecords, v.checkItems, v.checkPairings, v.checkOutside, v.checkSCTs, v.checkCompleteness,
		v.checkTables, v.checkLint, v.checkMoreLint, v.checkFindings, v.checkSummary, v.checkWaivers, v.checkWorkbook, v.checkEvents, v.checkConfig,
		v.compareOutOfBand, v.openPoints,
	} {
		if err := cancelled(v.ctx); err != nil {
			return err
		}
		v.guard(check)
		if v.fatal != nil {
			return v.fatal
		}
	}
	return nil
}

// guard runs one check. A package is hostile input to libraries that are not ours
// (spreadsheet, X.509, JSON); if one of them panics on it, that is a failed check and
// not the end of the program.
func (v *verifier) guard(check func()) {
	defer func() {
		if p := recover(); p != nil {
			v.report.add("internal", Fail, "a check stopped on the package's content: %v", p)
		}
	}()
	check()
}

func (v *verifier) ok(name, format string, args ...any)   { v.report.add(name, OK, format, args...) }
func (v *verifier) fail(name, format string, args ...any) { v.report.add(name, Fail, format, args...) }
func (v *verifier) note(name, format string, args ...any) { v.report.add(name, Note, format, args...) }
func (v *verifier) skip(name, format string, args ...any) {
	v.report.add(name, Skipped, format, args...)
}

// progress reports a long step.
func (v *verifier) progress(step string) func(done, total int64) {
	return func(done, total int64) {
		if v.options.Progress != nil {
			v.options.Progress(step, done, total)
		}
	}
}

// failures collects what one check finds wrong, and keeps a hostile package from
// filling the report: the first few are named, the rest are counted.
type failures struct {
	list  []string
	total int
}

const maxNamed = 5

func (f *failures) add(format string, args ...any) {
	f.total++
	if len(f.list) < maxNamed {
		f.list = append(f.list, fmt.Sprintf(format, args...))
	}
}

// close writes the check's lines: one FAIL for each named failure, or one ok.
func (f *failures) close(v *verifier, name, okFormat string, args ...any) bool {
	for _, s := range f.list {
		v.fail(name, "%s", s)
	}
	if more := f.total - len(f.list); more > 0 {
		v.fail(name, "and %d more", more)
	}
	if f.total == 0 {
		v.ok(name, okFormat, args...)
	}
	return f.total == 0
}
