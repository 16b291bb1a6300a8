package ccadb

import (
	"bytes"
	"crypto/sha256"
	"encoding/csv"
	"encoding/pem"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// v5 is the header of AllCertificateRecordsCSVFormatV5 as published in 2026.
const v5 = `CA Owner,Salesforce Record ID,Certificate Name,Parent Salesforce Record ID,Parent Certificate Name,Certificate Record Type,Subordinate CA Owner,Apple Status,Chrome Status,Microsoft Status,Mozilla Status,Status of Root Cert,Revocation Status,SHA-256 Fingerprint,Parent SHA-256 Fingerprint,Valid From (GMT),Valid To (GMT),Authority Key Identifier,Subject Key Identifier,Technically Constrained,Trust Bits for Root Cert,EV OIDs for Root Cert,Derived Trust Bits,JSON Array of All Full CRL URLs,JSON Array of Partitioned CRLs,DV ACME Directory URL(s),OV ACME Directory URL(s),EV ACME Directory URL(s),IV ACME Directory URL(s),Audit Firm,Audit Firm Location,Audits Same as Parent,Standard Audit URL,Standard Audit Type,Standard Audit Statement Date,Standard Audit Period Start Date,Standard Audit Period End Date,NetSec Audit URL,NetSec Audit Type,NetSec Audit Statement Date,NetSec Audit Period Start Date,NetSec Audit Period End Date,TLS BR Audit URL,TLS BR Audit Type,TLS BR Audit Statement Date,TLS BR Audit Period Start Date,TLS BR Audit Period End Date,TLS EVG Audit URL,TLS EVG Audit Type,TLS EVG Audit Statement Date,TLS EVG Audit Period Start Date,TLS EVG Audit Period End Date,Code Signing Audit URL,Code Signing Audit Type,Code Signing Audit Statement Date,Code Signing Audit Period Start Date,Code Signing Audit Period End Date,S/MIME BR Audit URL,S/MIME BR Audit Type,S/MIME BR Audit Statement Date,S/MIME BR Audit Period Start Date,S/MIME BR Audit Period End Date,VMC Audit URL,VMC Audit Type,VMC Audit Statement Date,VMC Audit Period Start Date,VMC Audit Period End Date,Policy Documentation,CA Document Repository,CP Same as Parent,Certificate Policy (CP) URL,CP Effective Date,CPS Same as Parent,Certificate Practice Statement (CPS) URL,CPS Effective Date,CP/CPS Same as Parent,Certificate Practice & Policy Statement,CP/CPS Effective Date,MD/AsciiDoc CP/CPS Same as Parent,MD/AsciiDoc CP/CPS URL,MD/AsciiDoc CP/CPS Effective Date,Test Website URL - Valid,Test Website URL - Expired,Test Website URL - Revoked,TLS Capable,TLS EV Capable,Code Signing Capable,S/MIME Capable,Country`

// row makes a record of the report: values by column name, quoted where need be.
func row(values map[string]string) string {
	columns := strings.Split(v5, ",")
	out := make([]string, len(columns))
	for i, c := range columns {
		out[i] = values[c]
		delete(values, c)
	}
	if len(values) > 0 {
		panic(fmt.Sprint(values))
	}
	var b strings.Builder
	w := csv.NewWriter(&b)
	if err := w.Write(out); err != nil {
		panic(err)
	}
	w.Flush()
	return b.String()
}

var fp = strings.Repeat("AB", 32)

func ca(name, kind, from, to string) map[string]string {
	return map[string]string{"CA Owner": "Example, Inc.", "Certificate Name": name, "Certificate Record Type": kind + " Certificate",
		"SHA-256 Fingerprint": fp, "Valid From (GMT)": from, "Valid To (GMT)": to, "Technically Constrained": "False"}
}

func with(m map[string]string, pairs ...string) map[string]string {
	for i := 0; i < len(pairs); i += 2 {
		m[pairs[i]] = pairs[i+1]
	}
	return m
}

func read(t *testing.T, text string) []Record {
	t.Helper()
	var out []Record
	if err := Read(strings.NewReader(text), func(r *Record) error { out = append(out, *r); return nil }); err != nil {
		t.Fatal(err)
	}
	return out
}

func TestRead(t *testing.T) {
	list := read(t, "\xef\xbb\xbf"+v5+"\n"+row(ca("Root", "Root", "2016.01.01", "2036-01-31"))+
		row(with(ca("=HYPERLINK(\"x\")\n\u202eSub", "Intermediate", "2020-02-01", "2030-02-01"), "Revocation Status", "Parent Cert Revoked", "Technically Constrained", "TRUE",
			"Subordinate CA Owner", "Sub Ltd", "SHA-256 Fingerprint", strings.ToLower(fp)))+"\n"+
		row(with(ca("Last", "Intermediate", "2020-02-01", "2030-02-01"), "Revocation Status", "Not Revoked")))
	if len(list) != 3 {
		t.Fatalf("%d records", len(list))
	}
	root, sub := list[0], list[1]
	if !root.Root || root.Revoked() || root.Constrained || root.Line != 2 || !root.Of(" example, inc. ") || root.Of("Example") || root.Of("") {
		t.Errorf("%+v", root)
	}
	if sub.Root || !sub.Revoked() || !sub.Constrained || !sub.Of("sub ltd") || sub.Name != "=HYPERLINK(\"x\")\n\u202eSub" || sub.Line != 3 {
		t.Errorf("%+v", sub)
	}
	if list[2].Line != 6 || list[2].Revoked() {
		t.Errorf("%+v", list[2])
	}
}

func TestValidIn(t *testing.T) {
	r := read(t, v5+"\n"+row(ca("A", "Root", "2026-02-01", "2026-03-31")))[0]
	at := func(s string) time.Time { x, _ := time.Parse("2006-01-02", s); return x }
	for _, tt := range []struct {
		from, until string
		want        bool
	}{{"2026-01-01", "2026-02-01", false}, {"2026-01-01", "2026-02-02", true}, {"2026-03-31", "2026-06-01", true}, {"2026-04-01", "2026-06-01", false}} {
		if got := r.ValidIn(at(tt.from), at(tt.until)); got != tt.want {
			t.Errorf("%s to %s: %t", tt.from, tt.until, got)
		}
	}
}

func TestReadRefuses(t *testing.T) {
	good := v5 + "\n" + row(ca("A", "Root", "2026-02-01", "2026-03-31"))
	for _, tt := range []struct{ name, text, want string }{
		{"empty", "", "empty"},
		{"another report", "a,b\n1,2\n", `no column "CA Owner"`},
		{"column twice", "CA Owner," + v5 + "\n", "two columns"},
		{"short record", v5 + "\na,b\n", "2 columns"},
		{"no end", v5 + "\n\"a", "not closed"},
		{"cut off", v5 + "\na,", "ends in the middle"},
		{"quote", v5 + "\na\"b,c\n", "quotation mark inside"},
		{"behind quote", v5 + "\n\"a\"b,c\n", "behind a closing"},
		{"type", strings.Replace(good, "Root Certificate,", "Leaf,", 1), "unknown Certificate Record Type"},
		{"fingerprint", strings.Replace(good, fp, "ABCD", 1), "not a SHA-256"},
		{"day", strings.Replace(good, "2026-03-31", "31.3.2026", 1), "Valid To"},
		{"constrained", strings.Replace(good, "False", "perhaps", 1), "Technically Constrained"},
		{"endless field", v5 + "\n" + strings.Repeat("x", maxField+1), "a field of more than"},
		{"endless quoted field", v5 + "\n\"" + strings.Repeat("x", maxField+1), "a field of more than"},
		{"many columns", strings.Repeat(",", maxColumns+1) + "\n", "more than"},
	} {
		err := Read(strings.NewReader(tt.text), func(*Record) error { return nil })
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: error %v, want %q", tt.name, err, tt.want)
		}
	}
	stop := fmt.Errorf("stop")
	if err := Read(strings.NewReader(good), func(*Record) error { return stop }); err != stop {
		t.Errorf("error of fn: %v", err)
	}
}

