package config

import (
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
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
	Include    []string          // names of logs to read in any case
	Exclude    map[string]string // names of logs not to read, with the reason
	MarginDays int               // look for certificates this much longer than allowed
	Pace                         // of every log of the list
	Logs       []ListedLog       // settings of single logs of the list
}

func (c *Config) readLogList(top *table, readFile func(string) ([]byte, error)) {
	c.LogList.Select = SelectNone
	t := top.sub("log_list")
	if t == nil {
		return
	}
	l := LogList{Select: t.oneOf("select", SelectAuto, SelectNone)}
	l.File, _ = t.text("file", "lists/log_list.json")
	if address, ok := t.text("url", "https://www.gstatic.com/ct/log_list/v3/log_list.json"); ok {
		var err error
		if l.URL, err = listURL(address); err != nil {
			t.problem("url", "url %s", err)
		}
	}
	if l.File != "" && l.URL != "" {
		t.problem("url", "file and url are both set: keep one; without either the list that comes with the program is used")
	}
	l.Signature, _ = t.text("signature", "lists/log_list.sig")
	switch {
	case l.Signature != "" && l.URL != "":
		if _, err := listURL(l.Signature); err != nil {
			t.problem("signature", "signature %s", err)
		}
	case l.Signature != "" && l.File == "":
		t.problem("signature", "signature belongs to a file or url; the list that comes with the program has its own")
	case l.Signature == "" && l.URL != "":
		if base, ok := strings.CutSuffix(l.URL, ".json"); ok {
			l.Signature = base + ".sig"
		} else {
			t.problem("url", "url does not end in .json: add signature = \"https://...\", the address of the list's signature")
		}
	}
	l.PublicKey = c.listKey(t, readFile)
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
	l.Pace = t.pace()
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
	l.Pace.effective(line)
}
