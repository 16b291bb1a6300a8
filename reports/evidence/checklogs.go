package evidence

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"os"
	"time"

	"selfaudit/sampler"
	"selfaudit/sampler/ct"
)

// log is a log that the population was read from, with its verified tree head.
type log struct {
	listed *sampler.SnapshotLog
	id     ct.LogID
	head   ct.TreeHead
	proven bool // the head verified and is that of the snapshot
}

// static says whether the log's leaves carry their index (static-ct-api).
func (l *log) static() bool { return l.listed.Type == "static-ct" }

// checkLogs compares keys and signed tree heads in ct/ with the logs that the snapshot
// lists: log id = SHA-256(key), the head's signature verifies, and size, root and time are
// those of the snapshot.
func (v *verifier) checkLogs() {
	const name = "logs"
	s := v.docs.snapshot
	if s == nil {
		v.refused(name, "the snapshot")
		return
	}
	var bad failures
	logs := map[string]*log{}
	expected := map[string]bool{}
	for n := range s.Logs {
		entry := &s.Logs[n]
		l := &log{listed: entry, id: ct.LogIDOf(entry.PublicKey)}
		if l.id.String() != entry.LogID {
			bad.add("log %s: its id is not the SHA-256 of its key, which is %s", entry.LogID, l.id)
			continue
		}
		if logs[entry.LogID] != nil {
			bad.add("log %s is listed twice", entry.LogID)
			continue
		}
		logs[entry.LogID] = l
		if entry.Status != sampler.LogProven && (entry.Status != sampler.LogLookedUp || entry.RootHash == "") {
			continue
		}
		expected["ct/keys/"+entry.LogID+".pem"], expected[entry.HeadFile] = true, true
		if err := v.checkLog(l); err != nil {
			bad.add("log %s (%s): %v", entry.LogID, entry.URL, err)
		}
	}
	for _, folder := range []string{"ct/keys", "ct/heads"} {
		for _, path := range v.data.in(folder) {
			if !expected[path] {
				bad.add("%s: belongs to no log that snapshot.json calls proven", path)
			}
		}
	}
	v.docs.logs = logs
	bad.close(v, name, "keys and signed tree heads of %d logs verify and are those of snapshot.json", len(expected)/2)
	v.noteEarlyHeads()
}

// checkLog verifies one proven log's key file and tree head.
func (v *verifier) checkLog(l *log) error {
	e := l.listed
	raw, err := v.data.ReadFile("ct/keys/" + e.LogID + ".pem")
	if err != nil {
		return err
	}
	if want := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: e.PublicKey}); !bytes.Equal(raw, want) {
		return fmt.Errorf("ct/keys/%s.pem is not the key of snapshot.json in PEM", e.LogID)
	}
	head := "ct/heads/" + e.LogID + ".sth.json"
	if l.static() {
		head = "ct/heads/" + e.LogID + ".checkpoint"
	}
	if e.HeadFile != head {
		return fmt.Errorf("head_file %q, a log of type %s has %s", e.HeadFile, e.Type, head)
	}
	if raw, err = v.data.ReadFile(head); err != nil {
		return err
	}
	if l.static() {
		l.head, err = ct.ParseCheckpoint(raw, e.Origin, e.PublicKey)
	} else {
		l.head, err = ct.ParseSTH(raw, e.PublicKey)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", head, err)
	}
	if l.head.Size != e.TreeSize || l.head.Root.String() != e.RootHash || l.head.Timestamp != e.TimestampMS {
		return fmt.Errorf("%s: size %d, root %s, time stamp %d; snapshot.json says %d, %s, %d",
			head, l.head.Size, l.head.Root, l.head.Timestamp, e.TreeSize, e.RootHash, e.TimestampMS)
	}
	if err := l.checkRange(); err != nil {
		return err
	}
	l.proven = true
	return nil
}

// noteEarlyHeads names the logs that were read before everything issued in the period
// must have been in them (protocol 3.1).
func (v *verifier) noteEarlyHeads() {
	c := v.docs.commitment
	if c == nil {
		return
	}
	for _, id := range sortedKeys(v.docs.logs) {
		l := v.docs.logs[id]
		if !l.proven || l.head.Timestamp > 1<<62/uint64(time.Millisecond) {
			continue
		}
		at := time.UnixMilli(int64(l.head.Timestamp)).UTC()
		if at.Before(c.PeriodEnd.Add(mergeDelay)) {
			v.note("logs", "log %s (%s) was read at a tree head of %s, less than 24 h after the period's end", id, l.listed.URL, sampler.FormatTime(at))
		}
	}
}

// ownLogKeys reads the auditor's own copies of log keys and returns their log ids.
func ownLogKeys(paths []string) (map[string]bool, error) {
	ids := map[string]bool{}
	for _, path := range paths {
		raw, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		keys, err := logKeysIn(raw)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		for _, key := range keys {
			ids[ct.LogIDOf(key).String()] = true
		}
	}
	return ids, nil
}

// logKeysIn finds SubjectPublicKeyInfos in PEM, in a version 3 log list, in base64 or DER.
func logKeysIn(raw []byte) ([][]byte, error) {
	if keys := pemBlocks(raw, "PUBLIC KEY"); len(keys) > 0 {
		return keys, nil
	}
	text := bytes.TrimSpace(raw)
	if bytes.HasPrefix(text, []byte("{")) {
		return keysOfLogList(text)
	}
	if der, err := base64.StdEncoding.DecodeString(string(text)); err == nil {
		return [][]byte{der}, nil
	}
	if len(raw) > 0 && raw[0] == 0x30 {
		return [][]byte{raw}, nil
	}
	return nil, fmt.Errorf("no log key: neither PEM \"PUBLIC KEY\" nor a log list nor base64 nor DER")
}

// keysOfLogList reads the keys of a log list of the root programmes (version 3 JSON).
func keysOfLogList(raw []byte) ([][]byte, error) {
	type entry struct {
		Key []byte `json:"key"`
	}
	var list struct {
		Operators []struct {
			Logs  []entry `json:"logs"`
			Tiled []entry `json:"tiled_logs"`
		} `json:"operators"`
	}
	if err := json.Unmarshal(raw, &list); err != nil {
		return nil, fmt.Errorf("log list: %w", err)
	}
	var keys [][]byte
	for _, o := range list.Operators {
		for _, e := range append(o.Logs, o.Tiled...) {
			keys = append(keys, e.Key)
		}
	}
	if len(keys) == 0 {
		return nil, fmt.Errorf("log list without logs")
	}
	return keys, nil
}

// pemBlocks returns the contents of all PEM blocks of the type.
func pemBlocks(raw []byte, kind string) [][]byte {
	var out [][]byte
	for {
		block, rest := pem.Decode(raw)
		if block == nil {
			return out
		}
		if block.Type == kind {
			out = append(out, block.Bytes)
		}
		raw = rest
	}
}
