package evidence

import (
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"strings"

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

// checkLogList compares ct/log_list.json with the snapshot: it is the list that the
// snapshot names, its signature verifies, every log that came from it has its key, type
// and address, and what the list has for the period and was not read is noted. Without a
// list there is nothing to check: every log was configured by hand.
func (v *verifier) checkLogList() {
	const name = "log list"
	s := v.docs.snapshot
	if s == nil {
		if v.data.has("ct/log_list.json") {
			v.refused(name, "the snapshot")
		}
		return
	}
	var bad failures
	hash := namedList(s)
	switch has := v.data.has("ct/log_list.json"); {
	case !has && hash == "":
		for _, l := range s.Logs {
			if fromList(&l) {
				bad.add("log %s (%s) is said to be from a log list, but snapshot.json names none", l.LogID, l.URL)
			}
		}
		if bad.total > 0 {
			bad.close(v, name, "")
		}
		return
	case !has:
		v.fail(name, "snapshot.json names a log list with SHA-256 %s, but ct/log_list.json is missing", hash)
		return
	case hash == "":
		v.fail(name, "ct/log_list.json: snapshot.json names no log list")
		return
	}
	raw, err := v.data.ReadFile("ct/log_list.json")
	if err == nil && sampler.HashDoc(raw).String() != hash {
		err = fmt.Errorf("ct/log_list.json is not the list that snapshot.json names: its SHA-256 is %s, not %s", sampler.HashDoc(raw), hash)
	}
	var list *loglist.List
	if err == nil {
		list, err = loglist.Parse(raw)
	}
	if err != nil {
		v.fail(name, "%v", err)
		return
	}
	signed, err := v.listSignature(raw)
	if err != nil {
		bad.add("%v", err)
	}
	n := 0
	for i := range s.Logs {
		if !fromList(&s.Logs[i]) {
			continue
		}
		n++
		if err := sameLog(list, &s.Logs[i]); err != nil {
			bad.add("log %s (%s): %v", s.Logs[i].LogID, s.Logs[i].URL, err)
		}
	}
	bad.close(v, name, "is the one that snapshot.json names, of %s, %s; %d logs have its keys and addresses", sampler.FormatTime(list.Timestamp), signed, n)
	v.noteLogList(list)
}

// namedList returns the hash that the snapshot gives for its log list, or "".
func namedList(s *sampler.Snapshot) string {
	for _, n := range s.Notes {
		rest, ok := strings.CutPrefix(n, LogListNote)
		if !ok {
			continue
		}
		if _, after, ok := strings.Cut(rest, " "+LogListHash+" "); ok && len(after) >= 64 && isHex64(after[:64]) {
			return after[:64]
		}
	}
	return ""
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

// listSignature verifies the list's signature with the key of Chrome's lists, or with that
// of the configuration.
func (v *verifier) listSignature(raw []byte) (string, error) {
	if !v.data.has("ct/log_list.sig") {
		return "without a signature", nil
	}
	signature, err := v.data.ReadFile("ct/log_list.sig")
	if err != nil {
		return "", err
	}
	if err = loglist.VerifySignature(raw, signature, loglist.GoogleKey()); err == nil {
		return "signed by the key of Chrome's lists", nil
	}
	var config struct {
		LogList struct {
			PublicKey string `toml:"public_key"`
		} `toml:"log_list"`
	}
	text, readErr := v.data.ReadFile("config/selfaudit.toml")
	if readErr != nil || toml.Unmarshal(text, &config) != nil || config.LogList.PublicKey == "" {
		return "", fmt.Errorf("ct/log_list.sig: %w", err)
	}
	key, err := base64.StdEncoding.DecodeString(config.LogList.PublicKey)
	if err == nil {
		_, err = x509.ParsePKIXPublicKey(key)
	}
	if err == nil {
		err = loglist.VerifySignature(raw, signature, key)
	}
	if err != nil {
		return "", fmt.Errorf("ct/log_list.sig: %w", err)
	}
	return "signed by the key that the configuration names", nil
}

// noteLogList notes what an auditor should know about the choice: logs of the list that
// may hold certificates of the period and were not read, and a list that is too old.
func (v *verifier) noteLogList(list *loglist.List) {
	const name = "log list"
	s := v.docs.snapshot
	from, err1 := sampler.ParseTime(s.Period.Start)
	until, err2 := sampler.ParseTime(s.Period.End)
	opened, err3 := sampler.ParseTime(s.OpenedAt)
	if err1 != nil || err2 != nil || err3 != nil {
		return // cannot happen: the snapshot was parsed
	}
	if w := list.Warning(opened); w != "" {
		v.note(name, "%s", w)
	}
	read := map[string]bool{}
	for _, l := range s.Logs {
		read[l.LogID] = l.Status == sampler.LogProven
	}
	choices, err := loglist.Select(list, loglist.Options{From: from, Until: until})
	if err != nil {
		return // cannot happen: only names can be wrong
	}
	unread := 0
	for _, c := range choices {
		if !c.Chosen || read[c.Log.ID.String()] {
			continue
		}
		if unread++; unread <= maxNamed {
			v.note(name, "%s (%s, %s) may hold certificates of the period and was not read", c.Log.Description, c.Log.ID, c.Log.State)
		}
	}
	if unread > maxNamed {
		v.note(name, "and %d more logs of the list that were not read", unread-maxNamed)
	}
}
