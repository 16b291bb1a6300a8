package main

import (
	"crypto/sha256"
	"encoding/csv"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"selfaudit/internal/config"
	"selfaudit/internal/testpki"
)

// ccadbColumns are the columns of AllCertificateRecordsCSVFormatV5 around those that init
// reads, in the report's order.
var ccadbColumns = []string{"CA Owner", "Salesforce Record ID", "Certificate Name", "Parent Salesforce Record ID", "Parent Certificate Name", "Certificate Record Type",
	"Subordinate CA Owner", "Revocation Status", "SHA-256 Fingerprint", "Parent SHA-256 Fingerprint", "Valid From (GMT)", "Valid To (GMT)", "Authority Key Identifier",
	"Subject Key Identifier", "Technically Constrained", "Derived Trust Bits", "TLS Capable", "Country"}

func pemText(der []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
}

// ccadbRow is a made-up record for a certificate.
func ccadbRow(der []byte, name, kind, from, to string, more ...string) map[string]string {
	row := map[string]string{"CA Owner": "Example, Inc.", "Certificate Name": name, "Certificate Record Type": kind, "SHA-256 Fingerprint": fmt.Sprintf("%X", sha256.Sum256(der)),
		"Valid From (GMT)": from, "Valid To (GMT)": to, "Technically Constrained": "False", "Revocation Status": "Not Revoked"}
	for i := 0; i < len(more); i += 2 {
		row[more[i]] = more[i+1]
	}
	return row
}

