package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"selfaudit/internal/config"
	"selfaudit/sampler"
	"selfaudit/sampler/draw"
)

// doctorPatience is how long a server may take to answer the doctor.
const doctorPatience = 15 * time.Second

// netDoctor checks what is behind the network and keeps the results until it is known
// whether there is a network at all.
type netDoctor struct {
	e       *env
	d       *doctorDocument
	cfg     *config.Config
	offline bool
	entries uint64 // of all logs that answered

	results []netResult

	base  http.RoundTripper
	mu    sync.Mutex
	dates []serverDate
}

// netResult is the outcome of one check.
type netResult struct {
	check, detail, remedy string
	err                   error
	skipped               bool
	optional              bool // the audit can be done without it
	web                   bool // it went over the network
}

// serverDate is a server's clock beside ours.
type serverDate struct {
	host string
	off  time.Duration // ours less theirs
}

// RoundTrip passes a request on and compares the answer's Date with our clock.
func (n *netDoctor) RoundTrip(r *http.Request) (*http.Response, error) {
	began := n.e.SystemTime()
	res, err := n.base.RoundTrip(r)
	if err != nil {
		return res, err
	}
	now := n.e.SystemTime()
	if date, err := http.ParseTime(res.Header.Get("Date")); err == nil {
		// A cache's answer is as old as its Age says (RFC 9111, 5.1).
		if age, err := strconv.ParseUint(res.Header.Get("Age"), 10, 31); err == nil {
			date = date.Add(time.Duration(age) * time.Second)
		}
		middle := began.Add(now.Sub(began) / 2)
		n.mu.Lock()
		n.dates = append(n.dates, serverDate{r.URL.Host, middle.Sub(date)})
		n.mu.Unlock()
	}
	return res, nil
}

func (n *netDoctor) patience() time.Duration {
	if n.e.Timeout > 0 {
		return n.e.Timeout
	}
	return doctorPatience
}

// logs checks the list, and fetches and verifies the tree head of every log.
func (n *netDoctor) logs(ctx context.Context, p period) {
	logs := slices.DeleteFunc(slices.Clone(n.cfg.Logs), func(l config.Log) bool { return l.Exclude != "" })
	logs = append(logs, n.list(ctx, p)...)
	if len(logs) == 0 {
		n.d.skip("CT logs", "none is configured or chosen")
		return
	}
	probes := make([]*probed, len(logs))
	for i, l := range logs {
		probes[i] = n.e.probe(n.cfg, l, n, n.patience())
		if n.offline && remote(l) {
			probes[i].err = errOffline
		}
	}
	n.e.heads(ctx, probes, n.patience())
	for _, pr := range probes {
		r := netResult{check: "log " + (&logSource{cfg: pr.cfg}).name(), err: pr.err, web: remote(pr.cfg), skipped: errors.Is(pr.err, errOffline),
			remedy: "look at its address, key and type; a log that will not come back is left out with exclude and a reason"}
		if pr.err == nil {
			n.entries += pr.head.Size
			r.detail = fmt.Sprintf("%s, tree head of %s verified", sampler.Counted(pr.head.Size, "entry", "entries"), sampler.FormatTime(time.UnixMilli(int64(pr.head.Timestamp)).UTC()))
		}
		n.results = append(n.results, r)
	}
}

var errOffline = errors.New("--offline")

// list reads the log list and returns the logs chosen from it.
func (n *netDoctor) list(ctx context.Context, p period) []config.Log {
	const check = "CT log list"
	if n.cfg.LogList.Select != config.SelectAuto {
		n.d.skip(check, "no [log_list] is configured")
		return nil
	}
	for _, src := range n.cfg.LogList.Sources() {
		if n.offline && src.URL != "" {
			n.d.skip(check, "%s: --offline", src.URL)
			return nil
		}
	}
	quiet := *n.e
	quiet.Transport = n
	l, err := quiet.readLogLists(ctx, n.cfg)
	var c *chosen
	if err == nil {
		c, err = choose(n.cfg, l, p.from, p.until, nil)
	}
	if err != nil {
		n.d.failed(check, "correct [log_list]", err)
		return nil
	}
	counted := fmt.Sprintf("%d of %d logs for %s to %s", c.count(), len(c.choices), sampler.FormatTime(p.from), sampler.FormatTime(p.until))
	for i, one := range l.each {
		name, detail := check, fmt.Sprintf("version %s of %s, %s", cmp.Or(one.list.Version, "-"), sampler.FormatTime(one.list.Timestamp), one.signed)
		if len(l.each) > 1 {
			name = fmt.Sprintf("%s %d", check, i+1)
		} else {
			detail += "; " + counted
		}
		if w := one.list.Warning(n.e.Now()); w != "" {
			n.d.warn(name, "name a newer list with url or file in [log_list]", "%s; %s", detail, w)
		} else {
			n.d.ok(name, "%s", detail)
		}
	}
	if len(l.each) > 1 {
		n.d.ok(check+"s together", "%s; they differ in %d facts, which selfaudit logs shows", counted, len(l.differences))
	}
	if n.cfg.LogList.SkipWithoutRoot {
		const check = "roots of the CA"
		if ca, err := (&workspace{e: n.e, cfg: n.cfg}).caCertificates(); err != nil {
			n.d.failed(check, "correct [log_list] roots", err)
		} else {
			n.d.ok(check, "known above every issuer (%s of the CA and above it); collect skips logs that accept none", sampler.Counted(len(ca.List()), "certificate", "certificates"))
		}
	}
	return slices.DeleteFunc(slices.Clone(c.logs), func(l config.Log) bool { return l.Exclude != "" })
}

