package config

import (
	"bytes"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"selfaudit/internal/terminal"
)

// classes are those that a policy OID can stand for; ca and ocsp follow from
// the certificate itself (sampling protocol 3).
var classes = []string{"dv", "ov", "iv", "ev", "smime", "cs", "csev", "other"}

func (c *Config) readIssuer(t *table) {
	var issuer Issuer
	if _, there := t.value["certificate"]; !there {
		t.required("certificate", "issuers/dv1.pem")
	} else {
		issuer.Certificates, _ = t.texts("certificate", "issuers/dv1.pem")
	}
	for _, file := range issuer.Certificates {
		if strings.TrimSpace(file) == "" {
			t.problem("certificate", "certificate is an empty path")
		} else if t.r.issuerFiles[cleanPath(file)] {
			t.problem("certificate", "certificate %s is already in an [[issuer]] above", quote(file))
		}
	}
	for _, file := range issuer.Certificates {
		t.r.issuerFiles[cleanPath(file)] = true
	}
	issuer.Label, _ = t.text("label", "DV1")
	issuer.RateBP = t.rate("rate", 0)
	issuer.Floor = t.integer("floor", 0, 0, MaxFloor)
	if oids := t.sub("policy_oids"); oids != nil {
		issuer.PolicyOIDs = map[string]string{}
		for _, oid := range slices.Sorted(maps.Keys(oids.value)) {
			if !isOID(oid) {
				oids.problem(oid, "policy_oids: %s is not a dotted object identifier such as \"1.3.6.1.4.1.99999.1\"", quote(oid))
				continue
			}
			issuer.PolicyOIDs[oid] = oids.class(oid)
		}
	}
	t.close()
	c.Issuers = append(c.Issuers, issuer)
}

// class reads the value of one policy OID.
func (t *table) class(oid string) string {
	s, ok := t.text(oid, "dv")
	if ok && !slices.Contains(classes, s) {
		t.problem(oid, "policy_oids: %s is not a class; %sit is one of %s", quote(s), didYouMean(terminal.Nearest(s, classes)), quoted(classes))
	}
	return s
}

// cleanPath is the same for all spellings of a path.
func cleanPath(p string) string { return path.Clean(filepath.ToSlash(p)) }

// isOID reports whether s is a dotted OID: at least two arcs, no leading zero.
func isOID(s string) bool {
	arcs := strings.Split(s, ".")
	if len(arcs) < 2 || len(s) > 256 || arcs[0] > "2" {
		return false
	}
	for _, arc := range arcs {
		if !digits(arc) || len(arc) > 1 && arc[0] == '0' {
			return false
		}
	}
	return len(arcs[0]) == 1
}

func (c *Config) readFiles(t *table) {
	p, ok := t.required("path", "exports/2026Q3")
	if ok && t.r.files[cleanPath(p)] {
		t.problem("path", "path %s is already in a [[files]] above", quote(p))
	}
	if p == IndexName {
		t.problem("path", "path %s is the name that crt.sh's answers have among the sources: write %s", quote(p), quote("./"+p))
	}
	t.r.files[cleanPath(p)] = true
	t.close()
	c.Files = append(c.Files, Files{Path: p})
}

func (c *Config) readLog(t *table, readFile func(string) ([]byte, error)) {
	var l Log
	if _, there := t.value["type"]; !there {
		t.required("type", TypeStaticCT)
	} else {
		l.Type = t.oneOf("type", TypeStaticCT, TypeRFC6962)
	}
	if u, ok := t.required("url", "https://log.example/2026h2"); ok {
		clean, err := logURL(u)
		if err != nil {
			t.problem("url", "url %s", err)
		}
		l.URL = clean
	}
	if l.Type == TypeStaticCT {
		l.Origin, _ = t.required("origin", "log.example/2026h2")
	} else {
		l.Origin, _ = t.text("origin", "log.example/2026h2")
	}
	l.PublicKey = c.logKey(t, readFile)
	if _, there := t.value["exclude"]; there {
		l.Exclude, _ = t.required("exclude", "why this log is left out")
	} else {
		t.known = append(t.known, "exclude")
	}
	l.Label, _ = t.text("label", "Example log 2026h2")
	l.Pace, l.OperatedByCA = t.pace(), t.boolean(keyOperated)
	if l.Tiles = t.boolean("tiles"); l.Tiles && l.Type == TypeStaticCT {
		t.problem("tiles", "tiles is for type = \"rfc6962\": a static-ct log serves nothing else")
	}
	t.close()

	for i, other := range c.Logs {
		switch {
		case l.URL != "" && other.URL == l.URL:
			t.problem("url", "url %s is already that of [[log]] number %d", quote(l.URL), i+1)
		case l.PublicKey != nil && bytes.Equal(other.PublicKey, l.PublicKey):
			t.problem("", "%s has the public key of [[log]] number %d: they are one log", t.name, i+1)
		}
	}
	c.Logs = append(c.Logs, l)
}

