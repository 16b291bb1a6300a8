package evidence

import (
	"slices"
	"strings"
	"testing"

	"selfaudit/internal/config"
	"selfaudit/internal/testpki"
	"selfaudit/sampler"
	"selfaudit/sampler/ct"
)

// reconfigure changes the configuration, and its record with it: the attacker's
// configuration is in canonical form.
func (a *attacked) reconfigure(change func(c *config.Config)) {
	c, err := config.Parse(a.read(configDocument), configDocument)
	must(a, err)
	change(c)
	a.write(configDocument, c.Effective())
	rebagWithoutEvents(a)
}

// TestConfigurationLies alters the configuration, makes the record and all manifests
// right again, and expects the one check to fail that derives it.
func TestConfigurationLies(t *testing.T) {
	o := small()
	o.Audit = true
	res := sealed(t, o)
	for _, tt := range []struct {
		name   string
		change func(c *config.Config)
		want   string // in the failure; "" for a note
		note   string
	}{
		{"nothing", func(*config.Config) {}, "", ""},
		{"the CA's name", func(c *config.Config) { c.CA.Name = "Another" }, "ca.name", ""},
		{"rate", func(c *config.Config) { c.Audit.RateBP = 1000 }, "audit.rate", ""},
		{"floor", func(c *config.Config) { c.Audit.Floor = 50 }, "audit.floor", ""},
		{"minimum", func(c *config.Config) { c.Audit.Minimum = 5 }, "audit.minimum", ""},
		{"issuance time", func(c *config.Config) { c.Audit.IssuanceTime = config.IssuedByNotBefore }, "audit.issuance_time", ""},
		{"registration authorities", func(c *config.Config) { c.Audit.EVRA = "some" }, "audit.ev_ra", ""},
		{"an issuer's rate", func(c *config.Config) { c.Issuers[0].RateBP = 5000 }, "[[issuer]] number 1", ""},
		{"an issuer's floor", func(c *config.Config) { c.Issuers[1].Floor = 9 }, "[[issuer]] number 2", ""},
		{"an issuer's label", func(c *config.Config) { c.Issuers[0].Label = "Omega" }, "[[issuer]] number 1", ""},
		{"an issuer's policies", func(c *config.Config) { c.Issuers[0].PolicyOIDs = map[string]string{"2.999.1": "ev"} }, "[[issuer]] number 1", ""},
		{"an issuer removed", func(c *config.Config) { c.Issuers = c.Issuers[:1] }, "of snapshot.json is no [[issuer]]", ""},
		{"an issuer added", func(c *config.Config) {
			c.Issuers = append(c.Issuers, config.Issuer{Certificates: []string{"x.pem"}, Label: "Omega"})
		}, "[[issuer]] number 3", ""},
		{"an issuer's table split", func(c *config.Config) {
			c.Issuers = append(c.Issuers, config.Issuer{Certificates: []string{"x.pem"}, Label: c.Issuers[0].Label})
		}, "", "3 [[issuer]] tables for 2 issuers"},
		{"another key", func(c *config.Config) { c.Logs[0].PublicKey = testpki.ECKey("other").SPKI }, "log id of public_key", ""},
		{"another address", func(c *config.Config) { c.Logs[0].URL = "https://other.test" }, "url", ""},
		{"another label", func(c *config.Config) { c.Logs[0].Label = "Other" }, "label", ""},
		{"an origin", func(c *config.Config) { c.Logs[0].Origin = "other.test" }, "origin", ""},
		{"another type", func(c *config.Config) { c.Logs[0].Type, c.Logs[0].Origin = config.TypeStaticCT, "x" }, "type", ""},
		{"an exclusion", func(c *config.Config) { c.Logs[0].Exclude = "gone" }, "but the log was read", ""},
		{"a log of the CA", func(c *config.Config) { c.Logs[0].OperatedByCA = true }, "operated_by_ca", ""},
		{"no log", func(c *config.Config) { c.Logs = nil }, "number of logs", ""},
		{"a log list", func(c *config.Config) { c.LogList.Select = config.SelectAuto }, "log_list.select", ""},
		{"crt.sh", func(c *config.Config) { c.CrtSh.Use = true }, "crtsh.use", ""},
		{"files", func(c *config.Config) { c.Files = []config.Files{{Path: "export"}} }, "number of files", ""},
		{"days", func(c *config.Config) { c.Audit.Beacon = config.BeaconQuicknet }, "", "audit.beacon is quicknet, but the commitment is to dice"},
		{"chain evidence", func(c *config.Config) { c.Chain.StartEvidence = "docs/q2.pdf" }, "chain.start_evidence", ""},
		{"chain reason", func(c *config.Config) { c.Chain.Reason = "because" }, "chain.reason", ""},
		{"no chain reason", func(c *config.Config) { c.Chain.Reason = "" }, "chain.reason", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			a := &attacked{T: t, dir: copyDir(t, res.Dir)}
			a.reconfigure(tt.change)
			r := verify(t, a.dir, Options{})
			got := strings.Join(lines(r, "configuration"), "\n")
			switch {
			case tt.want == "" && (r.Failed() || !strings.Contains(got, tt.note)):
				t.Errorf("want the note %q\n%s", tt.note, text(t, r))
			case tt.want != "" && (!slices.Contains(failed(r), "configuration") || !strings.Contains(got, tt.want)):
				t.Errorf("want a failure with %q, got\n%s", tt.want, got)
			}
		})
	}
}

