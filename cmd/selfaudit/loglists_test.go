package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"selfaudit/internal/testpki"
	"selfaudit/sampler/loglist"
)

// reading is a list of the world with other words in it, as another publisher might have it.
func (w *listedWorld) reading(pairs ...string) string {
	out := string(w.list)
	for i := 0; i < len(pairs); i += 2 {
		if !strings.Contains(out, pairs[i]) {
			w.t.Fatalf("%q is not in the list", pairs[i])
		}
		out = strings.Replace(out, pairs[i], pairs[i+1], 1)
	}
	return out
}

// without is the list without one of its logs.
func (w *listedWorld) without(name string) []byte {
	w.t.Helper()
	var doc map[string]any
	if err := json.Unmarshal(w.list, &doc); err != nil {
		w.t.Fatal(err)
	}
	operator := doc["operators"].([]any)[0].(map[string]any)
	operator["tiled_logs"] = slices.DeleteFunc(operator["tiled_logs"].([]any), func(l any) bool {
		return strings.Contains(l.(map[string]any)["description"].(string), "'"+name+"'")
	})
	raw, err := json.MarshalIndent(doc, "", " ")
	if err != nil {
		w.t.Fatal(err)
	}
	return raw
}

// TestUnitedLists takes an audit with two lists all the way: a signed one behind an address,
// and one in a file that has no date, does not know one log and rejects another.
func TestUnitedLists(t *testing.T) {
	w := newListedWorld(t)
	other := w.reading(" \"log_list_timestamp\": \"2026-09-30T00:00:00Z\",\n", "", "\"usable\"", "\"rejected\"", "\"7.1\"", "\"511\"")
	w.write("apple.json", other)
	w.list = w.without("other")
	config := "url = \"" + w.server.URL + "/list.json\"\npublic_key_file = \"list.pem\"\n[[log_list.also]]\nfile = \"apple.json\"\n"
	period := []string{"logs", "--from", "2026-07-01T00:00:00Z", "--until", "2026-10-01T00:00:00Z"}
	w.configure(config)
	_, stderr := w.online(exitUsage, period...)
	w.must(stderr, "no log_list_timestamp", "hint: write date")
	w.configure(config + "date = \"2026-09-01T00:00:00Z\"\n")
	stdout, _ := w.online(exitOK, period...)
	w.must(stdout, "log list 1: version 7.1 of 2026-09-30T00:00:00Z", "log list 2: version 511 of 2026-09-01T00:00:00Z (apple.json); it came without a signature; it has no date of its own, this is when it was taken",
		"warning: the CT log list was taken on 2026-09-01, 82 days old", "(only in list 2)", "the lists differ: state usable in list 1, rejected in list 2; usable counts: Test 'now' log", "2 logs would be read")
	stdout, _ = w.online(exitOK, append(period, "--json")...)
	var d logsDocument
	if err := json.Unmarshal([]byte(stdout), &d); err != nil || len(d.Lists) != 2 || d.Lists[1].Warning == "" || d.List.Version != "7.1" || len(d.Differences) != 1 || d.Differences[0].Fact != loglist.FactState ||
		len(d.Differences[0].Values) != 2 || len(d.Logs) != 3 || !slices.Equal(d.Logs[2].Lists, []int{2}) {
		t.Errorf("%+v, error %v", d, err)
	}

	w.rehearse(exitOK)
	for name, want := range map[string]string{"audits/r1/ct/log_list.json": string(w.list), "audits/r1/ct/log_list-2.json": other} {
		if string(w.read(name)) != want {
			t.Errorf("%s has other bytes", name)
		}
	}
	w.must(string(w.read("audits/r1/draw/snapshot.json")), "log list: version 7.1 of 2026-09-30T00:00:00Z, SHA-256 ", "log list: version 511 of 2026-09-01T00:00:00Z, SHA-256 ",
		"log list: the lists differ: state usable in list 1, rejected in list 2; usable counts: Test 'now' log", "from the log list: Test 'now' log, usable: ", "(in lists 1, 2)", "(only in list 2)",
		"log list: list 2: the CT log list was taken on 2026-09-01")
	w.must(string(w.read("audits/r1/config/selfaudit.toml")), "[[log_list.also]]\nfile = \"apple.json\"\ndate = \"2026-09-01T00:00:00Z\"")
	stdout, _ = w.online(exitOK, "verify", filepath.Join(w.dir, rehearsalZip))
	w.must(stdout, "ok       log list: the 2 that snapshot.json names are here: of 2026-09-30T00:00:00Z, signed by the key that the configuration names; of 2026-09-01T00:00:00Z, without a signature; 2 logs",
		"ok       configuration", "note:    log list: list 2: the CT log list was taken on 2026-09-01")
}

