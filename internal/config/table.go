package config

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"selfaudit/internal/terminal"
)

// reader collects the problems of one document.
type reader struct {
	file     string
	at       positions
	problems Errors

	issuerFiles, files map[string]bool // clean paths that a table above names
}

// table is one TOML table being read. Every key that is asked for becomes a
// known key; close reports the others.
type table struct {
	r     *reader
	path  []string
	name  string // for messages: [audit], [[log]] number 2
	value map[string]any
	known []string
}

// problem records what is wrong with a key, or with the whole table if key is "".
func (t *table) problem(key, format string, args ...any) {
	path := t.path
	if key != "" {
		path = append(slices.Clone(path), key)
	}
	where := t.r.at[joinPath(path...)]
	t.r.problems = append(t.r.problems, Problem{
		File: t.r.file, Line: where.line, Column: where.column, Message: fmt.Sprintf(format, args...),
	})
}

// get makes key known and returns its value.
func (t *table) get(key string) (any, bool) {
	t.known = append(t.known, key)
	v, ok := t.value[key]
	return v, ok
}

// text reads a string. ok is false when the key is missing or wrong.
func (t *table) text(key, example string) (s string, ok bool) {
	v, there := t.get(key)
	if !there {
		return "", false
	}
	s, ok = v.(string)
	switch {
	case !ok:
		t.problem(key, "%s must be text in quotes, such as %q, not %s", key, example, typeName(v))
		return "", false
	case terminal.Escape(s) != s:
		t.problem(key, "%s contains a character that cannot be shown: %s", key, terminal.Escape(s))
		return "", false
	case len(s) > maxText:
		t.problem(key, "%s is longer than %d bytes", key, maxText)
		return "", false
	}
	return s, true
}

// maxText bounds every text of the configuration; the longest real ones are
// RSA public keys in base64, about 750 bytes.
const maxText = 4096

// required is text that must be there and not empty.
func (t *table) required(key, example string) (string, bool) {
	if _, there := t.value[key]; !there {
		t.known = append(t.known, key)
		t.problem("", "%s has no %s: add %s = %q", t.name, key, key, example)
		return "", false
	}
	s, ok := t.text(key, example)
	if ok && strings.TrimSpace(s) == "" {
		t.problem(key, "%s is empty: write something like %q", key, example)
		return "", false
	}
	return s, ok
}

// texts reads a string or a list of strings.
func (t *table) texts(key, example string) ([]string, bool) {
	v, there := t.get(key)
	list, isList := v.([]any)
	if !there || !isList {
		s, ok := t.text(key, example)
		return []string{s}, ok
	}
	out := make([]string, 0, len(list))
	for _, element := range list {
		s, ok := element.(string)
		if !ok || terminal.Escape(s) != s || len(s) > maxText {
			t.problem(key, "%s must be a list of texts in quotes, such as [%q]", key, example)
			return nil, false
		}
		out = append(out, s)
	}
	if len(out) == 0 {
		t.problem(key, "%s is an empty list", key)
		return nil, false
	}
	return out, true
}

// oneOf reads text that must be one of some words; the first is the default.
func (t *table) oneOf(key string, words ...string) string {
	s, ok := t.text(key, words[0])
	if !ok {
		return words[0]
	}
	if !slices.Contains(words, s) {
		t.problem(key, "%s = %s is not known; %sit is one of %s", key, quote(s), didYouMean(terminal.Nearest(s, words)), quoted(words))
		return words[0]
	}
	return s
}

// integer reads a whole number from least to most; missing gives def.
func (t *table) integer(key string, def, least, most int64) int64 {
	v, there := t.get(key)
	if !there {
		return def
	}
	n, ok := v.(int64)
	switch {
	case !ok:
		t.problem(key, "%s must be a whole number without quotes, not %s", key, typeName(v))
		return def
	case n < least || n > most:
		t.problem(key, "%s = %d is out of range: %d to %d", key, n, least, most)
		return def
	}
	return n
}

// sub reads a table below this one; nil when it is missing or no table.
func (t *table) sub(key string) *table {
	v, there := t.get(key)
	if !there {
		return nil
	}
	m, ok := v.(map[string]any)
	if !ok {
		header := t.header(key)
		if _, isList := v.([]any); isList {
			t.problem(key, "there is only one %s: write [%s], not [[%s]]", key, header, header)
		} else {
			t.problem(key, "%s must be a table [%s], not %s", key, header, typeName(v))
		}
		return nil
	}
	return &table{r: t.r, path: append(slices.Clone(t.path), key), name: "[" + t.header(key) + "]", value: m}
}

