package auditdir

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"strings"

	"selfaudit/internal/jsonlines"
)

// EventsFile is the audit's record of operations.
const EventsFile = "log/events.jsonl"

// Event is one line of EventsFile: a stage that was completed, or a commitment that
// was voided. Documents gives the SHA-256 of what the stage left behind. Previous is
// the SHA-256 of the line before, including its line feed, or 64 zeros.
type Event struct {
	Seq       int               `json:"seq"`
	At        string            `json:"at"`
	Clock     string            `json:"clock"`
	Stage     string            `json:"stage"`
	Note      string            `json:"note,omitempty"`
	Documents map[string]string `json:"documents"`
	Previous  string            `json:"previous"`
}

// Events returns the record in order. A broken chain is an error that names the line.
func (d Dir) Events() ([]Event, error) {
	raw, err := d.Read(EventsFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return ParseEvents(raw)
}

// ParseEvents parses and checks the chain of an events file.
func ParseEvents(raw []byte) ([]Event, error) {
	var events []Event
	previous := strings.Repeat("0", 64)
	for n := 1; len(raw) > 0; n++ {
		end := bytes.IndexByte(raw, '\n') + 1
		if end == 0 {
			return nil, fmt.Errorf("%s:%d: the last line has no line feed", EventsFile, n)
		}
		line := raw[:end]
		var e Event
		if err := jsonlines.Decode(line, &e); err != nil {
			return nil, fmt.Errorf("%s:%d: %w", EventsFile, n, err)
		}
		if e.Seq != n || e.Previous != previous {
			return nil, fmt.Errorf("%s:%d: the chain is broken: the line says it is number %d after %s", EventsFile, n, e.Seq, e.Previous)
		}
		if again, err := jsonlines.Line(e); err != nil || !bytes.Equal(again, line) {
			return nil, fmt.Errorf("%s:%d: not written the way this program writes it", EventsFile, n)
		}
		previous = hashHex(line)
		events = append(events, e)
		raw = raw[end:]
	}
	return events, nil
}

// Record appends an event unless the last one of the same stage already says the same:
// a process killed between its last document and the record completes the record when
// the stage is run again, and nothing is recorded twice.
func (d Dir) Record(e Event) error {
	// Free text comes from terminals of any encoding; JSON would not bring it back as it was.
	e.Note = strings.ToValidUTF8(e.Note, "\ufffd")
	events, err := d.Events()
	if err != nil {
		return err
	}
	for i := len(events) - 1; i >= 0; i-- {
		if events[i].Stage == "void" && e.Stage == "freeze" {
			break // what was frozen before was given up, even if the same comes again
		}
		if events[i].Stage == e.Stage {
			if maps.Equal(events[i].Documents, e.Documents) && events[i].Note == e.Note {
				return nil
			}
			break
		}
	}
	raw, err := d.Read(EventsFile)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	e.Seq = len(events) + 1
	e.Previous = strings.Repeat("0", 64)
	if n := bytes.LastIndexByte(bytes.TrimSuffix(raw, []byte("\n")), '\n'); len(raw) > 0 {
		e.Previous = hashHex(raw[n+1:])
	}
	line, err := jsonlines.Line(e)
	if err != nil {
		return err
	}
	// The file is short; writing it anew is what makes the append atomic.
	return d.Replace(EventsFile, append(raw, line...))
}

// HashDocuments returns the SHA-256 of each named document, for an Event.
func (d Dir) HashDocuments(names ...string) (map[string]string, error) {
	out := make(map[string]string, len(names))
	for _, name := range names {
		h := sha256.New()
		if err := d.CopyTo(h, name); err != nil {
			return nil, err
		}
		out[name] = hex.EncodeToString(h.Sum(nil))
	}
	return out, nil
}

func hashHex(b []byte) string {
	h := sha256.Sum256(b)
	return hex.EncodeToString(h[:])
}
