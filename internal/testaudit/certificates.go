package testaudit

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"strings"
	"time"

	"selfaudit/internal/testlog"
	"selfaudit/internal/testpki"
	"selfaudit/sampler"
)

// issued is one item with its certificates and entries in the log.
type issued struct {
	item    sampler.ItemID
	stratum sampler.StratumID
	issuer  *testpki.CA
	finals  [][]byte // usually one; none for a precertificate alone; two for a doubled serial
	precert []byte
	tbs     []byte // of the precertificate entry
	at      time.Time
	from    time.Time
	to      time.Time
}

var policies = map[sampler.Class]string{
	sampler.ClassDV: "2.23.140.1.2.1", sampler.ClassOV: "2.23.140.1.2.2", sampler.ClassIV: "2.23.140.1.2.3",
	sampler.ClassEV: "2.23.140.1.1", sampler.ClassSMIME: "2.23.140.1.5.1.3", sampler.ClassCS: "2.23.140.1.4.1",
}

// pick is a number below n that follows from the names.
func pick(n uint64, names ...any) uint64 {
	h := sha256.Sum256([]byte(fmt.Sprint(names...)))
	return binary.BigEndian.Uint64(h[:]) % n
}

// Subjects and names that try to be something else when they are shown.
var hostileNames = []string{
	`=HYPERLINK("https://evil.test","click")`, "+1+1", "-2+3", "@SUM(A1:A9)", "\t=1+1", "admin\u202egnp.exe",
	"bell\x07 escape\x1b[31m nul\x00", "_x0041__x005F_", "line one\nline two", "zero\u200bwidth \ufffe", "<f>1+1</f>&amp;\"'",
	strings.Repeat("long name ", 4000),
}

// certificates issues everything of one CA.
func (o Options) certificates(ca *testpki.CA, is Issuer) []issued {
	start, end, _, _ := o.period()
	key := sampler.KeyHash(ca.IssuerKeyHash())
	var out []issued
	for i := range is.Count {
		name := fmt.Sprintf("%s %d", is.Label, i)
		at := start.Add(time.Duration(pick(uint64(end.Sub(start)/time.Second), "at", name)) * time.Second)
		t := testpki.Template{Seed: name, NotBefore: at.Add(-time.Hour), NotAfter: at.Add(89 * 24 * time.Hour),
			DNSNames: []string{fmt.Sprintf("host%d.%s.example.com", i, slug(is.Label))}, Policies: []string{policies[is.Class]},
			Subject: subject(is.Class, i)}
		if is.Class == sampler.ClassSMIME {
			t.EKUs, t.DNSNames = []string{"1.3.6.1.5.5.7.3.4"}, []string{}
		}
		o.plant(&t, i)
		serial := sha256.Sum256([]byte("serial " + name))
		serial[0] = serial[0]&0x7f | 0x40
		t.Serial = serial[:16]
		if pick(9, "short serial", name) == 0 {
			t.Serial = serial[:9]
		}
		if pick(40, "long serial", name) == 0 {
			t.Serial = serial[:20]
		}
		it := issued{item: sampler.ItemID{Issuer: key, Serial: sampler.SerialFromInteger(t.Serial)}, issuer: ca, at: at, from: t.NotBefore, to: t.NotAfter}
		it.stratum = sampler.StratumID{Issuer: key, Class: is.Class, Label: is.Tag}
		it.precert, it.tbs = ca.Precertificate(t), ca.TBS(t)
		doubled := !o.Flawless && i == 3 // another certificate under the same serial
		if doubled || pick(5, "precertificate alone", name) > 0 {
			var scts [][]byte
			if o.SCTs {
				scts = append(scts, testlog.SignSCT(testpki.ECKey(logKeySeed), ca.IssuerKeyHash(), it.tbs, uint64(at.UnixMilli()), nil))
			}
			it.finals = append(it.finals, ca.Certificate(t, scts...))
		}
		if doubled {
			t.DNSNames = append(t.DNSNames, "another.example.com")
			it.finals = append(it.finals, ca.Certificate(t))
		}
		out = append(out, it)
	}
	return out
}

// plant makes some certificates wrong, and with Hostile their names nasty.
func (o Options) plant(t *testpki.Template, i int) {
	if o.Hostile {
		bad := hostileNames[i%len(hostileNames)]
		t.Subject = testpki.Name(testpki.CN(bad), testpki.O(bad))
		if i/len(hostileNames)%2 == 0 && len(bad) < 200 {
			t.DNSNames[0] = bad
		}
	}
	if o.Flawless {
		return
	}
	switch pick(uint64(o.OneIn), "defect", t.Seed) {
	case 0:
		t.DNSNames = []string{"under_score.example.com"}
	case 1:
		t.NotAfter = t.NotBefore.Add(420 * 24 * time.Hour)
	case 2:
		t.Subject = testpki.Name(testpki.C("XX"), testpki.O("Nowhere Ltd"), testpki.OU("Unit"))
	}
}

// subject is what a certificate of a class says about its holder.
func subject(c sampler.Class, i int) []byte {
	towns := []string{"Lausanne", "Aarhus", "Porto", "Tartu", "Graz"}
	org := fmt.Sprintf("Example Works %d SA", i)
	switch c {
	case sampler.ClassOV, sampler.ClassCS:
		return testpki.Name(testpki.C("CH"), testpki.ST(towns[i%len(towns)]), testpki.O(org))
	case sampler.ClassEV:
		return testpki.Name(testpki.Business("Private Organization"),
			testpki.Attribute{OID: "1.3.6.1.4.1.311.60.2.1.3", Value: "CH", Tag: 0x13},
			testpki.Attribute{OID: "2.5.4.5", Value: fmt.Sprintf("CHE-%09d", i), Tag: 0x13},
			testpki.C("CH"), testpki.Attribute{OID: "2.5.4.7", Value: towns[i%len(towns)]}, testpki.O(org))
	}
	return nil
}

func slug(label string) string {
	return strings.ToLower(strings.Trim(strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' {
			return r
		}
		return '-'
	}, label), "-"))
}
