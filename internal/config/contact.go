package config

import (
	"fmt"
	"net/url"
	"regexp"
	"strings"
)

// maxContact bounds a contact, which goes with every request, in bytes.
const maxContact = 200

// mailAddress is an address that needs no quoting, in a header or in a mailto address. An
// address with anything rarer can be given as an https page.
var mailAddress = regexp.MustCompile(`^[A-Za-z0-9.!#$%&'*+/=?^_{|}~-]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+$`)

// Contact checks what server operators are told to turn to and returns it as an address:
// mailto: for a mail address with or without it, or a page (https). It stands in a comment
// of the User-Agent header (RFC 9110, 5.6.5 and 10.1.5), so nothing that could end the
// comment or the header is let through.
func Contact(s string) (string, error) {
	const form = `write "mailto:audit@ca.example", or the https:// address of a page about it`
	if len(s) > maxContact {
		return "", fmt.Errorf("longer than %d bytes: %s", maxContact, form)
	}
	for _, r := range s {
		if r <= ' ' || r > '~' || strings.ContainsRune("()\"\\<>", r) {
			return "", fmt.Errorf("the character %q cannot stand in a header: %s", r, form)
		}
	}
	if mail := strings.TrimPrefix(s, "mailto:"); mailAddress.MatchString(mail) {
		return "mailto:" + mail, nil
	}
	u, err := url.Parse(s)
	switch {
	case err != nil || u.Scheme != "https" || u.Hostname() == "":
		return "", fmt.Errorf("%s is neither a mail address nor an https:// address: %s", quote(s), form)
	case u.User != nil:
		return "", fmt.Errorf("it must not contain a user name or password: the configuration becomes part of the evidence")
	}
	return s, nil
}

func (c *Config) readContact(t *table) {
	s, ok := t.text("contact", "mailto:audit@ca.example")
	if !ok {
		return
	}
	contact, err := Contact(s)
	if err != nil {
		t.problem("contact", "contact: %s", err)
	}
	c.CA.Contact = contact
}
