package sampler

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
)

// EVRANone is the declaration that no registration authority does the final
// cross-correlation and due diligence for EV certificates (EVG 8.1.1) or for code signing
// certificates, EV and Non-EV (CSBR 8.7).
const EVRANone = "none"

// Smallest sizes that a class has beyond the general 3 % (protocol section 4).
const (
	raRateBP   = 600 // EVG 8.1.1 and, of each kind, CSBR 8.7, where a registration authority takes part
	smimeFloor = 30  // SBR 8.7: "the greater of thirty (30) Certificates or three percent"
)

// IssuerRule is what the CA sets for one issuer; a zero field means the default.
type IssuerRule struct {
	Label  string // for people; default: the beginning of the key hash
	RateBP int    // basis points; default: that of Rules
	Floor  int64  // items; default: that of Rules
}

// Rules are the CA's sampling rules of one audit; a zero field means the
// protocol's default (section 4). They can only raise what the rules require.
type Rules struct {
	RateBP  int    // basis points for every stratum; default 300
	Floor   int64  // least items per stratum; default 1
	EVRA    string // EVRANone, or anything else: 600 basis points for ev, cs and csev
	Issuers map[KeyHash]IssuerRule
	// Minimum is a floor that holds for every stratum beside all others, also beside an
	// issuer's own lower one; 0 = none. With 5 a stratum of N items gives
	// max(min(5, N), ceil(3 %)), the open proposal of mozilla/pkipolicy issue 83.
	Minimum int64
	// Strata are rules for single strata; of those that match, the last one that sets a
	// rate or a floor decides. They too can only raise what the class requires.
	Strata []SnapshotStratumRule
	// Labels are the words that people read for stratum labels (LabelWords); a label
	// without words stands for itself.
	Labels map[string]string
}

// Validate refuses rates below the required three percent or above all, and
// negative floors.
func (r Rules) Validate() error {
	if err := validateRate("rate", r.RateBP, r.Floor); err != nil {
		return err
	}
	if r.Minimum < 0 || r.Minimum > maxCount {
		return fmt.Errorf("minimum is %d; use 5 or more (mozilla/pkipolicy issue 83), or leave it out", r.Minimum)
	}
	for _, key := range r.issuers() {
		rule := r.Issuers[key]
		if err := validateRate(fmt.Sprintf("rate of issuer %s (%.80q)", key, rule.Label), rule.RateBP, rule.Floor); err != nil {
			return err
		}
	}
	for i, rule := range r.Strata {
		if err := r.validateStratum(fmt.Sprintf("[[stratum]] number %d", i+1), rule); err != nil {
			return err
		}
	}
	return nil
}

// validateStratum refuses a rule that names its class and is below what that requires.
func (r Rules) validateStratum(what string, rule SnapshotStratumRule) error {
	if err := validateRate("rate of "+what, rule.RateBP, rule.Floor); err != nil {
		return err
	}
	switch {
	case rule.RateBP == 0 && rule.Floor == 0:
		return fmt.Errorf("%s sets neither rate nor floor", what)
	case rule.RateBP == 0:
	case rule.Class == ClassOther && rule.RateBP < MaxRateBP:
		return fmt.Errorf("rate of %s is %d basis points: certificates of class other are undecided and reviewed in full (draw protocol 4); use %d", what, rule.RateBP, MaxRateBP)
	case rule.Class.DoubledByRA() && rule.RateBP < raRateBP && r.EVRA != EVRANone:
		return fmt.Errorf("rate of %s is %d basis points, below the six percent of %s where a registration authority does the final cross-correlation; use %d, or declare ev_ra = \"none\"", what, rule.RateBP, rule.Class.Citation(), raRateBP)
	}
	return nil
}

// forStratum returns the rate and floor that rules for single strata set; 0 for none.
func (r Rules) forStratum(id StratumID) (rateBP int, floor int64) {
	for _, s := range r.Strata {
		if !s.Issuer.IsZero() && s.Issuer != id.Issuer || s.Class != "" && s.Class != id.Class || s.Label != "" && s.Label != id.Label {
			continue
		}
		if s.RateBP != 0 {
			rateBP = s.RateBP
		}
		if s.Floor != 0 {
			floor = s.Floor
		}
	}
	return rateBP, floor
}

