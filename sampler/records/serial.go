package records

import (
	"errors"
	"fmt"
	"math/big"
	"strings"

	"selfaudit/sampler"
)

// Ways to write a serial number.
const (
	SerialAuto    = "auto"
	SerialHex     = "hex"
	SerialDecimal = "decimal"
)

// maxSerialText bounds the text of a serial number: 128 bytes in hex with separators.
const maxSerialText = 512

// cleanSerial takes off what spreadsheets and people put around a serial number.
func cleanSerial(s string) string {
	s = strings.TrimSpace(s)
	if strings.HasPrefix(s, `="`) && strings.HasSuffix(s, `"`) && len(s) >= 3 { // keeps Excel from counting
		s = s[2 : len(s)-1]
	}
	return strings.TrimSpace(strings.TrimPrefix(s, "'"))
}

// errScientific is what is left of a number that a spreadsheet has rounded.
var errScientific = errors.New("the number was rounded by a spreadsheet and its digits are lost: export the column as text, straight from the database, without opening it in a spreadsheet")

// scientific recognises 1.23E+20 and 1,23E+20.
func scientific(s string) bool {
	at := strings.IndexAny(s, "eE")
	if at < 1 || at == len(s)-1 {
		return false
	}
	mantissa, exponent := s[:at], s[at+1:]
	fraction := strings.ContainsAny(mantissa, ".,")
	if !fraction && exponent[0] != '+' {
		return false // 1E20 is hex
	}
	digits := func(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }
	return digits(strings.NewReplacer(".", "", ",", "").Replace(mantissa)) && digits(strings.TrimLeft(exponent, "+-"))
}

// ParseSerial reads a serial number in hex (0x, colons, spaces and leading zeros are fine)
// or decimal digits.
func ParseSerial(text, format string) (sampler.Serial, error) {
	s := cleanSerial(text)
	switch {
	case s == "":
		return "", errors.New("no serial number")
	case len(s) > maxSerialText:
		return "", fmt.Errorf("the serial number has %d characters", len(s))
	case scientific(s):
		return "", errScientific
	}
	negative := strings.HasPrefix(s, "-")
	s = strings.TrimPrefix(s, "-")
	var digits string
	switch format {
	case SerialDecimal:
		digits = strings.NewReplacer(" ", "", "\u00a0", "").Replace(s)
		if digits == "" || strings.Trim(digits, "0123456789") != "" {
			return "", fmt.Errorf("%q is not a decimal number", clip(text))
		}
		n, _ := new(big.Int).SetString(digits, 10)
		digits = n.Text(16)
	case SerialHex:
		digits = strings.ToLower(strings.NewReplacer(" ", "", ":", "", "\u00a0", "").Replace(s))
		digits = strings.TrimPrefix(digits, "0x")
		if digits == "" || strings.Trim(digits, "0123456789abcdef") != "" {
			return "", fmt.Errorf("%q is not a hexadecimal number", clip(text))
		}
	default:
		return "", fmt.Errorf("serial_format is %q: it must be hex or decimal", format)
	}
	digits = strings.TrimLeft(digits, "0")
	if len(digits)%2 == 1 {
		digits = "0" + digits
	}
	if digits == "" {
		digits, negative = "00", false
	}
	if negative {
		digits = "-" + digits
	}
	return sampler.ParseSerial(digits)
}

// serialEvidence collects what a column's texts say about how its numbers are written.
type serialEvidence struct {
	rounded int64
	others  int64  // texts that are no number, in hex or decimal
	digits  int64  // texts of digits alone
	sample  string // the first of them
	long    string // the first of them that is longer than 20 octets in hex are
	hex     string // the first text that can only be hex
}

// maxHexDigits is the length of a serial number of 20 octets (RFC 5280 section 4.1.2.2).
const maxHexDigits = 40

func (e *serialEvidence) add(text string) {
	s := strings.TrimPrefix(cleanSerial(text), "-")
	switch {
	case s == "":
		return
	case scientific(s):
		e.rounded++
		return
	}
	bare := strings.NewReplacer(" ", "", "\u00a0", "").Replace(s)
	switch {
	case bare == "":
	case strings.Trim(bare, "0123456789") == "":
		if e.digits++; e.digits == 1 {
			e.sample = s
		}
		if len(bare) > maxHexDigits && e.long == "" {
			e.long = s
		}
	case strings.Trim(strings.ToLower(bare), "0123456789abcdefx:") != "":
		e.others++
	case e.hex == "":
		e.hex = s
	}
}

// format decides, or says why it cannot be decided. What is no number in either way has no say: reading it gives the reason.
func (e *serialEvidence) format() (string, error) {
	switch {
	case e.hex != "" && e.long != "":
		return "", &AmbiguousError{err: fmt.Errorf("%q can only be hexadecimal, but %q is too long for that: is this the column of serial numbers? Set serial_format", clip(e.hex), clip(e.long))}
	case e.long != "":
		return SerialDecimal, nil
	case e.hex != "" || e.digits == 0:
		return SerialHex, nil
	}
	which := fmt.Sprintf("all %d serial numbers consist of digits alone, such as %q", e.digits, clip(e.sample))
	if e.digits == 1 {
		which = fmt.Sprintf("the only serial number, %q, consists of digits alone", clip(e.sample))
	}
	if others := e.others + e.rounded; others > 0 {
		which += fmt.Sprintf(" (cells that are no serial number: %d)", others)
	}
	return "", &AmbiguousError{Sample: e.sample, err: fmt.Errorf("%s: hexadecimal or decimal? This is not guessed: set serial_format = \"hex\" or \"decimal\"", which)}
}

func clip(s string) string {
	const most = 60
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "…"
}