func TestReadPEMs(t *testing.T) {
	der := []byte("not really a certificate")
	block := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	hash := fmt.Sprintf("%X", sha256.Sum256(der))
	text := "\"SHA-256 Fingerprint\",\"X.509 Certificate (PEM)\"\r\n\"" + hash + "\",\"" + block + "\"\r\n\"" + hash + "\",\"'" + strings.TrimSpace(block) + "'\"\r\n" + hash + ",\r\n"
	n := 0
	err := ReadPEMs(strings.NewReader(text), func(got []byte) error {
		n++
		if !bytes.Equal(got, der) {
			t.Errorf("%q", got)
		}
		return nil
	})
	if err != nil || n != 2 {
		t.Errorf("%d certificates, error %v", n, err)
	}
	for _, tt := range []struct{ text, want string }{
		{v5 + "\n", "X.509 Certificate (PEM)"},
		{strings.Replace(text, hash, fp, 1), "the record says"},
		{strings.Replace(text, "CERTIFICATE", "PRIVATE KEY", 1), "not a certificate in PEM"},
		{strings.Replace(text, block, block+block, 1), "more than one"},
		{strings.ReplaceAll(text, "CERTIFICATE", "PRIVATE KEY"), "not CERTIFICATE"},
	} {
		if err := ReadPEMs(strings.NewReader(tt.text), func([]byte) error { return nil }); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("error %v, want %q", err, tt.want)
		}
	}
}

