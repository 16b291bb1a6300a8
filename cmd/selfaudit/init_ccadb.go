package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"selfaudit/internal/terminal"
	"selfaudit/sampler"
	"selfaudit/sampler/ccadb"
	"selfaudit/sampler/files"
)

// ccadbRecord is what init keeps of a record.
type ccadbRecord struct {
	Name        string `json:"name"`
	SHA256      string `json:"sha256"`
	Link        string `json:"link"`
	Root        bool   `json:"root"`
	Constrained bool   `json:"technically_constrained"`
	Revoked     bool   `json:"revoked"`
	comment     string
	label       string
	der         []byte    // from the report, nil if it has no certificates
	owners      [2]string // CA Owner and Subordinate CA Owner, as the report writes them
}

// spelled is the owner's name as the report writes it, in the column CA Owner if it stands
// there: case does not matter when it is typed, but it becomes the CA's name.
func spelled(records []ccadbRecord, typed string) string {
	typed = strings.TrimSpace(typed)
	for column := range 2 {
		for _, r := range records {
			if name := strings.TrimSpace(r.owners[column]); strings.EqualFold(name, typed) {
				return name
			}
		}
	}
	return typed
}

// ccadbPeriod is the period at some moment of which an issuer must have been valid: as
// given, else from the start of the last full quarter until now, so that the audit that is
// due and the one that follows find their issuers.
func (e *env) ccadbPeriod(o initOptions) (period, error) {
	start, end, err := collectOptions{From: o.From, Until: o.Until}.period()
	if err != nil {
		return period{}, err
	}
	p := period{from: start, until: end, origin: "as given"}
	if p.until.IsZero() {
		p.until, p.origin = e.Now(), "until now"
	}
	if p.from.IsZero() {
		p.from, p.origin = quarterStart(p.until).AddDate(0, -3, 0), "the last full quarter and what followed"
	}
	if !p.from.Before(p.until) {
		return p, usageErrorf("", "the period %s to %s is empty", sampler.FormatTime(p.from), sampler.FormatTime(p.until))
	}
	return p, nil
}

// fromCCADB reads the report and brings the certificates together: from the report itself,
// or from --certs. What is found nowhere is missing. o.Owner becomes the report's spelling.
func (e *env) fromCCADB(ctx context.Context, o *initOptions, p period) (found []newIssuer, missing []ccadbRecord, err error) {
	records, err := readCCADB("--ccadb", o.CCADB, o.Owner, p)
	if err != nil {
		return nil, nil, err
	}
	o.Owner = spelled(records, o.Owner)
	wanted := map[string]int{}
	for i, r := range records {
		if r.der == nil {
			wanted[r.SHA256] = i
		}
	}
	for _, path := range o.Certs {
		err := eachCertificate(ctx, path, func(der []byte) error {
			if i, ok := wanted[sampler.HashCert(der).String()]; ok {
				records[i].der = slices.Clone(der)
			}
			return nil
		})
		if err != nil {
			return nil, nil, usageErrorf("name a folder of PEM or DER files, or the CCADB's report with the certificates", "--certs %s: %w", path, err)
		}
	}
	for _, r := range records {
		if r.der == nil {
			missing = append(missing, r)
			continue
		}
		found = append(found, newIssuer{der: r.der, label: r.label, comment: r.comment})
	}
	return found, missing, nil
}

// readCCADB returns the records of an owner that were valid at any moment of the period,
// in the order of the report. what names the setting in errors.
func readCCADB(what, path, owner string, p period) ([]ccadbRecord, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, usageErrorf("name the report AllCertificateRecordsCSVFormat of the CCADB", "%s: %w", what, err)
	}
	defer f.Close()
	var out []ccadbRecord
	seen := map[[32]byte]bool{}
	others := map[string]bool{}
	var names []string
	known := false
	err = ccadb.Read(f, func(r *ccadb.Record) error {
		if !r.Of(owner) {
			if len(names) < maxOwners && !others[r.Owner] {
				others[r.Owner] = true
				names = append(names, r.Owner)
			}
			return nil
		}
		known = true
		if !r.ValidIn(p.from, p.until) || seen[r.SHA256] {
			return nil
		}
		seen[r.SHA256] = true
		rec, err := ccadbEntry(r)
		out = append(out, rec)
		return err
	})
	if err != nil {
		return nil, usageErrorf("download the report again", "%s %s: %w", what, path, err)
	}
	switch {
	case !known:
		hint := "the name must be that of the column CA Owner or Subordinate CA Owner"
		if near := nearOwner(owner, names); near != "" {
			hint = fmt.Sprintf("did you mean %q?", terminal.Escape(near))
		}
		return nil, usageErrorf(hint, "%s %s: no certificate of %q", what, path, owner)
	case len(out) == 0:
		return nil, usageErrorf("check the period", "%s %s: no certificate of %q was valid between %s and %s", what, path, owner,
			sampler.FormatTime(p.from), sampler.FormatTime(p.until))
	}
	return out, nil
}