func validateRate(what string, rateBP int, floor int64) error {
	switch {
	case rateBP != 0 && rateBP < MinRateBP:
		return fmt.Errorf("%s is %d basis points, below the three percent that BR 8.7, EVG 8.1.1, SBR 8.7 and CSBR 8.7 require; use at least %d", what, rateBP, MinRateBP)
	case rateBP > MaxRateBP:
		return fmt.Errorf("%s is %d basis points, above all certificates; use at most %d", what, rateBP, MaxRateBP)
	case floor < 0 || floor > maxCount:
		return fmt.Errorf("floor beside %s is %d; use 1 or more, or leave it out", what, floor)
	}
	return nil
}

func (r Rules) issuers() []KeyHash {
	keys := make([]KeyHash, 0, len(r.Issuers))
	for k := range r.Issuers {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, func(a, b KeyHash) int { return bytes.Compare(a[:], b[:]) })
	return keys
}

// Plan turns item counts per stratum into the strata of the audit, ascending
// by id; strata without items are left out. It applies the defaults of
// protocol section 4 and never goes below them: rate 10000 for class other,
// 600 for ev, cs and csev unless EVRA is EVRANone, and for S/MIME a floor that
// together draws at least 30.
func (r Rules) Plan(counts map[StratumID]int64) ([]Stratum, error) {
	if err := r.Validate(); err != nil {
		return nil, fmt.Errorf("planning strata: %w", err)
	}
	ids := make([]StratumID, 0, len(counts))
	var smime int64
	for id, n := range counts {
		if n < 0 || n > maxCount {
			return nil, fmt.Errorf("planning strata: stratum %s has %d items", id, n)
		}
		if n == 0 {
			continue
		}
		ids = append(ids, id)
		if id.Class == ClassSMIME {
			smime += n
		}
	}
	slices.SortFunc(ids, StratumID.Compare)
	strata := make([]Stratum, 0, len(ids))
	for _, id := range ids {
		n := counts[id]
		s, err := NewStratum(id, n, r.rate(id), r.floor(id, n, smime), r.label(id))
		if err != nil {
			return nil, fmt.Errorf("planning strata: %w", err)
		}
		strata = append(strata, s)
	}
	return strata, nil
}

// rate returns the stratum's sampling rate: the issuer's own, else the
// audit's, else 3 %, raised to what the class requires.
func (r Rules) rate(id StratumID) int {
	rate := MinRateBP
	if r.RateBP != 0 {
		rate = r.RateBP
	}
	if own := r.Issuers[id.Issuer].RateBP; own != 0 {
		rate = own
	}
	if own, _ := r.forStratum(id); own != 0 {
		rate = own
	}
	switch {
	case id.Class == ClassOther:
		// Undecided certificates are reviewed in full: no rule can be
		// shown to be met by a share of them.
		return MaxRateBP
	case id.Class.DoubledByRA() && r.EVRA != EVRANone:
		// Without a declaration nobody can show that no registration authority
		// takes part, and drawing more than is due breaks no rule.
		rate = max(rate, raRateBP)
	}
	return rate
}

// DoubledByRA says whether six percent instead of three are due of the class where a
// registration authority does the final cross-correlation and due diligence: EV (EVG
// 8.1.1), and of code signing EV and Non-EV each (CSBR 8.7).
func (c Class) DoubledByRA() bool { return c == ClassEV || c == ClassCS || c == ClassCSEV }

// floor returns the stratum's least number of items. The 30 of SBR 8.7 count
// per CA, so they are shared out over all S/MIME strata, rounded up.
func (r Rules) floor(id StratumID, population, smime int64) int64 {
	floor := max(1, r.Floor)
	if own := r.Issuers[id.Issuer].Floor; own != 0 {
		floor = own
	}
	if _, own := r.forStratum(id); own != 0 {
		floor = own
	}
	floor = max(floor, r.Minimum)
	if id.Class == ClassSMIME {
		floor = max(floor, (smimeFloor*population+smime-1)/smime)
	}
	return floor
}

// label returns "<issuer label> <CLASS>", with the words of the stratum's own label behind.
func (r Rules) label(id StratumID) string {
	name := r.Issuers[id.Issuer].Label
	if name == "" {
		name = id.Issuer.String()[:16]
	}
	name += " " + strings.ToUpper(string(id.Class))
	if words := r.Labels[id.Label]; id.Label != "" && words != "" {
		name += " " + words
	} else if id.Label != "" {
		name += " " + id.Label
	}
	return name
}

// Citation returns the documents and sections that require the class to be
// sampled, for reports.
func (c Class) Citation() string {
	switch c {
	case ClassEV:
		return "BR 8.7; EVG 8.1.1"
	case ClassSMIME:
		return "SBR 8.7"
	case ClassCS, ClassCSEV:
		return "CSBR 8.7"
	default:
		return "BR 8.7"
	}
}
