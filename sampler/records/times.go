package records

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Time formats that have a name; any other is a pattern, or several with | between them.
const (
	TimeAuto   = "auto" // RFC 3339 and its relatives
	TimeUnix   = "unix"
	TimeUnixMS = "unix_ms"
)

// autoLayouts begin with the year, so that day and month cannot be confused. Fractions of
// a second are read with all of them.
var autoLayouts = []string{
	"2006-01-02T15:04:05Z07:00", "2006-01-02 15:04:05Z07:00", "2006-01-02 15:04:05 Z07:00", "2006-01-02 15:04:05-07", "2006-01-02T15:04:05-07",
	"2006-01-02T15:04:05Z0700", "2006-01-02 15:04:05 -0700", "2006-01-02 15:04:05 UTC", "2006-01-02 15:04:05 -0700 UTC",
	"2006-01-02 15:04:05", "2006-01-02T15:04:05", "2006/01/02 15:04:05", "2006-01-02 15:04", "2006-01-02T15:04", "2006-01-02", "20060102150405Z",
}

// clock reads the times of one export.
type clock struct {
	format string
	zone   *time.Location
	layout []string
	last   int // the layout that was right last
}

func newClock(format string, zone *time.Location) (*clock, error) {
	if zone == nil {
		zone = time.UTC
	}
	c := &clock{format: format, zone: zone}
	switch format {
	case "", TimeAuto:
		c.format, c.layout = TimeAuto, autoLayouts
	case TimeUnix, TimeUnixMS:
	default:
		var err error
		if c.layout, err = layoutsOf(format); err != nil {
			return nil, err
		}
	}
	return c, nil
}

// parse reads a time. Texts without an offset are in the export's zone.
func (c *clock) parse(text string) (time.Time, error) {
	s := strings.TrimSpace(text)
	var at time.Time
	switch c.format {
	case TimeUnix, TimeUnixMS:
		n, err := strconv.ParseInt(s, 10, 64)
		if err != nil {
			return at, fmt.Errorf("%q is not a number of seconds since 1970", clip(text))
		}
		if at = time.Unix(n, 0); c.format == TimeUnixMS {
			at = time.UnixMilli(n)
		}
	default:
		var err error
		if at, err = c.byLayout(s, text); err != nil {
			return at, err
		}
	}
	at = at.UTC()
	if at.Year() < 1 || at.Year() > 9999 {
		return time.Time{}, fmt.Errorf("the time %q is outside the years 1 to 9999", clip(text))
	}
	return at, nil
}

func (c *clock) byLayout(s, text string) (time.Time, error) {
	if len(s) > 64 {
		return time.Time{}, fmt.Errorf("%q is not a time", clip(text))
	}
	s = strings.Join(strings.Fields(s), " ") // "Jul  2", as openssl pads days
	if at, n := c.reading(s); n >= 0 {
		if c.last = n; c.format == TimeAuto {
			return at, nil
		}
		for _, layout := range c.layout[n+1:] {
			if other, err := time.ParseInLocation(layout, s, c.zone); err == nil && !other.Equal(at) {
				return time.Time{}, fmt.Errorf("%q can be read in two ways by time_format %q", clip(text), c.format)
			}
		}
		return at, nil
	}
	if c.format != TimeAuto {
		return time.Time{}, fmt.Errorf("%q is not a time of the form %s", clip(text), c.format)
	}
	if f, err := strconv.ParseFloat(strings.Replace(s, ",", ".", 1), 64); err == nil && f > 20000 && f < 100000 {
		return time.Time{}, errors.New("a number of days, as a spreadsheet counts them: export the time as text, such as 2026-08-03T12:00:00Z")
	}
	return time.Time{}, fmt.Errorf(`%q is not a time that can be read without doubt: set time_format, such as "DD.MM.YYYY hh:mm:ss"`, clip(text))
}

// reading is the time by the first layout that fits, and which one that is; -1 for none. Auto's
// layouts never contradict each other, so there the one that was right last is tried first.
func (c *clock) reading(s string) (time.Time, int) {
	for i := range c.layout {
		if c.format == TimeAuto {
			i = (c.last + i) % len(c.layout)
		}
		if at, err := time.ParseInLocation(c.layout[i], s, c.zone); err == nil {
			return at, i
		}
	}
	return time.Time{}, -1
}