// maxOwners bounds the names that are kept for a suggestion.
const maxOwners = 10_000

// nearOwner suggests an owner: one that contains the name, or one spelled alike.
func nearOwner(owner string, names []string) string {
	for _, n := range names {
		if strings.Contains(strings.ToLower(n), strings.ToLower(strings.TrimSpace(owner))) {
			return n
		}
	}
	return terminal.Nearest(owner, names)
}

// ccadbEntry turns a record into an entry. Revoked certificates count: an issuer that was
// valid at any moment of the period could issue in it, and the report does not say when it
// was revoked.
func ccadbEntry(r *ccadb.Record) (ccadbRecord, error) {
	out := ccadbRecord{Name: r.Name, SHA256: fmt.Sprintf("%x", r.SHA256), Root: r.Root, Constrained: r.Constrained, Revoked: r.Revoked(), label: r.Name,
		owners: [2]string{r.Owner, r.SubOwner}}
	out.Link = crtShURL(sampler.CertHash(r.SHA256))
	parts := []string{"CCADB: intermediate"}
	if r.Root {
		parts[0] = "CCADB: root"
	}
	parts = append(parts, "valid "+r.ValidFrom.Format("2006-01-02")+" to "+r.ValidTo.Format("2006-01-02"))
	if r.Revoked() {
		parts = append(parts, r.Revocation)
	}
	if r.Constrained {
		out.label += " (technically constrained)"
		parts = append(parts, "technically constrained: the CA that signed it audits it (BR 8.7)")
	}
	if r.SubOwner != "" && !strings.EqualFold(r.SubOwner, r.Owner) {
		parts = append(parts, "run by "+r.SubOwner)
	}
	out.comment = strings.Join(parts, ", ")
	if strings.TrimSpace(r.PEM) == "" {
		return out, nil
	}
	der, err := ccadb.DecodePEM(r.PEM)
	if err == nil && sampler.HashCert(der) != sampler.CertHash(r.SHA256) {
		err = fmt.Errorf("the certificate's SHA-256 is %s, the record says %s", sampler.HashCert(der), out.SHA256)
	}
	if err != nil {
		return out, fmt.Errorf("line %d: %w", r.Line, err)
	}
	out.der = der
	return out, nil
}

// eachCertificate passes on the certificates of a folder or file: PEM, DER, and the
// CCADB's reports with certificates (*.csv).
func eachCertificate(ctx context.Context, root string, fn func(der []byte) error) error {
	if isCSV(root) {
		return pemReport(root, fn)
	}
	entries, err := os.ReadDir(root)
	if err == nil {
		for _, entry := range entries {
			if !entry.Type().IsRegular() || !isCSV(entry.Name()) {
				continue
			}
			if err := pemReport(filepath.Join(root, entry.Name()), fn); err != nil && !errors.Is(err, ccadb.ErrNoPEM) {
				return err
			}
		}
	}
	if _, err := os.Stat(root); err != nil {
		return err
	}
	return files.Read(ctx, root, func(c files.Certificate) error { return fn(c.DER) }, func(files.Problem) error { return nil })
}

func isCSV(name string) bool { return strings.EqualFold(filepath.Ext(name), ".csv") }

func pemReport(path string, fn func(der []byte) error) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := ccadb.ReadPEMs(f, fn); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

// missingFile lists the certificates that are still to be fetched.
const missingFile = "issuers-missing.txt"

// missingText is the content of missingFile.
func missingText(missing []ccadbRecord) []byte {
	var b strings.Builder
	b.WriteString("# CA certificates that the CCADB lists and that were not found. Download each, put\n" +
		"# the files into one folder, and run init again with --certs FOLDER.\n# SHA-256 fingerprint, where to get it, name\n")
	for _, r := range missing {
		fmt.Fprintf(&b, "%s\t%s\t%s\n", r.SHA256, r.Link, terminal.Escape(r.label))
	}
	return []byte(b.String())
}

// fromWorkspace writes a path of the current folder as seen from the workspace, with slashes.
func (e *env) fromWorkspace(path string) (string, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	base, err := filepath.Abs(e.Workspace)
	if err != nil {
		return "", err
	}
	if rel, err := filepath.Rel(base, abs); err == nil {
		abs = rel
	}
	return filepath.ToSlash(abs), nil
}
