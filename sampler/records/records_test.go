package records

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf16"

	"pgregory.net/rapid"
)

func write(t testing.TB, name, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// readAll opens and reads an export; rows and problems come as lines.
func readAll(t testing.TB, path string, o Options) (e *Export, lines []string, err error) {
	t.Helper()
	if e, err = Open(context.Background(), path, o); err != nil {
		return nil, nil, err
	}
	err = e.Read(context.Background(), func(r Row) error {
		lines = append(lines, fmt.Sprintf("%d %d %s|%s|%s|%s|%s", r.Number, r.Line, r.Serial, r.IssuerText, timeText(r.IssuedAt), r.Free[2], r.SerialText))
		return nil
	}, func(p Problem) error {
		lines = append(lines, "! "+p.Where()+": "+p.Err.Error())
		return nil
	})
	return e, lines, err
}

func timeText(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.Format(time.RFC3339)
}

var plain = map[string]string{Serial: "serial", Issuer: "ca", IssuedAt: "issued", "registration_authority": "ra"}

func utf16Of(s string, big bool) string {
	var b bytes.Buffer
	for _, u := range utf16.Encode([]rune("\ufeff" + s)) {
		if big {
			b.Write([]byte{byte(u >> 8), byte(u)})
		} else {
			b.Write([]byte{byte(u), byte(u >> 8)})
		}
	}
	return b.String()
}

// TestCSV reads one table in all the ways in which databases and spreadsheets write it.
func TestCSV(t *testing.T) {
	const table = "serial,ca,issued,ra\n0a1b,DV1,2026-08-03T12:00:00Z,Süd\n\"0C:1D\",\"DV, 1\",2026-08-03 14:00:00+02:00,\n"
	want := []string{"1 2 0a1b|DV1|2026-08-03T12:00:00Z|Süd|0a1b", "2 3 0c1d|DV, 1|2026-08-03T12:00:00Z||0C:1D"}
	tests := []struct{ name, content, encoding, delimiter string }{
		{"UTF-8", table, UTF8, "comma"},
		{"UTF-8 with BOM", "\ufeff" + table, UTF8, "comma"},
		{"Windows line ends", strings.ReplaceAll(table, "\n", "\r\n"), UTF8, "comma"},
		{"UTF-16 as Excel writes it", utf16Of(strings.ReplaceAll(table, ",", "\t"), false), UTF16LE, "tab"},
		{"UTF-16 big endian", utf16Of(table, true), UTF16BE, "comma"},
		{"Windows-1252", strings.ReplaceAll(table, "ü", "\xfc"), Windows1252, "comma"},
		{"semicolons", "serial;ca;issued;ra\n0a1b;DV1;2026-08-03T12:00:00Z;Süd\n0C:1D;DV, 1;2026-08-03T12:00:00Z;\n", UTF8, "semicolon"},
		{"sep line", "sep=;\nserial;ca;issued;ra\n0a1b;DV1;2026-08-03T12:00:00Z;Süd\n0C:1D;DV, 1;2026-08-03T12:00:00Z;\n", UTF8, "semicolon"},
		{"other header case", strings.Replace(table, "serial,ca", " Serial , CA", 1), UTF8, "comma"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			e, got, err := readAll(t, write(t, "x.csv", tt.content), Options{Columns: plain})
			if err != nil {
				t.Fatal(err)
			}
			expect := want
			if tt.name == "semicolons" || tt.name == "sep line" || strings.HasPrefix(tt.name, "UTF-16 as") {
				expect = nil // other quoting, other lines: compared by parts below
			}
			for i := range expect {
				if len(got) != len(expect) || got[i] != expect[i] {
					t.Fatalf("got %q, want %q", got, expect)
				}
			}
			if len(got) != 2 || !strings.Contains(got[0], "|Süd|") || !strings.Contains(got[1], "0c1d|DV") {
				t.Errorf("got %q", got)
			}
			if e.Encoding != tt.encoding || e.Delimiter != tt.delimiter || e.SerialFormat != SerialHex || e.Rows != 2 {
				t.Errorf("%s, %s, %s, %d rows", e.Encoding, e.Delimiter, e.SerialFormat, e.Rows)
			}
		})
	}
}

