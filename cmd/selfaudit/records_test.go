package main

import (
	"archive/zip"
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"selfaudit/internal/config"
	"selfaudit/internal/testpki"
	"selfaudit/sampler"
	"selfaudit/sampler/records"
)

// alphaRow is one item of the bundled logs as a CA's database would have it.
type alphaRow struct{ serial, issuer, sha256, notBefore, ra string }

// alphaRows are the items of the logs that the workspace reads, in the period or not.
func alphaRows(t *testing.T, logs string) []alphaRow {
	t.Helper()
	f, err := os.Open("../../testdata/ctlogs/alpha/entries.csv")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	entries, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	var out []alphaRow
	seen := map[[2]string]bool{}
	for i, r := range entries[1:] {
		id := [2]string{r[0], r[1]}
		if seen[id] || !inLogs(r[11], logs) && !inLogs(r[12], logs) {
			continue
		}
		seen[id] = true
		row := alphaRow{serial: r[1], issuer: r[0], notBefore: r[3], ra: []string{"North RA", "south/RA", ""}[i%3]}
		if inLogs(r[12], logs) {
			row.sha256 = r[10]
		}
		out = append(out, row)
	}
	return out
}

func exportOf(rows []alphaRow) string {
	var b strings.Builder
	b.WriteString("Serial Number;Issuing CA;SHA-256;Valid From;RA Name\r\n")
	for _, r := range rows {
		fmt.Fprintf(&b, "%s;%s;%s;%s;%s\r\n", strings.ToUpper(r.serial), r.issuer, r.sha256, r.notBefore, r.ra)
	}
	return b.String()
}

const recordsTable = `
[[records]]
path = "export.csv"
system = "Fixture CA database"
query = "=HYPERLINK(\"http://example.com\")"
operator = "A. Person"
extracted_at = "2026-11-20T08:00:00Z"
rows = %d
[records.columns]
serial = "Serial Number"
issuer = "Issuing CA"
fingerprint = "SHA-256"
not_before = "Valid From"
registration_authority = "RA Name"
`

// recordsWorkspace is a workspace over the bundled logs with an export of all their items,
// changed by change.
func recordsWorkspace(t *testing.T, change func([]alphaRow) []alphaRow, more string) (*bench, []alphaRow) {
	t.Helper()
	b, logs := alphaWorkspace(t, "")
	rows := change(alphaRows(t, logs))
	b.write("export.csv", exportOf(rows))
	text := string(b.read("selfaudit.toml")) + "[collect]\nmode = \"logs\"\n" + fmt.Sprintf(recordsTable, len(rows)) + more
	b.write("selfaudit.toml", text)
	return b, rows
}

func readJSON[T any](t *testing.T, raw []byte) (out T) {
	t.Helper()
	if err := json.Unmarshal(raw, &out); err != nil {
		t.Fatal(err)
	}
	return out
}

// member finds rows whose items are in the population, with a fingerprint, of one issuer.
func members(t *testing.T, rows []alphaRow, n int) []int {
	t.Helper()
	var out []int
	for i, r := range rows {
		if r.sha256 != "" && r.notBefore > "2026-08-15" && r.notBefore < "2026-10-15" && len(out) < n {
			out = append(out, i)
		}
	}
	if len(out) < n {
		t.Fatalf("only %d rows of %d fit", len(out), n)
	}
	return out
}

// collectR1 and freezeR1 are the first stages alone.
func (b *bench) collectR1(code int) string {
	_, stderr := b.run(code, "collect", "--rehearsal", "--audit", "r1", "--from", "2026-08-01T00:00:00Z", "--until", "2026-11-01T00:00:00Z", "--now", "2026-11-22T09:00:00Z", "--yes", "-q")
	return stderr
}

func (b *bench) freezeR1(code int) string {
	_, stderr := b.run(code, "freeze", "--audit", "r1", "--now", "2026-11-22T09:00:00Z", "--yes", "-q")
	return stderr
}