// TestListsChanged: while the collection is not complete a list is never taken for another
// one; after that the configured files must hold what was archived.
func TestListsChanged(t *testing.T) {
	w := newListedWorld(t)
	w.write("one.json", w.reading())
	w.write("two.json", w.reading("\"7.1\"", "\"7.2\""))
	beacon := func(lines string) {
		w.configure(lines)
		w.write("selfaudit.toml", strings.Replace(string(w.read("selfaudit.toml")), "[audit]\n", "[audit]\nbeacon = \"dice\"\n", 1))
	}
	collect := func(code int) string {
		_, stderr := w.online(code, "collect", "--audit", "2026-Q3", "--from", "2026-07-01T00:00:00Z", "--until", "2026-10-01T00:00:00Z")
		return stderr
	}
	archived := func(name string) string { return string(w.read("audits/2026-Q3/ct/" + name)) }
	signed := "url = \"" + w.server.URL + "/list.json\"\npublic_key_file = \"list.pem\"\n"

	w.down["/now/checkpoint"] = true
	beacon(signed + "[[log_list.also]]\nfile = \"two.json\"\n")
	collect(exitFailed)
	beacon("file = \"two.json\"\n[[log_list.also]]\n" + signed + "[[log_list.also]]\nfile = \"one.json\"\n")
	collect(exitFailed)
	if archived("log_list.json") != w.reading("\"7.1\"", "\"7.2\"") || archived("log_list-2.json") != string(w.list) || archived("log_list-3.json") != string(w.list) || w.listing != 2 {
		t.Errorf("the lists were not archived in their new order; asked %d times", w.listing)
	}
	delete(w.down, "/now/checkpoint")
	beacon("file = \"two.json\"\n[[log_list.also]]\nfile = \"one.json\"\n")
	collect(exitOK)
	if left, err := filepath.Glob(filepath.Join(w.dir, "audits/2026-Q3/ct/log_list*")); err != nil || len(left) != 2 {
		t.Errorf("%s, error %v", left, err)
	}

	w.write("one.json", w.reading("\"7.1\"", "\"7.3\""))
	_, stderr := w.online(exitUsage, "freeze", "--audit", "2026-Q3", "--yes")
	w.must(stderr, "names other issuers, logs or files")
	w.write("one.json", w.reading())
	beacon("file = \"two.json\"\n")
	_, stderr = w.online(exitUsage, "freeze", "--audit", "2026-Q3", "--yes")
	w.must(stderr, "names other issuers, logs or files")
	beacon("file = \"two.json\"\n[[log_list.also]]\nfile = \"one.json\"\n[[log_list.also]]\nbundled = true\n")
	_, stderr = w.online(exitUsage, "freeze", "--audit", "2026-Q3", "--yes")
	w.must(stderr, "names other issuers, logs or files")
	beacon("file = \"two.json\"\n[[log_list.also]]\nfile = \"one.json\"\n")
	w.online(exitOK, "freeze", "--audit", "2026-Q3", "--yes")
}