// TestBadRows names row, line and column of everything that cannot be read, and goes on.
func TestBadRows(t *testing.T) {
	content := "serial,ca,issued,ra\n" +
		"0a,DV1,2026-08-03T12:00:00Z,x\n" +
		"1.23E+20,DV1,,x\n" +
		"0b,DV1,03.08.2026,x\n" +
		"0c,DV1\n" +
		",DV1,,x\n" +
		"0d,,,x\n" +
		"\"0e\nf\",DV1,,x\n" +
		"46,DV1,46234.5,x\n" +
		"0f,D\x00V1,,x\n" +
		"1f,DV1,,\"a\"b\n" +
		"2f,DV1,,x\n"
	_, got, err := readAll(t, write(t, "x.csv", content), Options{Columns: plain, Encoding: UTF8})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"1 2 0a|DV1",
		`! x.csv, row 2 (line 3), column "serial": the number was rounded by a spreadsheet`,
		`! x.csv, row 3 (line 4), column "issued": "03.08.2026" is not a time that can be read without doubt`,
		"! x.csv, row 4 (line 5): the row has 2 columns, the first row has 4",
		`! x.csv, row 5 (line 6), column "serial": the row has neither a serial number nor a certificate`,
		`! x.csv, row 6 (line 7), column "ca": the row does not say who issued`,
		`! x.csv, row 7 (line 8), column "serial": "0e\nf" is not a hexadecimal number`,
		`! x.csv, row 8 (line 10), column "issued": a number of days, as a spreadsheet counts them`,
		`! x.csv, row 9 (line 11), column "ca": it has a zero byte`,
		"! x.csv, row 10 (line 12): at line 12",
		"11 13 2f|DV1",
	}
	if len(got) != len(want) {
		t.Fatalf("got %q", got)
	}
	for i := range want {
		if !strings.HasPrefix(got[i], want[i]) {
			t.Errorf("got  %s\nwant %s", got[i], want[i])
		}
	}
}

// TestSerials reads one number in all spellings.
func TestSerials(t *testing.T) {
	for _, tt := range []struct{ text, format, want string }{
		{"0a1b", SerialHex, "0a1b"}, {"A1B", SerialHex, "0a1b"}, {"0x0A1B", SerialHex, "0a1b"}, {"00:00:0a:1b", SerialHex, "0a1b"},
		{" 0A 1B ", SerialHex, "0a1b"}, {"'0a1b", SerialHex, "0a1b"}, {`="0a1b"`, SerialHex, "0a1b"}, {"2587", SerialDecimal, "0a1b"},
		{"0002587", SerialDecimal, "0a1b"}, {"0", SerialHex, "00"}, {"-0", SerialDecimal, "00"}, {"-1", SerialDecimal, "-01"}, {"1E20", SerialHex, "1e20"},
		{"340282366920938463463374607431768211455", SerialDecimal, strings.Repeat("ff", 16)},
		{"", SerialHex, "! no serial"}, {"1.5E+5", SerialHex, "! the number was rounded"}, {"1,5E+5", SerialDecimal, "! the number was rounded"}, {"1E+20", SerialHex, "! the number was rounded"},
		{"0a1g", SerialHex, "! "}, {"0a", SerialDecimal, "! "}, {strings.Repeat("ab", 129), SerialHex, "! parsing"}, {strings.Repeat("1", 600), SerialHex, "! the serial number has 600"},
		{"1", SerialAuto, "! serial_format"},
	} {
		got, err := ParseSerial(tt.text, tt.format)
		text := string(got)
		if err != nil {
			text = "! " + err.Error()
		}
		if text != tt.want && (!strings.HasPrefix(tt.want, "! ") || !strings.HasPrefix(text, tt.want)) {
			t.Errorf("%q as %s: %s, want %s", tt.text, tt.format, text, tt.want)
		}
	}
}

