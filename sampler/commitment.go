package sampler

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

const commitmentMagic = "selfaudit-commitment-v1"

// Values of commitment fields (protocol section 5).
const (
	ModeAudit     = "audit"
	ModeRehearsal = "rehearsal" // a practice run in no chain, never evidence
	BeaconDrand   = "drand"
	BeaconDice    = "dice"
	DrawMethod    = "bottom-k-sha256-v1"
	NoChain       = "none" // beacon-chain with dice
)

// Commitment is commitment.txt (protocol section 5). Its fields are the
// document's lines in order. Times are whole seconds in UTC; finer ones are
// rounded down when written.
type Commitment struct {
	AuditID            string // [A-Za-z0-9][A-Za-z0-9._-]{0,63}
	Mode               string // ModeAudit or ModeRehearsal
	ChainStart         time.Time
	PeriodStart        time.Time
	PeriodEnd          time.Time // exclusive
	PreviousCommitment DocHash   // zero = none
	Replaces           DocHash   // zero = none
	PopulationHash     DocHash
	PopulationCount    int64
	StrataHash         DocHash
	StrataCount        int64
	SnapshotHash       DocHash
	DrawMethod         string
	Beacon             string // BeaconDrand or BeaconDice
	BeaconChain        string // chain hash; NoChain with dice
	DrawLeadDays       int    // 1 to 120; 0 with dice
	BeaconRound        uint64 // RoundByRule; 0 with dice
	BeaconTime         time.Time
	CommittedAt        time.Time
	Contribution       string // "" or the auditor's commitment, 64 hex
}

// commitmentKeys are the keys in their order.
var commitmentKeys = [...]string{
	"audit-id", "mode", "chain-start", "period-start", "period-end",
	"previous-commitment", "replaces",
	"population-sha256", "population-count", "strata-sha256", "strata-count", "snapshot-sha256",
	"draw-method", "beacon", "beacon-chain", "draw-lead-days", "beacon-round", "beacon-time", "committed-at",
}

// Bytes returns commitment.txt after checking it by the rules of ParseCommitment.
func (c *Commitment) Bytes() ([]byte, error) {
	chain, lead, round := c.BeaconChain, strconv.Itoa(c.DrawLeadDays), strconv.FormatUint(c.BeaconRound, 10)
	if c.Beacon == BeaconDice {
		if chain == "" {
			chain = NoChain
		}
		if c.DrawLeadDays == 0 {
			lead = "none"
		}
		if c.BeaconRound == 0 {
			round = "none"
		}
	}
	values := [len(commitmentKeys)]string{
		c.AuditID, c.Mode, FormatTime(c.ChainStart), FormatTime(c.PeriodStart), FormatTime(c.PeriodEnd),
		c.PreviousCommitment.OrNone(), c.Replaces.OrNone(),
		c.PopulationHash.String(), strconv.FormatInt(c.PopulationCount, 10),
		c.StrataHash.String(), strconv.FormatInt(c.StrataCount, 10), c.SnapshotHash.String(),
		c.DrawMethod, c.Beacon, chain, lead, round, FormatTime(c.BeaconTime), FormatTime(c.CommittedAt),
	}
	var b strings.Builder
	b.WriteString(commitmentMagic + "\n")
	for i, key := range commitmentKeys {
		b.WriteString(key + ": " + values[i] + "\n")
	}
	if c.Contribution != "" {
		b.WriteString("contribution: auditor " + c.Contribution + "\n")
	}
	out := []byte(b.String())
	if _, err := ParseCommitment(out); err != nil {
		return nil, fmt.Errorf("writing commitment: %w", err)
	}
	return out, nil
}

// ParseCommitment reads commitment.txt and checks every rule that the document
// alone can be checked by (protocol section 5): keys and their order, formats,
// order of the times, round by rule, margin before the round.
func ParseCommitment(b []byte) (*Commitment, error) {
	c, err := parseCommitmentFields(b)
	if err != nil {
		return nil, err
	}
	if err := c.check(); err != nil {
		return nil, fmt.Errorf("commitment.txt: %w", err)
	}
	return c, nil
}

func parseCommitmentFields(b []byte) (*Commitment, error) {
	const maxCommitment = 8192 // a valid one has fewer than 2,000 bytes
	if len(b) > maxCommitment {
		return nil, fmt.Errorf("commitment.txt: larger than %d bytes", maxCommitment)
	}
	lines, err := textLines(b, "commitment.txt")
	if err != nil {
		return nil, err
	}
	if lines[0] != commitmentMagic {
		return nil, fmt.Errorf("commitment.txt: first line is not %s", commitmentMagic)
	}
	values := make(map[string]string, len(commitmentKeys))
	body := lines[1:]
	for _, key := range commitmentKeys {
		if len(body) == 0 || !strings.HasPrefix(body[0], key+": ") {
			return nil, fmt.Errorf("commitment.txt: expected key %s in line %d", key, len(lines)-len(body)+1)
		}
		values[key] = body[0][len(key)+2:]
		body = body[1:]
	}
	p := fieldParser{values: values}
	c := p.commitment()
	if p.err == nil {
		c.Contribution, p.err = parseContribution(body)
	}
	if p.err != nil {
		return nil, fmt.Errorf("commitment.txt: %w", p.err)
	}
	return c, nil
}

func parseContribution(lines []string) (string, error) {
	if len(lines) == 0 {
		return "", nil
	}
	who, value, ok := strings.Cut(strings.TrimPrefix(lines[0], "contribution: "), " ")
	if !strings.HasPrefix(lines[0], "contribution: ") || !ok || len(value) != 64 || !isLowerHex(value) {
		return "", fmt.Errorf("bad contribution line %.120q", lines[0])
	}
	if who != "auditor" {
		return "", fmt.Errorf("only the auditor may contribute, not %.40q: others could prepare many values", who)
	}
	if len(lines) > 1 {
		return "", errors.New("more than one contribution")
	}
	return value, nil
}