func TestListsRefused(t *testing.T) {
	w := newListedWorld(t)
	tree := func(size string) string {
		return w.reading("\"retired\": {\n", "\"readonly\": {\"final_tree_head\":{\"sha256_root_hash\":\"LcGcZRsm+LGYmrlyC5LXhV1T6OD8iH5dNlb0sEJl9bA=\",\"tree_size\":"+size+"},\n")
	}
	w.write("one.json", tree("46"))
	w.write("two.json", tree("47"))
	w.write("dated.json", w.reading())
	w.write("undated.json", w.reading(" \"log_list_timestamp\": \"2026-09-30T00:00:00Z\",\n", ""))
	for _, tt := range []struct {
		name, lines string
		code        int
		want        []string
	}{
		{"final trees", "file = \"one.json\"\n[[log_list.also]]\nfile = \"two.json\"\n", exitVerify, []string{"different final trees", "Test 'other' log", "list 1 says 46", "list 2 says 47", "list 2 is two.json"}},
		{"date of a dated list", "file = \"dated.json\"\ndate = \"2026-09-30T00:00:00Z\"\n", exitUsage, []string{"has a date of its own"}},
		{"another list's key", "file = \"dated.json\"\n[[log_list.also]]\nurl = \"" + w.server.URL + "/list.json\"\n", exitVerify, []string{"signature of the log list is wrong"}},
		{"no such log", "file = \"dated.json\"\ninclude = \"Nobody's\"\n[[log_list.also]]\nbundled = true\n", exitUsage, []string{"none of the 2 log lists has a log"}},
	} {
		w.configure(tt.lines)
		_, stderr := w.online(tt.code, "logs", "--from", "2026-07-01T00:00:00Z", "--until", "2026-10-01T00:00:00Z")
		w.must(stderr, tt.want...)
	}
	// A publisher who does not sign: only where that is said. Its list is dated by when it was asked.
	w.list = w.read("undated.json")
	w.configure("url = \"" + w.server.URL + "/list.json\"\nsignature = \"none\"\n")
	stdout, _ := w.online(exitOK, "logs", "--from", "2026-07-01T00:00:00Z", "--until", "2026-10-01T00:00:00Z")
	w.must(stdout, "of 2026-11-22T09:00:0", "it came without a signature; it has no date of its own")
	stdout, _ = w.online(exitFailed, "doctor", "--from", "2026-07-01T00:00:00Z", "--until", "2026-10-01T00:00:00Z")
	w.must(stdout, "ok       CT log list: version 7.1 of 2026-11-22T09:00:0")
	w.configure("url = \"" + w.server.URL + "/list.json\"\nsignature = \"none\"\n[[log_list.also]]\nbundled = true\n")
	stdout, _ = w.online(exitOK, "doctor", "--offline", "--from", "2026-07-01T00:00:00Z", "--until", "2026-10-01T00:00:00Z")
	w.must(stdout, "skipped  CT log list: "+w.server.URL+"/list.json: --offline")
}