// TestSerialFormat decides by the whole column, and not at all where it leaves doubt.
func TestSerialFormat(t *testing.T) {
	for _, tt := range []struct{ name, cells, want string }{
		{"a letter", "12 34 5f", SerialHex},
		{"colons", "12:34 56", SerialHex},
		{"too long for hex", "12 " + strings.Repeat("3", 48), SerialDecimal},
		{"digits alone", "12 34 56", "digits alone"},
		{"both", "5f " + strings.Repeat("3", 48), "too long for that"},
	} {
		var e serialEvidence
		for _, c := range strings.Fields(tt.cells) {
			e.add(c)
		}
		got, err := e.format()
		if err != nil {
			got = err.Error()
		}
		if !strings.Contains(got, tt.want) {
			t.Errorf("%s: %s", tt.name, got)
		}
	}
	_, _, err := readAll(t, write(t, "x.csv", "serial,ca\n12,DV1\n34,DV1\n"), Options{Columns: map[string]string{Serial: "serial", Issuer: "ca"}})
	var ambiguous *AmbiguousError
	if !errors.As(err, &ambiguous) || !strings.Contains(err.Error(), "all 2 serial numbers") {
		t.Errorf("got %v", err)
	}
}

// TestSerialDoubt claims a doubt only where a text of digits alone shows it, and shows that text.
func TestSerialDoubt(t *testing.T) {
	for _, tt := range []struct {
		name, cells  string
		format, want string
		sample       string
	}{
		{"nothing that is a number", "=HYPERLINK(\"http://x\")|1.23E+20", SerialHex, "", ""},
		{"one among texts that are none", "=HYPERLINK(\"http://x\")|1.23E+20| 12345 ", "", `the only serial number, "12345", consists of digits alone (cells that are no serial number: 2)`, "12345"},
		{"no-break spaces", "12\u00a0345|67\u00a0890", "", `all 2 serial numbers consist of digits alone, such as "12\u00a0345"`, "12\u00a0345"},
		{"control characters are not shown raw", "12345|\x1b[31m", "", `the only serial number, "12345", consists of digits alone (cells that are no serial number: 1)`, "12345"},
		{"hex and too long for hex", "0a|" + strings.Repeat("3", 48), "", `"0a" can only be hexadecimal, but "3333`, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			format, err := GuessSerial(strings.Split(tt.cells, "|"))
			if format != tt.format || (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
				t.Fatalf("%q, %v", format, err)
			}
			var ambiguous *AmbiguousError
			if errors.As(err, &ambiguous); err != nil && ambiguous.Sample != tt.sample {
				t.Errorf("sample %q, want %q", ambiguous.Sample, tt.sample)
			}
		})
	}
}

// TestSerialRoundTrip writes numbers in every spelling and reads them back.
func TestSerialRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		raw := rapid.SliceOfN(rapid.Byte(), 1, 20).Draw(t, "serial")
		raw[0] |= 1
		want := fmt.Sprintf("%x", raw)
		zeros := strings.Repeat("0", 2*rapid.IntRange(0, 3).Draw(t, "zeros"))
		text := zeros + want
		switch rapid.IntRange(0, 3).Draw(t, "spelling") {
		case 0:
			text = "0x" + text
		case 1:
			text = strings.ToUpper(text)
		case 2:
			var parts []string
			for i := 0; i < len(text); i += 2 {
				parts = append(parts, text[i:i+2])
			}
			text = strings.Join(parts, ":")
		}
		got, err := ParseSerial(text, SerialHex)
		if err != nil || string(got) != want {
			t.Fatalf("%q gives %q, %v; want %q", text, got, err, want)
		}
	})
}

