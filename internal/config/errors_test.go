package config

import (
	"errors"
	"strings"
	"testing"
)

func TestProblems(t *testing.T) {
	const ca = "[ca]\nname = \"A\"\n"
	key := inlineKey(t)
	log := func(lines string) string {
		return ca + "[[log]]\ntype = \"static-ct\"\nurl = \"https://l.example\"\norigin = \"l.example\"\npublic_key = \"" + key + "\"\n" + lines
	}
	tests := []struct{ name, in, want string }{
		{"no ca", "", `x.toml: no [ca] table`},
		{"no name", "[ca]\n", `x.toml:1:2: [ca] has no name: add name = "Example CA"`},
		{"unknown key", ca + "[audit]\nisuance_time = \"ct\"\n", `x.toml:4:1: unknown key "isuance_time" in [audit]; did you mean "issuance_time"?`},
		{"unknown table", ca + "[audits]\n", `x.toml:3:2: unknown key "audits" at the top of the file; did you mean "audit"?`},
		{"key in the wrong table", "[ca]\nname = \"A\"\nbeacon = \"dice\"\n", `x.toml:3:1: unknown key "beacon" in [ca]; it belongs in [audit]`},
		{"key without likeness", ca + "[audit]\nzzzzzzzz = 1\n", `x.toml:4:1: unknown key "zzzzzzzz" in [audit]; known are "rate"`},
		{"hostile key", ca + "[audit]\n\"\\u001b[2J\" = 1\n", `x.toml:4:1: unknown key "\x1b[2J" in [audit]`},
		{"syntax", ca + "[audit\n", `x.toml:3:7: expected`},
		{"duplicate key", ca + "name = \"B\"\n", `x.toml:3:1: `},
		{"low EV stratum", ca + "[[stratum]]\nclass = \"ev\"\nrate = \"3%\"\n", `x.toml:5:1: rate "3%" is below 6%, which is due of class ev where a registration authority does the final cross-correlation (EVG 8.1.1): use 6% or more, or, if none does, declare ev_ra = "none" in [audit]`},
		{"low code signing stratum", ca + "[audit]\nev_ra = \"North\"\n[[stratum]]\nrate = \"5.99%\"\nclass = \"cs\"\n", `x.toml:6:1: rate "5.99%" is below 6%, which is due of class cs where a registration authority does the final cross-correlation (CSBR 8.7)`},
		{"low undecided stratum", ca + "[audit]\nev_ra = \"none\"\n[[stratum]]\nclass = \"other\"\nrate = \"99%\"\n", `x.toml:7:1: rate "99%" is below 100%: certificates of class other are undecided`},
		{"all strata at once", ca + "[[stratum]]\nclass = \"ev\"\nrate = \"3%\"\n[[stratum]]\nclass = \"csev\"\nrate = \"4%\"\n", "x.toml:8:1: rate \"4%\" is below 6%, which is due of class csev"},
		{"nested table", ca + "[[records]]\npath = \"a\"\nsystem = \"s\"\nextracted_at = 2026-01-01T00:00:00Z\n[[records.exclude]]\nserial = \"01\"\nissuer = \"A\"\nreason = \"r\"\n",
			`x.toml:7:11: [[records.exclude]] has no approved_by: add approved_by = "Head of Compliance"`},
		{"nested tables", ca + "[log_list]\n[[log_list.exclude]]\na = \"b\"\n", `write [log_list.exclude], not [[log_list.exclude]]`},
		{"low rate", ca + "[audit]\n  rate = \"2.99%\"\n", `x.toml:4:3: rate "2.99%" is below 3%, the least that the Baseline Requirements allow (TLS BR 8.7`},
		{"low issuer rate", ca + "[[issuer]]\ncertificate = \"a\"\nrate = \"0%\"\n", `x.toml:5:1: rate "0%" is below 3%`},
		{"high rate", ca + "[audit]\nrate = \"100.01%\"\n", `x.toml:4:1: rate "100.01%" is above 100%`},
		{"fine rate", ca + "[audit]\nrate = \"3.333%\"\n", `x.toml:4:1: rate "3.333%" is finer than 0.01 %`},
		{"bare rate", ca + "[audit]\nrate = 3\n", `x.toml:4:1: rate must be text in quotes, such as "3%", not the number 3`},
		{"rate without percent", ca + "[audit]\nrate = \"3\"\n", `has no percent sign`},
		{"float floor", ca + "[audit]\nfloor = 1.5\n", `x.toml:4:1: floor must be a whole number without quotes, not the number 1.5`},
		{"negative floor", ca + "[audit]\nfloor = -1\n", `floor = -1 is out of range`},
		{"issuance time", ca + "[audit]\nissuance_time = \"notbefore\"\n", `x.toml:4:1: issuance_time = "notbefore" is not known; did you mean "not_before"? it is one of "ct", "not_before"`},
		{"lead days", ca + "[audit]\ndraw_lead_days = 121\n", `draw_lead_days = 121 is out of range: 1 to 120`},
		{"beacon", ca + "[audit]\nbeacon = \"nist\"\n", `beacon = "nist" is not known; it is one of "quicknet", "default-chain", "dice"`},
		{"one bracket", ca + "[issuer]\ncertificate = \"a\"\n", `x.toml:3:2: there can be several: write [[issuer]] with two brackets`},
		{"two brackets", "[[ca]]\nname = \"A\"\n", `x.toml:1:3: there is only one ca: write [ca], not [[ca]]`},
		{"list of numbers", ca + "[[issuer]]\ncertificate = [1]\n", `certificate must be a list of texts`},
		{"no certificate", ca + "[[issuer]]\nlabel = \"x\"\n", `x.toml:3:3: [[issuer]] has no certificate`},
		{"empty certificate", ca + "[[issuer]]\ncertificate = \"\"\n", `certificate is an empty path`},
		{"no certificates", ca + "[[issuer]]\ncertificate = []\n", `certificate is an empty list`},
		{"same issuer twice", ca + "[[issuer]]\ncertificate = \"a/b.pem\"\n[[issuer]]\ncertificate = \"./a/b.pem\"\n", `x.toml:6:1: certificate "./a/b.pem" is already in an [[issuer]] above`},
		{"second issuer", ca + "[[issuer]]\ncertificate = \"a\"\n[[issuer]]\ncertificate = \"b\"\nlabl = \"x\"\n", `x.toml:7:1: unknown key "labl" in [[issuer]] number 2; did you mean "label"?`},
		{"bad OID", ca + "[[issuer]]\ncertificate = \"a\"\npolicy_oids = { \"1.02\" = \"ev\" }\n", `x.toml:5:17: policy_oids: "1.02" is not a dotted object identifier`},
		{"bad class", ca + "[[issuer]]\ncertificate = \"a\"\npolicy_oids = { \"1.2\" = \"evv\" }\n", `x.toml:5:17: policy_oids: "evv" is not a class; did you mean "ev"?`},
		{"class in a table", ca + "[[issuer]]\ncertificate = \"a\"\n[issuer.policy_oids]\n\"1.2\" = 7\n", `x.toml:6:1: 1.2 must be text in quotes`},
		{"control character", "[ca]\nname = \"a\\u0007\"\n", `x.toml:2:1: name contains a character that cannot be shown: a\x07`},
		{"no log type", ca + "[[log]]\nurl = \"a\"\npublic_key = \"" + key + "\"\n", `x.toml:3:3: [[log]] has no type`},
		{"log type", ca + "[[log]]\ntype = \"static\"\n", `type = "static" is not known; `},
		{"no origin", ca + "[[log]]\ntype = \"static-ct\"\nurl = \"a\"\npublic_key = \"" + key + "\"\n", `[[log]] has no origin`},
		{"no key", ca + "[[log]]\ntype = \"rfc6962\"\nurl = \"a\"\n", `[[log]] has no public_key`},
		{"two keys", log("public_key_file = \"k\"\n"), `x.toml:8:1: public_key and public_key_file are both set`},
		{"not base64", ca + "[[log]]\ntype = \"rfc6962\"\nurl = \"a\"\npublic_key = \"***\"\n", `x.toml:6:1: public_key: this is not base64`},
		{"not a key", ca + "[[log]]\ntype = \"rfc6962\"\nurl = \"a\"\npublic_key = \"AAAA\"\n", `public_key: this is not a SubjectPublicKeyInfo`},
		{"key file", ca + "[[log]]\ntype = \"rfc6962\"\nurl = \"a\"\npublic_key_file = \"k.pem\"\n", `x.toml:6:1: public_key_file: file does not exist`},
		{"scheme", ca + "[[log]]\ntype = \"rfc6962\"\nurl = \"ftp://a\"\npublic_key = \"" + key + "\"\n", `url "ftp://a" is neither`},
		{"password", ca + "[[log]]\ntype = \"rfc6962\"\nurl = \"https://u:p@a\"\npublic_key = \"" + key + "\"\n", `must not contain a user name or password`},
		{"query", ca + "[[log]]\ntype = \"rfc6962\"\nurl = \"https://a/?k=1\"\npublic_key = \"" + key + "\"\n", `plain base address`},
		{"empty reason", log("exclude = \" \"\n"), `exclude is empty`},
		{"same key twice", log("[[log]]\ntype = \"rfc6962\"\nurl = \"b\"\npublic_key = \"" + key + "\"\n"), `x.toml:8:3: [[log]] number 2 has the public key of [[log]] number 1: they are one log`},
		{"same url twice", log("[[log]]\ntype = \"rfc6962\"\nurl = \"https://l.example/\"\n"), `x.toml:10:1: url "https://l.example" is already that of [[log]] number 1`},
		{"same files twice", ca + "[[files]]\npath = \"a\"\n[[files]]\npath = \"a/\"\n", `x.toml:6:1: path "a/" is already in a [[files]] above`},
		{"relay", ca + "[drand]\nrelays = \"drand\"\n", `x.toml:4:1: relays: "drand" is not an https:// address`},
	}
	for _, tt := range tests {
		_, err := parse("x.toml", []byte(tt.in), noFiles)
		var all Errors
		if !errors.As(err, &all) {
			t.Errorf("%s: err = %v, want Errors", tt.name, err)
			continue
		}
		if tt.want != "" && !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got\n  %v\nwant\n  %s", tt.name, err, tt.want)
		}
	}
}