// accepts is an answer to get-roots.
func accepts(t *testing.T, certs ...[]byte) []byte {
	t.Helper()
	raw, err := json.Marshal(map[string][][]byte{"certificates": certs})
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// TestSkipWithoutRoot: a log that accepts no root of the CA is not read, and that is said
// everywhere; one that does not answer is read.
func TestSkipWithoutRoot(t *testing.T) {
	w := newListedWorld(t)
	stranger := testpki.NewRoot("Stranger", testpki.CAOptions{}).Cert
	w.write("list.json", string(w.list))
	w.write("root.der", string(w.root.Cert))
	lines := "file = \"list.json\"\nskip_without_root = true\nroots = \"root.der\"\n"
	w.roots["now"] = accepts(t, stranger, w.root.Cert)
	w.roots["other"] = accepts(t, stranger)
	w.configure(lines)
	stdout, _ := w.online(exitOK, "logs", "--from", "2026-07-01T00:00:00Z", "--until", "2026-10-01T00:00:00Z")
	w.must(stdout, "2 logs would be read, less those that accept no root of the CA")
	stdout, _ = w.online(exitFailed, "doctor", "--from", "2026-07-01T00:00:00Z", "--until", "2026-10-01T00:00:00Z")
	w.must(stdout, "ok       roots of the CA: known above every issuer")
	if w.asked != nil {
		t.Errorf("asked %s", w.asked)
	}

	// The first collect fails; what was asked is not asked again.
	w.down["/now/checkpoint"] = true
	w.rehearse(exitFailed)
	delete(w.down, "/now/checkpoint")
	w.roots["other"] = accepts(t, w.root.Cert)
	stdout, _ = w.rehearse(exitOK)
	slices.Sort(w.asked)
	if !slices.Equal(w.asked, []string{"now", "other"}) {
		t.Errorf("asked %s", w.asked)
	}
	answer := accepts(t, stranger)
	w.must(stdout, "log roots: 2 logs were asked for the roots that they accept: 1 may take the CA's certificates, 1 have none of its roots and are not read, 0 gave no answer")
	w.must(string(w.read("audits/r1/draw/snapshot.json")), "log list: 1 of 3 logs are chosen", "log list: not read, because get-roots lists no root of the CA: Test 'other' log",
		"log roots: not read: Test 'other' log (", "get-roots listed 1 certificates at 2026-11-22T09:00:0")
	archived, err := filepath.Glob(filepath.Join(w.dir, "audits/r1/ct/roots/*.json"))
	if err != nil || len(archived) != 1 || !bytes.Equal(mustRead(t, archived[0]), answer) {
		t.Errorf("%s, error %v", archived, err)
	}
	stdout, _ = w.online(exitOK, "verify", filepath.Join(w.dir, rehearsalZip))
	w.must(stdout, "ok       log roots: 2 logs were asked for the roots that they accept; the answers of 1 that were not read have none of the 2 certificates",
		"Test 'other' log (", "was not read: get-roots listed no root of the CA at 2026-11-22T09:00:0")
}

func mustRead(t *testing.T, name string) []byte {
	t.Helper()
	raw, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// TestNotSkipped: nothing is skipped without a good answer, what the user named is read all
// the same, and in mode records nobody is asked.
func TestNotSkipped(t *testing.T) {
	w := newListedWorld(t)
	stranger := testpki.NewRoot("Stranger", testpki.CAOptions{}).Cert
	w.write("list.json", string(w.list))
	w.write("root.der", string(w.root.Cert))
	lines := "file = \"list.json\"\nskip_without_root = true\nroots = \"root.der\"\n"
	cross := testpki.NewRoot("Cross Root", testpki.CAOptions{}).CrossSign(w.root, testpki.CAOptions{})
	for i, tt := range []struct {
		name, lines string
		answer      []byte
		asked       bool
		outcome     string
	}{
		{"404", lines, nil, true, loglist.RootsNoAnswer},
		{"a web page", lines, []byte("<html>"), true, loglist.RootsNoAnswer},
		{"no certificate at all", lines, []byte(`{"certificates":[]}`), true, loglist.RootsNoAnswer},
		{"too large", lines, bytes.Repeat([]byte(" "), loglist.MaxRootsBytes+1), true, loglist.RootsNoAnswer},
		{"a cross-certificate of the root", lines, accepts(t, cross.Cert), true, loglist.RootsFound},
		{"named by the user", lines + "include = [\"Test 'other' log\", \"Test 'now' log\"]\n", accepts(t, stranger), false, ""},
		{"not wanted", "file = \"list.json\"\n", accepts(t, stranger), false, ""},
	} {
		w.roots["now"], w.roots["other"], w.asked = tt.answer, tt.answer, nil
		w.configure(tt.lines)
		id := "n" + string('1'+rune(i))
		_, stderr := w.online(exitOK, "collect", "--rehearsal", "--audit", id, "--from", "2026-07-01T00:00:00Z", "--until", "2026-10-01T00:00:00Z")
		var saved struct {
			Logs []struct{ Label, Status string }
		}
		if err := json.Unmarshal(w.read(fmt.Sprintf("audits/%s/work/collected.json", id)), &saved); err != nil || len(saved.Logs) != 2 {
			t.Errorf("%s: %+v, error %v", tt.name, saved, err)
		}
		if tt.asked != (len(w.asked) > 0) {
			t.Errorf("%s: asked %s", tt.name, w.asked)
		}
		if tt.outcome == loglist.RootsNoAnswer {
			w.must(stderr, "does not say which roots it accepts, so it is read")
		}
		if tt.asked {
			w.must(string(w.read("audits/"+id+"/ct/log_roots.json")), "\"outcome\": \""+tt.outcome+"\"")
		}
	}

	// Without a root above the issuer nothing can be said, and so nothing is skipped.
	w.asked = nil
	w.configure("file = \"list.json\"\nskip_without_root = true\n")
	_, stderr := w.online(exitUsage, "collect", "--rehearsal", "--audit", "none", "--from", "2026-07-01T00:00:00Z", "--until", "2026-10-01T00:00:00Z")
	w.must(stderr, "no root is known above the issuer", "CN=Listed DV CA", "so no log may be skipped", "add roots")
	if w.asked != nil {
		t.Errorf("asked %s", w.asked)
	}
}
