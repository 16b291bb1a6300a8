package auditlint_test

import (
	"context"
	"encoding/csv"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"selfaudit/lint"
	"selfaudit/lint/checks"
	"selfaudit/sampler/ct"
)

const alpha = "../../testdata/ctlogs/alpha"

// logged is what the bundled logs b and c hold.
type logged struct {
	certs  map[string][]byte   // by SHA-256 in hex
	names  []string            // keys of certs, sorted
	same   map[string][]string // hashes by issuer name and serial
	signer [][]byte            // Precertificate Signing Certificates
}

func readFile(t *testing.T, name string) []byte {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(alpha, filepath.FromSlash(name)))
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func readBundled(t *testing.T) *logged {
	t.Helper()
	l := &logged{certs: map[string][]byte{}, same: map[string][]string{}}
	chain := map[string][]byte{}
	add := func(e *ct.Entry) error {
		der := e.Certificate
		if e.Type == ct.PrecertEntry {
			der = e.Precertificate
		}
		l.certs[ct.FingerprintOf(der).String()] = slices.Clone(der)
		for _, c := range e.Chain {
			chain[string(c)] = slices.Clone(c)
		}
		for _, f := range e.ChainFingerprints {
			c := readFile(t, "c/issuer/"+f.String())
			chain[string(c)] = c
		}
		return nil
	}
	files, err := filepath.Glob(filepath.Join(alpha, "b", "get-entries-*.json"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no recorded entries: %v", err)
	}
	for _, name := range files {
		var answer struct {
			Entries []struct {
				Leaf  []byte `json:"leaf_input"`
				Extra []byte `json:"extra_data"`
			} `json:"entries"`
		}
		if err := json.Unmarshal(readFile(t, "b/"+filepath.Base(name)), &answer); err != nil {
			continue // a recorded error
		}
		for _, x := range answer.Entries {
			var e ct.Entry
			if err := ct.ParseLeafInput(x.Leaf, &e); err != nil {
				t.Fatal(err)
			}
			if err := ct.ParseExtraData(x.Extra, &e); err != nil {
				t.Fatal(err)
			}
			if err := add(&e); err != nil {
				t.Fatal(err)
			}
		}
	}
	for n, width := range []int{ct.TileWidth, ct.TileWidth, ct.TileWidth, 218} {
		raw := readFile(t, "c/"+ct.TilePath("data", uint64(n), width))
		if err := ct.ParseDataTile(raw, uint64(n)*ct.TileWidth, width, add); err != nil {
			t.Fatal(err)
		}
	}
	for _, der := range chain {
		if c, err := ct.ParseCertificate(der); err == nil && c.IsPrecertSigning() {
			l.signer = append(l.signer, der)
		}
	}
	for name, der := range l.certs {
		c, err := ct.ParseCertificate(der)
		if err != nil {
			t.Fatal(err)
		}
		l.names = append(l.names, name)
		l.same[l.key(c)] = append(l.same[l.key(c)], name)
	}
	slices.Sort(l.names)
	return l
}

// key is the name of the issuing CA and the serial number.
func (l *logged) key(c *ct.Certificate) string {
	issuer := c.RawIssuer
	for _, der := range l.signer {
		if s, err := ct.ParseCertificate(der); err == nil && string(s.RawSubject) == string(issuer) {
			issuer = s.RawIssuer
		}
	}
	return string(issuer) + hex.EncodeToString(c.SerialContent)
}

// lintBundled lints all of them with what an audit would know around them.
func lintBundled(t *testing.T, l *logged) []lint.Result {
	t.Helper()
	var issuers [][]byte
	for i := 1; i <= 4; i++ {
		block, _ := pem.Decode(readFile(t, fmt.Sprintf("issuer-%d.pem", i)))
		issuers = append(issuers, block.Bytes)
	}
	var keys []checks.LogKey
	for _, log := range []string{"b", "c"} {
		block, _ := pem.Decode(readFile(t, log+"/key.pub.pem"))
		keys = append(keys, checks.LogKey{SPKI: block.Bytes, Name: log, Operator: "operator of " + log})
	}
	logs, err := checks.NewLogs(keys)
	if err != nil {
		t.Fatal(err)
	}
	pool := checks.NewIssuers(issuers).Beside(l.signer)
	linter, err := lint.New(lint.Options{Document: true, Checks: checks.Set{}.Check})
	if err != nil {
		t.Fatal(err)
	}
	var results []lint.Result
	err = linter.LintAll(context.Background(), func(yield func(lint.Artifact) bool) {
		for _, name := range l.names {
			c, err := ct.ParseCertificate(l.certs[name])
			if err != nil {
				t.Error(err)
				return
			}
			around := &checks.Surroundings{Issuers: pool, Logs: logs}
			for _, other := range l.same[l.key(c)] {
				if other != name {
					around.Others = append(around.Others, checks.Other{Name: other, DER: l.certs[other]})
				}
			}
			if !yield(lint.Artifact{File: name, Kind: lint.KindCert, DER: l.certs[name], Attachment: around}) {
				return
			}
		}
	}, 2, func(r lint.Result) error { results = append(results, r); return nil })
	if err != nil {
		t.Fatal(err)
	}
	return results
}

// expected are the lints that must find what is wrong with a certificate, by the label that
// the bundled logs' own table gives it. Nothing in one certificate shows short_serial (64
// bits may be had in many ways) and duplicate_serial, whose other certificate is in log a.
var expected = map[string][]string{
	"aia_https":               {"e_aia_ca_issuers_must_have_http_only"},
	"any_eku":                 {"e_sub_cert_eku_check"},
	"bad_country":             {"e_subject_country_not_iso"},
	"bad_wildcard":            {"e_dnsname_wildcard_only_in_left_label"},
	"cdp_ldap":                {"e_crl_distrib_points_not_http"},
	"cn_not_in_san":           {"e_subject_common_name_not_exactly_from_san"},
	"dv_with_org":             {lint.CheckPolicySubject},
	"ev_no_business_category": {"e_ev_business_category_missing", lint.CheckPolicySubject},
	"ev_wildcard":             {"e_ev_not_wildcard"},
	"final_tbs_mismatch":      {}, // see below
	"internal_name":           {"e_dnsname_not_valid_tld"},
	"key_cert_sign":           {"e_sub_cert_key_usage_cert_sign_bit_set"},
	"no_aia":                  {"e_sub_cert_aia_missing"},
	"no_eku":                  {"e_sub_cert_eku_missing"},
	"no_policy":               {"e_sub_cert_certificate_policies_missing", lint.CheckPolicyCount},
	"no_san":                  {"e_ext_san_missing"},
	"ou_present":              {"e_organizational_unit_name_prohibited", lint.CheckPolicySubject},
	"ov_without_org":          {lint.CheckPolicySubject},
	"p224":                    {"e_ec_improper_curves"},
	"reserved_ip":             {"e_ext_san_contains_reserved_ip"},
	"rsa_1024":                {"e_rsa_mod_less_than_2048_bits"},
	"rsa_e3":                  {"w_rsa_public_exponent_not_in_range"},
	"underscore":              {"e_underscore_not_permissible_in_dnsname"},
	"validity_201d":           {"e_server_cert_valid_time_longer_than_200_days", lint.CheckValidity},
	"validity_825d":           {"e_server_cert_valid_time_longer_than_200_days", lint.CheckValidity},
	"short_serial":            {},
	"duplicate_serial":        {},
}

// noise are the lints that speak about correct certificates of the bundled logs: their README
// says why (made all on one day, with SCTs of two logs).
var noise = map[string]bool{
	"w_ext_subject_key_identifier_missing_sub_cert": true, "w_subject_common_name_included": true,
	"e_excessively backdated": true, "n_ct_sct_policy_count_unsatisfied": true,
}

// TestBundledLogs lints every certificate of the bundled logs: the broken ones are found with
// the lints that one would expect, and the correct ones give nothing but the known noise.
func TestBundledLogs(t *testing.T) {
	rows, err := csv.NewReader(strings.NewReader(string(readFile(t, "entries.csv")))).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	labels := map[string]string{}
	for _, row := range rows[1:] {
		labels[row[9]], labels[row[10]] = row[6], row[6]
	}
	seen, mismatches, scts := map[string]bool{}, 0, lint.SCTCount{}
	for _, r := range lintBundled(t, readBundled(t)) {
		label, known := labels[r.File]
		want, described := expected[label]
		if !known || label != "" && !described {
			t.Errorf("%s: label %q is not one that this test knows", r.File, label)
		}
		seen[label] = true
		var got []string
		for _, f := range r.Findings {
			if !noise[f.Lint] {
				got = append(got, f.Lint)
			}
		}
		if label == "" && len(got) > 0 {
			t.Errorf("%s is correct, and %v say otherwise", r.File, got)
		}
		for _, name := range want {
			if !slices.Contains(got, name) {
				t.Errorf("%s (%s): %s is missing among %v", r.File, label, name, got)
			}
		}
		if label == "final_tbs_mismatch" && slices.Contains(got, lint.CheckPrecertificate) {
			mismatches++
			if !slices.Contains(got, lint.CheckSCT) {
				t.Errorf("%s: its SCTs are of another certificate, and nothing says so", r.File)
			}
		}
		if c := r.Attachment.(*checks.Surroundings).SCTs; c != nil && label == "" {
			scts.Verified, scts.Invalid, scts.UnknownLog = scts.Verified+c.Verified, scts.Invalid+c.Invalid, scts.UnknownLog+c.UnknownLog
		}
		if r.RuleSet != "tls" {
			t.Errorf("%s: rule set %q", r.File, r.RuleSet)
		}
	}
	if len(seen) < 24 || mismatches == 0 || scts.Verified == 0 || scts.UnknownLog == 0 || scts.Invalid != 0 {
		t.Errorf("%d labels, %d mismatches, SCTs %+v: the logs are not the bundled ones", len(seen), mismatches, scts)
	}
}
