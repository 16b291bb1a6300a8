package records

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Time formats that have a name; any other is written with YYYY, MM or MMM, DD, hh, mm, ss
// and, for an offset from UTC, ZZ.
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
		layout, err := layoutOf(format)
		if err != nil {
			return nil, err
		}
		c.layout = []string{layout}
	}
	return c, nil
}

// ValidTimeFormat says what is wrong with a time format; nil for nothing.
func ValidTimeFormat(format string) error {
	_, err := newClock(format, nil)
	return err
}

// layoutOf turns YYYY-MM-DD hh:mm:ss into Go's layout.
func layoutOf(format string) (string, error) {
	const help = `write it like "DD.MM.YYYY hh:mm:ss", with YYYY, MM or MMM, DD, hh, mm, ss and ZZ for an offset`
	rest := strings.NewReplacer("YYYY", "", "MMM", "", "MM", "", "DD", "", "hh", "", "mm", "", "ss", "", "ZZ", "").Replace(format)
	if strings.Trim(rest, " -/.:,TZ") != "" {
		return "", fmt.Errorf("time_format %q has %q in it: %s", format, clip(strings.Trim(rest, " -/.:,TZ")), help)
	}
	for _, part := range []string{"YYYY", "MM", "DD"} {
		if strings.Count(format, part) != 1 {
			return "", fmt.Errorf("time_format %q does not have %s once: %s", format, part, help)
		}
	}
	return strings.NewReplacer("YYYY", "2006", "MMM", "Jan", "MM", "01", "DD", "02", "hh", "15", "mm", "04", "ss", "05", "ZZ", "Z07:00").Replace(format), nil
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
	for i := range c.layout {
		n := (c.last + i) % len(c.layout)
		if at, err := time.ParseInLocation(c.layout[n], s, c.zone); err == nil {
			c.last = n
			return at, nil
		}
	}
	if c.format != TimeAuto {
		return time.Time{}, fmt.Errorf("%q is not a time of the form %s", clip(text), c.format)
	}
	if f, err := strconv.ParseFloat(strings.Replace(s, ",", ".", 1), 64); err == nil && f > 20000 && f < 100000 {
		return time.Time{}, errors.New("a number of days, as a spreadsheet counts them: export the time as text, such as 2026-08-03T12:00:00Z")
	}
	return time.Time{}, fmt.Errorf(`%q is not a time that can be read without doubt: set time_format, such as "DD.MM.YYYY hh:mm:ss"`, clip(text))
}
