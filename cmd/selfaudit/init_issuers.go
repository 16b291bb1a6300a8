package main

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"selfaudit/internal/config"
	"selfaudit/internal/terminal"
	"selfaudit/reports"
	"selfaudit/sampler"
	"selfaudit/sampler/ct"
)

// newIssuer is a CA certificate on its way into a new configuration.
type newIssuer struct {
	der     []byte
	label   string // as given; escaped where it is written
	comment string
}

// issuersFolder is where init puts the issuers' certificates, below the workspace.
const issuersFolder = "issuers"

// fromCertificates reads the CA certificates of --from-cert.
func fromCertificates(paths []string) ([]newIssuer, error) {
	var out []newIssuer
	for _, path := range paths {
		ders, err := issuerCertificates(path)
		if err != nil {
			return nil, usageErrorf("name a PEM or DER file with a CA certificate", "--from-cert %s: %w", path, err)
		}
		for _, der := range ders {
			if err := mayIssue(der); err != nil {
				return nil, usageErrorf("give the certificate of the CA whose issuance is audited, not one that it issued", "--from-cert %s: %w", path, err)
			}
			out = append(out, newIssuer{der: der})
		}
	}
	return out, nil
}

// mayIssue refuses what is certainly no CA certificate. What Go's strict parser cannot
// read is left to the tolerant one: an old root must not be left out for its encoding.
func mayIssue(der []byte) error {
	if _, err := ct.ParseCertificate(der); err != nil {
		return err
	}
	c, err := x509.ParseCertificate(der)
	if err != nil || c.Version < 3 || c.BasicConstraintsValid && c.IsCA {
		return nil
	}
	return fmt.Errorf("%q is not a CA certificate (its basicConstraints do not say so)", terminal.Escape(c.Subject.String()))
}

// organization is the first certificate's organization, for the CA's name.
func organization(issuers []newIssuer) string {
	for _, i := range issuers {
		if c, err := x509.ParseCertificate(i.der); err == nil && len(c.Subject.Organization) > 0 {
			return terminal.Escape(c.Subject.Organization[0])
		}
	}
	return ""
}

// workspaceIssuers turns certificates into [[issuer]] entries, one for each key, with the
// files to write and a comment for each entry.
func workspaceIssuers(found []newIssuer) (issuers []config.Issuer, comments []string, files map[string][]byte, err error) {
	files = map[string][]byte{}
	var keys [][32]byte
	seen := map[sampler.CertHash]bool{}
	for _, f := range found {
		hash := sampler.HashCert(f.der)
		if seen[hash] {
			continue
		}
		seen[hash] = true
		c, err := ct.ParseCertificate(f.der)
		if err != nil {
			return nil, nil, nil, fmt.Errorf("certificate %s: %w", hash, err)
		}
		facts, err := reports.ReadFacts(f.der)
		if err != nil {
			return nil, nil, nil, err
		}
		label := f.label
		if label == "" {
			label = orDash(facts.CommonName)
		}
		name := issuersFolder + "/" + fileName(facts.CommonName) + hash.String()[:8] + ".pem"
		files[name] = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: f.der})
		i := slices.Index(keys, c.KeyHash())
		if i < 0 {
			keys = append(keys, c.KeyHash())
			issuers = append(issuers, config.Issuer{Certificates: []string{name}, Label: clipText(terminal.Escape(label), maxLabel)})
			comments = append(comments, f.comment)
			continue
		}
		issuers[i].Certificates = append(issuers[i].Certificates, name)
		if f.comment != "" && !strings.Contains(comments[i], f.comment) {
			comments[i] = strings.TrimPrefix(comments[i]+"; "+f.comment, "; ")
		}
	}
	return issuers, comments, files, nil
}

// maxLabel keeps labels readable in tables and workbook.
const maxLabel = 120

func clipText(s string, most int) string {
	if r := []rune(s); len(r) > most {
		return string(r[:most])
	}
	return s
}

// fileName makes a short, harmless beginning of a file's name out of a CA's name.
func fileName(name string) string {
	if s := sampler.Slug(name, 40); s != "" {
		return s + "-"
	}
	return ""
}

// writeIssuers writes the certificates' files. One that exists with the same content is
// fine, so that an init that failed half way can be repeated.
func (e *env) writeIssuers(files map[string][]byte, names []string) error {
	if err := os.MkdirAll(filepath.Join(e.Workspace, issuersFolder), 0o755); err != nil {
		return fmt.Errorf("making the workspace: %w", err)
	}
	for _, name := range names {
		path := filepath.Join(e.Workspace, filepath.FromSlash(name))
		old, err := os.ReadFile(path)
		switch {
		case err == nil && bytes.Equal(old, files[name]):
			continue
		case err == nil:
			return usageErrorf("move it away", "%s exists with other content", path)
		case !errors.Is(err, fs.ErrNotExist):
			return err
		}
		if err := writeNew(path, files[name]); err != nil {
			return err
		}
	}
	return nil
}

// gatherIssuers collects the issuers of all flags. missing are certificates of the CCADB
// that were not found. With --ccadb o.Owner becomes the report's spelling.
func (e *env) gatherIssuers(ctx context.Context, o *initOptions) (found []newIssuer, missing []ccadbRecord, p period, err error) {
	if found, err = fromCertificates(o.FromCert); err != nil {
		return nil, nil, p, err
	}
	if o.CCADB == "" {
		if o.Owner != "" || len(o.Certs) > 0 || o.From != "" || o.Until != "" || o.SkipMissing {
			return nil, nil, p, usageErrorf("add --ccadb FILE", "--owner, --certs, --from, --until and --skip-missing belong to --ccadb")
		}
		return found, nil, p, nil
	}
	if strings.TrimSpace(o.Owner) == "" {
		return nil, nil, p, usageErrorf(`add --owner "…", the CA Owner in the report`, "--ccadb needs --owner")
	}
	if p, err = e.ccadbPeriod(*o); err != nil {
		return nil, nil, p, err
	}
	more, missing, err := e.fromCCADB(ctx, o, p)
	return append(found, more...), missing, p, err
}
