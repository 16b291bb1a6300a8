package loglist

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"selfaudit/sampler/ct"
)

// Bounds. Chrome's list of all logs there ever were has 110 kB and 140 logs.
const (
	MaxBytes     = 16 << 20
	maxOperators = 1000
	maxLogs      = 10_000
	maxText      = 1024
	maxKey       = 2048
)

// The schema's objects as they are written. Members that are not named here are passed
// over: publishers add some.
type (
	rawList struct {
		Version   *string        `json:"version"`
		Timestamp *string        `json:"log_list_timestamp"`
		AllLogs   *bool          `json:"is_all_logs"`
		Operators *[]rawOperator `json:"operators"`
	}
	rawOperator struct {
		Name  *string  `json:"name"`
		Email []string `json:"email"`
		Logs  []rawLog `json:"logs"`
		Tiled []rawLog `json:"tiled_logs"`
	}
	rawLog struct {
		Description string              `json:"description"`
		LogID       []byte              `json:"log_id"`
		Key         []byte              `json:"key"`
		URL         *string             `json:"url"`
		Submission  *string             `json:"submission_url"`
		Monitoring  *string             `json:"monitoring_url"`
		MMD         *int64              `json:"mmd"`
		State       map[string]rawState `json:"state"`
		Interval    *rawInterval        `json:"temporal_interval"`
		LogType     string              `json:"log_type"`
		Previous    []rawPrevious       `json:"previous_operators"`
	}
	rawState struct {
		Timestamp string        `json:"timestamp"`
		Final     *rawFinalHead `json:"final_tree_head"`
	}
	rawFinalHead struct {
		Root []byte `json:"sha256_root_hash"`
		Size uint64 `json:"tree_size"`
	}
	rawInterval struct {
		Start string `json:"start_inclusive"`
		End   string `json:"end_exclusive"`
	}
	rawPrevious struct {
		Name string `json:"name"`
		End  string `json:"end_time"`
	}
)

// Parse reads a version 3 log list. It is bounded and strict about the types and values of
// the members that it knows: log_id must be the SHA-256 of key, keys must parse and occur
// once, a state must be exactly one. Members that it does not know are passed over. Errors
// name operator and log.
func Parse(raw []byte) (*List, error) { return ParseTaken(raw, time.Time{}) }

// ErrUndated says that a list has no date of its own and that none was given.
var ErrUndated = errors.New("no log_list_timestamp: a list without a date cannot be evidence")

// ParseTaken is Parse for lists that may have no date of their own: taken is when somebody
// fetched the list, and stands for the date if there is none. A list's own date comes
// before it. Apple's list has the schema of Chrome's, but no log_list_timestamp.
func ParseTaken(raw []byte, taken time.Time) (*List, error) {
	l, err := parse(raw, taken)
	if err != nil {
		return nil, fmt.Errorf("log list: %w", err)
	}
	return l, nil
}

func parse(raw []byte, taken time.Time) (*List, error) {
	if len(raw) > MaxBytes {
		return nil, fmt.Errorf("larger than %d bytes", MaxBytes)
	}
	if !utf8.Valid(raw) {
		return nil, errors.New("not UTF-8")
	}
	var in rawList
	if err := json.Unmarshal(raw, &in); err != nil {
		return nil, fmt.Errorf("not a version 3 list: %w", err)
	}
	switch {
	case in.Operators == nil:
		return nil, errors.New("not a version 3 list: it has no operators")
	case in.Timestamp == nil && taken.IsZero():
		return nil, ErrUndated
	case len(*in.Operators) > maxOperators:
		return nil, fmt.Errorf("more than %d operators", maxOperators)
	}
	l := &List{Timestamp: taken.UTC(), Undated: in.Timestamp == nil}
	var err error
	if in.Timestamp != nil {
		if l.Timestamp, err = parseTime(*in.Timestamp); err != nil {
			return nil, fmt.Errorf("log_list_timestamp: %w", err)
		}
	}
	if in.Version != nil {
		if l.Version, err = text(*in.Version); err != nil {
			return nil, fmt.Errorf("version: %w", err)
		}
	}
	l.AllLogs = in.AllLogs != nil && *in.AllLogs
	for n, o := range *in.Operators {
		if err := l.operator(n, o); err != nil {
			return nil, err
		}
	}
	return l, l.distinct()
}

func (l *List) operator(n int, o rawOperator) error {
	if o.Name == nil {
		return fmt.Errorf("operator number %d has no name", n+1)
	}
	name, err := text(*o.Name)
	if err != nil {
		return fmt.Errorf("name of operator number %d: %w", n+1, err)
	}
	l.Operators = append(l.Operators, name)
	for _, part := range []struct {
		kind string
		logs []rawLog
	}{{RFC6962, o.Logs}, {StaticCT, o.Tiled}} {
		for i, in := range part.logs {
			if len(l.Logs) == maxLogs {
				return fmt.Errorf("more than %d logs", maxLogs)
			}
			log, err := parseLog(part.kind, in)
			if err != nil {
				return fmt.Errorf("operator %q, %s log number %d (%.80q): %w", name, part.kind, i+1, in.Description, err)
			}
			log.Operator = name
			l.Logs = append(l.Logs, log)
		}
	}
	return nil
}

// distinct refuses two logs with one key: which of the two addresses is meant?
func (l *List) distinct() error {
	seen := map[ct.LogID]string{}
	for _, log := range l.Logs {
		if other, there := seen[log.ID]; there {
			return fmt.Errorf("%q and %q have the same key", other, log.Description)
		}
		seen[log.ID] = log.Description
	}
	return nil
}

