package main

import (
	"fmt"

	"selfaudit/internal/config"
	"selfaudit/sampler"
)

// raise applies --rate and --floor to the configuration of this run. They can only raise
// what selfaudit.toml says; the effective configuration and the snapshot record the result.
func (w *workspace) raise(o freezeOptions) error {
	rateBP, err := o.rate()
	if err != nil {
		return err
	}
	if o.Floor == 0 && o.floorGiven {
		return usageErrorf("leave --floor out, or give 1 or more", "--floor 0 draws nothing; TLS BR 8.7 asks for \"the greater of one certificate or at least three percent\"")
	}
	if err := w.cfg.Raise(rateBP, o.Floor); err != nil {
		return usageErrorf(raiseHint(rateBP, o.Floor), "%w", err)
	}
	return nil
}

// raiseHint says what to do about a value that Raise refuses.
func raiseHint(rateBP int, floor int64) string {
	switch {
	case rateBP > sampler.MaxRateBP:
		return "--rate 100% draws everything"
	case rateBP != 0 && rateBP < config.MinRateBP:
		return "leave --rate out, or give 3% or more"
	case floor < 0:
		return "leave --floor out, or give 1 or more"
	case floor > config.MaxFloor:
		return "a floor above the number of items draws everything, and so does --rate 100%"
	}
	return "to lower a rule, edit selfaudit.toml, within what the requirements allow"
}

func (o freezeOptions) rate() (int, error) {
	if o.Rate == "" {
		return 0, nil
	}
	bp, err := config.ParseRate(o.Rate)
	if err == nil && bp == 0 {
		err = fmt.Errorf("rate %s draws nothing; TLS BR 8.7: \"at least three percent\"", o.Rate)
	}
	if err != nil {
		return 0, usageErrorf("write it like 5% or 3.25%", "--rate: %w", err)
	}
	return bp, nil
}

// frozenRules refuses --rate or --floor above what audit a is frozen with: they would
// have no effect any more, and nobody should believe that they had.
func (w *workspace) frozenRules(a *audit, o freezeOptions) error {
	rateBP, err := o.rate()
	if err != nil || rateBP == 0 && o.Floor == 0 {
		return err
	}
	raw, err := a.dir.Read(docSnapshot)
	if err != nil {
		return err
	}
	snap, err := sampler.ParseSnapshot(raw)
	if err != nil {
		return fmt.Errorf("%s: %w", a.dir.Path(docSnapshot), err)
	}
	if rateBP > snap.Rules.RateBP || o.Floor > snap.Rules.Floor {
		return &exitError{code: exitUsage, id: "frozen",
			err: fmt.Errorf("audit %s is frozen at a rate of %s and a floor of %d, not at what --rate and --floor ask for", a.id,
				config.FormatRate(snap.Rules.RateBP), max(1, snap.Rules.Floor)),
			hint: "leave them out to go on; before the round, `selfaudit freeze --void REASON` freezes again with them"}
	}
	return nil
}