var lineEnd = regexp.MustCompile("\r+\n")

// FuzzCSV compares with encoding/csv: what both accept they must read alike.
func FuzzCSV(f *testing.F) {
	f.Add([]byte(v5 + "\n" + row(ca("A \"b\", c\nd", "Root", "2026-02-01", "2026-03-31"))))
	for _, s := range []string{"a,b\r\nc,\"d\r\ne\"\r\n", "\"a\"\n", "a,", "\n\n\"\"\n", "\xef\xbb\xbfa", "a\r", "\"a\"\r"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		var got [][]string
		c := newCSV(bytes.NewReader(raw))
		for {
			rec, err := c.record()
			if err == io.EOF {
				break
			}
			if err != nil {
				return
			}
			got = append(got, rec)
		}
		r := csv.NewReader(bytes.NewReader(bytes.TrimPrefix(raw, []byte("\xef\xbb\xbf"))))
		r.FieldsPerRecord = -1
		want, err := r.ReadAll()
		if err != nil {
			t.Fatalf("encoding/csv refuses what was read as %q: %v", got, err)
		}
		// encoding/csv turns CRLF inside quotes into LF and drops a CR at the end of the input.
		normal := func(rows [][]string) (out [][]string) {
			for _, row := range rows {
				var line []string
				for _, v := range row {
					line = append(line, strings.TrimRight(lineEnd.ReplaceAllString(v, "\n"), "\r"))
				}
				if len(line) > 1 || line[0] != "" {
					out = append(out, line)
				}
			}
			return out
		}
		if g, w := normal(got), normal(want); !slices.EqualFunc(g, w, slices.Equal) {
			t.Errorf("%q, encoding/csv reads %q", g, w)
		}
	})
}

// FuzzRead looks for panics and for records that break the package's promises.
func FuzzRead(f *testing.F) {
	f.Add([]byte(v5 + "\n" + row(ca("A", "Root", "2026-02-01", "2026-03-31"))))
	f.Fuzz(func(t *testing.T, raw []byte) {
		_ = Read(bytes.NewReader(raw), func(r *Record) error {
			if r.Line < 2 || r.ValidFrom.IsZero() && r.ValidTo.IsZero() {
				t.Errorf("%+v", r)
			}
			return nil
		})
		_ = ReadPEMs(bytes.NewReader(raw), func([]byte) error { return nil })
	})
}
