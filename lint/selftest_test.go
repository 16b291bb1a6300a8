package lint

import (
	"strings"
	"testing"
)

func TestSelfTest(t *testing.T) {
	results, err := SelfTest()
	if err != nil || len(results) != 6 {
		t.Fatalf("%d results, %v", len(results), err)
	}
	engines := map[string]int{}
	for _, r := range results {
		engines[r.Engine]++
		if !r.OK {
			t.Errorf("%+v", r)
		}
	}
	if engines["own-loop"] != 3 || engines["zlint-loop"] != 3 {
		t.Errorf("engines: %v", engines)
	}
}

func TestSelfTestRefuses(t *testing.T) {
	cases := SelfTestCases()
	cases[0].Want = []string{"error e_sub_cert_eku_check"}
	results, err := selfTest(cases)
	if err == nil || !strings.Contains(err.Error(), "e_sub_cert_eku_check") || results[0].OK || !results[1].OK {
		t.Errorf("a finding that does not come: %v, %+v", err, results)
	}
	cases = SelfTestCases()
	cases[2].Want = cases[2].Want[:1]
	if _, err := selfTest(cases); err == nil {
		t.Error("a finding too many passes")
	}
	cases = SelfTestCases()
	cases[1].SHA256 = cases[0].SHA256
	if _, err := selfTest(cases); err == nil {
		t.Error("another certificate passes")
	}
}
