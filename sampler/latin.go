package sampler

import "strings"

// latinLetters are the lower-case letters of European alphabets with what is written for them in
// ASCII: German umlauts as Germans write them, else the letter without its mark.
var latinLetters = func() map[rune]string {
	out := map[rune]string{}
	for ascii, letters := range map[string]string{
		"a": "àáâãåāăą", "ae": "äæ", "c": "çćĉċč", "d": "ðďđ", "e": "èéêëēĕėęě", "g": "ĝğġģ", "h": "ĥħ", "i": "ìíîïĩīĭįı", "ij": "ĳ", "j": "ĵ", "k": "ķĸ",
		"l": "ĺļľŀł", "n": "ñńņňŉŋ", "o": "òóôõøōŏő", "oe": "öœ", "r": "ŕŗř", "s": "śŝşšſș", "ss": "ß", "t": "ţťŧț", "th": "þ", "u": "ùúûũūŭůűų", "ue": "ü",
		"w": "ŵ", "y": "ýÿŷ", "z": "źżž",
	} {
		for _, r := range letters {
			out[r] = ascii
		}
	}
	return out
}()

// asciiLetters writes a text in lower case with the Latin letters outside ASCII by letters of it:
// "Größe Süd" gives "groesse sued". Letters of other scripts stay as they are. Marks that follow
// their letter as characters of their own (NFD, as some systems write) give the same.
func asciiLetters(s string) string {
	var b strings.Builder
	var before rune
	for _, r := range strings.ToLower(s) {
		switch ascii, ok := latinLetters[r]; {
		case ok:
			b.WriteString(ascii)
		case r == 0x308 && strings.ContainsRune("aou", before): // diaeresis
			b.WriteByte('e')
		case r >= 0x300 && r <= 0x36f: // other combining marks
		default:
			b.WriteRune(r)
		}
		before = r
	}
	return b.String()
}
