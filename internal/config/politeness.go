package config

import (
	"math"
	"strconv"
)

// Bounds of Pace. The highest rate known of a log is 3,000 requests a second for a shard.
const (
	minRequestRate = 0.01
	maxRequestRate = 10_000
	maxConcurrency = 64
)

// Pace says how hard a log may be asked, by everything that this program does at the same time. Its keys are rate_limit and
// concurrency, in [[log]], [log_list] and [[log_list.log]].
type Pace struct {
	RateLimit   float64 // requests a second; 0 = as many as the log bears
	Concurrency int     // requests at the same time; 0 = the reader's default
}

// Or fills in what p leaves open.
func (p Pace) Or(other Pace) Pace {
	if p.RateLimit == 0 {
		p.RateLimit = other.RateLimit
	}
	if p.Concurrency == 0 {
		p.Concurrency = other.Concurrency
	}
	return p
}

// pace reads the keys of a Pace.
func (t *table) pace() Pace {
	return Pace{RateLimit: t.number("rate_limit", minRequestRate, maxRequestRate), Concurrency: int(t.integer("concurrency", 0, 1, maxConcurrency))}
}

// number reads a number from least to most, with or without a fraction; 0 when it is missing or wrong.
func (t *table) number(key string, least, most float64) float64 {
	v, there := t.get(key)
	if !there {
		return 0
	}
	var f float64
	switch v := v.(type) {
	case int64:
		f = float64(v)
	case float64:
		f = v
	default:
		t.problem(key, "%s must be a number without quotes, not %s", key, typeName(v))
		return 0
	}
	if math.IsNaN(f) || f < least || f > most {
		t.problem(key, "%s = %v is out of range: %v to %v", key, f, least, most)
		return 0
	}
	return f
}

// boolean reads true or false; missing is false.
func (t *table) boolean(key string) bool {
	v, there := t.get(key)
	b, ok := v.(bool)
	if there && !ok {
		t.problem(key, "%s must be true or false without quotes, not %s", key, typeName(v))
	}
	return b
}

// effective writes what is set.
func (p Pace) effective(line func(key, value string)) {
	if p.RateLimit != 0 {
		line("rate_limit", strconv.FormatFloat(p.RateLimit, 'f', -1, 64))
	}
	if p.Concurrency != 0 {
		line("concurrency", strconv.Itoa(p.Concurrency))
	}
}

// ListedLog is one [[log_list.log]]: settings of a log that the list names.
type ListedLog struct {
	Name string // description, address or beginning of the log ID, as for include
	Pace
	Tiles        bool // as Log.Tiles
	OperatedByCA bool // as Log.OperatedByCA
}

// keyOperated is the key of Log.OperatedByCA.
const keyOperated = "operated_by_ca"

// readListedLogs reads [[log_list.log]].
func (l *LogList) readListedLogs(t *table) {
	for _, one := range t.tables("log") {
		one.name = "[[log_list.log]]"
		var log ListedLog
		log.Name, _ = one.required("name", "Example 'Log2026'")
		log.Pace, log.Tiles, log.OperatedByCA = one.pace(), one.boolean("tiles"), one.boolean(keyOperated)
		one.close()
		for _, other := range l.Logs {
			if log.Name != "" && other.Name == log.Name {
				one.problem("name", "name %s is already in a [[log_list.log]] above", quote(log.Name))
			}
		}
		l.Logs = append(l.Logs, log)
	}
}
