package evidence

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"selfaudit/internal/config"
	"selfaudit/sampler"
)

// records compares the [[records]], [strata] and [[stratum]] tables with the snapshot.
func (c *configCheck) records(s *sampler.Snapshot) {
	c.equal("number of records", len(c.cfg.Records), len(s.Records))
	excludes := 0
	for i := range min(len(c.cfg.Records), len(s.Records)) {
		set, read := c.cfg.Records[i], s.Records[i]
		excludes += len(set.Excludes)
		what := fmt.Sprintf("records %d: ", i+1)
		c.equal(what+"path", set.Path, read.Path)
		if set.Kind != "auto" {
			c.equal(what+"kind", set.Kind, read.Kind)
		}
		p := read.Provenance
		c.equal(what+"system", set.System, p.System)
		c.equal(what+"query", set.Query, p.Query)
		c.equal(what+"operator", set.Operator, p.Operator)
		c.equal(what+"extracted_at", sampler.FormatTime(set.ExtractedAt), p.ExtractedAt)
		c.equal(what+"rows", set.Rows, given(p.Rows))
		c.equal(what+"counter_first", set.CounterFirst, given(p.CounterFirst))
		c.equal(what+"counter_last", set.CounterLast, given(p.CounterLast))
		c.equal(what+"accept_unreadable", set.AcceptUnreadable, read.Accepted)
		c.mapping(what, set, read.Mapping)
	}
	c.equal("number of exclusions", excludes, len(s.Exclusions))
	if !slices.Equal(c.cfg.StrataBy, s.StrataBy) {
		c.bad.add("strata.by is %q, the package says %q", c.cfg.StrataBy, s.StrataBy)
	}
	c.equal("number of [[stratum]] rules", len(c.cfg.Strata), len(s.Rules.Strata))
	for i := range min(len(c.cfg.Strata), len(s.Rules.Strata)) {
		set, used := c.cfg.Strata[i], s.Rules.Strata[i]
		what := fmt.Sprintf("stratum %d: ", i+1)
		c.equal(what+"class", set.Class, string(used.Class))
		c.equal(what+"label", set.Label, used.Label)
		c.equal(what+"rate", set.RateBP, used.RateBP)
		c.equal(what+"floor", set.Floor, used.Floor)
		c.equal(what+"that it names an issuer", set.Issuer != "", !used.Issuer.IsZero())
	}
}

// mapping compares how a CSV was to be read with how it was read.
func (c *configCheck) mapping(what string, set config.Records, used *sampler.RecordsMapping) {
	if used == nil {
		return
	}
	for _, x := range []struct{ key, set, used string }{{"encoding", set.Encoding, used.Encoding}, {"delimiter", set.Delimiter, used.Delimiter}, {"serial_format", set.SerialFormat, used.SerialFormat}} {
		if x.set != "auto" {
			c.equal(what+x.key, x.set, x.used)
		}
	}
	c.equal(what+"time_format", set.TimeFormat, used.TimeFormat)
	c.equal(what+"time_zone", set.TimeZone, used.TimeZone)
	if !maps.Equal(set.Columns, used.Columns) {
		c.bad.add("%scolumns are not those that the package says", what)
	}
}

// given is a number as the configuration has it.
func given(n *int64) int64 {
	missing := int64(config.NotGiven)
	return *cmp.Or(n, &missing)
}