// TestRecordsReconciled takes an export with a missing row, a duplicate, a wrong
// fingerprint and a row of another CA the whole way, and tampers with what came of it.
func TestRecordsReconciled(t *testing.T) {
	var missing, twice, wrong alphaRow
	b, _ := recordsWorkspace(t, func(rows []alphaRow) []alphaRow {
		pick := members(t, rows, 3)
		missing, twice, wrong = rows[pick[0]], rows[pick[1]], rows[pick[2]]
		rows[pick[2]].sha256 = strings.Repeat("ab", 32)
		other := twice
		other.sha256 = strings.Repeat("cd", 32)
		rows = append(rows, other, alphaRow{"0102", "CN=Another CA", "", "2026-09-01T00:00:00Z", ""})
		return slices.Delete(rows, pick[0], pick[0]+1)
	}, "[strata]\nby = [\"registration_authority\"]\n[[stratum]]\nlabel = \"north-ra\"\nfloor = 3\n")
	b.run(exitOK, rehearsal("r1")...)

	snap, err := sampler.ParseSnapshot(b.read("audits/r1/draw/snapshot.json"))
	if err != nil {
		t.Fatal(err)
	}
	c := snap.Reconciliation.Counts
	if c.NotInRecords != 1 || c.Contradicting != 1 || c.OtherBytes != 2 || c.NotCovered != 0 || c.Covered != c.Population || c.InBoth+1 != c.Population {
		t.Errorf("counts %+v", c)
	}
	if snap.Records[0].Others != 1 || snap.Records[0].Foreign[0].Text != "CN=Another CA" {
		t.Errorf("records %+v", snap.Records[0])
	}
	lints := map[string]string{}
	items, err := sampler.ParseItemFindings(bytes.NewReader(b.read("audits/r1/findings/items.jsonl")))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range items {
		lints[f.Lint] += string(f.ItemID.Serial) + " "
	}
	for lint, row := range map[string]alphaRow{"e_certificate_not_in_ca_records": missing, "e_ca_records_name_several_certificates": twice, "e_ca_record_names_other_certificate": wrong} {
		if !strings.Contains(lints[lint], row.serial+" ") {
			t.Errorf("finding %s names %q, want %s", lint, lints[lint], row.serial)
		}
	}
	var labels []string
	for _, l := range snap.Labels {
		labels = append(labels, l.Label+" "+l.Text)
	}
	if got := strings.Join(labels, "; "); got != `north-ra registration_authority="North RA"; south-ra registration_authority="south/RA"; unassigned nothing in these columns, or no row` {
		t.Errorf("labels %s", got)
	}
	stdout, _ := b.run(exitOK, "verify", filepath.Join(b.dir, rehearsalZip))
	b.must(stdout, "ok       records: ", "compare: records export: ", "export 1: export.csv has SHA-256", "Fixture CA database")
	b.must(b.reference("r1"), "REHEARSAL")
	b.noFormula("audits/r1/report/workbook.xlsx", "HYPERLINK(")
}

// noFormula demands that the workbook shows a text somewhere, and nowhere as a formula.
func (b *bench) noFormula(name, text string) {
	b.t.Helper()
	z, err := zip.OpenReader(filepath.Join(b.dir, filepath.FromSlash(name)))
	if err != nil {
		b.t.Fatal(err)
	}
	defer z.Close()
	shown := false
	for _, f := range z.File {
		r, err := f.Open()
		if err != nil {
			b.t.Fatal(err)
		}
		raw, err := io.ReadAll(r)
		if err != nil {
			b.t.Fatal(err)
		}
		shown = shown || bytes.Contains(raw, []byte(text))
		for _, formula := range regexp.MustCompile(`<f>[^<]*</f>`).FindAllString(string(raw), -1) {
			if strings.Contains(formula, text) {
				b.t.Errorf("%s: formula %s", f.Name, formula)
			}
		}
	}
	if !shown {
		b.t.Errorf("%s does not show %q", name, text)
	}
}

