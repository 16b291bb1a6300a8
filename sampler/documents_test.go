package sampler

import (
	"bytes"
	"encoding/json"
	"os"
	"reflect"
	"strings"
	"testing"
)

func exampleSnapshot() *Snapshot {
	return &Snapshot{
		AuditID: "2026-Q3", Mode: ModeAudit,
		Period:       SnapshotPeriod{Start: "2026-07-01T00:00:00Z", End: "2026-10-01T00:00:00Z"},
		Chain:        SnapshotChain{Start: "2026-07-01T00:00:00Z", Evidence: "none", Reason: "first use <&>"},
		IssuanceTime: IssuedByCT, OpenedAt: "2026-10-01T08:00:00Z", Clock: ClockSystem,
		Program: ProgramInfo{Name: "selfaudit", Version: "1.0.0", Go: "go1.26"},
		Issuers: []SnapshotIssuer{{KeySHA256: KeyHash{1}, Subject: "CN=A", Label: "A", Certificates: []CertHash{{2}},
			PolicyOIDs: map[string]string{"1.2.3": "ev", "1.2.10": "dv"}}},
		Logs: []SnapshotLog{{LogID: keyA, Type: "static-ct", URL: "https://log.example/", Origin: "log.example", PublicKey: []byte{0x30},
			Status: LogProven, TreeSize: 5, RootHash: keyA, TimestampMS: 1, HeadFile: "ct/heads/x.checkpoint", Entries: 5, Kept: 2}},
		Counts:     SnapshotCounts{ItemsSeen: 2, Population: 1, Waiting: 1},
		UnreadLogs: []UnreadLog{{LogID: keyA, SCTs: 3}},
		Findings:   map[string]int64{"b": 1, "a": 2},
		LintPolicy: SnapshotLinter{Linter: "zlint", Version: "v3.7.3", RuleSet: "default"},
	}
}

func TestSnapshotRoundTrip(t *testing.T) {
	b, err := exampleSnapshot().Bytes()
	if err != nil {
		t.Fatal(err)
	}
	text := string(b)
	if !strings.HasPrefix(text, "{\n  \"schema\": \"selfaudit.snapshot/v1\",\n") || !strings.HasSuffix(text, "}\n") {
		t.Errorf("layout: %.60q ... %q", text, text[len(text)-5:])
	}
	for _, part := range []string{`"reason": "first use <&>"`, `"filters": []`, `"notes": []`, `"files": []`, `"public_key": "MA=="`} {
		if !strings.Contains(text, part) {
			t.Errorf("%s is not in the document", part)
		}
	}
	s, err := ParseSnapshot(b)
	if err != nil {
		t.Fatal(err)
	}
	again, err := s.Bytes()
	if err != nil || !bytes.Equal(again, b) {
		t.Errorf("written again as\n%s\n%v", again, err)
	}
}