func TestProblemsAllAtOnceInOrder(t *testing.T) {
	in := "[audit]\nrate = \"1%\"\nfloor = -3\nbecon = \"dice\"\n[ca]\nnam = \"A\"\n"
	_, err := parse("x.toml", []byte(in), noFiles)
	var all Errors
	if !errors.As(err, &all) {
		t.Fatal(err)
	}
	var lines []int
	for _, p := range all {
		lines = append(lines, p.Line)
	}
	want := []int{2, 3, 4, 5, 6}
	if len(lines) != len(want) {
		t.Fatalf("problems at lines %v, want %v:\n%v", lines, want, err)
	}
	for i := range want {
		if lines[i] != want[i] {
			t.Errorf("problems at lines %v, want %v", lines, want)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(template))
	f.Add([]byte("[ca]\nname = \"A\"\n[[issuer]]\ncertificate = [\"a\"]\n[issuer.policy_oids]\n\"1.2\" = \"ev\"\n[[log]]\n[[log]]\ntype = 'rfc6962'\n"))
	f.Add([]byte("a.b.c = { d = [ { e = 1 } ] }\n[[log.x]]\n[log.x.y]\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := parse("f.toml", data, noFiles)
		if err != nil {
			if !errors.As(err, new(Errors)) || err.Error() == "" {
				t.Fatalf("not a configuration error: %v", err)
			}
			return
		}
		// What was accepted survives its own effective form.
		first := c.Effective()
		again, err := parse("f.toml", first, noFiles)
		if err != nil {
			t.Fatalf("effective configuration is refused: %v\n%s", err, first)
		}
		if second := again.Effective(); string(second) != string(first) {
			t.Fatalf("effective configuration changes:\n%s\nthen:\n%s", first, second)
		}
	})
}