// TestRecordsWithoutCertificate refuses to freeze over a row of which no certificate is
// known, until it is excluded by name; and an exclusion cannot take out what CT shows.
func TestRecordsWithoutCertificate(t *testing.T) {
	var shown alphaRow
	b, _ := recordsWorkspace(t, func(rows []alphaRow) []alphaRow {
		shown = rows[members(t, rows, 1)[0]]
		return append(rows, alphaRow{"7b7b7b", "issuer-1.pem", "", "2026-09-01T00:00:00Z", ""})
	}, "")
	b.collectR1(exitOK)
	stderr := b.freezeR1(exitFailed)
	b.must(stderr, "1 certificate is in the CA's records", "serial 7b7b7b of issuer issuer-1.pem", "[[records.exclude]]", "records-without-certificate.tsv")
	if got := string(b.read("audits/r1/work/records-without-certificate.tsv")); !strings.Contains(got, "\n7b7b7b\t") {
		t.Errorf("the list is %q", got)
	}
	b.write("selfaudit.toml", string(b.read("selfaudit.toml"))+fmt.Sprintf(`
[[records.exclude]]
serial = "7B:7B:7B"
issuer = "issuer-1.pem"
reason = "never signed"
approved_by = "Head of Compliance"
[[records.exclude]]
serial = %q
issuer = %q
reason = "a test certificate"
approved_by = "Head of Compliance"
`, shown.serial, shown.issuer))
	b.run(exitOK, rehearsal("r1")...)
	snap, err := sampler.ParseSnapshot(b.read("audits/r1/draw/snapshot.json"))
	if err != nil {
		t.Fatal(err)
	}
	effects := map[string]string{}
	for _, x := range snap.Exclusions {
		effects[string(x.Serial)] = x.Effect
	}
	if len(effects) != 2 || effects["7b7b7b"] != sampler.ExclusionApplied || effects[shown.serial] != sampler.ExclusionNoEffect {
		t.Errorf("effects %v", effects)
	}
	if c := snap.Reconciliation.Counts; c.RowsExcluded != 1 || c.NotInRecords != 0 || c.InBoth != c.Population {
		t.Errorf("counts %+v", c)
	}
	stdout, _ := b.run(exitOK, "verify", filepath.Join(b.dir, rehearsalZip))
	b.must(stdout, "was excluded by Head of Compliance: never signed (left-out)", "(no-effect)")
}

// TestRecordsUnreadable refuses rows that cannot be read, unless it is told why they may
// stay out.
func TestRecordsUnreadable(t *testing.T) {
	b, _ := recordsWorkspace(t, func(rows []alphaRow) []alphaRow {
		return append(rows, alphaRow{"1.23E+20", "issuer-1.pem", "", "2026-09-01T00:00:00Z", ""})
	}, "")
	b.collectR1(exitOK)
	stderr := b.freezeR1(exitFailed)
	b.must(stderr, `column "Serial Number"`, "rounded by a spreadsheet", "accept_unreadable")
	b.write("selfaudit.toml", strings.Replace(string(b.read("selfaudit.toml")), "[records.columns]", "accept_unreadable = \"the row is a total\"\n[records.columns]", 1))
	b.freezeR1(exitOK)
	if snap := string(b.read("audits/r1/draw/snapshot.json")); !strings.Contains(snap, "1 row was accepted although unreadable: the row is a total") {
		t.Error("the snapshot does not say so")
	}
}

