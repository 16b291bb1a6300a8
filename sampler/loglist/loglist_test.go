package loglist

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
)

// spki is a log key with its log id, both in base64.
func spki(t testing.TB) (key, id string) {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKIXPublicKey(&k.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(der)
	return base64.StdEncoding.EncodeToString(der), base64.StdEncoding.EncodeToString(sum[:])
}

// one is a list with one RFC 6962 log; more are further members of the log.
func one(t testing.TB, more string) string {
	key, id := spki(t)
	return fmt.Sprintf(`{"version":"1.0","log_list_timestamp":"2026-10-01T00:00:00Z","unknown":{"x":[1]},"operators":[{"name":"Op","email":["a@b"],
		"logs":[{"description":"Op 'Log2026'","log_id":%q,"key":%q,"url":"https://log.example/2026/","mmd":86400%s}]}]}`, id, key, more)
}

const usable = `,"state":{"usable":{"timestamp":"2025-01-01T00:00:00Z"}}`

func TestParse(t *testing.T) {
	l, err := Parse([]byte(one(t, usable+`,"temporal_interval":{"start_inclusive":"2026-01-01T00:00:00Z","end_exclusive":"2027-01-01T00:00:00Z"},
		"previous_operators":[{"name":"Older","end_time":"2024-01-01T00:00:00Z"}],"log_type":"prod","dns":"x"`)))
	if err != nil {
		t.Fatal(err)
	}
	log := l.Logs[0]
	if l.Version != "1.0" || l.Operators[0] != "Op" || log.Operator != "Op" || log.URL != "https://log.example/2026" || log.Type != RFC6962 || log.Origin() != "" ||
		log.MMD != 24*time.Hour || log.State != Usable || log.Start.Year() != 2026 || log.PreviousOperators[0].Name != "Older" || log.LogType != "prod" {
		t.Errorf("%+v", l)
	}
	if l.ByID(log.ID) == nil || l.ByID([32]byte{}) != nil {
		t.Error("ByID")
	}
	for _, name := range []string{"op 'log2026'", "https://log.example/2026/", log.ID.String()[:8]} {
		if !log.Named(name) {
			t.Errorf("not named by %q", name)
		}
	}
	for _, name := range []string{"", "Log2026", log.ID.String()[:7], "/"} {
		if log.Named(name) {
			t.Errorf("named by %q", name)
		}
	}
}

func TestParseTiled(t *testing.T) {
	key, id := spki(t)
	raw := fmt.Sprintf(`{"log_list_timestamp":"2026-10-01T00:00:00Z","operators":[{"name":"Op","tiled_logs":[{"log_id":%q,"key":%q,
		"submission_url":"https://log.example/2026h2/","monitoring_url":"https://mon.example/2026h2/",
		"state":{"readonly":{"timestamp":"2026-01-01T00:00:00Z","final_tree_head":{"sha256_root_hash":"LcGcZRsm+LGYmrlyC5LXhV1T6OD8iH5dNlb0sEJl9bA=","tree_size":46}}}}]}]}`, id, key)
	l, err := Parse([]byte(raw))
	if err != nil {
		t.Fatal(err)
	}
	log := l.Logs[0]
	if log.Type != StaticCT || log.Origin() != "log.example/2026h2" || log.URL != "https://mon.example/2026h2" || log.FinalSize != 46 || log.Description != log.URL || log.Interval() != "any" {
		t.Errorf("%+v", log)
	}
}

func TestParseRefuses(t *testing.T) {
	good := one(t, usable)
	_, id := spki(t)
	replace := func(old, new string) string {
		if !strings.Contains(good, old) {
			t.Fatalf("%q is not in the list", old)
		}
		return strings.Replace(good, old, new, 1)
	}
	tests := []struct{ name, raw, want string }{
		{"empty", "", "not a version 3 list"},
		{"no object", "[]", "not a version 3 list"},
		{"no operators", `{"log_list_timestamp":"2026-10-01T00:00:00Z"}`, "has no operators"},
		{"version 2", `{"operators":[{"name":"x","id":1}],"logs":[]}`, "no log_list_timestamp"},
		{"time", replace("2026-10-01T00:00:00Z", "yesterday"), "yesterday"},
		{"log id of another key", strings.Replace(good, good[strings.Index(good, `"log_id":"`)+10:][:44], id, 1), "the SHA-256 of the key is"},
		{"key type", replace(`"key":"`, `"key":5,"x":"`), "not a version 3 list"},
		{"mmd type", replace(`"mmd":86400`, `"mmd":"86400"`), "not a version 3 list"},
		{"mmd range", replace(`"mmd":86400`, `"mmd":-1`), "mmd -1"},
		{"url", replace("https://log.example", "file:///etc"), "not a plain https"},
		{"url with user", replace("https://log.example", "https://a:b@log.example"), "not a plain https"},
		{"url with query", replace("2026/", "2026/?x"), "not a plain https"},
		{"no url", replace(`"url"`, `"uri"`), "no url"},
		{"two states", replace(`"usable":{`, `"retired":{"timestamp":"2025-01-01T00:00:00Z"},"usable":{`), "2 states"},
		{"unknown state", replace(`"usable":{`, `"great":{`), `unknown state "great"`},
		{"final tree head of a usable log", replace(`"usable":{`, `"usable":{"final_tree_head":{"sha256_root_hash":"AA==","tree_size":1},`), "final_tree_head"},
		{"interval", replace(`"mmd"`, `"temporal_interval":{"start_inclusive":"2027-01-01T00:00:00Z","end_exclusive":"2026-01-01T00:00:00Z"},"mmd"`), "is empty"},
		{"description", replace("Op 'Log2026'", "a\\u202eb"), "cannot be shown"},
		{"operator without name", replace(`"name":"Op"`, `"nom":"Op"`), "has no name"},
		{"tiled log without monitoring_url", replace(`"logs"`, `"tiled_logs"`), "needs submission_url"},
		{"duplicate", strings.Replace(good, `"operators":[`, `"operators":[`+good[strings.Index(good, `{"name":"Op"`):len(good)-2]+",", 1), "the same key"},
		{"not UTF-8", replace("Op 'Log2026'", "\xff"), "not UTF-8"},
		{"rubbish key", replace(`"key":"`, `"key":"AAAA","y":"`), "key:"},
	}
	for _, tt := range tests {
		_, err := Parse([]byte(tt.raw))
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: error %v, want %q", tt.name, err, tt.want)
		}
	}
}