// header is what stands between the brackets of a table below this one, such as
// records.exclude: the path without the numbers of [[records]].
func (t *table) header(key string) string {
	var parts []string
	for _, p := range append(slices.Clone(t.path), key) {
		if !digits(p) {
			parts = append(parts, p)
		}
	}
	return strings.Join(parts, ".")
}

// tables reads an array of tables.
func (t *table) tables(key string) []*table {
	v, there := t.get(key)
	if !there {
		return nil
	}
	list, ok := v.([]any)
	if !ok {
		t.problem(key, "there can be several: write [[%s]] with two brackets", t.header(key))
		return nil
	}
	var out []*table
	for i, element := range list {
		m, ok := element.(map[string]any)
		if !ok {
			t.problem(key, "%s must be tables [[%s]], not %s", key, t.header(key), typeName(element))
			return nil
		}
		name := "[[" + t.header(key) + "]]"
		if len(list) > 1 {
			name += " number " + strconv.Itoa(i+1)
		}
		out = append(out, &table{r: t.r, path: append(slices.Clone(t.path), key, strconv.Itoa(i)), name: name, value: m})
	}
	return out
}

// close reports every key that nobody asked for.
func (t *table) close() {
	for _, key := range slices.Sorted(maps.Keys(t.value)) {
		if slices.Contains(t.known, key) {
			continue
		}
		where := "in " + t.name
		if t.name == "" {
			where = "at the top of the file"
		}
		hint := ""
		if near := terminal.Nearest(key, t.known); near != "" {
			hint = fmt.Sprintf("; did you mean %q?", near)
		} else if home := homes[key]; home != "" {
			hint = "; it belongs in " + home
		} else if len(t.known) > 0 {
			hint = "; known are " + quoted(t.known)
		}
		t.problem(key, "unknown key %s %s%s", quote(key), where, hint)
	}
}

// homes says where keys belong that people put in the wrong table.
var homes = map[string]string{
	"name": "[ca]", "rate": "[audit] or [[issuer]]", "floor": "[audit] or [[issuer]]",
	"issuance_time": "[audit]", "ev_ra": "[audit]", "draw_lead_days": "[audit]", "beacon": "[audit]", "minimum": "[audit]",
	"start_evidence": "[chain]", "last_sample": "[chain]", "reason": "[chain]",
	"certificate": "[[issuer]]", "policy_oids": "[[issuer]]", "label": "[[issuer]] or [[log]]",
	"type": "[[log]]", "url": "[[log]]", "public_key": "[[log]]", "public_key_file": "[[log]]",
	"origin": "[[log]]", "exclude": "[[log]] or [log_list]", "path": "[[files]] or [[records]]", "relays": "[drand]",
	"tiles": "[[log]]", "operated_by_ca": "[[log]] or [[log_list.log]]", "rate_limit": "[[log]] or [log_list]", "concurrency": "[[log]] or [log_list]",
	"tables": "[requirements]", "newest_zlint": "[lint]", "released": "[lint]", "profile": "[second_opinion]",
	"owner": "[ccadb]", "use": "[crtsh]", "address": "[crtsh]", "statement_timeout": "[crtsh]", "window": "[crtsh]",
	"by": "[strata]", "class": "[[stratum]]", "columns": "[[records]]", "issuers": "[[records]]", "system": "[[records]]", "query": "[[records]]",
	"operator": "[[records]]", "extracted_at": "[[records]]", "serial_format": "[[records]]", "time_format": "[[records]]", "time_zone": "[[records]]",
	"encoding": "[[records]]", "delimiter": "[[records]]", "covers": "[[records]]", "accept_unreadable": "[[records]]",
	"select": "[log_list]", "include": "[log_list]", "signature": "[log_list]", "margin_days": "[log_list]",
	"skip_without_root": "[log_list]", "roots": "[log_list]", "bundled": "[[log_list.also]]", "date": "[log_list] or [[log_list.also]]",
}

// typeName is the TOML name of a decoded value's type.
func typeName(v any) string {
	switch v := v.(type) {
	case string:
		return "text"
	case int64:
		return fmt.Sprintf("the number %d", v)
	case float64:
		return fmt.Sprintf("the number %v", v)
	case bool:
		return fmt.Sprint(v)
	case []any:
		return "a list"
	case map[string]any:
		return "a table"
	}
	return "a date or time"
}

func didYouMean(near string) string {
	if near == "" {
		return ""
	}
	return fmt.Sprintf("did you mean %q? ", near)
}

// quote shows a key or value that may be hostile.
func quote(s string) string { return `"` + terminal.Escape(s) + `"` }

func quoted(words []string) string {
	out := make([]string, len(words))
	for i, w := range words {
		out[i] = quote(w)
	}
	return strings.Join(out, ", ")
}