// TestRecordsInterrupted gives the same package when the export was collected in pieces,
// and refuses an export that changes under an open audit.
func TestRecordsInterrupted(t *testing.T) {
	same := func(rows []alphaRow) []alphaRow { return rows }
	one, _ := recordsWorkspace(t, same, "")
	two, _ := recordsWorkspace(t, same, "")
	one.collectR1(exitOK)
	one.freezeR1(exitOK)
	two.collectR1(exitOK)
	if err := os.Remove(filepath.Join(two.dir, "audits/r1/work/collected.json")); err != nil {
		t.Fatal(err)
	}
	export := string(two.read("export.csv"))
	two.write("export.csv", export+"00;x;;;\r\n")
	two.must(two.collectR1(exitFailed), "changed since this audit's collect began")
	two.write("export.csv", export)
	two.collectR1(exitOK)
	two.freezeR1(exitOK)
	for _, name := range append(reconciliationDocuments(), "draw/population.tsv", "draw/snapshot.json") {
		if !bytes.Equal(one.read("audits/r1/"+name), two.read("audits/r1/"+name)) {
			t.Errorf("%s differs", name)
		}
	}
}

// TestRecordsOnlyCertificates dates items by the CA's records where no log knows them, and
// lists them as such: the certificates come with the export.
func TestRecordsOnlyCertificates(t *testing.T) {
	g := newGrownLog(t, "")
	g.publish(at("2023-08-21T17:00:00Z"))
	var b strings.Builder
	b.WriteString("cert,issued,method\n")
	for i := range 5 {
		from := at("2023-07-01T00:00:00Z")
		der := g.ca.Certificate(testpki.Template{Seed: fmt.Sprint("r", i), NotBefore: from, NotAfter: from.Add(90 * 24 * time.Hour)})
		fmt.Fprintf(&b, "%x,2023-07-0%d 12:00:00,%q\n", der, i+2, []string{"3.2.2.4.7", "3.2.2.4.19"}[i%2])
	}
	g.write("export.csv", b.String())
	g.write("selfaudit.toml", string(g.read("selfaudit.toml"))+`
[[records]]
path = "export.csv"
system = "database"
extracted_at = "2023-08-20T00:00:00Z"
counter_first = 10
counter_last = 15
[records.columns]
certificate = "cert"
issued_at = "issued"
validation_method = "method"
[strata]
by = "validation_method"
`)
	g.run(exitOK, "run", "--rehearsal", "--dice", digits, "--audit", "r1", "--from", "2023-07-01T00:00:00Z", "--until", "2023-08-20T15:59:24Z", "--now", "2023-11-22T09:00:00Z", "--yes", "-q")
	snap, err := sampler.ParseSnapshot(g.read("audits/r1/draw/snapshot.json"))
	if err != nil {
		t.Fatal(err)
	}
	if n := snap.Counts; n.Population != 5 || n.IssuedByRecord != 5 {
		t.Errorf("counts %+v", n)
	}
	if c := snap.Reconciliation.Counts; c.NotProven != 5 || c.InBoth != 0 {
		t.Errorf("reconciliation %+v", c)
	}
	pop := string(g.read("audits/r1/draw/population.tsv"))
	if !strings.Contains(pop, "/3-2-2-4-7\t") || !strings.Contains(pop, "2023-07-06T12:00:00Z") {
		t.Errorf("population:\n%s", pop)
	}
	stdout, _ := g.run(exitOK, "verify", filepath.Join(g.dir, rehearsalZip))
	g.must(stdout, "issuance counter from 10 to 15 counts 6", "ok       items:")
	doc := readJSON[struct {
		Open []struct{ Code, Text string } `json:"open"`
	}](t, g.read("audits/r1/report/summary.json"))
	if !slices.ContainsFunc(doc.Open, func(p struct{ Code, Text string }) bool {
		return p.Code == "records" && strings.Contains(p.Text, "counts 6")
	}) {
		t.Errorf("open points %+v", doc.Open)
	}
}

// TestRecordsFields holds the configuration's words against the reader's.
func TestRecordsFields(t *testing.T) {
	if !slices.Equal(config.RecordsFields, records.Fields()) || !slices.Equal(config.StrataColumns, records.StrataColumns) {
		t.Error("configuration and reader know other columns")
	}
}