func csvText(t *testing.T, columns []string, rows ...map[string]string) string {
	t.Helper()
	var b strings.Builder
	w := csv.NewWriter(&b)
	_ = w.Write(columns)
	for _, r := range rows {
		var line []string
		for _, c := range columns {
			line = append(line, r[c])
		}
		_ = w.Write(line)
	}
	w.Flush()
	if err := w.Error(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func (b *bench) config(t *testing.T) *config.Config {
	t.Helper()
	c, err := config.Load(filepath.Join(b.dir, "selfaudit.toml"))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestInitFromCert(t *testing.T) {
	b := &bench{t, filepath.Join(t.TempDir(), "ws")}
	in := &bench{t, t.TempDir()}
	root := testpki.NewRoot("Init Root", testpki.CAOptions{})
	sub := root.NewCA("Init DV CA", testpki.CAOptions{})
	twin := testpki.NewRoot("Init Other Root", testpki.CAOptions{}).CrossSign(sub, testpki.CAOptions{})
	in.write("a.pem", pemText(sub.Cert)+pemText(root.Cert))
	in.write("twin.der", string(twin.Cert))
	in.write("leaf.pem", pemText(sub.Certificate(testpki.Template{DNSNames: []string{"a.example"}})))
	in.write("text.pem", "no certificate\n")
	at := func(name string) string { return filepath.Join(in.dir, name) }

	_, stderr := b.run(exitUsage, "init", "--from-cert", at("leaf.pem"))
	b.must(stderr, "is not a CA certificate", "not one that it issued")
	_, stderr = b.run(exitUsage, "init", "--from-cert", at("text.pem"))
	b.must(stderr, "text.pem")
	_, stderr = b.run(exitUsage, "init", "--owner", "x")
	b.must(stderr, "--ccadb")
	if _, err := os.Stat(b.dir); err == nil {
		t.Fatal("a refused init made the workspace")
	}
	stdout, _ := b.run(exitOK, "init", "--ca", "Init CA", "--from-cert", at("a.pem"), "--from-cert", at("twin.der"), "--from-cert", at("a.pem"))
	b.must(stdout, "2 issuers", "selfaudit doctor", "selfaudit plan")
	c := b.config(t)
	if len(c.Issuers) != 2 || len(c.Issuers[0].Certificates) != 2 || len(c.Issuers[1].Certificates) != 1 || c.LogList.Select != config.SelectAuto || c.Complete() != nil {
		t.Errorf("%+v", c)
	}
	issuers, err := loadIssuers(c)
	if err != nil || len(issuers.List()) != 2 {
		t.Errorf("%v, error %v", issuers, err)
	}
	_, stderr = b.run(exitUsage, "init", "--from-cert", at("a.pem"))
	b.must(stderr, "already a workspace")
}

// TestInitCCADB takes the two ways to the certificates: from a folder, and from the
// report with PEM data; names are hostile.
func TestInitCCADB(t *testing.T) {
	in := &bench{t, t.TempDir()}
	root := testpki.NewRoot("CCADB Root", testpki.CAOptions{})
	hostile := root.NewCA("=HYPERLINK(\"http://x\")", testpki.CAOptions{})
	tcsc := root.NewCA("Constrained CA", testpki.CAOptions{})
	gone := root.NewCA("Gone CA", testpki.CAOptions{})
	foreign := testpki.NewRoot("Foreign Root", testpki.CAOptions{})
	run := root.NewCA("Run By Us", testpki.CAOptions{})
	rows := []map[string]string{
		ccadbRow(root.Cert, "CCADB Root", "Root Certificate", "2016-01-01", "2041-01-01"),
		ccadbRow(hostile.Cert, "=HYPERLINK(\"http://x\")\n\x1b[2J\u202e", "Intermediate Certificate", "2020.01.01", "2030.01.01", "Revocation Status", "Revoked"),
		ccadbRow(tcsc.Cert, "Constrained CA", "Intermediate Certificate", "2020-01-01", "2030-01-01", "Technically Constrained", "TRUE", "Subordinate CA Owner", "Customer, Ltd"),
		ccadbRow(gone.Cert, "Gone CA", "Intermediate Certificate", "2016-01-01", "2026-06-30"),
		ccadbRow(foreign.Cert, "Foreign Root", "Root Certificate", "2016-01-01", "2041-01-01", "CA Owner", "Foreign, Inc."),
		ccadbRow(run.Cert, "Run By Us", "Intermediate Certificate", "2020-01-01", "2030-01-01", "CA Owner", "Foreign, Inc.", "Subordinate CA Owner", "EXAMPLE, INC."),
	}
	in.write("records.csv", csvText(t, ccadbColumns, rows...))
	at := func(name string) string { return filepath.Join(in.dir, filepath.FromSlash(name)) }
	args := []string{"init", "--ca", "C", "--ccadb", at("records.csv"), "--owner", "example, inc.", "--from", "2026-07-01T00:00:00Z", "--until", "2026-10-01T00:00:00Z"}

	// Nothing at hand: everything is listed, nothing is begun.
	b := &bench{t, t.TempDir()}
	_, stderr := b.run(exitIncomplete, args...)
	b.must(stderr, "4 CA certificates are missing", "--certs FOLDER")
	missing := string(b.read("issuers-missing.txt"))
	b.must(missing, fmt.Sprintf("%x\thttps://crt.sh/?sha256=%x\tCCADB Root\n", sha256.Sum256(root.Cert), sha256.Sum256(root.Cert)), `=HYPERLINK("http://x")\x0a\x1b[2J\u202e`)
	if strings.Contains(missing, "Foreign Root") || strings.Contains(missing, "Gone CA") || strings.Count(missing, "\n") != 7 {
		t.Errorf("missing:\n%s", missing)
	}
	if _, err := os.Stat(filepath.Join(b.dir, "selfaudit.toml")); err == nil {
		t.Error("a configuration with a hole was written")
	}

	// Some in a folder, one in the report with PEM data; one is still missing.
	in.write("certs/root.pem", pemText(root.Cert))
	in.write("certs/sub/tcsc.crt", string(tcsc.Cert))
	in.write("certs/notes.txt", "not a certificate\n")
	in.write("certs/pems.csv", csvText(t, []string{"SHA-256 Fingerprint", "X.509 Certificate (PEM)"},
		map[string]string{"SHA-256 Fingerprint": rows[1]["SHA-256 Fingerprint"], "X.509 Certificate (PEM)": pemText(hostile.Cert)}))
	args = append(args, "--certs", at("certs"))
	stdout, _ := b.run(exitIncomplete, append(args, "--json")...)
	var d initDocument
	if err := json.Unmarshal([]byte(stdout), &d); err != nil || len(d.Missing) != 1 || d.Missing[0].Name != "Run By Us" {
		t.Errorf("%s", stdout)
	}
	stdout, _ = b.run(exitOK, append(args, "--skip-missing")...)
	b.must(stdout, "3 issuers", "1 issuer is missing")

	b = &bench{t, t.TempDir()}
	in.write("certs/run.pem", pemText(run.Cert))
	b.run(exitOK, args...)
	c := b.config(t)
	if len(c.Issuers) != 4 {
		t.Fatalf("%+v", c.Issuers)
	}
	labels := []string{"CCADB Root", `=HYPERLINK("http://x")\x0a\x1b[2J\u202e`, "Constrained CA (technically constrained)", "Run By Us"}
	for i, want := range labels {
		if c.Issuers[i].Label != want {
			t.Errorf("label %q, want %q", c.Issuers[i].Label, want)
		}
	}
	b.must(string(b.read("selfaudit.toml")), "valid 2020-01-01 to 2030-01-01, Revoked", "run by Customer, Ltd", "technically constrained: the CA that signed it audits it")
	if issuers, err := loadIssuers(c); err != nil || len(issuers.List()) != 4 {
		t.Errorf("%v, error %v", issuers, err)
	}

	// A report that has the certificates itself.
	withPEM := append([]string{}, append(ccadbColumns, "X.509 Certificate (PEM)")...)
	rows[0]["X.509 Certificate (PEM)"], rows[3]["X.509 Certificate (PEM)"] = pemText(root.Cert), pemText(gone.Cert)
	in.write("full.csv", csvText(t, withPEM, rows[0], rows[3]))
	b = &bench{t, t.TempDir()}
	b.run(exitOK, "init", "--ccadb", at("full.csv"), "--owner", " example, INC. ", "--from", "2026-06-30T23:00:00Z", "--until", "2026-10-01T00:00:00Z")
	if c := b.config(t); len(c.Issuers) != 2 || c.CA.Name != "Example, Inc." || c.CCADB.Owner != "Example, Inc." {
		t.Errorf("the name is not as the report spells it: %+v", c)
	}

	for _, tt := range []struct{ name, file, owner, want string }{
		{"owner", "records.csv", "Exampel, Inc.", "Example, Inc."},
		{"part of the owner", "records.csv", "foreign", "Foreign, Inc."},
		{"no report", "certs/notes.txt", "x", "AllCertificateRecordsCSVFormat"},
		{"no file", "nosuch.csv", "x", "nosuch.csv"},
		{"no owner", "records.csv", "", "--owner"},
	} {
		_, stderr := (&bench{t, t.TempDir()}).run(exitUsage, "init", "--ccadb", at(tt.file), "--owner", tt.owner)
		if !strings.Contains(stderr, tt.want) {
			t.Errorf("%s: %s", tt.name, stderr)
		}
	}
	rows[0]["X.509 Certificate (PEM)"] = pemText(gone.Cert)
	in.write("wrong.csv", csvText(t, withPEM, rows[0]))
	_, stderr = (&bench{t, t.TempDir()}).run(exitUsage, "init", "--ccadb", at("wrong.csv"), "--owner", "Example, Inc.")
	b.must(stderr, "the record says")
}