func TestTimes(t *testing.T) {
	vienna, err := time.LoadLocation("Europe/Vienna")
	if err != nil {
		t.Skip("this machine has no time zones")
	}
	for _, tt := range []struct {
		text, format string
		zone         *time.Location
		want         string
	}{
		{"2026-08-03T12:00:00Z", TimeAuto, nil, "2026-08-03T12:00:00Z"}, {"2026-08-03 12:00:00.123", TimeAuto, nil, "2026-08-03T12:00:00Z"},
		{"2026-08-03 12:00:00", TimeAuto, vienna, "2026-08-03T10:00:00Z"}, {"2026-08-03 12:00:00+02", TimeAuto, vienna, "2026-08-03T10:00:00Z"},
		{"2026-08-03", TimeAuto, nil, "2026-08-03T00:00:00Z"}, {"1785758400", TimeUnix, nil, "2026-08-03T12:00:00Z"}, {"1785758400000", TimeUnixMS, nil, "2026-08-03T12:00:00Z"},
		{"03.08.2026 12:00:00", "DD.MM.YYYY hh:mm:ss", vienna, "2026-08-03T10:00:00Z"}, {"08/03/2026", "MM/DD/YYYY", nil, "2026-08-03T00:00:00Z"},
		{"Aug 03 12:00:00 2026", "MMM DD hh:mm:ss YYYY", nil, "2026-08-03T12:00:00Z"},
		{"07/02/2026 12:16:43 AM", "MM/DD/YYYY hh:mm:ss AP", nil, "2026-07-02T00:16:43Z"}, {"7/2/2026 1:16:43 PM", "MM/DD/YYYY hh:mm:ss AP", nil, "2026-07-02T13:16:43Z"},
		{"02-JUL-26 01.16.43.000000 PM", "DD-MMM-YY hh.mm.ss AP", nil, "2026-07-02T13:16:43Z"}, {"02-Jul-26", "DD-MMM-YY", nil, "2026-07-02T00:00:00Z"},
		{"Jul  2 00:16:43 2026 GMT", "MMM DD hh:mm:ss YYYY GMT", nil, "2026-07-02T00:16:43Z"}, {"20260702001643", "YYYYMMDDhhmmss", nil, "2026-07-02T00:16:43Z"}, {"2026702001643", "YYYYMMDDhhmmss", nil, "!"},
		{"02.07.2026 00:16:43", "auto | DD.MM.YYYY hh:mm:ss", nil, "2026-07-02T00:16:43Z"}, {"2026-07-02T00:16:43Z", "auto | DD.MM.YYYY hh:mm:ss", nil, "2026-07-02T00:16:43Z"},
		{"07/02/2026", "MM/DD/YYYY | DD/MM/YYYY", nil, "!"}, {"07/22/2026", "DD/MM/YYYY | MM/DD/YYYY", nil, "2026-07-22T00:00:00Z"}, {"07/07/2026", "DD/MM/YYYY | MM/DD/YYYY", nil, "2026-07-07T00:00:00Z"},
		{"03.08.2026", TimeAuto, nil, "!"}, {"31.02.2026", "DD.MM.YYYY", nil, "!"}, {"99999999999999", TimeUnix, nil, "!"}, {"x", TimeUnix, nil, "!"},
	} {
		c, err := newClock(tt.format, tt.zone)
		if err != nil {
			t.Fatal(err)
		}
		at, err := c.parse(tt.text)
		got := timeText(at.Truncate(time.Second))
		if err != nil {
			got = "!"
		}
		if got != tt.want {
			t.Errorf("%q as %s: %s (%v), want %s", tt.text, tt.format, got, err, tt.want)
		}
	}
	for _, bad := range []string{"DD.MM.YY YYYY", "DD.MM", "DD.MM.YYYY |", "unix | DD.MM.YYYY", "DD.MM.YYYY MST", "yyyy-MM-DD", "YYYY-MM-DD Q", "hh:mm"} {
		if _, err := newClock(bad, nil); err == nil {
			t.Errorf("%q was taken", bad)
		}
	}
}