// relays asks every drand relay for the newest round and verifies it.
func (n *netDoctor) relays(ctx context.Context) {
	if n.cfg.Audit.Beacon == config.BeaconDice {
		n.d.skip("drand", "audits are drawn by dice")
		return
	}
	chain := sampler.Quicknet
	if n.cfg.Audit.Beacon == config.BeaconDefaultChain {
		chain = sampler.DefaultChain
	}
	quiet := *n.e
	quiet.Transport = n
	relays := n.cfg.Drand.Relays
	r := netResult{check: "drand relays", web: true, skipped: n.offline,
		remedy: "one relay that answers is enough: name others in [drand] relays, or fetch the round elsewhere and use draw --beacon-file"}
	if n.offline {
		r.err = errOffline
		n.results = append(n.results, r)
		return
	}
	rounds, errs := make([]uint64, len(relays)), make([]error, len(relays))
	each(len(relays), probeAtOnce, func(i int) {
		var raw []byte
		if raw, _, errs[i] = quiet.fetch(ctx, relays[i]+"/"+chain.Hash+"/public/latest", relayMax); errs[i] != nil {
			return
		}
		b, err := draw.ParseBeacon(raw)
		if err == nil {
			err = draw.VerifyBeacon(chain, b.Round, b)
		}
		if errs[i] = err; err == nil {
			rounds[i] = b.Round
		}
	})
	r.detail, r.err, r.optional = relaysTogether(relays, rounds, errs, chain.Name)
	n.results = append(n.results, r)
}

// relaysTogether is the outcome of all relays: one that answers is enough, and one that does
// not is named. some says that the error is that of some relays only.
func relaysTogether(relays []string, rounds []uint64, errs []error, chain string) (detail string, err error, some bool) {
	var bad []string
	var first error
	for i, relay := range relays {
		if errs[i] == nil {
			continue
		}
		bad = append(bad, fmt.Sprintf("%s: %v", relay, errs[i]))
		// An answer that is none says more than silence.
		if first == nil || unreached(first) && !unreached(errs[i]) {
			first = errs[i]
		}
	}
	good := len(relays) - len(bad)
	detail = fmt.Sprintf("round %d of %s verified, %d of %d relays answer", slices.Max(rounds), chain, good, len(relays))
	switch {
	case len(bad) == 0:
		return detail, nil, false
	case good == 0:
		return "", relaysError{"none answers:\n" + strings.Join(bad, "\n"), first}, false
	}
	return "", errors.New(detail + "; not:\n" + strings.Join(bad, "\n")), true
}

// relaysError says what relays answered; why is the reason that tells most.
type relaysError struct {
	text string
	why  error
}

func (e relaysError) Error() string { return e.text }
func (e relaysError) Unwrap() error { return e.why }

// write passes the results on. When not one server was reached, that is one failure, and
// the rest could not be checked.
func (n *netDoctor) write() {
	asked, reached := 0, 0
	var first error
	for _, r := range n.results {
		if !r.web || r.skipped {
			continue
		}
		asked++
		if r.err == nil || !unreached(r.err) {
			reached++
		} else if first == nil {
			first = r.err
		}
	}
	down := asked > 1 && reached == 0
	if down {
		n.d.fail("network", "check the connection, the proxy variables and --ca-bundle; without network say --offline", "none of %d servers could be reached; the first: %v", asked, first)
	}
	for _, r := range n.results {
		switch {
		case r.skipped:
			n.d.skip(r.check, "%v", r.err)
		case r.err == nil:
			n.d.ok(r.check, "%s", r.detail)
		case down && r.web:
			n.d.skip(r.check, "no network")
		case r.optional:
			n.d.warn(r.check, r.remedy, "%v", r.err)
		default:
			n.d.failed(r.check, r.remedy, r.err)
		}
	}
}

// maxClockError is how far the clock may be off. The commitment must be made minutes
// before its round, and its time stands in the evidence.
const maxClockError = 2 * time.Minute

// clock compares our clock with the middle one of the servers' clocks.
func (n *netDoctor) clock() {
	const check = "clock"
	switch {
	case n.e.Clock() == sampler.ClockGiven:
		n.d.skip(check, "--now is given")
		return
	case len(n.dates) == 0:
		n.d.skip(check, "no server answered with its time")
		return
	}
	slices.SortFunc(n.dates, func(a, b serverDate) int {
		if a.off != b.off {
			return int(max(min(a.off-b.off, 1), -1))
		}
		return strings.Compare(a.host, b.host)
	})
	middle := n.dates[len(n.dates)/2]
	off := middle.off.Round(time.Second)
	if off.Abs() > maxClockError {
		n.d.fail(check, "set the machine's clock, best by NTP", "it is off by %s, compared with %s and %d other answers", off, middle.host, len(n.dates)-1)
		return
	}
	n.d.ok(check, "within %s of the servers' (%d answers)", max(off.Abs(), time.Second), len(n.dates))
}
