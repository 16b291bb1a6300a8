package main

import (
	"encoding/json"
	"encoding/pem"
	"fmt"
	"strings"

	"selfaudit/internal/terminal"
	"selfaudit/sampler"
)

// populationView shows a result item by item, so that any number of items can pass.
type populationView interface {
	begin() error
	item(*populationItem) error
	end(matched int) error
}

func newPopulationView(e *env, o populationOptions, about populationAbout, q *populationQuery) populationView {
	switch o.Format {
	case "csv":
		return &populationCSV{e: e, w: newCSVWriter(e.Stdout), about: about}
	case "json":
		return &populationJSON{e: e, about: about}
	case "jsonl":
		return &populationLines{e: e, about: about}
	case "pem":
		return &populationPEM{e: e, about: about}
	}
	if q.lookup || q.proof {
		return &populationAnswer{e: e, about: about, q: q}
	}
	return &populationTable{e: e, about: about}
}

// cannot tells people on standard error what a result does not answer.
func (a populationAbout) cannot(e *env) {
	for _, c := range a.Cannot {
		e.notef("cannot answer: %s", terminal.Escape(c))
	}
}

// populationAnswer answers "was this one in it?".
type populationAnswer struct {
	e     *env
	about populationAbout
	q     *populationQuery
}

func (v *populationAnswer) begin() error { return nil }

func (v *populationAnswer) item(it *populationItem) error {
	e := v.e
	answer := "no"
	switch {
	case it.InPopulation && v.about.Frozen:
		answer = "yes"
	case it.InPopulation:
		answer = "yes, as it stands"
	}
	e.printf("%s: serial %s of %s, audit %s: %s\n", e.out().Bold(answer), it.Serial, terminal.Escape(it.Issuer), v.about.AuditID, it.Why)
	line := func(name, format string, args ...any) {
		e.printf("  %-12s %s\n", name, terminal.Escape(fmt.Sprintf(format, args...)))
	}
	line("item", "%s", it.ItemID)
	if it.SHA256 != "" {
		line("certificate", "%s (%s)", it.SHA256, it.Form)
	}
	if it.Subject != "" || it.Name != "" {
		line("name", "%s", it.Name)
		line("subject", "%s", it.Subject)
	}
	line("stratum", "%s", it.Stratum)
	switch {
	case it.CTSource != "":
		line("issued", "%s, dated by CT: %s", it.Issued, it.CTSource)
	case it.DatedBy != "":
		line("issued", "%s, dated by %s", it.Issued, it.DatedBy)
	default:
		line("issued", "%s", it.Issued)
	}
	line("valid", "%s to %s", it.NotBefore, it.NotAfter)
	v.sample(it, line)
	for i := range it.Sightings {
		it.Sightings[i].write(e)
	}
	if len(it.Sightings) == 0 {
		for _, where := range it.Seen {
			line("seen", "%s", where)
		}
	}
	return nil
}

// sample says whether the item was drawn, and by which numbers.
func (v *populationAnswer) sample(it *populationItem, line func(name, format string, args ...any)) {
	switch {
	case it.Sample == nil && it.InPopulation:
		line("sample", "not drawn yet")
	case it.Sample == nil:
	case it.Sample.Role == sampler.RoleSample:
		line("sample", "sampled: rank %d, ticket %s", it.Sample.Rank, it.Sample.Ticket)
	case it.Sample.Role == sampler.RoleReserve:
		line("sample", "not sampled: in the reserve with rank %d, ticket %s", it.Sample.Rank, it.Sample.Ticket)
	default:
		line("sample", "not sampled: ticket %s is above %s, the last one sampled in its stratum", it.Sample.Ticket, it.Sample.LastSampled)
	}
}

func (s *populationSighting) write(e *env) {
	if s.Source == sampler.SightingFile {
		e.printf("  %-12s %s %s in %s, certificate %d\n", "seen", s.Form, s.SHA256, terminal.Escape(s.File), *s.Block)
		return
	}
	if s.Source == sampler.SightingSCT {
		e.printf("  %-12s its precertificate in log %s (%s), entry %d, %s, by the SCT in %s\n", "proven", s.LogID, terminal.Escape(s.Log), *s.Index, s.Logged, s.SHA256)
		if s.Proof != nil {
			s.Proof.write(e)
		}
		return
	}
	e.printf("  %-12s %s %s in log %s (%s), entry %d, %s\n", "seen", s.Form, s.SHA256, s.LogID, terminal.Escape(s.Log), *s.Index, s.Logged)
	if s.Proof != nil {
		s.Proof.write(e)
	}
}

func (v *populationAnswer) end(matched int) error {
	if matched == 0 {
		where := "nothing that was collected matches"
		if v.about.Source == sourceDocuments {
			where = "no item of the population matches"
			if v.about.outside {
				where += ", nor one that waits or was left out"
			}
		}
		v.e.printf("%s: audit %s: %s\n", v.e.out().Bold("no"), v.about.AuditID, where)
		for _, s := range v.about.Searched {
			v.e.printf("  %-12s %s\n", "searched", terminal.Escape(s))
		}
	}
	v.about.cannot(v.e)
	return nil
}

// tableChunk is how many rows share their column widths: a table of any length passes in
// bounded memory.
const tableChunk = 500

