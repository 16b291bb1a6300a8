package sampler

import (
	"math/big"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

const keyA = "165e0a5291a0ccd9ad6dfe60c977b63a9b6471fa3b7b4a45d39dcbdb9e42130f"

func TestSerialFromInteger(t *testing.T) {
	for _, tc := range []struct {
		content string
		want    Serial
	}{
		{"", "00"},
		{"\x00", "00"},
		{"\x00\x00", "00"},
		{"\x01", "01"},
		{"\x7f", "7f"},
		{"\x00\x80", "80"},
		{"\x00\x00\x12\x34", "1234"},
		{"\x10\x00", "1000"},
		{"\xff", "-01"},
		{"\xff\xff", "-01"},
		{"\x80", "-80"},
		{"\xff\x7f", "-81"},
		{"\xff\x00", "-0100"},
		{"\x80\x00", "-8000"},
	} {
		if got := SerialFromInteger([]byte(tc.content)); got != tc.want {
			t.Errorf("SerialFromInteger(%x) = %q, want %q", tc.content, got, tc.want)
		}
	}
}

func TestSerialFromIntegerMatchesBigInt(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		content := rapid.SliceOfN(rapid.Byte(), 1, maxSerialBytes).Draw(t, "content")
		n := new(big.Int).SetBytes(content)
		if content[0]&0x80 != 0 {
			n.Sub(n, new(big.Int).Lsh(big.NewInt(1), uint(8*len(content))))
		}
		digits := new(big.Int).Abs(n).Text(16)
		if len(digits)%2 != 0 {
			digits = "0" + digits
		}
		if n.Sign() < 0 {
			digits = "-" + digits
		}
		got := SerialFromInteger(content)
		if string(got) != digits {
			t.Fatalf("got %s, want %s", got, digits)
		}
		if back, err := ParseSerial(digits); err != nil || back != got {
			t.Fatalf("ParseSerial(%s) = %s, %v", digits, back, err)
		}
	})
}

func TestParseItemID(t *testing.T) {
	long := strings.Repeat("ab", maxSerialBytes)
	for _, good := range []string{":00", ":01", ":-01", ":" + long, ":-" + long, ":0a00"} {
		id, err := ParseItemID(keyA + good)
		if err != nil {
			t.Errorf("%s: %v", good, err)
		} else if id.String() != keyA+good {
			t.Errorf("%s became %s", good, id)
		}
	}
	for name, bad := range map[string]string{
		"leading 00":       keyA + ":0012",
		"two zero bytes":   keyA + ":0000",
		"negative zero":    keyA + ":-00",
		"negative leading": keyA + ":-0080",
		"half byte":        keyA + ":123",
		"no serial":        keyA + ":",
		"only sign":        keyA + ":-",
		"two signs":        keyA + ":--01",
		"plus sign":        keyA + ":+01",
		"upper case":       keyA + ":AB",
		"too long":         keyA + ":" + long + "ab",
		"space":            keyA + ":01 ",
		"newline":          keyA + ":01\n",
		"upper-case key":   strings.ToUpper(keyA) + ":01",
		"short key":        keyA[1:] + ":01",
		"slash":            keyA + "/01",
		"empty":            "",
	} {
		if id, err := ParseItemID(bad); err == nil {
			t.Errorf("%s: accepted as %s", name, id)
		}
	}
}

func TestRowKey(t *testing.T) {
	id, err := ParseItemID(keyA + ":07041218b7c1015cff988571fce9c43b")
	if err != nil {
		t.Fatal(err)
	}
	// printf %s ITEM | sha256sum | cut -c1-16
	if want := HashDoc([]byte(id.String())).String()[:16]; id.RowKey() != want {
		t.Errorf("row key %s, want %s", id.RowKey(), want)
	}
}

func TestParseStratumID(t *testing.T) {
	for _, good := range []string{"/dv", "/cs", "/csev", "/other", "/ca", "/dv/a", "/dv/0-", "/ov/" + strings.Repeat("z", 32)} {
		id, err := ParseStratumID(keyA + good)
		if err != nil {
			t.Errorf("%s: %v", good, err)
		} else if id.String() != keyA+good {
			t.Errorf("%s became %s", good, id)
		}
	}
	for _, bad := range []string{"", "/", "/dvv", "/DV", "/dv/", "/dv/-a", "/dv/A", "/dv/a/b", "/dv/a_b", "/dv\n", ":dv", "/ov/" + strings.Repeat("z", 33)} {
		if id, err := ParseStratumID(keyA + bad); err == nil {
			t.Errorf("%q accepted as %s", bad, id)
		}
	}
}

