package config

// raNone is the value of Audit.EVRA that declares that no registration authority does the
// final cross-correlation.
const raNone = "none"

// raRateBP is what is due, in basis points, of the classes of raClasses where a
// registration authority does the final cross-correlation and due diligence.
const raRateBP = 600

// raClasses are those classes, with the rule: CSBR 8.7 asks six percent of EV and of
// Non-EV code signing certificates, each.
var raClasses = map[string]string{"ev": "EVG 8.1.1", "cs": "CSBR 8.7", "csev": "CSBR 8.7"}

// checkClassRate refuses the rate of a [[stratum]] that names its class and is below what
// is due of the class.
func (c *Config) checkClassRate(t *table, s Stratum) {
	if s.RateBP == 0 {
		return
	}
	cite, doubled := raClasses[s.Class]
	switch {
	case s.Class == "other" && s.RateBP < 10000:
		t.problem("rate", "rate %s is below 100%%: certificates of class other are undecided and reviewed in full (draw protocol 4)", quote(FormatRate(s.RateBP)))
	case doubled && s.RateBP < raRateBP && c.Audit.EVRA != raNone:
		t.problem("rate", "rate %s is below 6%%, which is due of class %s where a registration authority does the final cross-correlation (%s): use 6%% or more, or, if none does, declare ev_ra = \"none\" in [audit]",
			quote(FormatRate(s.RateBP)), s.Class, cite)
	}
}
