package evidence

import (
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"path"
	"strings"
	"time"

	"github.com/pelletier/go-toml/v2"

	"selfaudit/sampler"
	"selfaudit/sampler/loglist"
)

// Words of snapshot.json by which the log list and the logs taken from it are recognised.
// They begin a note; LogListHash precedes the list's SHA-256.
const (
	LogListNote = "log list:"
	LogListHash = "SHA-256"
	FromLogList = "from the log list:"
)

// LogRootsFile is the document about what logs said to get-roots; LogRootsNote begins the
// snapshot's notes about it.
const (
	LogRootsFile = "ct/log_roots.json"
	LogRootsNote = "log roots:"
)

// checkLogList compares the archived log lists with the snapshot: they are those that the
// snapshot names, their signatures verify, every log that came from them has its key, type
// and address by the rule that unites them, and what they have for the period and was not
// read is noted. Without a list there is nothing to check: every log was configured by hand.
func (v *verifier) checkLogList() {
	const name = "log list"
	s := v.docs.snapshot
	if s == nil {
		if v.data.has(loglist.File(1)) {
			v.refused(name, "the snapshot")
		}
		return
	}
	var bad failures
	named := namedLists(s)
	v.listFiles(named, &bad)
	if len(named) == 0 {
		for _, l := range s.Logs {
			if fromList(&l) {
				bad.add("log %s (%s) is said to be from a log list, but snapshot.json names none", l.LogID, l.URL)
			}
		}
	}
	if bad.total > 0 || len(named) == 0 {
		if bad.total > 0 {
			bad.close(v, name, "")
		}
		v.checkLogRoots(nil)
		return
	}
	var lists []*loglist.List
	var about []string
	for i, n := range named {
		list, err := v.namedList(i+1, n)
		if err != nil {
			v.fail(name, "%v", err)
			return
		}
		signed, err := v.listSignature(i + 1)
		if err != nil {
			bad.add("%v", err)
		}
		lists, about = append(lists, list), append(about, fmt.Sprintf("of %s, %s", sampler.FormatTime(list.Timestamp), signed))
	}
	union, _, err := loglist.Union(lists)
	if err != nil {
		v.fail(name, "%v", err)
		return
	}
	n := 0
	for i := range s.Logs {
		if !fromList(&s.Logs[i]) {
			continue
		}
		n++
		if err := sameLog(union, &s.Logs[i]); err != nil {
			bad.add("log %s (%s): %v", s.Logs[i].LogID, s.Logs[i].URL, err)
		}
	}
	if len(lists) == 1 {
		bad.close(v, name, "is the one that snapshot.json names, %s; %d logs have its keys and addresses", about[0], n)
	} else {
		bad.close(v, name, "the %d that snapshot.json names are here: %s; %d logs have their keys and addresses", len(lists), strings.Join(about, "; "), n)
	}
	v.noteLogList(lists, union, v.checkLogRoots(union))
}

// listFiles compares the lists in the package with those that the snapshot names.
func (v *verifier) listFiles(named []listNote, bad *failures) {
	wanted := map[string]bool{}
	for i, n := range named {
		file := loglist.File(i + 1)
		wanted[file], wanted[signatureOf(file)] = true, true
		if !v.data.has(file) {
			bad.add("snapshot.json names a log list with SHA-256 %s, but %s is missing", n.hash, file)
		}
	}
	for _, file := range v.data.in("ct") {
		if base := path.Base(file); strings.HasPrefix(base, "log_list") && !wanted[file] {
			bad.add("%s: snapshot.json names no log list for it", file)
		}
	}
}

func signatureOf(listFile string) string { return strings.TrimSuffix(listFile, ".json") + ".sig" }

// namedList reads the nth list and holds it against the snapshot's note.
func (v *verifier) namedList(n int, note listNote) (*loglist.List, error) {
	file := loglist.File(n)
	raw, err := v.data.ReadFile(file)
	if err != nil {
		return nil, err
	}
	if got := sampler.HashDoc(raw).String(); got != note.hash {
		return nil, fmt.Errorf("%s is not the list that snapshot.json names: its SHA-256 is %s, not %s", file, got, note.hash)
	}
	list, err := loglist.ParseTaken(raw, note.date)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	if !list.Timestamp.Equal(note.date) {
		return nil, fmt.Errorf("%s is of %s, snapshot.json says otherwise", file, sampler.FormatTime(list.Timestamp))
	}
	return list, nil
}

// listNote is what a note of the snapshot says of one log list.
type listNote struct {
	hash string
	date time.Time // zero if it cannot be read
	note string
}

// namedLists returns the log lists that the snapshot names, in the order of their notes,
// which is that of the files.
func namedLists(s *sampler.Snapshot) (out []listNote) {
	for _, n := range s.Notes {
		rest, ok := strings.CutPrefix(n, LogListNote+" version ")
		if !ok {
			continue
		}
		before, after, ok := strings.Cut(rest, ", "+LogListHash+" ")
		if !ok || len(after) < 64 || !isHex64(after[:64]) {
			continue
		}
		l := listNote{hash: after[:64], note: n}
		if i := strings.LastIndex(before, " of "); i >= 0 {
			l.date, _ = sampler.ParseTime(before[i+len(" of "):]) // zero is what no list has
		}
		out = append(out, l)
	}
	return out
}