// TestOrders shows that Compare orders like the strings do, which LC_ALL=C sort
// and the reference implementation go by.
func TestOrders(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := genItemID().Draw(t, "a"), genItemID().Draw(t, "b")
		if got, want := a.Compare(b), strings.Compare(a.String(), b.String()); got != want {
			t.Fatalf("items %s and %s: %d, want %d", a, b, got, want)
		}
		x, y := genStratumID(a.Issuer).Draw(t, "x"), genStratumID(b.Issuer).Draw(t, "y")
		if got, want := x.Compare(y), strings.Compare(x.String(), y.String()); got != want {
			t.Fatalf("strata %s and %s: %d, want %d", x, y, got, want)
		}
		back, err := ParseStratumID(x.String())
		if err != nil || back != x {
			t.Fatalf("%s read back as %s, %v", x, back, err)
		}
	})
}

func TestHashText(t *testing.T) {
	h, err := ParseKeyHash(keyA)
	if err != nil || h.String() != keyA || h.IsZero() {
		t.Fatalf("%s, %v", h, err)
	}
	for _, bad := range []string{"", keyA[:63], keyA + "0", strings.ToUpper(keyA), "g" + keyA[1:], " " + keyA[1:]} {
		if _, err := ParseKeyHash(bad); err == nil {
			t.Errorf("key hash %q accepted", bad)
		}
		if err := new(CertHash).UnmarshalText([]byte(bad)); err == nil {
			t.Errorf("certificate hash %q accepted", bad)
		}
		if err := new(DocHash).UnmarshalText([]byte(bad)); err == nil {
			t.Errorf("document hash %q accepted", bad)
		}
	}
}

// genItemID draws from few issuers and short serials, so that prefixes and
// equal parts come up.
func genItemID() *rapid.Generator[ItemID] {
	return rapid.Custom(func(t *rapid.T) ItemID {
		issuer := KeyHash{31: rapid.Byte().Draw(t, "issuer") % 3}
		n := rapid.SliceOfN(rapid.SampledFrom([]byte{0, 1, 0x7f, 0x80, 0xff}), 0, 4).Draw(t, "serial")
		return ItemID{Issuer: issuer, Serial: SerialFromInteger(n)}
	})
}

func genStratumID(issuer KeyHash) *rapid.Generator[StratumID] {
	return rapid.Custom(func(t *rapid.T) StratumID {
		return StratumID{
			Issuer: issuer,
			Class:  rapid.SampledFrom(classes).Draw(t, "class"),
			Label:  rapid.SampledFrom([]string{"", "a", "a-", "a0", "ra-1", "0"}).Draw(t, "label"),
		}
	})
}

func FuzzSerialFromInteger(f *testing.F) {
	f.Add([]byte{0xff, 0x7f})
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, content []byte) {
		s := SerialFromInteger(content)
		if _, err := ParseSerial(string(s)); err != nil && len(content) <= maxSerialBytes {
			t.Fatalf("%x gives %q: %v", content, s, err)
		}
	})
}

func FuzzParseItemID(f *testing.F) {
	f.Add(keyA + ":00")
	f.Add(keyA + ":-80")
	f.Fuzz(func(t *testing.T, s string) {
		if id, err := ParseItemID(s); err == nil && id.String() != s {
			t.Fatalf("%q became %q", s, id)
		}
	})
}

func FuzzParseStratumID(f *testing.F) {
	f.Add(keyA + "/csev/a-0")
	f.Fuzz(func(t *testing.T, s string) {
		if id, err := ParseStratumID(s); err == nil && (id.String() != s || id.check() != nil) {
			t.Fatalf("%q became %q", s, id)
		}
	})
}

func TestClassesHaveNamesAndCitations(t *testing.T) {
	for _, c := range classes {
		if got, err := ParseClass(string(c)); err != nil || got != c {
			t.Errorf("%s: %s, %v", c, got, err)
		}
		if c.Citation() == "" {
			t.Errorf("%s has no citation", c)
		}
	}
	if _, err := ParseClass("tls"); err == nil {
		t.Error("class tls accepted")
	}
	if slices.Contains(classes, "") {
		t.Error("empty class")
	}
}
