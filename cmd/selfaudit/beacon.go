package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"selfaudit/sampler"
	"selfaudit/sampler/draw"
)

// roundURL is where a relay publishes the committed round (drand HTTP API).
func roundURL(relay string, c *sampler.Commitment) string {
	return fmt.Sprintf("%s/%s/public/%d", relay, c.BeaconChain, c.BeaconRound)
}

// beacon returns the committed round's answer, verified against the pinned key. A relay
// that is down or lies is passed over; what it said is part of the error.
func (w *workspace) beacon(ctx context.Context, c *sampler.Commitment, o drawOptions) ([]byte, draw.Beacon, error) {
	chain, ok := sampler.ChainByHash(c.BeaconChain)
	if !ok {
		return nil, draw.Beacon{}, fmt.Errorf("unknown drand chain %s", c.BeaconChain)
	}
	if o.BeaconFile != "" {
		return w.beaconFile(chain, c, o.BeaconFile)
	}
	var failures []error
	lies := false
	for n := range relayRounds {
		if n > 0 {
			if err := w.e.Sleep(ctx, relayPause<<(n-1)); err != nil {
				return nil, draw.Beacon{}, err
			}
		}
		failures, lies = nil, false
		for _, relay := range w.cfg.Drand.Relays {
			raw, b, lie, err := w.askRelay(ctx, roundURL(relay, c), chain, c)
			if err == nil {
				return raw, b, nil
			}
			if ctx.Err() != nil {
				return nil, draw.Beacon{}, ctx.Err()
			}
			lies = lies || lie
			failures = append(failures, err)
		}
	}
	out := &exitError{code: exitFailed, id: "beacon_unreachable", err: errors.Join(failures...),
		hint: fmt.Sprintf("run it again, or fetch %s elsewhere and give it with --beacon-file", roundURL(w.cfg.Drand.Relays[0], c))}
	if lies {
		out.code, out.id = exitVerify, "beacon_invalid"
	}
	return nil, draw.Beacon{}, out
}

// askRelay asks one relay once. lie says that the answer is a round whose signature or number
// is wrong; an HTML page or half an answer only says that the relay is of no use now.
func (w *workspace) askRelay(ctx context.Context, url string, chain sampler.Chain, c *sampler.Commitment) (raw []byte, b draw.Beacon, lie bool, err error) {
	if raw, _, err = w.e.fetch(ctx, url, relayMax); err != nil {
		return nil, b, false, err
	}
	if b, err = draw.ParseBeacon(raw); err == nil {
		err = draw.VerifyBeacon(chain, c.BeaconRound, b)
		lie = err != nil
	}
	if err != nil {
		return nil, b, lie, fmt.Errorf("%s: %w", url, err)
	}
	return raw, b, false, nil
}

func (w *workspace) beaconFile(chain sampler.Chain, c *sampler.Commitment, path string) ([]byte, draw.Beacon, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, draw.Beacon{}, usageErrorf("save the relay's answer to a file and name it", "--beacon-file: %w", err)
	}
	b, err := verifiedBeacon(chain, c, raw)
	if err != nil {
		return nil, b, &exitError{code: exitVerify, id: "beacon_invalid", err: fmt.Errorf("%s: %w", path, err),
			hint: "the round needed is at " + roundURL(w.cfg.Drand.Relays[0], c)}
	}
	return raw, b, nil
}

func verifiedBeacon(chain sampler.Chain, c *sampler.Commitment, raw []byte) (draw.Beacon, error) {
	b, err := draw.ParseBeacon(raw)
	if err != nil {
		return b, err
	}
	return b, draw.VerifyBeacon(chain, c.BeaconRound, b)
}

// Bounds of one request to a relay: an answer has fewer than 700 bytes.
const (
	relayTimeout = 20 * time.Second
	relayMax     = 64 << 10
)

// All relays are asked in turn, and the whole round of them again after a pause that doubles.
const (
	relayRounds = 3
	relayPause  = 2 * time.Second
)
