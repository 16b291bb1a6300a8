package sampler

import "fmt"

// Grounds on which a draw is void once its round has come (protocol section 9). It is a
// closed list, because a void is one more draw.
const (
	VoidContribution  = "contribution"    // the auditor did not reveal his contribution
	VoidChainRetired  = "chain-retired"   // the beacon's chain was retired
	VoidDiceNotRolled = "dice-not-rolled" // the dice were not rolled
)

// CheckVoidGround refuses a ground that is none of the protocol's, or that the commitment
// cannot have: without a contribution none can be withheld, and only dice are rolled.
func (c *Commitment) CheckVoidGround(ground string) error {
	switch {
	case ground != VoidContribution && ground != VoidChainRetired && ground != VoidDiceNotRolled:
		return fmt.Errorf("%.80q is no ground of protocol section 9", ground)
	case ground == VoidContribution && c.Contribution == "":
		return fmt.Errorf("ground %s, but the commitment commits to no contribution", ground)
	case ground == VoidChainRetired && c.Beacon != BeaconDrand:
		return fmt.Errorf("ground %s, but the commitment names no beacon chain", ground)
	case ground == VoidDiceNotRolled && c.Beacon != BeaconDice:
		return fmt.Errorf("ground %s, but the commitment names no dice", ground)
	}
	return nil
}
