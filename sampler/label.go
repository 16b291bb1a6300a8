package sampler

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
)

// LabelUnassigned is the stratum label of items for which the CA's columns say nothing.
const LabelUnassigned = "unassigned"

// hashedPrefix is how much of a slug stays in front of a hash: 32 less a dash and 8 digits.
const hashedPrefix = maxLabel - 9

// LabelText writes the values of the columns by, in their order, so that different values
// give different texts: registration_authority="North"; profile="".
func LabelText(by, values []string) string {
	parts := make([]string, len(by))
	for i, column := range by {
		parts[i] = fmt.Sprintf("%s=%q", column, values[i])
	}
	return strings.Join(parts, "; ")
}

// LabelForms returns the two labels that a text of LabelText can have: the plain one, ""
// if there is none, and the one with a hash, which it takes if another text has the same
// plain one. Values that are all empty have LabelUnassigned alone.
func LabelForms(by, values []string) (plain, hashed string) {
	empty := true
	parts := make([]string, len(values))
	for i, v := range values {
		text := asciiLetters(v) // "ü" as "ue", so that labels stay readable
		parts[i] = Slug(text, len(text))
		if v == "" {
			parts[i] = LabelUnassigned
		} else {
			empty = false
		}
	}
	if empty {
		return LabelUnassigned, ""
	}
	base := strings.Trim(strings.Join(parts, "-"), "-")
	sum := sha256.Sum256([]byte(LabelText(by, values)))
	hashed = strings.TrimRight(base[:min(len(base), hashedPrefix)], "-")
	if hashed == "" {
		hashed = "x"
	}
	hashed += "-" + hex.EncodeToString(sum[:4])
	if validLabel(base) && base != LabelUnassigned && !slices.Contains(parts, "") {
		plain = base
	}
	return plain, hashed
}

// Slug keeps letters and digits of ASCII, in lower case, with one hyphen for all between: at
// most so many bytes, none of them a hyphen at an end; "" if nothing is left.
func Slug(s string, most int) string {
	var b strings.Builder
	for _, r := range strings.ToLower(s) {
		switch {
		case r >= 'a' && r <= 'z' || r >= '0' && r <= '9':
			b.WriteRune(r)
		case b.Len() > 0 && !strings.HasSuffix(b.String(), "-"):
			b.WriteByte('-')
		}
		if b.Len() >= most {
			break
		}
	}
	return strings.TrimRight(b.String(), "-")
}

// Labels gives every combination of values its label. The result does not depend on the
// order: texts that would share a plain label all take the one with a hash.
func Labels(by []string, values [][]string) (map[string]string, error) {
	shared := map[string]int{}
	distinct := map[string][]string{}
	for _, v := range values {
		distinct[LabelText(by, v)] = v
	}
	for _, v := range distinct {
		if plain, _ := LabelForms(by, v); plain != "" {
			shared[plain]++
		}
	}
	out := map[string]string{}
	texts := map[string]string{}
	keys := make([]string, 0, len(distinct))
	for text := range distinct {
		keys = append(keys, text)
	}
	slices.Sort(keys)
	for _, text := range keys {
		plain, hashed := LabelForms(by, distinct[text])
		label := plain
		if plain == "" || shared[plain] > 1 {
			label = hashed
		}
		if other, taken := texts[label]; taken {
			return nil, fmt.Errorf("the texts %.200q and %.200q give one stratum label, %s: change one of them", other, text, label)
		}
		texts[label], out[text] = text, label
	}
	return out, nil
}
