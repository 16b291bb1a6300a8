package config

import (
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"
)

const goodWaiver = `
[[waiver]]
lint = "w_rsa_mod_not_odd"
issuer = "Alpha DV CA 1"
reason = "decided in 2026"
approver = "A. Example"
link = "https://tracker.example.com/7"
expires = 2027-03-31
`

func parseW(text string) (*Waivers, error) {
	return parseWaivers([]byte(text), "waivers.toml", false)
}

func TestWaivers(t *testing.T) {
	w, err := parseW("builtin = false\n" + goodWaiver + strings.Replace(goodWaiver, `issuer = "Alpha DV CA 1"`, `serial = "00:0A:bc"`, 1))
	if err != nil {
		t.Fatal(err)
	}
	day := time.Date(2027, 3, 31, 0, 0, 0, 0, time.UTC)
	first := Waiver{Lint: "w_rsa_mod_not_odd", Issuer: "Alpha DV CA 1", Reason: "decided in 2026", Approver: "A. Example",
		Link: "https://tracker.example.com/7", Expires: day, Line: 4, Column: 1}
	if w.Builtin || len(w.Waivers) != 2 || w.Waivers[0] != first || w.Waivers[1].Serial != "0abc" {
		t.Errorf("%+v", w)
	}
	if w, err := parseW(""); err != nil || !w.Builtin || len(w.Waivers) != 0 {
		t.Errorf("an empty file: %+v, %v", w, err)
	}
}

func TestWaiversRefuse(t *testing.T) {
	without := func(key string) string {
		var kept []string
		for _, line := range strings.Split(goodWaiver, "\n") {
			if !strings.HasPrefix(line, key+" ") {
				kept = append(kept, line)
			}
		}
		return strings.Join(kept, "\n")
	}
	for text, want := range map[string]string{
		without("lint"):                      "2:3: [[waiver]] has no lint",
		without("issuer"):                    "2:3: [[waiver]] has no issuer, profile or serial",
		without("reason"):                    "2:3: [[waiver]] has no reason",
		without("approver"):                  "2:3: [[waiver]] has no approver",
		without("link"):                      "2:3: [[waiver]] has no link",
		without("expires"):                   "2:3: [[waiver]] has no expires",
		goodWaiver + "all = true\n":          "9:1: all = true and issuer",
		goodWaiver + "serial = \"xyz\"\n":    `9:1: serial = "xyz" is not a number in hex`,
		goodWaiver + "profile = \"\"\n":      "9:1: profile is empty",
		goodWaiver + "owner = \"me\"\n":      `9:1: unknown key "owner" in [[waiver]]`,
		"builtin = \"no\"\n":                 "1:1: builtin must be true or false",
		"[waiver]\nlint = \"x\"\n":           "1:2: there can be several: write [[waiver]]",
		"applied_on = \"2026-01-01\"\n":      `1:1: unknown key "applied_on"`,
		"[[builtin_waiver]]\nlint = \"x\"\n": `1:3: unknown key "builtin_waiver"`,
		"x = [":                              "waivers.toml:1:",
		strings.Replace(goodWaiver, "2027-03-31", "\"soon\"", 1): `8:1: expires must be a day`,
	} {
		_, err := parseW(text)
		var problems Errors
		if !errors.As(err, &problems) || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
	if _, err := parseW(strings.Repeat(goodWaiver, maxWaivers+1)); err == nil || !strings.Contains(err.Error(), "more than 1000") {
		t.Errorf("too many: %v", err)
	}
}

func TestCapturedWaivers(t *testing.T) {
	w, err := parseW(goodWaiver + strings.Replace(goodWaiver, `issuer = "Alpha DV CA 1"`, "all = true", 1))
	if err != nil {
		t.Fatal(err)
	}
	w.AppliedOn = time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)
	w.BuiltinWaivers = []BuiltinWaiver{{Lint: "w_x", Type: "tls", From: w.AppliedOn, Reason: "x = \"y\"\nz"}, {Lint: "w_y", Type: "ca", Reason: "r"}}
	w.BuiltinWaivers[0].Reason = `a "quoted" reason`
	raw := w.Captured()
	again, err := ParseCapturedWaivers(raw, "config/waivers.toml")
	if err != nil {
		t.Fatal(err)
	}
	again.File = w.File
	for i := range again.Waivers {
		again.Waivers[i].Line, again.Waivers[i].Column = w.Waivers[i].Line, w.Waivers[i].Column
	}
	if !reflect.DeepEqual(again, w) {
		t.Errorf("%+v\n%+v", again, w)
	}
	for _, bad := range []string{string(raw) + "# remark\n", goodWaiver, strings.Replace(string(raw), "waivers/v1", "waivers/v2", 1), ""} {
		if _, err := ParseCapturedWaivers([]byte(bad), "config/waivers.toml"); err == nil {
			t.Errorf("%q: accepted", bad)
		}
	}
}

func TestNormalSerial(t *testing.T) {
	for text, want := range map[string]string{"01AB": "01ab", "1ab": "01ab", "00:01:ab": "01ab", "0": "00", "-0F": "-0f", "": "", "g": "", "-": ""} {
		got, ok := NormalSerial(text)
		if got != want || ok != (want != "") {
			t.Errorf("%q: %q, %v", text, got, ok)
		}
	}
}

// FuzzWaivers feeds files; what is accepted must survive being captured.
func FuzzWaivers(f *testing.F) {
	f.Add([]byte(goodWaiver))
	f.Add([]byte("builtin = false"))
	f.Fuzz(func(t *testing.T, data []byte) {
		w, err := parseWaivers(data, "waivers.toml", false)
		if err != nil {
			return
		}
		w.AppliedOn = time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)
		if _, err := ParseCapturedWaivers(w.Captured(), "waivers.toml"); err != nil {
			t.Errorf("captured %q cannot be read: %v", w.Captured(), err)
		}
	})
}
