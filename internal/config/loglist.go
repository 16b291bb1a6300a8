package config

import (
	"fmt"
	"maps"
	"net/url"
	"slices"
	"time"
)

// Values of LogList.Select.
const (
	SelectNone = "none" // no log of a list is read; the default without [log_list]
	SelectAuto = "auto" // every log of the list that may hold certificates of the period; the default with [log_list]
)

// maxMarginDays bounds LogList.MarginDays: no CT log takes certificates that are valid longer.
const maxMarginDays = 1200

// LogList is [log_list]: a published list of CT logs, from which the logs to read are
// chosen. File and URL both empty mean the list that comes with the program.
type LogList struct {
	Select string // SelectNone or SelectAuto
	File   string // path as written
	URL    string // https address of the JSON
	// Signature is the path (with File) or address (with URL) of the detached signature;
	// empty with File: there is none; empty with URL: the address with .sig for .json.
	Signature  string
	PublicKey  []byte            // DER SubjectPublicKeyInfo of the list's publisher; nil = that of Chrome's list
	Date       time.Time         // when a list without a date of its own was taken; zero: not set
	Also       []ListSource      // further lists, united with this one
	Include    []string          // names of logs to read in any case
	Exclude    map[string]string // names of logs not to read, with the reason
	MarginDays int               // look for certificates this much longer than allowed
	// SkipWithoutRoot leaves out logs whose get-roots has nothing of the CA; Roots are paths of
	// files with certificates above the issuers, as written.
	SkipWithoutRoot bool
	Roots           []string
	Pace                        // of every log of the list
	Logs            []ListedLog // settings of single logs of the list
}

func (c *Config) readLogList(top *table, readFile func(string) ([]byte, error)) {
	c.LogList.Select = SelectNone
	t := top.sub("log_list")
	if t == nil {
		return
	}
	l := LogList{Select: t.oneOf("select", SelectAuto, SelectNone)}
	first := c.readListSource(t, readFile)
	l.File, l.URL, l.Signature, l.PublicKey, l.Date = first.File, first.URL, first.Signature, first.PublicKey, first.Date
	if l.File == "" && l.URL == "" && !l.Date.IsZero() {
		t.problem("date", "date belongs to a file: the list that comes with the program has its own")
	}
	if _, there := t.value["include"]; there {
		l.Include, _ = t.texts("include", "Example 'Log2026'")
	} else {
		t.known = append(t.known, "include")
	}
	if reasons := t.sub("exclude"); reasons != nil {
		l.Exclude = map[string]string{}
		for _, name := range slices.Sorted(maps.Keys(reasons.value)) {
			l.Exclude[name], _ = reasons.required(name, "why this log is not read")
		}
	}
	l.MarginDays = int(t.integer("margin_days", 0, 0, maxMarginDays))
	l.SkipWithoutRoot = t.boolean("skip_without_root")
	if _, there := t.value["roots"]; there {
		l.Roots, _ = t.texts("roots", "issuers/root.pem")
		if !l.SkipWithoutRoot {
			t.problem("roots", "roots says which logs to skip: add skip_without_root = true, or take it out")
		}
	} else {
		t.known = append(t.known, "roots")
	}
	l.Pace = t.pace()
	c.readAlso(t, &l, readFile)
	l.readListedLogs(t)
	t.close()
	c.LogList = l
}

// listKey reads the publisher's key; nil when none is set.
func (c *Config) listKey(t *table, readFile func(string) ([]byte, error)) []byte {
	_, inline := t.value["public_key"]
	_, file := t.value["public_key_file"]
	if !inline && !file {
		t.known = append(t.known, "public_key", "public_key_file")
		return nil
	}
	return c.logKey(t, readFile)
}

// listURL checks the address of a published list: https only, because the list is what
// names the keys of all logs. A test server on this machine may be http.
func listURL(s string) (string, error) {
	u, err := url.Parse(s)
	switch {
	case err != nil || u.Host == "":
		return "", fmt.Errorf("%s is not an https:// address", quote(s))
	case u.Scheme == "http" && (u.Hostname() == "127.0.0.1" || u.Hostname() == "localhost" || u.Hostname() == "::1"):
	case u.Scheme != "https":
		return "", fmt.Errorf("%s is not an https:// address", quote(s))
	}
	_, err = httpURL(s)
	return s, err
}

// effective writes [log_list] as it is in force.
func (l *LogList) effective(line func(key, value string)) {
	line("select", tomlText(l.Select))
	for _, text := range []struct{ key, value string }{{"file", l.File}, {"url", l.URL}, {"signature", l.Signature}} {
		if text.value != "" {
			line(text.key, tomlText(text.value))
		}
	}
	effectiveDate(l.Date, line)
	if l.PublicKey != nil {
		line("public_key", tomlText(base64Text(l.PublicKey)))
	}
	if len(l.Include) > 0 {
		line("include", tomlTexts(l.Include))
	}
	if len(l.Exclude) > 0 {
		line("exclude", tomlMap(l.Exclude))
	}
	if l.MarginDays != 0 {
		line("margin_days", fmt.Sprint(l.MarginDays))
	}
	if l.SkipWithoutRoot {
		line("skip_without_root", "true")
	}
	if len(l.Roots) > 0 {
		line("roots", tomlTexts(l.Roots))
	}
	l.Pace.effective(line)
}
