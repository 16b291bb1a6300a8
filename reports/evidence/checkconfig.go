package evidence

import (
	"cmp"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"selfaudit/internal/config"
	"selfaudit/sampler"
	"selfaudit/sampler/ct"
)

// configDocument is the effective configuration.
const configDocument = "config/selfaudit.toml"

// checkConfig compares the effective configuration with everything in the package that
// was made by it. The snapshot and the commitment are what counts; a configuration that
// says something else would mislead whoever reads it. It must be in the one form in which
// freeze writes it, so that no comment and no second spelling can hide in it.
func (v *verifier) checkConfig() {
	const name = "configuration"
	raw := v.read(name, configDocument)
	if raw == nil {
		return
	}
	cfg, err := config.Parse(raw, configDocument)
	if err == nil {
		err = sameBytes(raw, func() ([]byte, error) { return cfg.Effective(), nil })
		if err != nil {
			err = fmt.Errorf("%s: %w", configDocument, err)
		}
	}
	if err != nil {
		v.failedConfig(name, err)
		return
	}
	c := &configCheck{v: v, cfg: cfg}
	c.equal("ca.name", cfg.CA.Name, v.bag.SourceOrganization)
	compared := "the CA's name"
	if s := v.docs.snapshot; s != nil {
		c.rules(s)
		c.issuers(s)
		c.logs(s)
		c.files(s)
		c.records(s)
		c.chain(s)
		compared += ", rules, issuers, logs, files and the chain's start"
	}
	if commitment := v.docs.commitment; commitment != nil {
		c.beacon(commitment)
		compared += ", the randomness"
	}
	if c.bad.close(v, name, "in canonical form; %s are those of bag-info.txt, snapshot.json and commitment.txt", compared) {
		for _, n := range c.notes {
			v.note(name, "%s", n)
		}
	}
}

// failedConfig reports what is wrong in the text itself, without filling the report.
func (v *verifier) failedConfig(name string, err error) {
	var problems config.Errors
	if !errors.As(err, &problems) {
		v.fail(name, "%v", err)
		return
	}
	var bad failures
	for _, p := range problems {
		bad.add("%v", p)
	}
	bad.close(v, name, "")
}

// configCheck collects how the configuration differs from the other documents.
type configCheck struct {
	v     *verifier
	cfg   *config.Config
	bad   failures
	notes []string
}

func (c *configCheck) equal(what string, got, want any) {
	if got != want {
		c.bad.add("%s is %q, the package says %q", what, fmt.Sprint(got), fmt.Sprint(want))
	}
}

func (c *configCheck) notef(format string, args ...any) {
	if len(c.notes) < maxNamed {
		c.notes = append(c.notes, fmt.Sprintf(format, args...))
	}
}

// rules compares [audit] with the rules by which strata and membership were derived.
func (c *configCheck) rules(s *sampler.Snapshot) {
	a := c.cfg.Audit
	c.equal("audit.rate", config.FormatRate(a.RateBP), config.FormatRate(s.Rules.RateBP))
	c.equal("audit.floor", a.Floor, s.Rules.Floor)
	c.equal("audit.minimum", a.Minimum, s.Rules.Minimum)
	c.equal("audit.ev_ra", a.EVRA, s.Rules.EVRA)
	c.equal("audit.issuance_time", a.IssuanceTime, string(s.IssuanceTime))
}

// beacon compares the source of the randomness. `freeze --beacon` may choose another one
// than the configuration, and so does a rehearsal, which is drawn by dice.
func (c *configCheck) beacon(k *sampler.Commitment) {
	used := config.BeaconDice
	if k.Beacon == sampler.BeaconDrand {
		used = config.BeaconQuicknet
		if k.BeaconChain == sampler.DefaultChain.Hash {
			used = config.BeaconDefaultChain
		}
		// No flag changes the days.
		c.equal("audit.draw_lead_days", c.cfg.Audit.DrawLeadDays, k.DrawLeadDays)
	}
	if set := c.cfg.Audit.Beacon; set != used && !(used == config.BeaconDice && c.v.report.Rehearsal) {
		c.notef("audit.beacon is %s, but the commitment is to %s: chosen on the command line, or the configuration was altered", set, used)
	}
}

