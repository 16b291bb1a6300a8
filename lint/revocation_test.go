package lint

import (
	"strings"
	"testing"
	"time"

	"selfaudit/lint/requirements"
)

func TestGroundOf(t *testing.T) {
	tls := Holder{Document: requirements.TLSBR, Role: RoleSubscriber}
	smime := Holder{Document: requirements.SMIMEBR, Role: RoleSubscriber}
	code := Holder{Document: requirements.CSBR, Role: RoleSubscriber}
	sub := Holder{Document: requirements.TLSBR, Role: RoleSubordinate}
	short := Holder{Document: requirements.TLSBR, Role: RoleSubscriber, ShortLived: true}
	root := Holder{Document: requirements.TLSBR, Role: RoleRoot}
	for _, c := range []struct {
		lint     string
		severity Severity
		holder   Holder
		want     string
	}{
		{"e_rsa_fermat_factorization", Error, tls, "BR 4.9.1.1 item 4: 24 hours"},
		{"w_rsa_mod_factors_smaller_than_752", Warn, tls, "BR 4.9.1.1 item 4: 24 hours"},
		{"e_ecdsa_small_private_key", Error, smime, "SBR 4.9.1.1 item 4: 24 hours"},
		{"e_ecdsa_small_private_key", Error, code, "CSBR 4.9.1.1 item 4: 24 hours"},
		{"e_ecdsa_small_private_key", Error, sub, "BR 4.9.1.2 item 3: 7 days"},
		{"e_ecdsa_small_private_key", Fatal, tls, ""},
		{"e_rsa_mod_less_than_2048_bits", Error, tls, "BR 4.9.1.1 item 6: 5 days (SHOULD 24 hours)"},
		{"e_rsa_mod_less_than_2048_bits", Error, sub, "BR 4.9.1.2 item 3: 7 days"},
		{"e_cs_rsa_key_size", Error, code, "CSBR 4.9.1.1 item 7: 5 days (SHOULD 24 hours)"},
		{"e_cs_rsa_key_size", Error, tls, "CSBR 4.9.1.1 item 7: 5 days (SHOULD 24 hours)"}, // the source decides
		{"e_sub_cert_eku_check", Error, tls, "BR 4.9.1.1 item 12: 5 days (SHOULD 24 hours)"},
		{"e_sub_cert_eku_check", Error, short, "BR 4.9.1.1 item 12: 5 days (SHOULD 24 hours); short-lived certificates are excepted"},
		{"e_sub_cert_eku_check", Error, root, ""},
		{"e_ca_key_usage_not_critical", Error, sub, "BR 4.9.1.2 item 5: 7 days"},
		{"e_ext_san_missing", Error, smime, "BR 4.9.1.1 item 12: 5 days (SHOULD 24 hours)"},
		{"e_path_len_constraint_zero_or_less", Error, smime, "SBR 4.9.1.1 item 11: 5 days (SHOULD 24 hours)"},
		{CheckValidity, Error, code, "CSBR 4.9.1.1 item 11: 5 days (SHOULD 24 hours)"},
		{LintUnparseableCert, Fatal, tls, "BR 4.9.1.1 item 12: 5 days (SHOULD 24 hours)"},
		{"w_ext_key_usage_not_critical", Warn, tls, ""},
		{"n_subject_common_name_included", Notice, tls, ""},
		{"e_crl_number_out_of_range", Error, tls, ""},
		{"e_ocsp_rsa_signature_encoding_correct", Error, tls, ""},
		{"e_no_such_lint", Error, tls, ""},
	} {
		source := ""
		if meta := metadata()[c.lint]; meta != nil {
			source = string(meta.Source)
		}
		g, ok := GroundOf(Finding{Lint: c.lint, Source: source, Severity: c.severity}, c.holder)
		got := ""
		if ok {
			got = g.String()
		}
		if got != c.want {
			t.Errorf("%s on %+v: %q, want %q", c.lint, c.holder, got, c.want)
		}
	}
	g, _ := GroundOf(Finding{Lint: "e_mp_rsassa-pss_in_spki", Source: "Mozilla", Severity: Error}, tls)
	if !strings.Contains(g.Note, "Mozilla") {
		t.Errorf("a root program's own rule passes for one of the BR: %+v", g)
	}
	if _, ok := GroundOf(Finding{Lint: "e_rsa_exp_negative", Severity: Error}, Holder{}); ok {
		t.Error("a CRL or an unreadable certificate has a ground")
	}
}

// TestGroundTables holds the tables of lint names against the rule set: every name exists,
// and whatever cites sections 6.1.5 or 6.1.6 as an error is in one of them.
func TestGroundTables(t *testing.T) {
	for _, table := range []map[string]bool{weakKeyLints, keySizeLints} {
		for name := range table {
			if metadata()[name] == nil {
				t.Errorf("%s is no lint of zlint", name)
			}
		}
	}
	for name, meta := range metadata() {
		if !strings.Contains(meta.Citation, "6.1.5") && !strings.Contains(meta.Citation, "6.1.6") {
			continue
		}
		// The signature algorithm is the issuer's choice, not the subscriber's key.
		if name == "e_signature_algorithm_not_supported" || !strings.HasPrefix(name, "e_") {
			continue
		}
		if !keySizeLints[name] && !weakKeyLints[name] {
			t.Errorf("%s cites %q and is in no table", name, meta.Citation)
		}
	}
}

func TestHolderAndVersions(t *testing.T) {
	for name, want := range map[string]string{
		"ev_orgid_ext_match_psd.pem": "TLS-BR true subscriber",
		"subCAWBothURL.pem":          "TLS-BR false subordinate CA",
	} {
		h := Describe(pemArtifact(t, name)).Holder
		if got := h.Document + " " + map[bool]string{true: "true", false: "false"}[h.EV] + " " + string(h.Role); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
	var got []string
	for _, v := range (Holder{Document: requirements.TLSBR, EV: true}).InForce(day("2020-02-10")) {
		got = append(got, v.Document+" "+v.Number)
	}
	if strings.Join(got, ", ") != "TLS-BR 1.6.7, EVG 1.7.1" {
		t.Errorf("in force for an EV certificate on 2020-02-10: %v", got)
	}
}

func TestShortLived(t *testing.T) {
	for _, c := range []struct {
		from    string
		seconds int
		want    bool
	}{
		{"2024-03-14", 3600, false}, {"2024-03-15", 864000, true}, {"2024-03-15", 864001, false},
		{"2026-03-14", 864000, true}, {"2026-03-15", 604800, true}, {"2026-03-15", 604801, false}, {"2026-03-15", 0, false},
	} {
		from := day(c.from)
		if got := shortLived(from, from.Add(time.Duration(c.seconds-1)*time.Second)); got != c.want {
			t.Errorf("%s, %d s: %v", c.from, c.seconds, got)
		}
	}
}