func parseLog(kind string, in rawLog) (Log, error) {
	log := Log{Type: kind}
	var err error
	if log.Description, err = text(in.Description); err != nil {
		return log, fmt.Errorf("description: %w", err)
	}
	if err := log.key(in); err != nil {
		return log, err
	}
	if err := log.addresses(in); err != nil {
		return log, err
	}
	if in.MMD != nil {
		if *in.MMD < 0 || *in.MMD > 366*86400 {
			return log, fmt.Errorf("mmd %d is out of range", *in.MMD)
		}
		log.MMD = time.Duration(*in.MMD) * time.Second
	}
	if log.LogType, err = text(in.LogType); err != nil {
		return log, fmt.Errorf("log_type: %w", err)
	}
	if err := log.state(in.State); err != nil {
		return log, err
	}
	if err := log.interval(in.Interval); err != nil {
		return log, err
	}
	for _, p := range in.Previous {
		name, err := text(p.Name)
		if err != nil {
			return log, fmt.Errorf("previous_operators: %w", err)
		}
		end, err := parseTime(p.End)
		if err != nil {
			return log, fmt.Errorf("previous_operators: end_time: %w", err)
		}
		log.PreviousOperators = append(log.PreviousOperators, PreviousOperator{name, end})
	}
	if log.Description == "" {
		log.Description = log.URL
	}
	return log, nil
}

func (l *Log) key(in rawLog) error {
	if len(in.Key) == 0 || len(in.Key) > maxKey {
		return fmt.Errorf("key of %d bytes", len(in.Key))
	}
	pub, err := x509.ParsePKIXPublicKey(in.Key)
	if err != nil {
		return fmt.Errorf("key: %w", err)
	}
	switch pub.(type) {
	case *ecdsa.PublicKey, *rsa.PublicKey: // RFC 6962 section 2.1.4
	default:
		return fmt.Errorf("key of type %T; a log has an ECDSA or RSA key", pub)
	}
	l.Key, l.ID = in.Key, ct.LogIDOf(in.Key)
	if !bytes.Equal(l.ID[:], in.LogID) {
		return fmt.Errorf("log_id is %x, the SHA-256 of the key is %s", clip(in.LogID), l.ID)
	}
	return nil
}

func clip(b []byte) []byte { return b[:min(len(b), 40)] }

func (l *Log) addresses(in rawLog) (err error) {
	if l.Type == RFC6962 {
		if in.URL == nil {
			return errors.New("no url")
		}
		l.URL, err = address(*in.URL)
		return err
	}
	if in.Submission == nil || in.Monitoring == nil {
		return errors.New("a tiled log needs submission_url and monitoring_url")
	}
	if l.Submission, err = address(*in.Submission); err != nil {
		return err
	}
	l.URL, err = address(*in.Monitoring)
	return err
}

// address checks a log's prefix. Only the web: a list must not make us read files.
func address(s string) (string, error) {
	if _, err := text(s); err != nil {
		return "", err
	}
	u, err := url.Parse(s)
	switch {
	case err != nil:
		return "", fmt.Errorf("address %.200q: %w", s, err)
	case u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.User != nil || u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		return "", fmt.Errorf("address %.200q is not a plain https:// prefix", s)
	}
	return strings.TrimRight(s, "/"), nil
}

func (l *Log) state(in map[string]rawState) error {
	if len(in) > 1 {
		return fmt.Errorf("%d states; a log has one", len(in))
	}
	for name, s := range in { // at most one turn
		switch l.State = State(name); l.State {
		case Pending, Qualified, Usable, ReadOnly, Retired, Rejected:
		default:
			return fmt.Errorf("unknown state %.80q", name)
		}
		var err error
		if l.StateSince, err = parseTime(s.Timestamp); err != nil {
			return fmt.Errorf("state %s: %w", name, err)
		}
		if s.Final == nil {
			continue
		}
		if l.State != ReadOnly || len(s.Final.Root) != len(ct.Hash{}) {
			return fmt.Errorf("state %s: a final_tree_head belongs to readonly and has a root of 32 bytes", name)
		}
		l.FinalSize, l.FinalRoot = s.Final.Size, s.Final.Root
	}
	return nil
}

func (l *Log) interval(in *rawInterval) (err error) {
	if in == nil {
		return nil
	}
	if l.Start, err = parseTime(in.Start); err != nil {
		return fmt.Errorf("temporal_interval: start_inclusive: %w", err)
	}
	if l.End, err = parseTime(in.End); err != nil {
		return fmt.Errorf("temporal_interval: end_exclusive: %w", err)
	}
	if !l.Start.Before(l.End) {
		return fmt.Errorf("temporal_interval from %s to %s is empty", in.Start, in.End)
	}
	return nil
}

func parseTime(s string) (time.Time, error) {
	t, err := time.Parse(time.RFC3339, s)
	if err != nil || t.Year() < 1970 || t.Year() > 9999 {
		return time.Time{}, fmt.Errorf("%.40q is not a time like 2026-01-02T12:57:01Z", s)
	}
	return t.UTC(), nil
}

// text refuses what is no name: overlong, or with characters that have no shape.
func text(s string) (string, error) {
	if len(s) > maxText {
		return "", fmt.Errorf("longer than %d bytes", maxText)
	}
	for _, r := range s {
		if !unicode.IsPrint(r) {
			return "", fmt.Errorf("%.200q contains a character that cannot be shown", s)
		}
	}
	return s, nil
}