// TestZipOfTables reads several tables as one export, and refuses those that differ.
func TestZipOfTables(t *testing.T) {
	pack := func(files ...string) string {
		var b bytes.Buffer
		z := zip.NewWriter(&b)
		for i := 0; i < len(files); i += 2 {
			w, err := z.Create(files[i])
			if err == nil {
				_, err = w.Write([]byte(files[i+1]))
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		if err := z.Close(); err != nil {
			t.Fatal(err)
		}
		return write(t, "export.zip", b.String())
	}
	o := Options{Columns: map[string]string{Serial: "serial", Issuer: "ca"}}
	e, got, err := readAll(t, pack("a/1.csv", "serial,ca\n0a,DV1\n", "README.md", "hello", "2.csv", "serial,ca\n0b,DV2\n"), o)
	if err != nil || e.Kind != KindCSV || e.Rows != 2 {
		t.Fatalf("%v: %+v", err, e)
	}
	if len(got) != 3 || !strings.HasPrefix(got[0], "1 2 0a|DV1") || !strings.Contains(got[1], "README.md: its name does not end in .csv") || !strings.HasPrefix(got[2], "2 2 0b|DV2") {
		t.Errorf("got %q", got)
	}
	if _, _, err := readAll(t, pack("1.csv", "serial,ca\n0a,DV1\n", "2.csv", "serial,issuer\n0b,DV2\n"), o); err == nil || !strings.Contains(err.Error(), "other columns") {
		t.Errorf("got %v", err)
	}
}

// TestRefused are exports that cannot be used at all.
func TestRefused(t *testing.T) {
	for _, tt := range []struct {
		name, content string
		o             Options
		want          string
	}{
		{"no such column", "a,b\n", Options{Columns: map[string]string{Serial: "serial"}}, `there is no such column; there are "a", "b"`},
		{"two columns of one name", "serial,serial\n", Options{Columns: map[string]string{Serial: "serial"}}, "two columns have this name"},
		{"empty", "", Options{Kind: KindCSV}, "the file is empty"},
		{"quotation mark not closed", "serial,ca\n\"" + strings.Repeat(strings.Repeat("x", 1023)+"\n", 2*maxRow/1024), Options{Columns: map[string]string{Serial: "serial"}}, "quotation mark not closed"},
		{"UTF-16 without a mark", "s\x00e\x00,\x00", Options{Kind: KindCSV}, "zero bytes"},
		{"another mark", "\xff\xfes\x00", Options{Kind: KindCSV, Encoding: UTF8}, "byte order mark of utf-16le"},
		{"bad time format", "serial\n", Options{Kind: KindCSV, TimeFormat: "yy"}, "time_format"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, _, err := readAll(t, write(t, "x.csv", tt.content), tt.o)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
}

// TestGuess proposes a mapping for headers of real systems.
func TestGuess(t *testing.T) {
	for _, tt := range []struct{ header, want string }{
		{"serialNumber|issuerDN|fingerprint|notBefore|expireDate|base64Cert|certificateProfile", "serial=serialNumber issuer=issuerDN fingerprint=fingerprint not_before=notBefore not_after=expireDate certificate=base64Cert profile=certificateProfile"},
		{"Serial Number|Issuing CA|Valid From|Valid To|Issue Date|RA Name|DCV Method|Order ID", "serial=Serial Number issuer=Issuing CA not_before=Valid From not_after=Valid To issued_at=Issue Date order_id=Order ID registration_authority=RA Name validation_method=DCV Method"},
		{"a|b", ""},
	} {
		got := Guess(strings.Split(tt.header, "|"), nil)
		var parts []string
		for _, f := range Fields() {
			if text, ok := got[f]; ok {
				parts = append(parts, f+"="+text)
			}
		}
		if strings.Join(parts, " ") != tt.want {
			t.Errorf("%s: %s\nwant %s", tt.header, strings.Join(parts, " "), tt.want)
		}
	}
	if got := Guess([]string{"x", "y"}, [][]string{{"1", strings.Repeat("ab", 32)}}); got[Fingerprint] != "y" {
		t.Errorf("by content: %v", got)
	}
	if got := GuessTimes([]string{"03.08.2026 12:00:00", "31.08.2026 12:00:00"}); len(got) != 1 || got[0] != "DD.MM.YYYY hh:mm:ss" {
		t.Errorf("times: %q", got)
	}
	if got := GuessTimes([]string{"03/08/2026 10:00"}); len(got) != 2 {
		t.Errorf("ambiguous times with minutes are guessed as %v", got)
	}
	if got := GuessTimes([]string{"03/08/2026 10:00", "13/08/2026 10:00"}); len(got) != 1 || got[0] != "DD/MM/YYYY hh:mm" {
		t.Errorf("times with minutes are guessed as %v", got)
	}
	for text, want := range map[string]string{"07/22/2026 12:16:43 AM": "MM/DD/YYYY hh:mm:ss AP", "02-Jul-26": "DD-MMM-YY", "Jul  2 00:16:43 2026 GMT": "MMM DD hh:mm:ss YYYY GMT"} {
		if got := GuessTimes([]string{text}); len(got) != 1 || got[0] != want {
			t.Errorf("%s: guessed as %q", text, got)
		}
	}
	if got := GuessTimes([]string{"2026-08-03T12:00:00Z", "31.08.2026 12:00:00"}); len(got) != 1 || got[0] != "auto | DD.MM.YYYY hh:mm:ss" {
		t.Errorf("times of two forms: %q", got)
	}
	if got := GuessTimes([]string{"03/08/2026"}); len(got) != 2 {
		t.Errorf("ambiguous times: %q", got)
	}
}

// FuzzCSV gives tables of all kinds: no panic, every row once, in order, and the same rows
// again on a second reading.
func FuzzCSV(f *testing.F) {
	f.Add([]byte("serial,ca,issued,ra\n0a1b,DV1,2026-08-03T12:00:00Z,x\n\"0c\",\"D\"\"V\",,\n"))
	f.Add([]byte("sep=;\r\nserial;ca;issued;ra\r\n1.23E+20;DV1;;\r\n"))
	f.Add([]byte(utf16Of("serial\tca\tissued\tra\n0a\tDV1\t\t\n", false)))
	f.Add([]byte("\xef\xbb\xbfserial,ca,issued,ra\n\xfc,\x00,\"\n"))
	path := filepath.Join(f.TempDir(), "x.csv") // each worker is a process with its own
	f.Fuzz(func(t *testing.T, b []byte) {
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		e, first, err := readAll(t, path, Options{Columns: plain, SerialFormat: SerialHex})
		if err != nil {
			return
		}
		if int64(len(first)) != e.Rows {
			t.Fatalf("%d rows announced, %d passed on", e.Rows, len(first))
		}
		_, second, err := readAll(t, path, Options{Columns: plain, SerialFormat: SerialHex})
		if err != nil || strings.Join(first, "\n") != strings.Join(second, "\n") {
			t.Fatalf("other rows the second time: %v", err)
		}
	})
}

// FuzzCells gives texts to the readers of single cells.
func FuzzCells(f *testing.F) {
	for _, s := range []string{"0x0a:1b", "1,5E+5", "-----BEGIN CERTIFICATE-----MIIB-----END CERTIFICATE-----", "\\x3082", "sha256:" + strings.Repeat("ab", 32), "2026-08-03"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		for _, format := range []string{SerialHex, SerialDecimal} {
			if serial, err := ParseSerial(s, format); err == nil {
				again, err := ParseSerial(string(serial), SerialHex)
				if err != nil || again != serial {
					t.Fatalf("%q gives %q, which gives %q: %v", s, serial, again, err)
				}
			}
		}
		if der, err := parseCertificate(s); err == nil && len(der) == 0 {
			t.Fatal("an empty certificate")
		}
		_, _ = parseFingerprint(s)
		c, err := newClock(TimeAuto, nil)
		if err != nil {
			t.Fatal(err)
		}
		if at, err := c.parse(s); err == nil && (at.Year() < 1 || at.Year() > 9999) {
			t.Fatalf("%q gives %s", s, at)
		}
	})
}
