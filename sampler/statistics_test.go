package sampler

import (
	"encoding/csv"
	"math"
	"os"
	"strconv"
	"strings"
	"testing"
)

// TestStatisticsVectors checks every row of the reference table, computed with
// exact integers by the independent implementation.
func TestStatisticsVectors(t *testing.T) {
	f, err := os.Open("testdata/hypergeometric-vectors.csv")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	if len(rows) != 275 {
		t.Fatalf("%d rows, want header and 274", len(rows))
	}
	integer := func(s string) int64 {
		n, err := strconv.ParseInt(s, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	near := func(got float64, want string) bool {
		w, err := strconv.ParseFloat(want, 64)
		if err != nil {
			t.Fatal(err)
		}
		return math.Abs(got-w) <= 1e-9*math.Max(1e-3, math.Abs(w))
	}
	for _, row := range rows[1:] {
		N, n, x := integer(row[0]), integer(row[1]), integer(row[2])
		num, den, _ := strings.Cut(row[3], "/")
		bound := UpperBound(N, n, x, integer(num), integer(den))
		if bound != integer(row[4]) {
			t.Errorf("N=%d n=%d x=%d risk %s: bound %d, want %s", N, n, x, row[3], bound, row[4])
		}
		if !near(float64(bound)/float64(N), row[5]) {
			t.Errorf("N=%d n=%d x=%d risk %s: rate %v, want %s", N, n, x, row[3], float64(bound)/float64(N), row[5])
		}
		if got := ClopperPearsonUpper(n, x, float64(integer(num))/float64(integer(den))); !near(got, row[6]) {
			t.Errorf("N=%d n=%d x=%d risk %s: Clopper-Pearson %v, want %s", N, n, x, row[3], got, row[6])
		}
		if got := Detect(N, n, (N+99)/100); !near(got, row[7]) {
			t.Errorf("N=%d n=%d: detect %v, want %s", N, n, got, row[7])
		}
	}
}

// TestUpperBoundBruteForce compares the bisection with trying every D in exact
// integers, for all small populations; ties with the risk come up here.
func TestUpperBoundBruteForce(t *testing.T) {
	for N := int64(1); N <= 20; N++ {
		for n := int64(0); n <= N; n++ {
			for x := int64(0); x <= n; x++ {
				want := x
				for D := x; D <= N-(n-x); D++ {
					if max(0, n-(N-D)) <= x && exactTailAtLeast(N, D, n, x, 1, 20) {
						want = D
					}
				}
				if got := UpperBound(N, n, x, 1, 20); got != want {
					t.Fatalf("N=%d n=%d x=%d: %d, want %d", N, n, x, got, want)
				}
			}
		}
	}
}

func TestUpperBoundNonsense(t *testing.T) {
	for _, tc := range []struct{ population, sample, bad, num, den, want int64 }{
		{0, 0, 0, 1, 20, 0}, {-5, 0, 0, 1, 20, 0}, {10, 11, 0, 1, 20, 10}, {10, 5, 6, 1, 20, 10}, {10, 5, -1, 1, 20, 10},
		{10, 5, 0, 0, 20, 10}, {10, 5, 0, 1, 0, 10}, {10, 0, 0, 1, 20, 10}, {10, 10, 3, 1, 20, 3},
	} {
		if got := UpperBound(tc.population, tc.sample, tc.bad, tc.num, tc.den); got != tc.want {
			t.Errorf("UpperBound(%d, %d, %d, %d/%d) = %d, want %d", tc.population, tc.sample, tc.bad, tc.num, tc.den, got, tc.want)
		}
	}
	if got := ClopperPearsonUpper(0, 0, 0.05); got != 1 {
		t.Errorf("Clopper-Pearson of nothing is %v", got)
	}
	for _, tc := range []struct {
		population, sample, bad int64
		want                    float64
	}{{10, 0, 5, 0}, {10, 5, 0, 0}, {10, 6, 5, 1}, {0, 0, 0, 0}, {10, 99, 99, 1}, {100, 3, 1, 0.03}} {
		if got := Detect(tc.population, tc.sample, tc.bad); math.Abs(got-tc.want) > 1e-12 {
			t.Errorf("Detect(%d, %d, %d) = %v, want %v", tc.population, tc.sample, tc.bad, got, tc.want)
		}
	}
}

func BenchmarkUpperBound(b *testing.B) {
	for b.Loop() {
		UpperBound(1_000_000, 30_000, 17, 1, 20)
	}
}
