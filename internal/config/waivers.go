package config

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/pelletier/go-toml/v2"
)

// WaiversSchema names the form of the waivers that an audit keeps.
const WaiversSchema = "selfaudit.waivers/v1"

// maxWaivers bounds a file; whoever needs more waives a rule, not findings.
const maxWaivers = 1000

// Waiver is one [[waiver]]: findings that somebody has decided not to pursue, and the paper
// trail of that decision.
type Waiver struct {
	Lint string
	// Issuer, Profile and Serial narrow the waiver; "" = any. Issuer is the CA's label, its
	// subject or the SHA-256 of its key; Profile a class such as "DV" or the CA's own label;
	// Serial a number in hex as ParseWaivers brought it into one form.
	Issuer, Profile, Serial string
	// All says that nothing narrows it on purpose.
	All                    bool
	Reason, Approver, Link string
	// Expires is the last day (00:00 UTC) on which the waiver holds.
	Expires      time.Time
	Line, Column int // of the lint's name in the file
}

// BuiltinWaiver is one [[builtin_waiver]] of a captured file: a waiver of the program's own,
// for a rule that the current requirements contradict. ParseWaivers takes it only from a
// captured file.
type BuiltinWaiver struct {
	Lint string
	// Type is the type of certificate (lint.TypeTLS, …) it holds for.
	Type string
	// From is the day of issuance (00:00 UTC) from which it holds; zero = always.
	From   time.Time
	Reason string
}

// Waivers is waivers.toml, or what an audit has captured of it.
type Waivers struct {
	File string
	// Builtin says whether the program's own list applies; true unless the file switches it
	// off.
	Builtin bool
	Waivers []Waiver
	// AppliedOn and BuiltinWaivers are there only in a captured file: the day (00:00 UTC) on
	// which the report applied the waivers, and the program's own list as it was then.
	AppliedOn      time.Time
	BuiltinWaivers []BuiltinWaiver
}

// LoadWaivers reads a workspace's waivers.toml. What is wrong in the file comes back as
// Errors, a file that cannot be read as an *fs.PathError (wrapped).
func LoadWaivers(path string) (*Waivers, error) {
	data, err := readBounded(path)
	if err != nil {
		return nil, fmt.Errorf("reading waivers: %w", err)
	}
	return parseWaivers(data, path, false)
}

// NoWaivers are the waivers of a workspace without a file: the program's own.
func NoWaivers() *Waivers { return &Waivers{Builtin: true} }

// ParseCapturedWaivers reads what Captured wrote, and nothing else. name is for messages.
func ParseCapturedWaivers(data []byte, name string) (*Waivers, error) {
	if len(data) > maxFile {
		return nil, fmt.Errorf("%s is larger than %d bytes", name, maxFile)
	}
	w, err := parseWaivers(data, name, true)
	if err != nil {
		return nil, err
	}
	if !bytes.Equal(w.Captured(), data) {
		return nil, fmt.Errorf("%s: not written the way this program writes it", name)
	}
	return w, nil
}

