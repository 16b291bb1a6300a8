package sampler

import "testing"

func TestCheckVoidGround(t *testing.T) {
	dice, drand := &Commitment{Beacon: BeaconDice}, &Commitment{Beacon: BeaconDrand}
	given := &Commitment{Beacon: BeaconDrand, Contribution: "00"}
	for _, tc := range []struct {
		c      *Commitment
		ground string
		ok     bool
	}{
		{dice, VoidDiceNotRolled, true}, {dice, VoidChainRetired, false}, {dice, VoidContribution, false},
		{drand, VoidDiceNotRolled, false}, {drand, VoidChainRetired, true}, {drand, VoidContribution, false},
		{given, VoidContribution, true}, {given, "", false}, {given, "before-round", false}, {dice, "a defect", false},
	} {
		if err := tc.c.CheckVoidGround(tc.ground); (err == nil) != tc.ok {
			t.Errorf("beacon %s, contribution %q, ground %q: %v", tc.c.Beacon, tc.c.Contribution, tc.ground, err)
		}
	}
}
