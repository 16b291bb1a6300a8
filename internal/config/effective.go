package config

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// Effective writes the values in force as TOML, defaults filled in and keys of
// logs inline, so that the text stands alone in the evidence. Equal values give
// equal bytes, and the text is itself a valid configuration with the same
// values. Paths stay as they were written.
func (c *Config) Effective() []byte {
	var b bytes.Buffer
	line := func(key string, value string) { fmt.Fprintf(&b, "%s = %s\n", key, value) }
	optional := func(key, value string) {
		if value != "" {
			line(key, tomlText(value))
		}
	}
	b.WriteString("# The configuration in force: defaults filled in, comments left out.\n\n[ca]\n")
	line("name", tomlText(c.CA.Name))
	optional("contact", c.CA.Contact)

	b.WriteString("\n[audit]\n")
	line("rate", tomlText(FormatRate(c.Audit.RateBP)))
	line("floor", fmt.Sprint(c.Audit.Floor)+floorNote(c.Audit.Floor))
	if c.Audit.Minimum != 0 {
		line("minimum", fmt.Sprint(c.Audit.Minimum))
	}
	line("issuance_time", tomlText(c.Audit.IssuanceTime))
	line("ev_ra", tomlText(c.Audit.EVRA))
	line("draw_lead_days", fmt.Sprint(c.Audit.DrawLeadDays))
	line("beacon", tomlText(c.Audit.Beacon))

	if c.Chain != (Chain{}) {
		b.WriteString("\n[chain]\n")
		optional("start_evidence", c.Chain.StartEvidence)
		if !c.Chain.LastSample.IsZero() {
			line("last_sample", tomlText(c.Chain.LastSample.Format(time.RFC3339)))
		}
		optional("reason", c.Chain.Reason)
	}
	for _, i := range c.Issuers {
		b.WriteString("\n[[issuer]]\n")
		line("certificate", tomlTexts(i.Certificates))
		optional("label", i.Label)
		if i.RateBP != 0 {
			line("rate", tomlText(FormatRate(i.RateBP)))
		}
		if i.Floor != 0 {
			line("floor", fmt.Sprint(i.Floor))
		}
		if len(i.PolicyOIDs) > 0 {
			line("policy_oids", tomlMap(i.PolicyOIDs))
		}
	}
	if c.LogList.Select != SelectNone {
		b.WriteString("\n[log_list]\n")
		c.LogList.effective(line)
		for _, s := range c.LogList.Also {
			b.WriteString("\n[[log_list.also]]\n")
			s.effective(line)
		}
		for _, l := range c.LogList.Logs {
			b.WriteString("\n[[log_list.log]]\n")
			line("name", tomlText(l.Name))
			l.Pace.effective(line)
			if l.Tiles {
				line("tiles", "true")
			}
			if l.OperatedByCA {
				line(keyOperated, "true")
			}
		}
	}
	for _, l := range c.Logs {
		b.WriteString("\n[[log]]\n")
		line("type", tomlText(l.Type))
		line("url", tomlText(l.URL))
		optional("origin", l.Origin)
		line("public_key", tomlText(base64Text(l.PublicKey)))
		optional("label", l.Label)
		optional("exclude", l.Exclude)
		l.Pace.effective(line)
		if l.Tiles {
			line("tiles", "true")
		}
		if l.OperatedByCA {
			line(keyOperated, "true")
		}
	}
	for _, f := range c.Files {
		b.WriteString("\n[[files]]\n")
		line("path", tomlText(f.Path))
	}
	c.effectiveRecords(func(text string) { b.WriteString("\n" + text + "\n") }, line)
	if c.CCADB.File != "" {
		b.WriteString("\n[ccadb]\n")
		c.CCADB.effective(line)
	}
	if c.CrtSh != defaultCrtSh() {
		b.WriteString("\n[crtsh]\n")
		c.CrtSh.effective(line)
	}
	b.WriteString("\n[drand]\n")
	line("relays", tomlTexts(c.Drand.Relays))
	c.Collect.effective(func(name string) { fmt.Fprintf(&b, "\n[%s]\n", name) }, line)
	c.effectiveLint(func(name string) { fmt.Fprintf(&b, "\n[%s]\n", name) }, line)
	return b.Bytes()
}

func base64Text(b []byte) string { return base64.StdEncoding.EncodeToString(b) }

func floorNote(floor int64) string {
	if floor != 0 {
		return ""
	}
	return "  # the protocol's default: 1, S/MIME at least 30 in all"
}

// tomlText writes a TOML basic string.
func tomlText(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r < 0x20 || r == 0x7f:
			fmt.Fprintf(&b, `\u%04X`, r)
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
	return b.String()
}

func tomlTexts(list []string) string {
	out := make([]string, len(list))
	for i, s := range list {
		out[i] = tomlText(s)
	}
	return "[" + strings.Join(out, ", ") + "]"
}

func tomlMap(m map[string]string) string {
	var out []string
	for _, key := range slices.Sorted(maps.Keys(m)) {
		out = append(out, tomlText(key)+" = "+tomlText(m[key]))
	}
	return "{ " + strings.Join(out, ", ") + " }"
}