// logs compares the [[log]] tables, which include those taken from a log list, with the
// snapshot's logs, in order.
func (c *configCheck) logs(s *sampler.Snapshot) {
	c.equal("number of logs", len(c.cfg.Logs), len(s.Logs))
	for i := range min(len(c.cfg.Logs), len(s.Logs)) {
		set, read := c.cfg.Logs[i], s.Logs[i]
		what := fmt.Sprintf("log %d (%s): ", i+1, read.URL)
		c.equal(what+"log id of public_key", ct.LogIDOf(set.PublicKey).String(), read.LogID)
		c.equal(what+"type", set.Type, read.Type)
		c.equal(what+"tiles", set.Tiles, read.Tiles)
		c.equal(what+"operated_by_ca", set.OperatedByCA, read.OperatedByCA)
		c.equal(what+"url", set.URL, read.URL)
		c.equal(what+"origin", set.Origin, read.Origin)
		// The snapshot names a log without a label by its origin or address.
		c.equal(what+"label", cmp.Or(set.Label, set.Origin, set.URL), read.Label)
		switch excluded := read.Status == sampler.LogExcluded; {
		case set.Exclude != "" && !excluded:
			c.bad.add("%sexclude is %q, but the log was read", what, set.Exclude)
		case set.Exclude != "":
			c.equal(what+"exclude", set.Exclude, read.Reason)
		case excluded:
			c.notef("%swas excluded on the command line, not in the configuration: %s", what, read.Reason)
		}
	}
	c.logList(s)
	c.mode(s)
	for _, read := range s.Logs {
		if first, _ := read.First(); first > 0 && c.cfg.Collect.Start == config.StartBeginning {
			c.bad.add("collect.start is %q, but log %s was read from entry %d on", c.cfg.Collect.Start, read.URL, first)
		}
	}
}

// logList compares [log_list] with the lists that the snapshot names, and where they are
// said to come from.
func (c *configCheck) logList(s *sampler.Snapshot) {
	named, l := namedLists(s), c.cfg.LogList
	if used := l.Select != config.SelectNone; used != (len(named) > 0) {
		hash := "no log list"
		if len(named) > 0 {
			hash = named[0].hash
		}
		c.bad.add("log_list.select is %q, but snapshot.json names %s", l.Select, hash)
		return
	}
	if len(named) == 0 {
		return
	}
	sources := l.Sources()
	if len(sources) != len(named) {
		c.bad.add("log_list names %d lists, snapshot.json %d", len(sources), len(named))
		return
	}
	for i, src := range sources {
		from := cmp.Or(src.File, src.URL, "the list that comes with the program")
		if !strings.Contains(named[i].note, " "+LogListHash+" "+named[i].hash+", "+from+"; ") {
			// An address may have been changed since the list was taken, which changes nothing else.
			c.notef("log_list: the list is from %q, which is not what snapshot.json says", from)
		}
		if !src.Date.IsZero() && !src.Date.Equal(named[i].date) {
			c.bad.add("log_list: date of %q is %s, snapshot.json says another", from, sampler.FormatTime(src.Date))
		}
	}
}

// files compares the [[files]] tables with the snapshot's files, in order.
func (c *configCheck) files(s *sampler.Snapshot) {
	files := slices.DeleteFunc(slices.Clone(s.Files), func(f sampler.SnapshotFile) bool { return f.Kind == sampler.FileIndex })
	c.equal("number of files", len(c.cfg.Files), len(files))
	for i := range min(len(c.cfg.Files), len(files)) {
		c.equal(fmt.Sprintf("files %d: path", i+1), c.cfg.Files[i].Path, files[i].Path)
	}
	c.index(s)
}

// index compares [crtsh] with the index that the snapshot names. The configuration in force
// says what was done, also where the command line decided it.
func (c *configCheck) index(s *sampler.Snapshot) {
	c.equal("crtsh.use", c.cfg.CrtSh.Use, s.Index != nil)
	answers := 0
	for _, f := range s.Files {
		if f.Kind != sampler.FileIndex {
			continue
		}
		if answers++; s.Index == nil || f.Path != s.Index.Name || f.Kept != s.Index.Kept || f.Certificates > s.Index.Certificates {
			c.bad.add("snapshot.json: file %q of an index does not agree with index", f.Path)
		}
	}
	if s.Index == nil {
		return
	}
	c.equal("crtsh.address", c.cfg.CrtSh.Address, s.Index.Server)
	c.equal("snapshot.json: files that are the index's answers", 1, answers)
}

// chain compares [chain] with the snapshot's account of where the chain starts. Only the
// first audit of a chain reads it.
func (c *configCheck) chain(s *sampler.Snapshot) {
	set := c.cfg.Chain
	if s.Mode != sampler.ModeAudit || s.Chain.PreviousAudit != "" {
		return
	}
	document, last := "", ""
	if name, _, ok := sampler.ParseEvidence(s.Chain.Evidence); ok {
		document = name
	}
	switch p := set.StartEvidence; {
	case p == "":
		c.equal("chain.start_evidence", "", document)
	case document != path.Base(p): // or a path of Windows
		c.equal("chain.start_evidence: the name in "+p, path.Base(strings.ReplaceAll(p, `\`, "/")), document)
	}
	if !set.LastSample.IsZero() {
		last = sampler.FormatTime(set.LastSample)
	}
	c.equal("chain.last_sample", last, s.Chain.LastSample)
	if set.Reason != "" {
		c.equal("chain.reason", set.Reason, s.Chain.Reason)
	} else if s.Chain.Reason != chainReason(set) {
		c.bad.add("chain.reason is not set, snapshot.json says %q", s.Chain.Reason)
	}
}

// chainReason is what freeze writes where the CA gives no reason.
func chainReason(set config.Chain) string {
	if set.StartEvidence != "" {
		return sampler.FirstAuditReason
	}
	return sampler.NoChainReason
}
