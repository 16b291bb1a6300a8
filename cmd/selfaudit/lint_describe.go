package main

import (
	"strconv"
	"strings"
	"time"

	"selfaudit/internal/terminal"
	"selfaudit/lint"
)

// whatItIs says in a few words what an artifact is: "precertificate, DV, ECDSA
// P-256".
func whatItIs(d lint.Description) string {
	switch d.Kind {
	case lint.KindCert:
		word := "certificate"
		if d.Precertificate {
			word = "precertificate"
		}
		return joinWords(word, d.Class, d.Key)
	case lint.KindCRL:
		if d.Err == nil {
			return "CRL, " + terminal.Count(int64(d.Revoked)) + " revoked"
		}
		return "CRL"
	case lint.KindOCSP:
		if d.Class != "" {
			return terminal.Escape(d.Class)
		}
		return "OCSP response"
	}
	return "not a certificate, CRL or OCSP response"
}

// joinWords joins escaped words with commas and leaves empty ones out.
func joinWords(words ...string) string {
	var out []string
	for _, w := range words {
		if w != "" {
			out = append(out, terminal.Escape(w))
		}
	}
	return strings.Join(out, ", ")
}

// describeLines are the facts that identify an artifact, one per line, escaped.
// On a terminal (short) the hash is shortened.
func describeLines(d lint.Description, short bool) []string {
	var lines []string
	add := func(label, value string) {
		if value != "" {
			lines = append(lines, label+strings.Repeat(" ", 9-len(label))+terminal.Escape(value))
		}
	}
	add("subject", d.Subject)
	names := strings.Join(d.Names, ", ")
	if more := d.NameCount - len(d.Names); more > 0 {
		names += " and " + strconv.Itoa(more) + " more"
	}
	add("names", names)
	add("issuer", d.Issuer)
	add("serial", d.Serial)
	add("valid", span(d.NotBefore, d.NotAfter))
	hash := d.SHA256
	if short {
		hash = terminal.ShortHash(hash)
	}
	add("sha256", hash)
	return lines
}

// span writes a validity, or the two update times of a CRL or OCSP response.
func span(from, until time.Time) string {
	switch {
	case from.IsZero() && until.IsZero():
		return ""
	case until.IsZero():
		return "from " + from.UTC().Format(time.RFC3339)
	case from.IsZero():
		return "until " + until.UTC().Format(time.RFC3339)
	}
	return from.UTC().Format(time.RFC3339) + " to " + until.UTC().Format(time.RFC3339)
}