// populationTable lists items.
type populationTable struct {
	e     *env
	about populationAbout
	t     *terminal.Table
	rows  int
}

func (v *populationTable) begin() error {
	v.start()
	return nil
}

func (v *populationTable) start() {
	v.t = v.e.table()
	v.t.Header("status", "stratum", "serial", "issued", "sample", "SHA-256", "name")
}

func (v *populationTable) item(it *populationItem) error {
	v.t.Row(it.Status, it.Stratum, it.Serial, it.Issued, it.Sample.words(), it.SHA256, it.Name)
	if v.rows++; v.rows%tableChunk == 0 {
		if err := v.t.Flush(); err != nil {
			return err
		}
		v.t = v.e.table()
	}
	return nil
}

// words is the sample column: "sample 3", "reserve 12", "no" or "-".
func (s *populationSample) words() string {
	switch {
	case s == nil:
		return "-"
	case s.Role == "none":
		return "no"
	}
	return fmt.Sprintf("%s %d", s.Role, s.Rank)
}

func (v *populationTable) end(matched int) error {
	if err := v.t.Flush(); err != nil {
		return err
	}
	v.e.notef("%s of audit %s", items(matched), v.about.AuditID)
	v.about.cannot(v.e)
	return nil
}

func items(n int) string {
	if n == 1 {
		return "1 item"
	}
	return terminal.Count(int64(n)) + " items"
}

// populationCSV is --format csv.
type populationCSV struct {
	e     *env
	w     csvWriter
	about populationAbout
}

func (v *populationCSV) begin() error {
	return v.w.row("item_id", "serial", "issuer", "status", "in_population", "why", "stratum_id", "stratum", "form", "sha256", "issued", "dated_by",
		"not_before", "not_after", "name", "subject", "role", "rank", "ticket", "crt_sh")
}

func (v *populationCSV) item(it *populationItem) error {
	role, rank, ticket := "", "", ""
	if s := it.Sample; s != nil {
		role, ticket = s.Role, s.Ticket
		if s.Rank > 0 {
			rank = fmt.Sprint(s.Rank)
		}
	}
	return v.w.row(it.ItemID, it.Serial, it.Issuer, it.Status, answered(&it.InPopulation), it.Why, it.StratumID, it.Stratum, it.Form, it.SHA256, it.Issued, it.DatedBy,
		it.NotBefore, it.NotAfter, it.Name, it.Subject, role, rank, ticket, crtShLink(it.SHA256))
}

// crtShLink is where crt.sh shows a certificate; "" without its hash.
func crtShLink(sha256 string) string {
	if sha256 == "" {
		return ""
	}
	return "https://crt.sh/?sha256=" + sha256
}

func (v *populationCSV) end(int) error {
	v.about.cannot(v.e)
	return v.w.flush()
}

// populationLines is --format jsonl.
type populationLines struct {
	e     *env
	about populationAbout
}

func (v *populationLines) begin() error                  { return nil }
func (v *populationLines) item(it *populationItem) error { return v.e.writeJSONLine(it) }
func (v *populationLines) end(int) error {
	v.about.cannot(v.e)
	return nil
}

// populationJSON is --format json: one document, written as the items come.
type populationJSON struct {
	e     *env
	about populationAbout
	n     int
}

func (v *populationJSON) begin() error {
	head, err := indented(v.about, "")
	if err != nil {
		return err
	}
	v.e.printf("%s,\n  \"items\": [", strings.TrimSuffix(head, "\n}"))
	return nil
}

func (v *populationJSON) item(it *populationItem) error {
	text, err := indented(it, "    ")
	if err != nil {
		return err
	}
	comma := ","
	if v.n++; v.n == 1 {
		comma = ""
	}
	v.e.printf("%s\n    %s", comma, text)
	return nil
}

func (v *populationJSON) end(matched int) error {
	if matched > 0 {
		v.e.printf("\n  ")
	}
	v.e.printf("],\n  \"matched\": %d\n}\n", matched)
	return nil
}

// indented is v as JSON whose lines after the first begin with prefix.
func indented(v any, prefix string) (string, error) {
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent(prefix, "  ")
	err := enc.Encode(v)
	return strings.TrimSuffix(b.String(), "\n"), err
}

// populationPEM is --format pem: every certificate and precertificate that is at hand.
type populationPEM struct {
	e       *env
	about   populationAbout
	missing int
}

func (v *populationPEM) begin() error { return nil }

func (v *populationPEM) item(it *populationItem) error {
	if len(it.ders) == 0 {
		v.missing++
	}
	for _, der := range it.ders {
		v.e.printf("# item %s, %s, SHA-256 %s\n", it.ItemID, it.Status, sampler.HashCert(der))
		if err := pem.Encode(v.e.Stdout, &pem.Block{Type: "CERTIFICATE", Bytes: der}); err != nil {
			return err
		}
	}
	return nil
}

func (v *populationPEM) end(matched int) error {
	v.about.cannot(v.e)
	if v.missing > 0 {
		return &exitError{code: exitIncomplete, id: "certificates_missing", err: fmt.Errorf("the certificates of %d of %s are not at hand", v.missing, items(matched)),
			hint: "documents hold those of sampled and finding-named items only; crt.sh has what was logged"}
	}
	return nil
}
