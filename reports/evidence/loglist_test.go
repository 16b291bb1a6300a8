package evidence

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"

	"selfaudit/internal/testpki"
	"selfaudit/sampler"
	"selfaudit/sampler/loglist"
)

// listFor makes a log list with the audit's log and one more that is usable in any period.
func listFor(t *testing.T, l sampler.SnapshotLog, url string) []byte {
	t.Helper()
	entry := func(name, url string, key []byte) map[string]any {
		id := sha256.Sum256(key)
		return map[string]any{"description": name, "log_id": base64.StdEncoding.EncodeToString(id[:]), "key": base64.StdEncoding.EncodeToString(key), "url": url,
			"mmd": 86400, "state": map[string]any{"usable": map[string]any{"timestamp": "2025-01-01T00:00:00Z"}}}
	}
	raw, err := json.Marshal(map[string]any{"version": "1", "log_list_timestamp": "2026-01-02T00:00:00Z", "operators": []any{map[string]any{"name": "Op",
		"logs": []any{entry("Audited log", url, l.PublicKey), entry("Forgotten log", "https://ct.forgotten.test/", testpki.ECKey("forgotten").SPKI)}}}})
	must(t, err)
	return raw
}

// withList makes a package whose log came from a list; change may spoil it.
func withList(t *testing.T, change func(a *attacked, s *sampler.Snapshot)) *Report {
	t.Helper()
	a := &attacked{t, copyDir(t, sealed(t, small()).Dir)}
	a.snapshot(func(s *sampler.Snapshot) {
		s.Logs[0].URL = "https://ct.alpha.test/2026h2"
		list := listFor(t, s.Logs[0], "https://ct.alpha.test/2026h2/")
		a.write("ct/log_list.json", list)
		s.Notes = append(s.Notes, fmt.Sprintf("%s version 1 of 2026-01-02T00:00:00Z, %s %s, a file; it came without a signature", LogListNote, LogListHash, sampler.HashDoc(list)))
		s.Logs[0].Notes = append(s.Logs[0].Notes, FromLogList+" Audited log, usable: it takes certificates of any validity")
		if change != nil {
			change(a, s)
		}
	})
	rebag(t, a.dir)
	return verify(t, a.dir, Options{})
}

// lines returns what a report says under a check's name.
func lines(r *Report, name string) (out []string) {
	for _, c := range r.Checks {
		if c.Name == name {
			out = append(out, string(c.Status)+" "+c.Detail)
		}
	}
	return out
}

func TestLogList(t *testing.T) {
	r := withList(t, nil)
	got := strings.Join(lines(r, "log list"), "\n")
	for _, want := range []string{"ok is the one that snapshot.json names, of 2026-01-02T00:00:00Z, without a signature; 1 logs have its keys and addresses",
		"note the CT log list is of 2026-01-02", "note Forgotten log (", "usable) may hold certificates of the period and was not read"} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is missing in:\n%s", want, got)
		}
	}
	if strings.Contains(got, "Audited log (") || strings.Contains(got, "FAIL") {
		t.Errorf("%s", got)
	}
	if none := lines(verify(t, sealed(t, small()).Dir, Options{}), "log list"); none != nil {
		t.Errorf("without a list: %s", none)
	}
}

func TestLogListLies(t *testing.T) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	sign := func(list []byte) []byte {
		digest := sha256.Sum256(list)
		signature, err := key.Sign(rand.Reader, digest[:], crypto.SHA256)
		must(t, err)
		return signature
	}
	replaceNote := func(s *sampler.Snapshot, list []byte) {
		for i := range s.Notes {
			if n := namedLists(&sampler.Snapshot{Notes: s.Notes[i : i+1]}); n != nil {
				s.Notes[i] = strings.Replace(s.Notes[i], n[0].hash, sampler.HashDoc(list).String(), 1)
			}
		}
	}
	redate := func(s *sampler.Snapshot, date string) {
		for i := range s.Notes {
			if n := namedLists(&sampler.Snapshot{Notes: s.Notes[i : i+1]}); n != nil {
				s.Notes[i] = strings.Replace(s.Notes[i], sampler.FormatTime(n[0].date), date, 1)
			}
		}
	}
	for _, tt := range []struct {
		name   string
		change func(a *attacked, s *sampler.Snapshot)
		want   string
	}{
		{"another list", func(a *attacked, s *sampler.Snapshot) {
			a.replace("ct/log_list.json", "Forgotten", "Forgiven!")
		}, "is not the list that snapshot.json names"},
		{"no list", func(a *attacked, s *sampler.Snapshot) { must(a, os.Remove(a.path("ct/log_list.json"))) }, "ct/log_list.json is missing"},
		{"list that nobody names", func(a *attacked, s *sampler.Snapshot) { s.Notes = nil }, "snapshot.json names no log list"},
		{"log of a list that nobody names", func(a *attacked, s *sampler.Snapshot) {
			must(a, os.Remove(a.path("ct/log_list.json")))
			s.Notes = nil
		}, "is said to be from a log list"},
		{"broken list", func(a *attacked, s *sampler.Snapshot) {
			a.write("ct/log_list.json", []byte("{}"))
			replaceNote(s, []byte("{}"))
		}, "no operators"},
		{"another address", func(a *attacked, s *sampler.Snapshot) {
			list := listFor(t, s.Logs[0], "https://ct.elsewhere.test/")
			a.write("ct/log_list.json", list)
			replaceNote(s, list)
		}, "the list says"},
		{"a log that the list does not have", func(a *attacked, s *sampler.Snapshot) {
			raw, _ := loglist.Bundled()
			a.write("ct/log_list.json", raw)
			replaceNote(s, raw)
			redate(s, "2026-01-02T12:57:01Z")
		}, "the list has no log with this key"},
		{"another date", func(a *attacked, s *sampler.Snapshot) { redate(s, "2026-10-02T00:00:00Z") }, "is of 2026-01-02T00:00:00Z, snapshot.json says otherwise"},
		{"signature of an unknown key", func(a *attacked, s *sampler.Snapshot) {
			a.write("ct/log_list.sig", sign(a.read("ct/log_list.json")))
		}, "signature of the log list is wrong"},
		{"signature of the configured key over another list", func(a *attacked, s *sampler.Snapshot) {
			der, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
			must(a, err)
			a.write("ct/log_list.sig", sign([]byte("another list")))
			a.write("config/selfaudit.toml", append(a.read("config/selfaudit.toml"), "\n[log_list]\npublic_key = \""+base64.StdEncoding.EncodeToString(der)+"\"\n"...))
		}, "signature of the log list is wrong"},
	} {
		got := strings.Join(lines(withList(t, tt.change), "log list"), "\n")
		if !strings.Contains(got, "FAIL ") || !strings.Contains(got, tt.want) {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}
