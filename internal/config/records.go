package config

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"selfaudit/internal/terminal"
)

// RecordsFields are the keys of [records.columns].
var RecordsFields = []string{"serial", "issuer", "fingerprint", "not_before", "not_after", "issued_at", "certificate",
	"order_id", "validator", "registration_authority", "delegated_third_party", "validation_method", "profile"}

// StrataColumns are the columns that [strata] by may name.
var StrataColumns = []string{"registration_authority", "delegated_third_party", "validation_method", "profile"}

// NotGiven stands for a number of Records that is not configured.
const NotGiven = -1

// Records is one [[records]]: an export of the CA's own issuance records.
type Records struct {
	Path string // as written: a CSV, a folder or archive of certificates, a zip of CSVs
	Kind string // "auto", "csv" or "certificates"

	// Where the export came from (requirements 7.3).
	System, Query, Operator string
	ExtractedAt             time.Time
	Rows                    int64 // as the system said; NotGiven
	CounterFirst            int64 // of the system's issuance counter; NotGiven
	CounterLast             int64

	// How a CSV is to be read; empty means that it is found out.
	Encoding, Delimiter, SerialFormat, TimeFormat, TimeZone string
	Columns                                                 map[string]string // field to header
	Issuer                                                  string            // of every row, instead of a column
	Issuers                                                 map[string]string // the export's text to label, file or key hash of an issuer
	Covers                                                  []string          // issuers it is complete for; nil: those it has rows of

	AcceptUnreadable string // why rows that cannot be read may stay out
	Excludes         []RecordsExclude
}

// RecordsExclude is one [[records.exclude]]: a row that is no certificate after all.
type RecordsExclude struct {
	Serial, Issuer, Reason, ApprovedBy string
}

// Stratum is one [[stratum]]: a rate or floor for the strata that it matches.
type Stratum struct {
	Issuer string // label, file or key hash; empty: every issuer
	Class  string // empty: every class
	Label  string // empty: every label
	RateBP int    // 0: not set here
	Floor  int64  // 0: not set here
}

func (c *Config) readRecords(top *table) {
	for _, t := range top.tables("records") {
		c.Records = append(c.Records, t.records())
	}
	if t := top.sub("strata"); t != nil {
		if _, there := t.value["by"]; there {
			c.StrataBy, _ = t.texts("by", "registration_authority")
		} else {
			t.known = append(t.known, "by")
		}
		for i, column := range c.StrataBy {
			switch {
			case !slices.Contains(StrataColumns, column):
				t.problem("by", "by: %s is no column that strata can be divided by; %sthey are %s", quote(column), didYouMean(terminal.Nearest(column, StrataColumns)), quoted(StrataColumns))
			case slices.Contains(c.StrataBy[:i], column):
				t.problem("by", "by names %s twice", quote(column))
			}
		}
		t.close()
		if len(c.StrataBy) > 0 && len(c.Records) == 0 {
			t.problem("by", "by divides strata by columns of the CA's records, but there is no [[records]]")
		}
	}
	for _, t := range top.tables("stratum") {
		c.readStratum(t)
	}
}

func (t *table) records() Records {
	r := Records{}
	r.Path, _ = t.required("path", "exports/2026Q3.csv")
	if r.Path != "" && t.r.files["records "+cleanPath(r.Path)] {
		t.problem("path", "path %s is already in a [[records]] above", quote(r.Path))
	}
	t.r.files["records "+cleanPath(r.Path)] = true
	r.Kind = t.oneOf("kind", "auto", "csv", "certificates")
	r.System, _ = t.required("system", "EJBCA 9.2, production database")
	r.Query, _ = t.text("query", "SELECT … FROM CertificateData WHERE …")
	r.Operator, _ = t.text("operator", "A. Person")
	r.ExtractedAt = t.moment("extracted_at")
	if _, there := t.value["extracted_at"]; !there {
		t.problem("", "%s has no extracted_at: add the time at which the list was extracted, extracted_at = \"2026-10-02T08:00:00Z\"", t.name)
	}
	const most = 1_000_000_000_000
	r.Rows = t.integer("rows", NotGiven, 0, most)
	r.CounterFirst = t.integer("counter_first", NotGiven, 0, most)
	r.CounterLast = t.integer("counter_last", NotGiven, 0, most)
	if (r.CounterFirst == NotGiven) != (r.CounterLast == NotGiven) || r.CounterLast < r.CounterFirst {
		t.problem("counter_first", "counter_first and counter_last belong together, the first and last number of the issuance counter")
	}
	r.Encoding = t.oneOf("encoding", "auto", "utf-8", "utf-16le", "utf-16be", "windows-1252")
	r.Delimiter = t.oneOf("delimiter", "auto", "comma", "semicolon", "tab", "pipe")
	r.SerialFormat = t.oneOf("serial_format", "auto", "hex", "decimal")
	if r.TimeFormat, _ = t.text("time_format", "DD.MM.YYYY hh:mm:ss"); r.TimeFormat == "" {
		r.TimeFormat = "auto"
	}
	if r.TimeZone, _ = t.text("time_zone", "Europe/Vienna"); r.TimeZone == "" {
		r.TimeZone = "UTC"
	} else if _, err := ParseZone(r.TimeZone); err != nil {
		t.problem("time_zone", "time_zone: %s", err)
	}
	r.Issuer, _ = t.text("issuer", "DV1")
	if _, there := t.value["covers"]; there {
		r.Covers, _ = t.texts("covers", "DV1")
	} else {
		t.known = append(t.known, "covers")
	}
	r.AcceptUnreadable = t.scope("accept_unreadable", "two rows of the test system, see ticket 123")
	r.Columns, r.Issuers = t.columns(), t.issuerTexts()
	for _, x := range t.tables("exclude") {
		var e RecordsExclude
		e.Serial, _ = x.required("serial", "0a:1b:2c")
		e.Issuer, _ = x.required("issuer", "DV1")
		e.Reason, _ = x.required("reason", "request was cancelled before signing")
		e.ApprovedBy, _ = x.required("approved_by", "Head of Compliance")
		x.close()
		r.Excludes = append(r.Excludes, e)
	}
	t.close()
	return r
}

