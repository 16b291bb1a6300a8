package collect_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"selfaudit/internal/testlog"
	"selfaudit/internal/testpki"
	"selfaudit/sampler"
)

// TestDiffersFromEarlier lets certificates come to light under items of earlier
// populations: each is reported in the audit in which it is first seen, and never again.
func TestDiffersFromEarlier(t *testing.T) {
	const differs, several = "e_certificate_differs_from_earlier_population", "e_several_certificates_with_one_serial"
	type step struct {
		audit int
		what  byte // p, f: precertificate and certificate; P, F: of other content; 1, 2: certificates with SCTs
	}
	for name, c := range map[string]struct {
		steps []step
		lints [audits]string
	}{
		"certificate to the precertificate":           {[]step{{0, 'p'}, {1, 'f'}}, [audits]string{}},
		"another certificate":                         {[]step{{0, 'f'}, {1, 'F'}}, [audits]string{1: differs}},
		"another certificate, later":                  {[]step{{0, 'p'}, {1, 'f'}, {3, 'F'}}, [audits]string{3: differs}},
		"two certificates from the start":             {[]step{{0, 'f'}, {0, 'F'}}, [audits]string{0: several}},
		"certificate not to the precertificate":       {[]step{{0, 'p'}, {2, 'F'}}, [audits]string{2: differs}},
		"precertificate to another certificate too":   {[]step{{0, 'p'}, {1, 'P'}, {1, 'F'}}, [audits]string{1: differs}},
		"two certificates to the precertificate":      {[]step{{0, 'p'}, {1, '1'}, {1, '2'}}, [audits]string{1: several}},
		"one certificate after the other":             {[]step{{0, 'p'}, {1, '1'}, {2, '2'}}, [audits]string{2: several}},
		"precertificate after the certificate":        {[]step{{0, 'f'}, {1, 'p'}}, [audits]string{}},
		"other precertificate after the certificate":  {[]step{{0, 'f'}, {1, 'P'}}, [audits]string{}},
		"certificates with other SCTs, one after one": {[]step{{0, '1'}, {1, '2'}, {2, 'F'}}, [audits]string{1: differs, 2: differs}},
	} {
		chain := &chainOfAudits{notBefore: map[sampler.ItemID]time.Time{}, seen: map[sampler.ItemID]int{}}
		for _, s := range c.steps {
			// Everything is dated in the first period; what comes later was merged late.
			x := made{at: chainStart.AddDate(0, 0, 1), merged: periodOf(s.audit).PeriodEnd}
			x.der, x.tbs = certificateFor(s.what)
			chain.made = append(chain.made, x)
		}
		for k := range audits {
			d := chain.run(t, k)
			var lints []string
			for _, f := range d.findings {
				lints = append(lints, f.Lint)
				if f.InPopulation != (len(d.rows) == 1) {
					t.Errorf("%s: audit %d: finding %+v", name, k, f)
				}
			}
			if got := strings.Join(lints, " "); got != c.lints[k] {
				t.Errorf("%s: audit %d has the findings %q, want %q", name, k, got, c.lints[k])
			}
			if members := map[bool]int{true: 1}[k == 0]; len(d.rows) != members {
				t.Errorf("%s: audit %d has %d rows, want %d", name, k, len(d.rows), members)
			}
		}
	}
}

// certificateFor makes the certificates of one item: lower case of one content, upper case
// of another.
func certificateFor(what byte) (der, tbs []byte) {
	serial := []byte{0x42, 0x42}
	one := testpki.Template{Serial: serial, DNSNames: []string{"one.example"}}
	two := testpki.Template{Serial: serial, DNSNames: []string{"two.example"}}
	switch what {
	case 'p':
		return ourCA.Precertificate(one), ourCA.TBS(one)
	case 'P':
		return ourCA.Precertificate(two), ourCA.TBS(two)
	case 'f':
		return ourCA.Certificate(one), nil
	case 'F':
		return ourCA.Certificate(two), nil
	}
	sct := testlog.SignSCT(testpki.ECKey("unread log"), ourCA.IssuerKeyHash(), ourCA.TBS(one), uint64(chainStart.UnixMilli())+uint64(what), nil)
	return ourCA.Certificate(one, sct), nil
}

// TestEarlierPopulationDamaged gives Population an earlier population that is none.
func TestEarlierPopulationDamaged(t *testing.T) {
	c := newCollection(t, newIssuers(t, ourCA), openLog(t, static, writeLog(t, static, mixedEntries(20)), access{}))
	got := c.collect(t)
	d := freeze(t, got, ever)
	lines := strings.SplitAfter(d.population, "\n")
	slices.Reverse(lines[1:3])
	for _, bad := range []string{"", "something", strings.Join(lines, ""), d.population[:len(d.population)-3]} {
		_, err := got.Population(t.Context(), ever, readers(bad), func(sampler.Row) error { return nil }, func(sampler.ItemFinding) error { return nil })
		if err == nil {
			t.Errorf("the earlier population %.30q is taken", bad)
		}
	}
	if again := freeze(t, got, ever, d.population); len(again.rows) != 0 || again.res.Counts.InEarlier != 2 {
		t.Errorf("counts %+v", again.res.Counts)
	}
}