func TestSnapshotRefuses(t *testing.T) {
	b, err := exampleSnapshot().Bytes()
	if err != nil {
		t.Fatal(err)
	}
	good := string(b)
	for name, edit := range map[string][2]string{
		"other schema":         {"snapshot/v1", "snapshot/v2"},
		"unknown key":          {`"mode"`, `"seal": 1, "mode"`},
		"key in other case":    {`"mode"`, `"Mode"`},
		"key twice":            {`"mode": "audit"`, `"mode": "rehearsal", "mode": "audit"`},
		"nested key twice":     {`"end": `, `"start": "x", "end": `},
		"key of look-alike":    {`"kept"`, "\"\u212Aept\""},
		"wrong type":           {`"tree_size": 5`, `"tree_size": "5"`},
		"unknown mode":         {`"mode": "audit"`, `"mode": "trial"`},
		"unknown clock":        {`"clock": "system"`, `"clock": "sundial"`},
		"bad time":             {"2026-10-01T08:00:00Z", "2026-10-01"},
		"period reversed":      {`"end": "2026-10-01T00:00:00Z"`, `"end": "2026-07-01T00:00:00Z"`},
		"unknown setting":      {`"issuance_time": "ct"`, `"issuance_time": "record"`},
		"unknown status":       {`"status": "proven"`, `"status": "trusted"`},
		"excluded, no reason":  {`"status": "proven"`, `"status": "excluded"`},
		"bad log id":           {keyA, keyA[1:]},
		"bad audit id":         {`"2026-Q3"`, `"../x"`},
		"two documents":        {"\n}\n", "\n}\n{}\n"},
		"not UTF-8":            {"CN=A", "CN=\xff"},
		"truncated":            {"\n}\n", ""},
		"an array":             {good, "[]\n"},
		"null":                 {good, "null\n"},
		"empty":                {good, ""},
		"issuer hash in upper": {`"0100`, `"0A00`},
	} {
		bad := strings.Replace(good, edit[0], edit[1], 1)
		if bad == good {
			t.Fatalf("%s: %q is not in the document", name, edit[0])
		}
		if _, err := ParseSnapshot([]byte(bad)); err == nil {
			t.Errorf("%s: accepted", name)
		} else if !strings.HasPrefix(err.Error(), "snapshot.json: ") {
			t.Errorf("%s: error does not name the document: %v", name, err)
		}
	}
}

func TestOpening(t *testing.T) {
	o := Opening{AuditID: "2026-Q3", Mode: ModeRehearsal, PeriodStart: "2026-07-01T00:00:00Z", PeriodEnd: "2026-10-01T00:00:00Z",
		ChainStart: "2026-07-01T00:00:00Z", OpenedAt: "2026-10-01T08:00:00Z", Clock: ClockGiven}
	b, err := o.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	back, err := ParseOpening(b)
	o.Schema = OpeningSchema
	if err != nil || *back != o {
		t.Errorf("read back as %+v, %v", back, err)
	}
	for _, change := range []func(*Opening){
		func(o *Opening) { o.Schema = "x" },
		func(o *Opening) { o.AuditID = "" },
		func(o *Opening) { o.Mode = "" },
		func(o *Opening) { o.Clock = "" },
		func(o *Opening) { o.PreviousAudit = "a/b" },
		func(o *Opening) { o.PeriodEnd = o.PeriodStart },
		func(o *Opening) { o.ChainStart = "2027-01-01T00:00:00Z" },
		func(o *Opening) { o.OpenedAt = "now" },
	} {
		bad := o
		change(&bad)
		if b, err := bad.Bytes(); err == nil {
			t.Errorf("%s written", b)
		}
	}
}

func exampleSightings() []Sighting {
	id := ItemID{KeyHash{1}, "0a"}
	return []Sighting{
		{ItemID: id, Cert: CertHash{2}, Form: FormPrecert, Source: SightingLog, LogID: keyA, Index: 0, TimestampMS: 7, Leaf: []byte{0, 0}, Proof: [][]byte{bytes.Repeat([]byte{9}, 32)}},
		{ItemID: id, Cert: CertHash{3}, Form: FormFinal, Source: SightingLog, LogID: keyA, Index: 5, TimestampMS: 8, Leaf: []byte{0}, Proof: [][]byte{}, PrecertSigner: CertHash{4}},
		{ItemID: id, Cert: CertHash{3}, Form: FormFinal, Source: SightingFile, File: "exports/<a>&b.pem"},
	}
}

