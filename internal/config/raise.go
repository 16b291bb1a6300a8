package config

import "fmt"

// citeRate is where the least rate comes from.
const citeRate = `TLS BR 8.7: "at least three percent"`

// MinMinimum is the least Audit.Minimum beside 0. The number is that of the proposal
// max(min(5, N), ceil(3 %)), mozilla/pkipolicy issue 83; less would be no more than what
// the rules demand anyway.
const MinMinimum = 5

// Raise raises the sampling rules for one run: rate to rateBP basis points and floor to
// floor items in every stratum, also where an [[issuer]] has its own. Zero leaves a rule
// as it is. Lowering is refused, because who writes a command line must not weaken what
// the CA has laid down; so is everything below what the requirements allow.
func (c *Config) Raise(rateBP int, floor int64) error {
	switch {
	case rateBP != 0 && rateBP < MinRateBP:
		return fmt.Errorf("rate %s is below 3%%, the least that the Baseline Requirements allow (%s)", FormatRate(rateBP), citeRate)
	case rateBP > 10000:
		return fmt.Errorf("rate %s is above 100%%", FormatRate(rateBP))
	case rateBP != 0 && rateBP < c.Audit.RateBP:
		return fmt.Errorf("rate %s is below the %s of %s, which can only be raised here (%s)", FormatRate(rateBP), FormatRate(c.Audit.RateBP), c.File, citeRate)
	case floor < 0:
		return fmt.Errorf("floor %d is below 1, the least that the Baseline Requirements allow (TLS BR 8.7: \"the greater of one certificate or at least three percent\")", floor)
	case floor > MaxFloor:
		return fmt.Errorf("floor %d is above %d", floor, int64(MaxFloor))
	case floor != 0 && floor < c.Audit.Floor:
		return fmt.Errorf("floor %d is below the %d of %s, which can only be raised here", floor, c.Audit.Floor, c.File)
	}
	c.Audit.RateBP, c.Audit.Floor = max(c.Audit.RateBP, rateBP), max(c.Audit.Floor, floor)
	for i := range c.Issuers {
		if own := &c.Issuers[i]; own.RateBP != 0 {
			own.RateBP = max(own.RateBP, rateBP)
		}
		if own := &c.Issuers[i]; own.Floor != 0 {
			own.Floor = max(own.Floor, floor)
		}
	}
	for i := range c.Strata {
		if own := &c.Strata[i]; own.RateBP != 0 {
			own.RateBP = max(own.RateBP, rateBP)
		}
		if own := &c.Strata[i]; own.Floor != 0 {
			own.Floor = max(own.Floor, floor)
		}
	}
	return nil
}

// minimum reads [audit] minimum: 0, or at least MinMinimum.
func (t *table) minimum(key string) int64 {
	n := t.integer(key, 0, 0, MaxFloor)
	if n != 0 && n < MinMinimum {
		t.problem(key, "%s = %d is below the %d of the proposal max(min(5, N), ceil(3 %%)) (mozilla/pkipolicy issue 83): leave it out, or use floor", key, n, MinMinimum)
		return 0
	}
	return n
}