// TestConfigurationForm: a comment, another spelling and a setting twice are refused, and
// so is a key that is not in the text.
func TestConfigurationForm(t *testing.T) {
	res := sealed(t, small())
	for name, change := range map[string]func(a *attacked){
		"comment":     func(a *attacked) { a.write(configDocument, append(a.read(configDocument), "# all is well\n"...)) },
		"spelling":    func(a *attacked) { a.replace(configDocument, `rate = "3%"`, `rate = "3.0%"`) },
		"spaces":      func(a *attacked) { a.replace(configDocument, "\n[audit]", "\n\n[audit]") },
		"unknown key": func(a *attacked) { a.replace(configDocument, "[audit]\n", "[audit]\nfilter = \"good ones\"\n") },
		"key file":    func(a *attacked) { a.replace(configDocument, "public_key = ", "public_key_file = ") },
		"no TOML":     func(a *attacked) { a.write(configDocument, []byte("[ca\n")) },
	} {
		a := &attacked{T: t, dir: copyDir(t, res.Dir)}
		change(a)
		rebagWithoutEvents(a)
		if got := failed(verify(t, a.dir, Options{})); !slices.Contains(got, "configuration") || slices.Contains(got, "events") {
			t.Errorf("%s: failed %q", name, got)
		}
	}
}

// TestLeadDays: no flag changes the days, so for drand they are the commitment's.
func TestLeadDays(t *testing.T) {
	o := small()
	o.Drand = true
	a := &attacked{T: t, dir: copyDir(t, sealed(t, o).Dir)}
	c, err := config.Parse(a.read(configDocument), configDocument)
	must(t, err)
	for _, tt := range []struct {
		days   int
		beacon string
		fails  bool
	}{{3, config.BeaconQuicknet, false}, {4, config.BeaconQuicknet, true}, {3, config.BeaconDefaultChain, false}} {
		c.Audit.DrawLeadDays, c.Audit.Beacon = tt.days, tt.beacon
		a.write(configDocument, c.Effective())
		recordStages(a, a.path("."), o)
		rebag(t, a.dir)
		r := verify(t, a.dir, Options{})
		if got := strings.Join(lines(r, "configuration"), "\n"); r.Failed() != tt.fails || strings.Contains(got, "draw_lead_days") != tt.fails ||
			strings.Contains(got, "audit.beacon is default-chain") != (tt.beacon == config.BeaconDefaultChain) {
			t.Errorf("%+v: %s", tt, text(t, r))
		}
	}
}

// TestExclusions compares the reasons of configuration and snapshot.
func TestExclusions(t *testing.T) {
	for _, tt := range []struct {
		set, read, want string
	}{
		{"", "it was retired", "note log 1 (u): was excluded on the command line, not in the configuration: it was retired"},
		{"it was retired", "it was retired", ""},
		{"it is fine", "it was retired", `FAIL log 1 (u): exclude is "it is fine", the package says "it was retired"`},
	} {
		key := testpki.ECKey("x").SPKI
		c := &configCheck{v: &verifier{report: &Report{}}, cfg: &config.Config{LogList: config.LogList{Select: config.SelectNone},
			Logs: []config.Log{{Type: "rfc6962", URL: "u", PublicKey: key, Exclude: tt.set}}}}
		c.logs(&sampler.Snapshot{Logs: []sampler.SnapshotLog{{LogID: ct.LogIDOf(key).String(), Type: "rfc6962", URL: "u", Label: "u", Status: sampler.LogExcluded, Reason: tt.read}}})
		got := ""
		for _, n := range c.notes {
			got = "note " + n
		}
		for _, f := range c.bad.list {
			got = "FAIL " + f
		}
		if got != tt.want {
			t.Errorf("%q against %q: %s", tt.set, tt.read, got)
		}
	}
}

// TestIssuerFit finds the tables of issuers without labels, and does not accuse whoever
// keeps several certificates in one file.
func TestIssuerFit(t *testing.T) {
	issuer := func(label string, rate int) sampler.SnapshotIssuer {
		return sampler.SnapshotIssuer{Label: label, RateBP: rate}
	}
	table := func(label string, rate int) config.Issuer { return config.Issuer{Label: label, RateBP: rate} }
	for name, tt := range map[string]struct {
		tables   []config.Issuer
		issuers  []sampler.SnapshotIssuer
		names    []string
		oneToOne bool
	}{
		"labels":            {[]config.Issuer{table("B", 0), table("A", 500)}, []sampler.SnapshotIssuer{issuer("A", 500), issuer("B", 0)}, []string{"a", "b"}, true},
		"default labels":    {[]config.Issuer{table("", 0), table("", 500)}, []sampler.SnapshotIssuer{issuer("a", 500), issuer("b", 0)}, []string{"a", "b"}, true},
		"label of another":  {[]config.Issuer{table("a", 0), table("", 0)}, []sampler.SnapshotIssuer{issuer("a", 0), issuer("a", 0)}, []string{"a", "b"}, true},
		"rates exchanged":   {[]config.Issuer{table("A", 0), table("B", 500)}, []sampler.SnapshotIssuer{issuer("A", 500), issuer("B", 0)}, []string{"a", "b"}, false},
		"label not default": {[]config.Issuer{table("", 0)}, []sampler.SnapshotIssuer{issuer("A", 0)}, []string{"a"}, false},
	} {
		if got := (&issuerFit{tt.tables, tt.issuers, tt.names}).oneToOne(); got != tt.oneToOne {
			t.Errorf("%s: %v", name, got)
		}
	}
	bundle := &issuerFit{[]config.Issuer{table("", 0)}, []sampler.SnapshotIssuer{issuer("a", 0), issuer("b", 0)}, []string{"a", "b"}}
	if bundle.oneToOne() || !bundle.hasIssuer(bundle.tables[0]) || !bundle.hasTable(0) || !bundle.hasTable(1) {
		t.Error("a file with the certificates of two issuers is not understood")
	}
}
