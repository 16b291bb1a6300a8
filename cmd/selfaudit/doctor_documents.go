package main

import (
	"slices"
	"strings"

	"selfaudit/internal/config"
	"selfaudit/internal/terminal"
	"selfaudit/sampler"
	"selfaudit/sampler/collect"
)

// doctorContact warns when logs would be read over the network without anybody to turn to.
func doctorContact(d *doctorDocument, cfg *config.Config) {
	network := cfg.LogList.Select == config.SelectAuto ||
		slices.ContainsFunc(cfg.Logs, func(l config.Log) bool { return remote(l) && l.Exclude == "" })
	switch {
	case cfg.CA.Contact != "":
		d.ok("contact", "%s goes with every request", cfg.CA.Contact)
	case network:
		d.warn("contact", `add contact = "mailto:..." or an https:// address to [ca]`, "logs are read over the network and their operators are not told whom to turn to: they slow down or block bulk readers without a contact")
	}
}

// doctorStart looks whether the document about the last self-audit outside can be read.
func doctorStart(d *doctorDocument, cfg *config.Config) {
	path := cfg.Chain.StartEvidence
	if path == "" {
		return
	}
	const check, remedy = "start evidence", "correct [chain] start_evidence, or give a reason instead"
	info, err := readable(cfg.Resolve(path))
	switch {
	case err != nil:
		d.failed(check, remedy, err)
	case !info.Mode().IsRegular():
		d.fail(check, remedy, "%s is no file", path)
	default:
		d.ok(check, "%s: readable, %s bytes", path, terminal.Count(info.Size()))
	}
}

// maxDoctorNames is how many missing CA certificates the doctor names.
const maxDoctorNames = 20

// doctorCCADB reads the CCADB's report and warns about CA certificates that are not audited.
func doctorCCADB(d *doctorDocument, cfg *config.Config, issuers *collect.Issuers, p period) {
	if cfg.CCADB.File == "" {
		return
	}
	const check = "CCADB"
	found, err := againstCCADB(cfg, issuers, p)
	if err != nil {
		d.failed(check, "download the report, or take [ccadb] out of the configuration", err)
		return
	}
	span := p.texts()
	if len(found.missing) == 0 {
		d.ok(check, "%s of %q, valid between %s and %s, all of them audited", sampler.Counted(found.listed, "CA certificate", "CA certificates"), cfg.CCADB.Owner, span[0], span[1])
		return
	}
	shown := found.missing[:min(len(found.missing), maxDoctorNames)]
	more := ""
	if n := len(found.missing) - len(shown); n > 0 {
		more = "\nand " + terminal.Count(int64(n)) + " more"
	}
	d.warn(check, "name them in [[issuer]]; what is left out has its name in every audit, so have a reason",
		"%d of %s of %q, valid between %s and %s, are not audited:\n%s%s", len(found.missing), sampler.Counted(found.listed, "CA certificate", "CA certificates"), cfg.CCADB.Owner, span[0], span[1],
		strings.Join(shown, "\n"), more)
}
