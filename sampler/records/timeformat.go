package records

import (
	"fmt"
	"slices"
	"strings"
)

// timeTokens are what a time format is written with, longest first, and what they are in
// Go's layouts: padded, and as people and spreadsheets write them, where one digit will do.
var timeTokens = []struct{ name, padded, loose string }{
	{"YYYY", "2006", "2006"}, {"YY", "06", "06"}, {"MMM", "Jan", "Jan"}, {"MM", "01", "1"}, {"DD", "02", "2"},
	{"hh", "15", "15"}, {"mm", "04", "04"}, {"ss", "05", "05"}, {"ZZ", "Z07:00", "Z07:00"}, {"AP", "PM", "PM"},
}

const timeHelp = `write it like "DD.MM.YYYY hh:mm:ss", with YYYY or YY, MM or MMM, DD, hh, mm, ss, AP for AM and PM, ZZ for an offset, GMT or UTC`

// layoutsOf turns patterns such as "YYYY-MM-DD hh:mm:ss | DD.MM.YYYY" into Go's layouts; one
// of the patterns may be auto.
func layoutsOf(format string) ([]string, error) {
	var out []string
	for pattern := range strings.SplitSeq(format, "|") {
		pattern = strings.TrimSpace(pattern)
		if pattern == TimeAuto && strings.Contains(format, "|") {
			out = append(out, autoLayouts...)
			continue
		}
		layout, err := layoutOf(pattern)
		if err != nil {
			return nil, err
		}
		out = append(out, layout)
	}
	return out, nil
}

func layoutOf(pattern string) (string, error) {
	var parts []string // tokens and what is between them, in turn
	token := func(s string) int {
		return slices.IndexFunc(timeTokens, func(t struct{ name, padded, loose string }) bool { return strings.HasPrefix(s, t.name) })
	}
	loose := true // two tokens side by side need all their digits
	count, wasToken := map[string]int{}, false
	for rest := pattern; rest != ""; {
		i := token(rest)
		n := 1
		switch {
		case i >= 0:
			n = len(timeTokens[i].name)
			loose = loose && !wasToken
			count[timeTokens[i].name]++
		case strings.HasPrefix(rest, "GMT"), strings.HasPrefix(rest, "UTC"):
			n = 3
		case !strings.ContainsRune(" -/.:,TZ", rune(rest[0])):
			return "", fmt.Errorf("time_format %q has %q in it: %s", clip(pattern), clip(rest), timeHelp)
		}
		parts = append(parts, rest[:n])
		rest, wasToken = rest[n:], i >= 0
	}
	for _, need := range [][]string{{"YYYY", "YY"}, {"MM", "MMM"}, {"DD"}} {
		n := 0
		for _, name := range need {
			n += count[name]
		}
		if n != 1 {
			return "", fmt.Errorf("time_format %q does not have %s once: %s", clip(pattern), strings.Join(need, " or "), timeHelp)
		}
	}
	for i, p := range parts {
		t := token(p)
		switch {
		case t < 0:
		case p == "hh" && count["AP"] > 0 && loose:
			parts[i] = "3"
		case p == "hh" && count["AP"] > 0:
			parts[i] = "03"
		case loose:
			parts[i] = timeTokens[t].loose
		default:
			parts[i] = timeTokens[t].padded
		}
	}
	return strings.Join(parts, ""), nil
}