func TestVerifySignature(t *testing.T) {
	raw := []byte("the list")
	digest := sha256.Sum256(raw)
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	ecKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for name, key := range map[string]crypto.Signer{"rsa": rsaKey, "ecdsa": ecKey} {
		signature, err := key.Sign(rand.Reader, digest[:], crypto.SHA256)
		if err != nil {
			t.Fatal(err)
		}
		der, err := x509.MarshalPKIXPublicKey(key.Public())
		if err != nil {
			t.Fatal(err)
		}
		if err := VerifySignature(raw, signature, der); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if err := VerifySignature([]byte("the lisp"), signature, der); !errors.Is(err, ErrSignature) {
			t.Errorf("%s over other bytes: %v", name, err)
		}
		if err := VerifySignature(raw, signature, GoogleKey()); !errors.Is(err, ErrSignature) {
			t.Errorf("%s under another key: %v", name, err)
		}
		if err := VerifySignature(raw, append(make([]byte, MaxSignature), signature...), der); !errors.Is(err, ErrSignature) {
			t.Errorf("%s, endless: %v", name, err)
		}
	}
	if err := VerifySignature(raw, nil, []byte("x")); err == nil || errors.Is(err, ErrSignature) {
		t.Errorf("a key that is none: %v", err)
	}
}

