package main

import (
	"fmt"
	"strings"
	"testing"

	"selfaudit/internal/testpki"
)

// exportWithCertificates is an export of which only some rows bring their certificates.
func exportWithCertificates(g *grownLog, with func(i int) bool) string {
	var b strings.Builder
	b.WriteString("serial,issuer,cert,issued\n")
	for i := range 5 {
		from := at("2023-07-01T00:00:00Z")
		serial, cert := fmt.Sprintf("0a0b0%x", i), ""
		if with(i) {
			serial, cert = "", fmt.Sprintf("%x", g.ca.Certificate(testpki.Template{Seed: fmt.Sprint("b", i), NotBefore: from, NotAfter: from.AddDate(0, 0, 90)}))
		}
		fmt.Fprintf(&b, "%s,Grown DV CA,%s,2023-07-0%dT12:00:00Z\n", serial, cert, i+2)
	}
	return b.String()
}

// TestNothingToLookUp refuses mode records at once where no certificate is given, not days later at freeze;
// plan and doctor say so too.
func TestNothingToLookUp(t *testing.T) {
	const table = "[[records]]\npath = \"export.csv\"\nsystem = \"database\"\nextracted_at = \"2023-08-20T00:00:00Z\"\n[records.columns]\nserial = \"serial\"\nissuer = \"issuer\"\n"
	const mapped = "certificate = \"cert\"\n"
	none := func(int) bool { return false }
	period := []string{"--from", "2023-07-01T00:00:00Z", "--until", "2023-08-20T15:59:24Z", "--now", "2023-11-22T09:00:00Z"}
	for _, tt := range []struct {
		name, columns, more string
		with                func(int) bool
		wants               []string
	}{
		{"no column", "", "", none, []string{`[[records]] number 1, "export.csv" (5 rows): no column is mapped to certificate`}},
		{"an empty column", mapped, "", none, []string{`[[records]] number 1, "export.csv" (5 rows): no row of an audited issuer has a certificate in column "cert"`}},
		{"one certificate is enough", mapped, "", func(i int) bool { return i == 0 }, nil},
		{"files", "", "[[files]]\npath = \"certs\"\n", none, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			g := newGrownLog(t, "")
			g.publish(at("2023-08-21T17:00:00Z"))
			g.write("export.csv", exportWithCertificates(g, tt.with))
			g.write("certs/none.txt", "")
			g.write("selfaudit.toml", string(g.read("selfaudit.toml"))+"[collect]\nmode = \"records\"\n"+tt.more+table+tt.columns)
			args := append([]string{"collect", "--rehearsal", "--audit", "r1", "-q"}, period...)
			plan, _ := g.run(exitOK, append([]string{"plan", "--offline"}, period...)...)
			if tt.wants == nil {
				g.run(exitOK, args...)
				if strings.Contains(plan, "none is given") {
					t.Errorf("plan warns for nothing:\n%s", plan)
				}
				return
			}
			_, stderr := g.run(exitUsage, args...)
			g.must(stderr, append(tt.wants, "mode records looks certificates up in the logs, and none is given", "certificate = ", "[[files]]", "--mode both")...)
			g.must(plan, append(tt.wants, "warning: mode records")...)
			if tt.columns == "" {
				doctor, _ := g.run(exitFailed, "doctor", "--offline")
				g.must(doctor, "FAIL     certificates to look up: ", "[[records]] number 1, \"export.csv\": no column is mapped to certificate", "remedy: add a column")
			}
			g.run(exitOK, append(args, "--mode", "logs")...)
		})
	}
}

// TestRowsWithoutCertificate names the rows one by one where no log was read, and says what to do about it.
func TestRowsWithoutCertificate(t *testing.T) {
	g := newGrownLog(t, "")
	g.publish(at("2023-08-21T17:00:00Z"))
	export := exportWithCertificates(g, func(i int) bool { return i == 4 })
	for i := range 30 {
		export += fmt.Sprintf("0c0d%02x,Grown DV CA,,2023-07-20T12:00:00Z\n", i)
	}
	g.write("export.csv", export)
	g.write("selfaudit.toml", string(g.read("selfaudit.toml"))+`[collect]
mode = "records"
[[records]]
path = "export.csv"
system = "database"
extracted_at = "2023-08-20T00:00:00Z"
[records.columns]
serial = "serial"
issuer = "issuer"
issued_at = "issued"
certificate = "cert"
`)
	period := []string{"--now", "2023-11-22T09:00:00Z", "--yes", "-q"}
	g.run(exitOK, append([]string{"collect", "--rehearsal", "--audit", "r1", "--from", "2023-07-01T00:00:00Z", "--until", "2023-08-20T15:59:24Z"}, period...)...)
	_, stderr := g.run(exitFailed, append([]string{"freeze", "--audit", "r1"}, period...)...)
	g.must(stderr, "No log was read (mode records)", "collected.json", "selfaudit collect --audit r1 --mode both")
	lines, named := strings.Split(stderr, "\n"), 0
	for _, line := range lines {
		if strings.Contains(line, "serial 0") {
			named++
			if strings.Count(line, "serial 0") > 1 {
				t.Errorf("several rows in one line: %s", line)
			}
		}
	}
	if named != maxNamedRows {
		t.Errorf("%d rows named:\n%s", named, stderr)
	}
	g.must(stderr, "34 certificates are in", "and 14 more", "the whole list is in ", "records-without-certificate.tsv")
}
