package sampler

import (
	"math"
	"math/big"
)

// UpperBound returns the exact one-sided upper confidence bound on the number
// of bad items in a population of which sample were drawn and bad of them were
// bad: max { D : P(X <= bad) >= risk }, X hypergeometric, risk = riskNum/riskDen
// (protocol section 13). Arguments that make no sense (not 0 <= bad <= sample <=
// population, risk not positive) prove nothing: the result is then the whole population.
func UpperBound(population, sample, bad int64, riskNum, riskDen int64) int64 {
	if population <= 0 {
		return 0
	}
	if bad < 0 || bad > sample || sample > population || riskNum <= 0 || riskDen <= 0 {
		return population
	}
	// D is at least what was seen and leaves room for the good ones seen.
	// P(X <= bad) falls as D grows.
	low, high := bad, population-(sample-bad)
	for low < high {
		middle := low + (high-low+1)/2
		if tailAtLeast(population, middle, sample, bad, riskNum, riskDen) {
			low = middle
		} else {
			high = middle - 1
		}
	}
	return low
}

// tailAtLeast reports whether P(X <= x) >= risk for X hypergeometric with N
// items, D bad and n drawn. Floating point decides unless the two are too
// close for its error; then exact integers do.
func tailAtLeast(N, D, n, x int64, riskNum, riskDen int64) bool {
	if max(0, n-(N-D)) > x {
		return false
	}
	difference := logTail(N, D, n, x) - (math.Log(float64(riskNum)) - math.Log(float64(riskDen)))
	// Each of the nine log-gamma terms is as large as that of N and off by
	// a few units in its last place.
	tolerance := 1e-9 + 64*0x1p-52*logGamma(N+1)
	if math.Abs(difference) > tolerance {
		return difference > 0
	}
	return exactTailAtLeast(N, D, n, x, riskNum, riskDen)
}

// logTail returns ln P(X <= x), summing up the terms from the first possible
// one by their recurrence (protocol section 13).
func logTail(N, D, n, x int64) float64 {
	first := max(0, n-(N-D))
	term := logChoose(D, first) + logChoose(N-D, n-first) - logChoose(N, n)
	sum := term
	for i := first; i < min(x, n, D); i++ {
		term += math.Log(float64(D-i)) + math.Log(float64(n-i)) - math.Log(float64(i+1)) - math.Log(float64(N-D-n+i+1))
		high, low := max(sum, term), min(sum, term)
		sum = high + math.Log1p(math.Exp(low-high))
	}
	return sum
}

func logChoose(n, k int64) float64 {
	return logGamma(n+1) - logGamma(k+1) - logGamma(n-k+1)
}

func logGamma(n int64) float64 {
	v, _ := math.Lgamma(float64(n))
	return v
}

// exactTailAtLeast is tailAtLeast in integers. It exchanges the roles of drawn
// and bad where that is cheaper: C(D,i) C(N-D,n-i) / C(N,n) equals
// C(n,i) C(N-n,D-i) / C(N,D).
func exactTailAtLeast(N, D, n, x int64, riskNum, riskDen int64) bool {
	if D < n {
		D, n = n, D
	}
	first := max(0, n-(N-D))
	term := new(big.Int).Mul(new(big.Int).Binomial(D, first), new(big.Int).Binomial(N-D, n-first))
	sum := new(big.Int).Set(term)
	for i := first; i < min(x, n, D); i++ {
		// Every intermediate product is divisible: it is the next term times the divisor.
		term.Mul(term, big.NewInt(D-i)).Mul(term, big.NewInt(n-i))
		term.Quo(term, big.NewInt(i+1))
		term.Quo(term, big.NewInt(N-D-n+i+1))
		sum.Add(sum, term)
	}
	all := new(big.Int).Binomial(N, n)
	return sum.Mul(sum, big.NewInt(riskDen)).Cmp(all.Mul(all, big.NewInt(riskNum))) >= 0
}

// Detect returns the chance that a sample contains at least one of the bad
// items: 1 - C(N-D,n)/C(N,n) (protocol section 13). Arguments outside the
// population count as its bounds.
func Detect(population, sample, bad int64) float64 {
	sample, bad = min(max(sample, 0), population), min(max(bad, 0), population)
	if population <= 0 || sample == 0 || bad == 0 {
		return 0
	}
	if sample > population-bad {
		return 1
	}
	// Symmetric in sample and bad: multiply over the fewer.
	steps, other := min(sample, bad), max(sample, bad)
	logMiss := 0.0
	for i := range steps {
		logMiss += math.Log1p(-float64(other) / float64(population-i))
	}
	return -math.Expm1(logMiss)
}

// ClopperPearsonUpper returns the one-sided upper bound on the share of bad
// items in an infinite population: p with BinomCDF(bad; sample, p) = risk. It
// is never below the exact bound; use it as a cross-check only (protocol
// section 13).
func ClopperPearsonUpper(sample, bad int64, risk float64) float64 {
	if bad >= sample || sample <= 0 || bad < 0 || !(risk > 0) {
		return 1
	}
	logRisk := math.Log(risk)
	logCDF := func(p float64) float64 {
		logP, logQ := math.Log(p), math.Log1p(-p)
		sum := math.Inf(-1)
		for i := int64(0); i <= bad; i++ {
			term := logChoose(sample, i) + float64(i)*logP + float64(sample-i)*logQ
			high, low := max(sum, term), min(sum, term)
			sum = high + math.Log1p(math.Exp(low-high))
		}
		return sum
	}
	low, high := 1e-300, 1-0x1p-53
	for range 200 {
		middle := low + (high-low)/2
		if logCDF(middle) >= logRisk {
			low = middle
		} else {
			high = middle
		}
	}
	return low
}
