package sampler

import (
	"math"
	"testing"
)

func TestCounted(t *testing.T) {
	for n, want := range map[int64]string{0: "0 logs", 1: "1 log", 2: "2 logs", -1: "-1 logs", 1000: "1,000 logs", math.MaxInt64: "9,223,372,036,854,775,807 logs",
		math.MinInt64: "-9,223,372,036,854,775,808 logs"} {
		if got := Counted(n, "log", "logs"); got != want {
			t.Errorf("%d: %s, want %s", n, got, want)
		}
	}
	if got := Counted(uint64(math.MaxUint64), "entry", "entries"); got != "18,446,744,073,709,551,615 entries" {
		t.Error(got)
	}
}