func TestSightings(t *testing.T) {
	var doc bytes.Buffer
	want := exampleSightings()
	for _, s := range want {
		line, err := s.Line()
		if err != nil {
			t.Fatal(err)
		}
		doc.Write(line)
	}
	text := doc.String()
	for _, part := range []string{`"index":0,"timestamp_ms":7,"leaf":"AAA=","proof":["`, `"proof":[],"precert_signer":"04`, `"file":"exports/<a>&b.pem","block":0}`} {
		if !strings.Contains(text, part) {
			t.Errorf("%s is not in\n%s", part, text)
		}
	}
	got, err := ParseSightings(strings.NewReader(text))
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("read back as %+v, %v", got, err)
	}
	first, _, _ := strings.Cut(text, "\n")
	for name, bad := range map[string]string{
		"no LF":            first,
		"blank line":       first + "\n\n",
		"no index":         strings.Replace(first, `"index":0,`, "", 1) + "\n",
		"with a block":     strings.Replace(first, `"index":0,`, `"index":0,"block":0,`, 1) + "\n",
		"unknown source":   strings.Replace(first, `"source":"log"`, `"source":"crtsh"`, 1) + "\n",
		"file with leaf":   strings.Replace(first, `"source":"log"`, `"source":"file"`, 1) + "\n",
		"short proof":      strings.Replace(first, `"proof":["CQkJ`, `"proof":["`, 1) + "\n",
		"negative index":   strings.Replace(first, `"index":0`, `"index":-1`, 1) + "\n",
		"unknown form":     strings.Replace(first, `"precert"`, `"poison"`, 1) + "\n",
		"other key":        strings.Replace(first, `"form"`, `"Form"`, 1) + "\n",
		"not an object":    "7\n",
		"two objects":      first + first + "\n",
		"too long a proof": strings.Replace(first, `"proof":[`, `"proof":[`+strings.Repeat(`"CQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQk=",`, 64), 1) + "\n",
	} {
		if s, err := ParseSightings(strings.NewReader(bad)); err == nil {
			t.Errorf("%s: accepted as %+v", name, s)
		} else if !strings.Contains(err.Error(), "line ") {
			t.Errorf("%s: error names no line: %v", name, err)
		}
	}
	if s, err := ParseSightings(strings.NewReader("")); err != nil || len(s) != 0 {
		t.Errorf("empty document: %v, %v", s, err)
	}
}

func TestSightingWriterRefuses(t *testing.T) {
	for name, change := range map[string]func(*Sighting){
		"no leaf":     func(s *Sighting) { s.Leaf = nil },
		"bad log id":  func(s *Sighting) { s.LogID = "x" },
		"short proof": func(s *Sighting) { s.Proof = [][]byte{{1}} },
		"no source":   func(s *Sighting) { s.Source = "" },
		"no form":     func(s *Sighting) { s.Form = "" },
		"bad serial":  func(s *Sighting) { s.ItemID.Serial = "" },
	} {
		s := exampleSightings()[0]
		change(&s)
		if b, err := json.Marshal(s); err == nil {
			t.Errorf("%s: written as %s", name, b)
		}
	}
}

func TestItemFindings(t *testing.T) {
	want := ItemFinding{ItemID: ItemID{KeyHash{1}, "-80"}, Lint: "final_tbs_mismatch", Severity: "error", Source: "selfaudit",
		Citation: "MRSP 5.4", Details: "=HYPERLINK(\"x\") <b>\x1b", Certificates: []CertHash{{2}, {3}}, InPopulation: true}
	line, err := want.Line()
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(line), `<b>\u001b`) || strings.Count(string(line), "\n") != 1 {
		t.Errorf("written as %q", line)
	}
	got, err := ParseItemFindings(bytes.NewReader(append(line, line...)))
	if err != nil || len(got) != 2 || !reflect.DeepEqual(got[1], want) {
		t.Errorf("read back as %+v, %v", got, err)
	}
	for _, change := range []func(*ItemFinding){
		func(f *ItemFinding) { f.Severity = "info" },
		func(f *ItemFinding) { f.Lint = "" },
		func(f *ItemFinding) { f.ItemID.Serial = "0001" },
	} {
		bad := want
		change(&bad)
		if line, err := bad.Line(); err == nil {
			t.Errorf("written as %s", line)
		}
	}
	bare := ItemFinding{ItemID: want.ItemID, Lint: "x", Severity: "warn"}
	if line, err := bare.Line(); err != nil || !strings.Contains(string(line), `"certificates":[]`) {
		t.Errorf("%s, %v", line, err)
	}
	if _, err := ParseItemFindings(strings.NewReader(`{"item_id":"x"}` + "\n")); err == nil {
		t.Error("bad item id accepted")
	}
}