func (t *table) columns() map[string]string {
	sub := t.sub("columns")
	if sub == nil {
		return nil
	}
	out := map[string]string{}
	for _, field := range RecordsFields {
		if header := sub.scope(field, "Serial Number"); header != "" {
			out[field] = header
		}
	}
	sub.close()
	return out
}

func (t *table) issuerTexts() map[string]string {
	sub := t.sub("issuers")
	if sub == nil {
		return nil
	}
	out := map[string]string{}
	for _, text := range slices.Sorted(maps.Keys(sub.value)) {
		out[text], _ = sub.required(text, "DV1")
	}
	return out
}

func (c *Config) readStratum(t *table) {
	var s Stratum
	s.Issuer, _ = t.text("issuer", "DV1")
	if s.Class, _ = t.text("class", "ev"); s.Class != "" && !slices.Contains(append([]string{"ca", "ocsp"}, classes...), s.Class) {
		t.problem("class", "class = %s is no class of certificates; %sthey are %s", quote(s.Class), didYouMean(terminal.Nearest(s.Class, classes)), quoted(append([]string{"ca", "ocsp"}, classes...)))
	}
	s.Label, _ = t.text("label", "north-ra")
	s.RateBP = t.rate("rate", 0)
	c.checkClassRate(t, s)
	s.Floor = t.integer("floor", 0, 1, MaxFloor)
	if _, rate := t.value["rate"]; s.RateBP == 0 && s.Floor == 0 && !rate {
		t.problem("", "%s sets neither rate nor floor", t.name)
	}
	t.close()
	c.Strata = append(c.Strata, s)
}

// ParseZone reads a time zone: UTC, an offset such as +02:00, or a name such as
// Europe/Vienna.
func ParseZone(s string) (*time.Location, error) {
	if s == "" || s == "UTC" {
		return time.UTC, nil
	}
	if at, err := time.Parse("Z07:00", s); err == nil {
		_, offset := at.Zone()
		return time.FixedZone(s, offset), nil
	}
	if strings.EqualFold(s, "local") {
		return nil, fmt.Errorf("%s would depend on the machine: name the zone, such as Europe/Vienna", quote(s))
	}
	zone, err := time.LoadLocation(s)
	if err != nil {
		return nil, fmt.Errorf("%s is neither UTC, an offset such as +02:00, nor the name of a time zone such as Europe/Vienna", quote(s))
	}
	return zone, nil
}

// effectiveRecords writes [[records]], [strata] and [[stratum]] as they are in force.
func (c *Config) effectiveRecords(head func(text string), line func(key, value string)) {
	text := func(key, value string) {
		if value != "" {
			line(key, tomlText(value))
		}
	}
	number := func(key string, n int64) {
		if n != NotGiven {
			line(key, fmt.Sprint(n))
		}
	}
	for _, r := range c.Records {
		head("[[records]]")
		text("path", r.Path)
		text("kind", r.Kind)
		text("system", r.System)
		text("query", r.Query)
		text("operator", r.Operator)
		text("extracted_at", r.ExtractedAt.Format(time.RFC3339))
		number("rows", r.Rows)
		number("counter_first", r.CounterFirst)
		number("counter_last", r.CounterLast)
		text("encoding", r.Encoding)
		text("delimiter", r.Delimiter)
		text("serial_format", r.SerialFormat)
		text("time_format", r.TimeFormat)
		text("time_zone", r.TimeZone)
		text("issuer", r.Issuer)
		if len(r.Covers) > 0 {
			line("covers", tomlTexts(r.Covers))
		}
		text("accept_unreadable", r.AcceptUnreadable)
		if len(r.Columns) > 0 {
			line("columns", tomlMap(r.Columns))
		}
		if len(r.Issuers) > 0 {
			line("issuers", tomlMap(r.Issuers))
		}
		for _, x := range r.Excludes {
			head("[[records.exclude]]")
			text("serial", x.Serial)
			text("issuer", x.Issuer)
			text("reason", x.Reason)
			text("approved_by", x.ApprovedBy)
		}
	}
	if len(c.StrataBy) > 0 {
		head("[strata]")
		line("by", tomlTexts(c.StrataBy))
	}
	for _, s := range c.Strata {
		head("[[stratum]]")
		text("issuer", s.Issuer)
		text("class", s.Class)
		text("label", s.Label)
		if s.RateBP != 0 {
			line("rate", tomlText(FormatRate(s.RateBP)))
		}
		if s.Floor != 0 {
			line("floor", fmt.Sprint(s.Floor))
		}
	}
}

// Quote writes a text as TOML does.
func Quote(s string) string { return tomlText(s) }
