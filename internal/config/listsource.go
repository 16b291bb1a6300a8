package config

import (
	"strings"
	"time"
)

// MaxLists bounds how many log lists are united: there are two root programmes that publish one.
const MaxLists = 10

// NoSignature is the Signature of a list on the web whose publisher does not sign it.
const NoSignature = "none"

// ListSource is one log list: [log_list] itself, or a [[log_list.also]].
type ListSource struct {
	File      string    // path as written
	URL       string    // https address of the JSON; with File empty too: the list that comes with the program
	Signature string    // as LogList.Signature; NoSignature for a URL: there is none
	PublicKey []byte    // as LogList.PublicKey
	Date      time.Time // as LogList.Date
}

// Sources returns the lists in their order: that of [log_list], then the others.
func (l *LogList) Sources() []ListSource {
	return append([]ListSource{{l.File, l.URL, l.Signature, l.PublicKey, l.Date}}, l.Also...)
}

// Bundled says whether this is the list that comes with the program.
func (s *ListSource) Bundled() bool { return s.File == "" && s.URL == "" }

// readListSource reads the keys that say where a list is and how it is checked.
func (c *Config) readListSource(t *table, readFile func(string) ([]byte, error)) ListSource {
	var l ListSource
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
	case l.Signature == NoSignature && l.URL != "":
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
	if text, ok := t.text("date", "2026-10-01T00:00:00Z"); ok {
		when, err := time.Parse(time.RFC3339, text)
		switch {
		case err != nil || when.Nanosecond() != 0:
			t.problem("date", "date %s is not a time like 2026-10-01T00:00:00Z", quote(text))
		case l.URL != "":
			t.problem("date", "date belongs to a file: a list without a date of its own is dated by when its url was asked")
		default:
			l.Date = when.UTC()
		}
	}
	return l
}

// readAlso reads [[log_list.also]]: further lists.
func (c *Config) readAlso(t *table, l *LogList, readFile func(string) ([]byte, error)) {
	first := ListSource{File: l.File, URL: l.URL}
	all := []ListSource{first}
	for _, one := range t.tables("also") {
		one.name = "[[log_list.also]]"
		bundled := one.boolean("bundled")
		s := c.readListSource(one, readFile)
		switch {
		case bundled && !s.Bundled():
			one.problem("bundled", "bundled is the list that comes with the program: take file and url out")
		case !bundled && s.Bundled():
			one.problem("", "[[log_list.also]] names no list: add file or url, or bundled = true for the list that comes with the program")
		case bundled && !s.Date.IsZero():
			one.problem("date", "date belongs to a file: the list that comes with the program has its own")
		}
		one.close()
		for _, other := range all {
			if (bundled || !s.Bundled()) && other.File == s.File && other.URL == s.URL {
				one.problem("", "[[log_list.also]] names a list that stands above already")
				break
			}
		}
		all = append(all, s)
		l.Also = append(l.Also, s)
	}
	if len(all) > MaxLists {
		t.problem("also", "more than %d lists", MaxLists)
	}
}

// effective writes a [[log_list.also]] as it is in force.
func (s *ListSource) effective(line func(key, value string)) {
	if s.Bundled() {
		line("bundled", "true")
	}
	for _, text := range []struct{ key, value string }{{"file", s.File}, {"url", s.URL}, {"signature", s.Signature}} {
		if text.value != "" {
			line(text.key, tomlText(text.value))
		}
	}
	effectiveDate(s.Date, line)
	if s.PublicKey != nil {
		line("public_key", tomlText(base64Text(s.PublicKey)))
	}
}

func effectiveDate(date time.Time, line func(key, value string)) {
	if !date.IsZero() {
		line("date", tomlText(date.Format(time.RFC3339)))
	}
}