// TestBundled holds the bundled list against its signature and against data/README.md.
func TestBundled(t *testing.T) {
	raw, signature := Bundled()
	if err := VerifySignature(raw, signature, GoogleKey()); err != nil {
		t.Fatal(err)
	}
	l, err := Parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprintf("%x", sha256.Sum256(raw)); got != "2c5b187fd38b0635dcda9edeebfb155717430754f52f736a49603584ac64eddd" {
		t.Errorf("SHA-256 %s", got)
	}
	if got := fmt.Sprintf("%x", sha256.Sum256(GoogleKey())); got != "f1d8b68e50210d8e73d9a3e97f571773c52d7f28c0b1a71beee81d8562e6fd85" {
		t.Errorf("key %s", got)
	}
	if l.Version != "80.14" || !l.Timestamp.Equal(time.Date(2026, 1, 2, 12, 57, 1, 0, time.UTC)) || l.AllLogs || len(l.Logs) != 75 || len(l.Operators) != 8 {
		t.Errorf("version %s of %s, %d logs of %d operators", l.Version, l.Timestamp, len(l.Logs), len(l.Operators))
	}
	if w := l.Warning(l.Timestamp.Add(70 * 24 * time.Hour)); w != "" {
		t.Errorf("warning after 70 days: %s", w)
	}
	if w := l.Warning(l.Timestamp.Add(71 * 24 * time.Hour)); !strings.Contains(w, "71 days old") {
		t.Errorf("warning after 71 days: %q", w)
	}
	if w := l.Warning(l.Timestamp.Add(-25 * time.Hour)); !strings.Contains(w, "in the future on 2026-01-01") {
		t.Errorf("warning a day before: %q", w)
	}
	if w := l.LateFor(l.Timestamp.AddDate(0, 0, -180)); w != "" {
		t.Errorf("180 days after the period: %s", w)
	}
	if w := l.LateFor(l.Timestamp.AddDate(0, 0, -181)); !strings.Contains(w, "181 days after the end of the period") {
		t.Errorf("181 days after the period: %q", w)
	}
	tiled := 0
	for _, log := range l.Logs {
		if log.Type == StaticCT {
			tiled++
		}
	}
	if tiled != 26 {
		t.Errorf("%d tiled logs", tiled)
	}
}

func FuzzParse(f *testing.F) {
	raw, _ := Bundled()
	f.Add(raw)
	f.Add([]byte(one(f, usable)))
	f.Add([]byte(`{"log_list_timestamp":"2026-10-01T00:00:00Z","operators":[]}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		l, err := Parse(raw)
		if err != nil {
			return
		}
		for _, log := range l.Logs {
			if sha256.Sum256(log.Key) != log.ID {
				t.Errorf("log %q with the id of another key", log.Description)
			}
			if !strings.HasPrefix(strings.ToLower(log.URL), "http") {
				t.Errorf("log %q at %q", log.Description, log.URL)
			}
		}
		choices, err := Select(l, Options{From: l.Timestamp, Until: l.Timestamp.Add(90 * 24 * time.Hour)})
		if err != nil || len(choices) != len(l.Logs) {
			t.Errorf("%d choices about %d logs, error %v", len(choices), len(l.Logs), err)
		}
		for _, c := range choices {
			if c.Reason == "" || c.Code == "" {
				t.Errorf("log %q without a reason", c.Log.Description)
			}
		}
	})
}

func FuzzVerifySignature(f *testing.F) {
	raw, signature := Bundled()
	f.Add(raw, signature, GoogleKey())
	f.Add([]byte("x"), []byte{0x30, 0x80}, []byte{0x30, 0x00})
	f.Fuzz(func(t *testing.T, raw, signature, key []byte) {
		if VerifySignature(raw, signature, key) == nil && VerifySignature(append(raw, 0), signature, key) == nil {
			t.Error("one signature over two lists")
		}
	})
}