func TestJSONLineIsBounded(t *testing.T) {
	line := `{"details":"` + strings.Repeat("a", maxJSONLine) + "\"}\n"
	if _, err := ParseItemFindings(strings.NewReader(line)); err == nil || !strings.Contains(err.Error(), "longer than") {
		t.Errorf("%v", err)
	}
}

// TestReferenceImplementationNamesOurFormats guards the copy of draw_reference.py
// that packages carry: it must be of the protocol version that we write.
func TestReferenceImplementationNamesOurFormats(t *testing.T) {
	b, err := os.ReadFile("../reports/evidence/draw_reference.py")
	if err != nil {
		t.Fatal(err)
	}
	script := strings.ReplaceAll(string(b), `\t`, "\t")
	for _, header := range []string{strings.TrimSuffix(populationHeader, "\n"), strataHeader, sampleHeader, commitmentMagic, DrawMethod} {
		if !strings.Contains(script, `"`+header+`"`) {
			t.Errorf("draw_reference.py does not know %q", header)
		}
	}
	for _, key := range commitmentKeys {
		if !strings.Contains(script, `"`+key+`"`) {
			t.Errorf("draw_reference.py does not know the key %s", key)
		}
	}
}

func FuzzParseSnapshot(f *testing.F) {
	b, err := exampleSnapshot().Bytes()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := ParseSnapshot(b)
		if err != nil {
			return
		}
		out, err := s.Bytes()
		if err != nil {
			t.Fatalf("%q cannot be written: %v", b, err)
		}
		if _, err := ParseSnapshot(out); err != nil {
			t.Fatalf("%q written as %q: %v", b, out, err)
		}
	})
}

func FuzzParseOpening(f *testing.F) {
	f.Add([]byte(`{"schema":"selfaudit.audit/v1","audit_id":"a","mode":"audit","period_start":"2026-07-01T00:00:00Z","period_end":"2026-10-01T00:00:00Z","chain_start":"2026-07-01T00:00:00Z","previous_audit":"","opened_at":"2026-10-01T08:00:00Z","clock":"given","program":{}}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		o, err := ParseOpening(b)
		if err != nil {
			return
		}
		if _, err := o.Bytes(); err != nil {
			t.Fatalf("%q cannot be written: %v", b, err)
		}
	})
}

func FuzzParseSightings(f *testing.F) {
	for _, s := range exampleSightings() {
		line, err := s.Line()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(line)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		list, err := ParseSightings(bytes.NewReader(b))
		if err != nil {
			return
		}
		for _, s := range list {
			line, err := s.Line()
			if err != nil {
				t.Fatalf("%+v cannot be written: %v", s, err)
			}
			back, err := ParseSightings(bytes.NewReader(line))
			if err != nil || len(back) != 1 || !reflect.DeepEqual(back[0], s) {
				t.Fatalf("%+v read back as %+v, %v", s, back, err)
			}
		}
	})
}

func FuzzParseItemFindings(f *testing.F) {
	f.Add([]byte(`{"item_id":"` + keyA + `:01","lint":"x","severity":"error","source":"selfaudit","citation":"","details":"","certificates":[],"in_population":true}` + "\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		list, err := ParseItemFindings(bytes.NewReader(b))
		if err != nil {
			return
		}
		for _, finding := range list {
			if _, err := finding.Line(); err != nil {
				t.Fatalf("%+v cannot be written: %v", finding, err)
			}
		}
	})
}