// fromList says whether the snapshot calls a log one of the list's.
func fromList(l *sampler.SnapshotLog) bool {
	for _, n := range l.Notes {
		if strings.HasPrefix(n, FromLogList) {
			return true
		}
	}
	return false
}

// sameLog compares a log of the snapshot with its entry in the list. The key needs no
// comparison of its own: the log id is its hash, in both.
func sameLog(list *loglist.List, l *sampler.SnapshotLog) error {
	for i := range list.Logs {
		entry := &list.Logs[i]
		if entry.ID.String() != l.LogID {
			continue
		}
		if got, want := [3]string{l.Type, l.URL, l.Origin}, [3]string{entry.Type, entry.URL, entry.Origin()}; got != want {
			return fmt.Errorf("type, address and origin are %q, the list says %q", got, want)
		}
		if string(l.PublicKey) != string(entry.Key) {
			return fmt.Errorf("its key is not that of the list")
		}
		return nil
	}
	return fmt.Errorf("the list has no log with this key")
}

// listSignature verifies the nth list's signature with the key of Chrome's lists, or with
// that of the configuration.
func (v *verifier) listSignature(n int) (string, error) {
	file := loglist.File(n)
	if !v.data.has(signatureOf(file)) {
		return "without a signature", nil
	}
	raw, err := v.data.ReadFile(file)
	if err != nil {
		return "", err
	}
	file = signatureOf(file)
	signature, err := v.data.ReadFile(file)
	if err != nil {
		return "", err
	}
	if err = loglist.VerifySignature(raw, signature, loglist.GoogleKey()); err == nil {
		return "signed by the key of Chrome's lists", nil
	}
	configured := v.listKey(n)
	if configured == "" {
		return "", fmt.Errorf("%s: %w", file, err)
	}
	key, err := base64.StdEncoding.DecodeString(configured)
	if err == nil {
		_, err = x509.ParsePKIXPublicKey(key)
	}
	if err == nil {
		err = loglist.VerifySignature(raw, signature, key)
	}
	if err != nil {
		return "", fmt.Errorf("%s: %w", file, err)
	}
	return "signed by the key that the configuration names", nil
}

// listKey returns the key that the configuration names for the nth list, base64; "" without one.
func (v *verifier) listKey(n int) string {
	type source struct {
		PublicKey string `toml:"public_key"`
	}
	var config struct {
		LogList struct {
			source
			Also []source `toml:"also"`
		} `toml:"log_list"`
	}
	text, err := v.data.ReadFile(configDocument)
	switch {
	case err != nil || toml.Unmarshal(text, &config) != nil:
		return "" // said by the check of the configuration
	case n == 1:
		return config.LogList.PublicKey
	case n-2 < len(config.LogList.Also):
		return config.LogList.Also[n-2].PublicKey
	}
	return ""
}

// noteLogList notes what an auditor should know about the choice: logs of the list that
// may hold certificates of the period and were not read, and a list that is too old.
func (v *verifier) noteLogList(lists []*loglist.List, union *loglist.List, roots *loglist.RootsDocument) {
	const name = "log list"
	s := v.docs.snapshot
	from, err1 := sampler.ParseTime(s.Period.Start)
	until, err2 := sampler.ParseTime(s.Period.End)
	opened, err3 := sampler.ParseTime(s.OpenedAt)
	if err1 != nil || err2 != nil || err3 != nil {
		return // cannot happen: the snapshot was parsed
	}
	for i, list := range lists {
		for _, w := range []string{list.Warning(opened), list.LateFor(until)} {
			if w != "" && len(lists) > 1 {
				w = fmt.Sprintf("list %d: %s", i+1, w)
			}
			if w != "" {
				v.note(name, "%s", w)
			}
		}
	}
	read, lookedUp := map[string]bool{}, map[string]bool{}
	for _, l := range s.Logs {
		read[l.LogID], lookedUp[l.LogID] = l.Status == sampler.LogProven, l.Status == sampler.LogLookedUp
	}
	choices, err := loglist.Select(union, loglist.Options{From: from, Until: until})
	if err != nil {
		return // cannot happen: only names can be wrong
	}
	unread := 0
	for _, c := range choices {
		if !c.Chosen || read[c.Log.ID.String()] {
			continue
		}
		why := ""
		if lookedUp[c.Log.ID.String()] {
			why = ": single entries were looked up in it"
		}
		if a := roots.Of(c.Log.ID.String()); a != nil && a.Outcome == loglist.RootsSkipped {
			why = ": get-roots listed no root of the CA at " + a.AskedAt
		}
		if unread++; unread <= maxNamed {
			v.note(name, "%s (%s, %s) may hold certificates of the period and was not read%s", c.Log.Description, c.Log.ID, c.Log.State, why)
		}
	}
	if unread > maxNamed {
		v.note(name, "and %d more logs of the list that were not read", unread-maxNamed)
	}
}