// logKey reads the log's key from public_key or public_key_file; nil after a
// problem.
func (c *Config) logKey(t *table, readFile func(string) ([]byte, error)) []byte {
	const fileKey = "public_key_file"
	inline, hasInline := t.text("public_key", "MFkwEwYHKoZIzj0CAQYI...")
	_, inlineThere := t.value["public_key"]
	file, hasFile := t.text(fileKey, "keys/log.pem")
	_, fileThere := t.value[fileKey]
	switch {
	case inlineThere && fileThere:
		t.problem(fileKey, "public_key and public_key_file are both set: keep one")
	case hasInline:
		der, err := parseKey([]byte(inline))
		if err != nil {
			t.problem("public_key", "public_key: %s", err)
		}
		return der
	case hasFile:
		data, err := readFile(c.Resolve(file))
		if err != nil {
			t.problem(fileKey, "public_key_file: %s", err)
			return nil
		}
		der, err := parseKey(data)
		if err != nil {
			t.problem(fileKey, "public_key_file %s: %s", quote(file), err)
		}
		return der
	case !inlineThere && !fileThere:
		t.problem("", "%s has no public_key: add public_key = \"base64 SubjectPublicKeyInfo\" or public_key_file = \"keys/log.pem\"", t.name)
	}
	return nil
}

// parseKey reads a SubjectPublicKeyInfo: PEM, base64 (line ends allowed) or DER.
func parseKey(data []byte) ([]byte, error) {
	der := data
	if block, _ := pem.Decode(data); block != nil {
		if block.Type != "PUBLIC KEY" {
			return nil, fmt.Errorf("the PEM block is a %s, not a PUBLIC KEY (SubjectPublicKeyInfo)", quote(block.Type))
		}
		der = block.Bytes
	} else if len(data) > 0 && data[0] != 0x30 {
		text := strings.Join(strings.Fields(string(data)), "")
		decoded, err := base64.StdEncoding.DecodeString(text)
		if err != nil {
			return nil, errors.New("this is not base64; paste the log's key as its list publishes it")
		}
		der = decoded
	}
	if _, err := x509.ParsePKIXPublicKey(der); err != nil {
		return nil, fmt.Errorf("this is not a SubjectPublicKeyInfo: %w", err)
	}
	return bytes.Clone(der), nil
}

// logURL checks where a log is: http(s), file://, or a folder.
func logURL(s string) (string, error) {
	switch scheme, _, ok := strings.Cut(s, "://"); {
	case !ok:
		return trimSlash(s), nil
	case scheme == "file":
		return trimSlash(s), nil
	case scheme == "http" || scheme == "https":
		return httpURL(s)
	default:
		return "", fmt.Errorf("%s is neither https://, http://, file:// nor a folder", quote(s))
	}
}

// httpURL checks a base URL. User names, passwords and query strings are
// refused: the configuration goes into the evidence, secrets must not.
func httpURL(s string) (string, error) {
	u, err := url.Parse(s)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http":
		return "", fmt.Errorf("%s is not an https:// address", quote(s))
	case u.User != nil:
		return "", errors.New("must not contain a user name or password: the configuration becomes part of the evidence")
	case u.RawQuery != "" || u.Fragment != "" || u.ForceQuery:
		return "", fmt.Errorf("%s must be a plain base address without ? or #", quote(s))
	}
	return trimSlash(s), nil
}

// trimSlash drops slashes at the end, which mean nothing, but keeps a root.
func trimSlash(s string) string {
	if t := strings.TrimRight(s, "/"); t != "" && !strings.HasSuffix(t, ":") {
		return t
	}
	return s
}