// ExistsWaivers says whether a workspace has a file of waivers.
func ExistsWaivers(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

func parseWaivers(data []byte, file string, captured bool) (*Waivers, error) {
	data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
	var raw map[string]any
	if err := toml.Unmarshal(data, &raw); err != nil {
		return nil, syntaxError(file, err)
	}
	r := &reader{file: file, at: locate(data)}
	w := &Waivers{File: file}
	top := &table{r: r, value: raw}
	w.Builtin = top.flag("builtin", true)
	if captured {
		if s, _ := top.required("schema", WaiversSchema); s != WaiversSchema {
			top.problem("schema", "schema is %s, this program reads %q", quote(s), WaiversSchema)
		}
		w.AppliedOn = top.day("applied_on")
		for _, t := range top.tables("builtin_waiver") {
			w.BuiltinWaivers = append(w.BuiltinWaivers, t.builtinWaiver())
		}
	}
	tables := top.tables("waiver")
	if len(tables) > maxWaivers {
		top.problem("waiver", "more than %d waivers", maxWaivers)
		tables = nil
	}
	for _, t := range tables {
		w.Waivers = append(w.Waivers, t.waiver())
	}
	top.close()
	if len(r.problems) > 0 {
		r.problems.sort()
		return nil, r.problems
	}
	return w, nil
}

// waiver reads one [[waiver]].
func (t *table) waiver() Waiver {
	var w Waiver
	w.Lint, _ = t.required("lint", "w_ext_subject_key_identifier_missing_sub_cert")
	where := t.r.at[joinPath(append(t.path[:len(t.path):len(t.path)], "lint")...)]
	w.Line, w.Column = where.line, where.column
	w.Issuer = t.scope("issuer", "Example CA 1")
	w.Profile = t.scope("profile", "DV")
	if serial := t.scope("serial", "01ab23"); serial != "" {
		var ok bool
		if w.Serial, ok = NormalSerial(serial); !ok {
			t.problem("serial", "serial = %s is not a number in hex", quote(serial))
		}
	}
	w.All = t.flag("all", false)
	switch narrowed := w.Issuer != "" || w.Profile != "" || w.Serial != ""; {
	case w.All && narrowed:
		t.problem("all", "all = true and issuer, profile or serial contradict each other: leave one out")
	case !w.All && !narrowed:
		t.problem("", "%s has no issuer, profile or serial: name one, or write all = true if it is meant for every certificate", t.name)
	}
	w.Reason, _ = t.required("reason", "the CPS allows it, see section 7.1")
	w.Approver, _ = t.required("approver", "A. Example, compliance")
	w.Link, _ = t.required("link", "https://tracker.example.com/1234")
	w.Expires = t.day("expires")
	t.close()
	return w
}

// builtinWaiver reads one [[builtin_waiver]].
func (t *table) builtinWaiver() BuiltinWaiver {
	var w BuiltinWaiver
	w.Lint, _ = t.required("lint", "w_x")
	w.Type, _ = t.required("type", "tls")
	if _, there := t.value["from"]; there {
		w.From = t.day("from")
	}
	w.Reason, _ = t.required("reason", "x")
	t.close()
	return w
}

// scope is optional text that must not be empty when it is there.
func (t *table) scope(key, example string) string {
	if _, there := t.value[key]; !there {
		t.known = append(t.known, key)
		return ""
	}
	s, _ := t.required(key, example)
	return s
}

// flag reads true or false.
func (t *table) flag(key string, def bool) bool {
	v, there := t.get(key)
	if !there {
		return def
	}
	b, ok := v.(bool)
	if !ok {
		t.problem(key, "%s must be true or false, without quotes, not %s", key, typeName(v))
		return def
	}
	return b
}

// day reads a required date: a TOML date, or the same as text.
func (t *table) day(key string) time.Time {
	v, there := t.get(key)
	text := ""
	switch v := v.(type) {
	case string:
		text = v
	case toml.LocalDate:
		text = v.String()
	}
	if !there {
		t.problem("", "%s has no %s: add %s = \"2027-03-31\"", t.name, key, key)
		return time.Time{}
	}
	day, err := time.Parse(time.DateOnly, text)
	if err != nil || day.Year() < 1 {
		t.problem(key, "%s must be a day such as \"2027-03-31\"", key)
		return time.Time{}
	}
	return day
}

// NormalSerial brings a serial number in hex into the one form in which waivers compare
// them: lower case, whole octets, no colons, spaces or leading zero octets. It is false for
// what is no such number.
func NormalSerial(s string) (string, bool) {
	s = strings.ToLower(strings.NewReplacer(":", "", " ", "").Replace(s))
	negative := strings.HasPrefix(s, "-")
	s = strings.TrimPrefix(s, "-")
	if s == "" || strings.Trim(s, "0123456789abcdef") != "" {
		return "", false
	}
	s = strings.TrimLeft(s, "0")
	if len(s)%2 == 1 {
		s = "0" + s
	}
	if s == "" {
		return "00", true
	}
	if negative {
		s = "-" + s
	}
	return s, true
}

// Captured writes the waivers as the evidence of an audit keeps them. Equal values give equal
// bytes; comments and the order of keys in the workspace's file are not kept.
func (w *Waivers) Captured() []byte {
	var b bytes.Buffer
	b.WriteString("# The waivers as the report applied them: first the program's own, then the CA's.\n\n")
	line := func(key, value string) {
		if value != "" {
			fmt.Fprintf(&b, "%s = %s\n", key, tomlText(value))
		}
	}
	line("schema", WaiversSchema)
	line("applied_on", w.AppliedOn.Format(time.DateOnly))
	fmt.Fprintf(&b, "builtin = %v\n", w.Builtin)
	for _, x := range w.BuiltinWaivers {
		b.WriteString("\n[[builtin_waiver]]\n")
		line("lint", x.Lint)
		line("type", x.Type)
		if !x.From.IsZero() {
			line("from", x.From.Format(time.DateOnly))
		}
		line("reason", x.Reason)
	}
	for _, x := range w.Waivers {
		b.WriteString("\n[[waiver]]\n")
		line("lint", x.Lint)
		line("issuer", x.Issuer)
		line("profile", x.Profile)
		line("serial", x.Serial)
		if x.All {
			b.WriteString("all = true\n")
		}
		line("reason", x.Reason)
		line("approver", x.Approver)
		line("link", x.Link)
		line("expires", x.Expires.Format(time.DateOnly))
	}
	return b.Bytes()
}
