package fault

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"sync"
)

// Kind is a way to misbehave.
type Kind string

// The kinds.
const (
	None         Kind = ""
	Drop         Kind = "drop"           // the connection is closed without an answer
	Reset        Kind = "reset"          // the connection is reset after half of the body
	Cut          Kind = "cut"            // the body ends early, although its length was announced
	Short        Kind = "short"          // the body ends early, and so says its length
	LengthTooBig Kind = "length-too-big" // the announced length is larger than the body, and the connection closes
	LengthSmall  Kind = "length-small"   // the announced length is smaller than the body
	Stall        Kind = "stall"          // half of the body, then nothing
	Delay        Kind = "delay"          // the right answer, a little later
	Flip         Kind = "flip"           // some bytes of the body are others
	Garbage      Kind = "garbage"        // the body is something else altogether
	Empty        Kind = "empty"          // 200 with no body
	HTML         Kind = "html"           // 200 with a page for people
	BadGateway   Kind = "502"            // 502 with a page for people
	Internal     Kind = "500"
	Unavailable  Kind = "503" // with and without Retry-After
	Throttle     Kind = "429" // with Retry-After in seconds, as a date, or without
	NotFound     Kind = "404"
	BadGzip      Kind = "bad-gzip" // Content-Encoding: gzip over something that is none, or is damaged
	Gzip         Kind = "gzip"     // rightly compressed, although nobody asked; no fault
	Older        Kind = "older"    // the answer of an earlier state of the log
)

// Kinds lists all kinds in a fixed order.
var Kinds = []Kind{Drop, Reset, Cut, Short, LengthTooBig, LengthSmall, Stall, Delay, Flip, Garbage, Empty, HTML, BadGateway, Internal, Unavailable,
	Throttle, NotFound, BadGzip, Gzip, Older}

// Plan says which fault the n-th answer to an address gets. It may be used by several
// goroutines.
type Plan struct {
	Seed   uint64
	Chance float64 // that an answer is faulty, 0 to 1
	Most   int     // faults of one address, in total: so every client that does not give up gets through
	Kinds  []Kind  // the same kind several times: more often
	// More, if set, gives an address a fault that Chance has not given it, or None.
	More func(address string, r *rand.Rand) Kind

	mu     sync.Mutex
	asked  map[string]int
	faults map[string]int
	told   map[Kind]int
}

// Next returns the fault for the next answer to an address, and a source of randomness for
// its details that depends on nothing else.
func (p *Plan) Next(address string) (Kind, *rand.Rand) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.asked == nil {
		p.asked, p.faults, p.told = map[string]int{}, map[string]int{}, map[Kind]int{}
	}
	n := p.asked[address]
	p.asked[address]++
	sum := sha256.Sum256(fmt.Appendf(nil, "%d %s %d", p.Seed, address, n))
	r := rand.New(rand.NewPCG(binary.BigEndian.Uint64(sum[:]), binary.BigEndian.Uint64(sum[8:])))
	k := None
	switch {
	case p.faults[address] >= p.Most:
		return None, r
	case len(p.Kinds) > 0 && r.Float64() < p.Chance:
		k = p.Kinds[r.IntN(len(p.Kinds))]
	case p.More != nil:
		k = p.More(address, r)
	}
	if k == None {
		return None, r
	}
	p.faults[address]++
	p.told[k]++
	return k, r
}

// Told returns how many answers got which fault.
func (p *Plan) Told() map[Kind]int {
	p.mu.Lock()
	defer p.mu.Unlock()
	out := map[Kind]int{}
	for k, n := range p.told {
		out[k] = n
	}
	return out
}
