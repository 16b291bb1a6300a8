package evidence

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"selfaudit/internal/testpki"
	"selfaudit/sampler"
	"selfaudit/sampler/loglist"
)

// secondList adds a list without a date, in which the audited log is rejected and that has
// one more log; change may spoil it.
func secondList(change func(a *attacked, s *sampler.Snapshot)) func(a *attacked, s *sampler.Snapshot) {
	return func(a *attacked, s *sampler.Snapshot) {
		list := bytes.Replace(a.read("ct/log_list.json"), []byte(`"log_list_timestamp":"2026-01-02T00:00:00Z",`), nil, 1)
		list = bytes.Replace(list, []byte(`"usable"`), []byte(`"rejected"`), 1)
		a.write("ct/log_list-2.json", list)
		s.Notes = append(s.Notes, fmt.Sprintf("%s version 1 of 2026-10-01T00:00:00Z, %s %s, another file; it came without a signature; it has no date of its own, this is when it was taken",
			LogListNote, LogListHash, sampler.HashDoc(list)))
		if change != nil {
			change(a, s)
		}
	}
}

func TestLogLists(t *testing.T) {
	got := strings.Join(lines(withList(t, secondList(nil)), "log list"), "\n")
	for _, want := range []string{"ok the 2 that snapshot.json names are here: of 2026-01-02T00:00:00Z, without a signature; of 2026-10-01T00:00:00Z, without a signature; 1 logs have their keys and addresses",
		"note list 1: the CT log list is of 2026-01-02", "note Forgotten log ("} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is missing in:\n%s", want, got)
		}
	}
	if strings.Contains(got, "FAIL") {
		t.Errorf("%s", got)
	}
	for _, tt := range []struct {
		name   string
		change func(a *attacked, s *sampler.Snapshot)
		want   string
	}{
		{"the second is another", func(a *attacked, s *sampler.Snapshot) { a.replace("ct/log_list-2.json", "Forgotten", "Forgiven!") }, "ct/log_list-2.json is not the list that snapshot.json names"},
		{"the second is gone", func(a *attacked, s *sampler.Snapshot) { must(a, os.Remove(a.path("ct/log_list-2.json"))) }, "ct/log_list-2.json is missing"},
		{"a third that nobody names", func(a *attacked, s *sampler.Snapshot) { a.write("ct/log_list-3.json", a.read("ct/log_list.json")) }, "ct/log_list-3.json: snapshot.json names no log list"},
		{"a signature without a list", func(a *attacked, s *sampler.Snapshot) { a.write("ct/log_list-3.sig", []byte("x")) }, "ct/log_list-3.sig: snapshot.json names no log list"},
		{"a bad signature of the second", func(a *attacked, s *sampler.Snapshot) { a.write("ct/log_list-2.sig", []byte("x")) }, "ct/log_list-2.sig: the signature of the log list is wrong"},
		{"no date at all", func(a *attacked, s *sampler.Snapshot) {
			for i, n := range s.Notes {
				s.Notes[i] = strings.Replace(n, "of 2026-10-01T00:00:00Z", "of some day", 1)
			}
		}, "ct/log_list-2.json: log list: no log_list_timestamp"},
		{"in another order", func(a *attacked, s *sampler.Snapshot) { slices.Reverse(s.Notes) }, "is not the list that snapshot.json names"},
		{"final trees", func(a *attacked, s *sampler.Snapshot) {
			i := len(s.Notes) - 2
			for n, root := range []string{"LcGcZRsm+LGYmrlyC5LXhV1T6OD8iH5dNlb0sEJl9bA=", "AAAAZRsm+LGYmrlyC5LXhV1T6OD8iH5dNlb0sEJl9bA="} {
				file := loglist.File(n + 1)
				old := sampler.HashDoc(a.read(file)).String()
				state := `"usable":{`
				if n == 1 {
					state = `"rejected":{`
				}
				a.replace(file, state, `"readonly":{"final_tree_head":{"tree_size":7,"sha256_root_hash":"`+root+`"},`)
				s.Notes[i+n] = strings.Replace(s.Notes[i+n], old, sampler.HashDoc(a.read(file)).String(), 1)
			}
		}, "different final trees"},
	} {
		got := strings.Join(lines(withList(t, secondList(tt.change)), "log list"), "\n")
		if !strings.Contains(got, "FAIL ") || !strings.Contains(got, tt.want) {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}

// fixtureRoot is the root above the issuers of the made audits.
func fixtureRoot() []byte {
	return testpki.NewRoot("Fixture Trust Alpha Root", testpki.CAOptions{}).Cert
}

func hashText(raw []byte) string {
	sum := sha256.Sum256(raw)
	return hex.EncodeToString(sum[:])
}

// rootless says that the forgotten log was asked for its roots and accepts none of the CA's.
type rootless struct {
	doc    loglist.RootsDocument
	answer []byte
	note   string // about the skipped log
}

func (r *rootless) write(a *attacked, s *sampler.Snapshot) {
	raw, err := r.doc.Bytes()
	must(a, err)
	a.write(LogRootsFile, raw)
	s.Notes = append(s.Notes, fmt.Sprintf("%s 1 logs were asked for the roots that they accept: 0 may take the CA's certificates, 1 have none of its roots and are not read, 0 gave no answer and are read; %s has %s %s",
		LogRootsNote, LogRootsFile, LogListHash, sampler.HashDoc(raw)))
	if r.note != "" {
		s.Notes = append(s.Notes, r.note)
	}
}

func withoutRoot(t *testing.T, change func(a *attacked, r *rootless, s *sampler.Snapshot)) *Report {
	return withList(t, func(a *attacked, s *sampler.Snapshot) {
		r := &rootless{}
		var err error
		r.answer, err = json.Marshal(map[string]any{"certificates": [][]byte{testpki.NewRoot("Stranger", testpki.CAOptions{}).Cert}})
		must(a, err)
		given := []loglist.CACertificate{{SHA256: hashText(fixtureRoot()), Source: loglist.FromConfig, DER: fixtureRoot()}}
		for _, iss := range s.Issuers {
			for _, c := range iss.Certificates {
				given = append(given, loglist.CACertificate{SHA256: c.String(), Source: loglist.FromIssuer, DER: a.read("issuers/" + c.String() + ".der")})
			}
		}
		set, err := loglist.NewCASet(given)
		must(a, err)
		id := hashText(testpki.ECKey("forgotten").SPKI)
		r.doc = loglist.RootsDocument{CA: set.List(), Logs: []loglist.RootsAnswer{{LogID: id, URL: "https://ct.forgotten.test", AskedAt: "2026-11-02T01:00:00Z",
			Outcome: loglist.RootsSkipped, SHA256: hashText(r.answer), Certificates: 1}}}
		r.note = fmt.Sprintf("%s not read: Forgotten log (%s): get-roots listed 1 certificates; the answer has %s %s", LogRootsNote, id, LogListHash, hashText(r.answer))
		a.write("ct/roots/"+hashText(r.answer)+".json", r.answer)
		if change != nil {
			change(a, r, s)
		}
		r.write(a, s)
	})
}

func TestLogRoots(t *testing.T) {
	r := withoutRoot(t, nil)
	if got := strings.Join(lines(r, "log roots"), "\n"); !strings.HasPrefix(got, "ok 1 logs were asked") || !strings.Contains(got, "the answers of 1 that were not read have none of the ") {
		t.Errorf("%s", got)
	}
	if got := strings.Join(lines(r, "log list"), "\n"); !strings.Contains(got, "may hold certificates of the period and was not read: get-roots listed no root of the CA at 2026-11-02T01:00:00Z") {
		t.Errorf("%s", got)
	}
	if none := lines(withList(t, nil), "log roots"); none != nil {
		t.Errorf("without the document: %s", none)
	}
	for _, tt := range []struct {
		name   string
		change func(a *attacked, r *rootless, s *sampler.Snapshot)
		want   string
	}{
		{"an answer with the root", func(a *attacked, r *rootless, s *sampler.Snapshot) {
			raw, err := json.Marshal(map[string]any{"certificates": [][]byte{fixtureRoot()}})
			must(a, err)
			old := hashText(r.answer)
			must(a, os.Remove(a.path("ct/roots/"+old+".json")))
			a.write("ct/roots/"+hashText(raw)+".json", raw)
			r.doc.Logs[0].SHA256 = hashText(raw)
			r.note = strings.Replace(r.note, old, hashText(raw), 1)
		}, "it was skipped, but certificate"},
		{"the answer is gone", func(a *attacked, r *rootless, s *sampler.Snapshot) {
			must(a, os.RemoveAll(a.path("ct/roots"))) // a package has no empty folders
		}, "file does not exist"},
		{"the answer is another", func(a *attacked, r *rootless, s *sampler.Snapshot) {
			a.write("ct/roots/"+hashText(r.answer)+".json", []byte(`{"certificates":["AAAA"]}`))
		}, "its SHA-256 is not that of its name"},
		{"another number", func(a *attacked, r *rootless, s *sampler.Snapshot) { r.doc.Logs[0].Certificates = 2 }, "has 1 certificates, ct/log_roots.json says 2"},
		{"an answer that nobody gave", func(a *attacked, r *rootless, s *sampler.Snapshot) {
			a.write("ct/roots/"+strings.Repeat("a", 64)+".json", r.answer)
		}, "no log in ct/log_roots.json gave it"},
		{"not compared with an issuer", func(a *attacked, r *rootless, s *sampler.Snapshot) {
			r.doc.CA = slices.DeleteFunc(r.doc.CA, func(c loglist.CACertificate) bool { return c.SHA256 == s.Issuers[0].Certificates[0].String() })
		}, "the answers were not compared with certificate"},
		{"with its hash alone", func(a *attacked, r *rootless, s *sampler.Snapshot) {
			for i := range r.doc.CA {
				r.doc.CA[i].DER = nil
			}
		}, "the answers were not compared with certificate"},
		{"without the root", func(a *attacked, r *rootless, s *sampler.Snapshot) {
			r.doc.CA = slices.DeleteFunc(r.doc.CA, func(c loglist.CACertificate) bool { return c.Source == loglist.FromConfig })
		}, "no root is known above"},
		{"asked elsewhere", func(a *attacked, r *rootless, s *sampler.Snapshot) { r.doc.Logs[0].URL = "https://elsewhere.test" }, `"https://elsewhere.test" was asked, the log list says "https://ct.forgotten.test"`},
		{"a log of no list", func(a *attacked, r *rootless, s *sampler.Snapshot) { r.doc.Logs[0].LogID = strings.Repeat("0", 64) }, "no log list has it"},
		{"the log that was read", func(a *attacked, r *rootless, s *sampler.Snapshot) {
			r.doc.Logs[0].LogID, r.doc.Logs[0].URL = s.Logs[0].LogID, s.Logs[0].URL
		}, "it is said to be skipped, but snapshot.json has it"},
		{"silently", func(a *attacked, r *rootless, s *sampler.Snapshot) { r.note = "" }, "snapshot.json does not say so"},
	} {
		got := strings.Join(lines(withoutRoot(t, tt.change), "log roots"), "\n")
		if !strings.Contains(got, "FAIL ") || !strings.Contains(got, tt.want) {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}

// TestLogRootsNamed: the document, the answers and the snapshot's note belong together.
func TestLogRootsNamed(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(a *attacked, s *sampler.Snapshot)
		want   string
	}{
		{"answers alone", func(a *attacked, s *sampler.Snapshot) {
			a.write("ct/roots/"+strings.Repeat("a", 64)+".json", []byte("{}"))
		}, "there is no ct/log_roots.json"},
		{"unnamed", func(a *attacked, s *sampler.Snapshot) { a.write(LogRootsFile, []byte("{}")) }, "snapshot.json does not name it"},
		{"missing", func(a *attacked, s *sampler.Snapshot) {
			s.Notes = append(s.Notes, LogRootsNote+" 1 logs were asked; "+LogRootsFile+" has "+LogListHash+" "+strings.Repeat("a", 64))
		}, "but it is missing"},
		{"another", func(a *attacked, s *sampler.Snapshot) {
			a.write(LogRootsFile, []byte("{}"))
			s.Notes = append(s.Notes, LogRootsNote+" 1 logs were asked; "+LogRootsFile+" has "+LogListHash+" "+strings.Repeat("a", 64))
		}, "is not the one that snapshot.json names"},
		{"rubbish", func(a *attacked, s *sampler.Snapshot) {
			a.write(LogRootsFile, []byte("{}"))
			s.Notes = append(s.Notes, LogRootsNote+" 1 logs were asked; "+LogRootsFile+" has "+LogListHash+" "+hashText([]byte("{}")))
		}, "ct/log_roots.json: schema is"},
	} {
		got := strings.Join(lines(withList(t, tt.change), "log roots"), "\n")
		if !strings.Contains(got, "FAIL ") || !strings.Contains(got, tt.want) {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}
