package sampler

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"strings"
	"testing"
	"time"
)

func mustTime(t testing.TB, s string) time.Time {
	t.Helper()
	v, err := ParseTime(s)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// TestVectorCommitments writes commitment.txt of the vectors from its fields.
func TestVectorCommitments(t *testing.T) {
	for _, tc := range []struct {
		vector, end, committed, contribution string
		lead                                 int
		items, strata                        int64
		round                                uint64
	}{
		{"tv1", "2023-08-20T15:59:24Z", "2023-08-23T14:00:00Z", "", 3, 47, 2, 1000},
		{"tv2", "2023-09-13T11:00:03Z", "2023-09-14T09:30:00Z", "278de59aa962acc6ddcdd26b2cf094816d2588561f79ac6ffe706638587a303b", 2, 1121, 5, 657413},
	} {
		start, end, committed := mustTime(t, "2023-01-01T00:00:00Z"), mustTime(t, tc.end), mustTime(t, tc.committed)
		round := RoundByRule(Quicknet, end, tc.lead, false, committed)
		if round != tc.round {
			t.Errorf("%s: the rule gives round %d, want %d", tc.vector, round, tc.round)
		}
		c := &Commitment{
			AuditID: tc.vector, Mode: ModeAudit, ChainStart: start, PeriodStart: start, PeriodEnd: end,
			PopulationHash: HashDoc(vectorFile(t, tc.vector, "population.tsv")), PopulationCount: tc.items,
			StrataHash: HashDoc(vectorFile(t, tc.vector, "strata.tsv")), StrataCount: tc.strata,
			SnapshotHash: HashDoc(vectorFile(t, tc.vector, "snapshot.json")),
			DrawMethod:   DrawMethod, Beacon: BeaconDrand, BeaconChain: Quicknet.Hash, DrawLeadDays: tc.lead,
			BeaconRound: round, BeaconTime: Quicknet.RoundTime(round), CommittedAt: committed, Contribution: tc.contribution,
		}
		got, err := c.Bytes()
		if err != nil {
			t.Fatalf("%s: %v", tc.vector, err)
		}
		if want := vectorFile(t, tc.vector, "commitment.txt"); !bytes.Equal(got, want) {
			t.Errorf("%s: got\n%s\nwant\n%s", tc.vector, got, want)
		}
		back, err := ParseCommitment(got)
		if err != nil || *back != *c {
			t.Errorf("%s: read back as %+v, %v", tc.vector, back, err)
		}
	}
}

func TestParseCommitmentRefuses(t *testing.T) {
	good := string(vectorFile(t, "tv2", "commitment.txt"))
	other := strings.Repeat("ab", 32)
	for name, edit := range map[string][2]string{
		"other version":             {"commitment-v1", "commitment-v2"},
		"CR":                        {"mode: audit", "mode: audit\r"},
		"blank line":                {"mode: audit\n", "mode: audit\n\n"},
		"key missing":               {"replaces: none\n", ""},
		"key twice":                 {"replaces: none\n", "replaces: none\nreplaces: none\n"},
		"unknown key":               {"replaces: none\n", "replaces: none\nseal: none\n"},
		"no space":                  {"mode: audit", "mode:audit"},
		"unknown mode":              {"mode: audit", "mode: trial"},
		"audit id with a slash":     {"audit-id: tv2", "audit-id: ../tv2"},
		"empty audit id":            {"audit-id: tv2", "audit-id: "},
		"long audit id":             {"audit-id: tv2", "audit-id: " + strings.Repeat("x", 65)},
		"chain after period":        {"chain-start: 2023-01-01T00:00:00Z", "chain-start: 2023-01-02T00:00:00Z"},
		"first audit, older chain":  {"chain-start: 2023-01-01T00:00:00Z", "chain-start: 2022-01-01T00:00:00Z"},
		"empty period":              {"period-start: 2023-01-01T00:00:00Z", "period-start: 2023-09-13T11:00:03Z"},
		"other period end":          {"period-end: 2023-09-13T11:00:03Z", "period-end: 2023-09-13T11:00:04Z"},
		"zeros for none":            {"replaces: none", "replaces: " + strings.Repeat("0", 64)},
		"upper-case hash":           {"population-sha256: e", "population-sha256: E"},
		"count with leading zero":   {"population-count: 1121", "population-count: 01121"},
		"negative count":            {"population-count: 1121", "population-count: -1"},
		"other method":              {DrawMethod, "bottom-k-sha256-v2"},
		"unknown beacon":            {"beacon: drand", "beacon: nist"},
		"unknown chain":             {Quicknet.Hash, other},
		"default chain's hash":      {Quicknet.Hash, DefaultChain.Hash},
		"lead 0":                    {"draw-lead-days: 2", "draw-lead-days: 0"},
		"lead 121":                  {"draw-lead-days: 2", "draw-lead-days: 121"},
		"lead 02":                   {"draw-lead-days: 2", "draw-lead-days: 02"},
		"lead none":                 {"draw-lead-days: 2", "draw-lead-days: none"},
		"another lead":              {"draw-lead-days: 2", "draw-lead-days: 3"},
		"next round":                {"beacon-round: 657413", "beacon-round: 657414"},
		"next round with its time":  {"beacon-round: 657413\nbeacon-time: 2023-09-15T11:00:03Z", "beacon-round: 657414\nbeacon-time: 2023-09-15T11:00:06Z"},
		"round with leading zero":   {"beacon-round: 657413", "beacon-round: 0657413"},
		"round with underscore":     {"beacon-round: 657413", "beacon-round: 657_413"},
		"other beacon time":         {"beacon-time: 2023-09-15T11:00:03Z", "beacon-time: 2023-09-15T11:00:04Z"},
		"299 s before the round":    {"committed-at: 2023-09-14T09:30:00Z", "committed-at: 2023-09-15T10:55:04Z"},
		"after the round":           {"committed-at: 2023-09-14T09:30:00Z", "committed-at: 2023-09-16T00:00:00Z"},
		"committed in the period":   {"committed-at: 2023-09-14T09:30:00Z", "committed-at: 2023-09-13T11:00:02Z"},
		"another contributor":       {"contribution: auditor", "contribution: ca"},
		"contributor missing":       {"contribution: auditor ", "contribution: "},
		"short contribution":        {"79ac6ffe706638587a303b", "79ac6ffe706638587a30"},
		"two contributions":         {"contribution: ", "contribution: auditor " + other + "\ncontribution: "},
		"rehearsal that replaces":   {"mode: audit", "mode: rehearsal\nreplaces: x"},
		"first replaces nothing":    {"previous-commitment: none", "previous-commitment: "},
		"predecessor but no period": {"previous-commitment: none\nreplaces: none", "previous-commitment: " + other + "\nreplaces: " + other},
		"dice with a chain":         {"beacon: drand", "beacon: dice"},
	} {
		bad := strings.Replace(good, edit[0], edit[1], 1)
		if bad == good {
			t.Fatalf("%s: %q is not in the vector", name, edit[0])
		}
		if c, err := ParseCommitment([]byte(bad)); err == nil {
			t.Errorf("%s: accepted as %+v", name, c)
		} else if !strings.HasPrefix(err.Error(), "commitment.txt: ") {
			t.Errorf("%s: error does not name the document: %v", name, err)
		}
	}
	replacing := strings.Replace(good, "replaces: none", "replaces: "+other, 1)
	if _, err := ParseCommitment([]byte(replacing)); err != nil {
		t.Errorf("a correction before the round: %v", err)
	}
	late := strings.Replace(replacing, "committed-at: 2023-09-14T09:30:00Z", "committed-at: 2023-09-15T10:55:04Z", 1)
	if _, err := ParseCommitment([]byte(late)); err == nil || !strings.Contains(err.Error(), "the rule gives") {
		t.Errorf("a correction inside the margin keeps the round: %v", err)
	}
	if _, err := ParseCommitment([]byte(strings.Replace(good, "committed-at: 2023-09-14T09:30:00Z", "committed-at: 2023-09-15T10:55:03Z", 1))); err != nil {
		t.Errorf("300 s before the round: %v", err)
	}
}

func TestRehearsalIsInNoChain(t *testing.T) {
	c := diceCommitment(t)
	c.Mode = ModeRehearsal
	if _, err := c.Bytes(); err != nil {
		t.Fatal(err)
	}
	c.PreviousCommitment = DocHash{1}
	if _, err := c.Bytes(); err == nil {
		t.Error("a rehearsal with a predecessor is accepted")
	}
	c.PreviousCommitment, c.Replaces = DocHash{}, DocHash{1}
	if _, err := c.Bytes(); err == nil {
		t.Error("a rehearsal that replaces is accepted")
	}
}

func diceCommitment(t testing.TB) *Commitment {
	return &Commitment{
		AuditID: "2026-Q3", Mode: ModeAudit,
		ChainStart: mustTime(t, "2026-07-01T00:00:00Z"), PeriodStart: mustTime(t, "2026-07-01T00:00:00Z"), PeriodEnd: mustTime(t, "2026-10-01T00:00:00Z"),
		DrawMethod: DrawMethod, Beacon: BeaconDice,
		BeaconTime: mustTime(t, "2026-10-02T10:00:00Z"), CommittedAt: mustTime(t, "2026-10-02T09:59:59Z"),
	}
}

func TestDiceCommitment(t *testing.T) {
	c := diceCommitment(t)
	b, err := c.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(b), "beacon: dice\nbeacon-chain: none\ndraw-lead-days: none\nbeacon-round: none\n") {
		t.Errorf("written as\n%s", b)
	}
	back, err := ParseCommitment(b)
	if err != nil || back.BeaconChain != NoChain || back.BeaconRound != 0 || back.DrawLeadDays != 0 {
		t.Errorf("read back as %+v, %v", back, err)
	}
	c.CommittedAt = c.BeaconTime
	if _, err := c.Bytes(); err == nil {
		t.Error("committed in the second of the ceremony: accepted")
	}
	c = diceCommitment(t)
	c.BeaconRound = 5
	if _, err := c.Bytes(); err == nil {
		t.Error("dice with a round: accepted")
	}
}

func TestRoundByRule(t *testing.T) {
	end := mustTime(t, "2026-10-01T00:00:00Z")
	day := func(n float64) time.Time { return end.Add(time.Duration(n * 24 * float64(time.Hour))) }
	for name, tc := range map[string]struct {
		lead      int
		replaces  bool
		committed time.Time
		want      time.Time // moment that the round is the first at or after
	}{
		"first":                           {3, false, day(1), day(3)},
		"first, committed far too late":   {3, false, day(100), day(3)},
		"correction before the round":     {3, true, day(1), day(3)},
		"correction at the margin":        {3, true, day(3).Add(-300 * time.Second), day(3)},
		"correction inside the margin":    {3, true, day(3).Add(-299 * time.Second), day(6)},
		"repetition":                      {3, true, day(4), day(6)},
		"late repetition":                 {3, true, day(31), day(33)},
		"repetition with one day":         {1, true, day(10).Add(-300 * time.Second), day(10)},
		"replaces, committed long before": {120, true, day(-400), day(120)},
	} {
		got := RoundByRule(Quicknet, end, tc.lead, tc.replaces, tc.committed)
		if want := Quicknet.RoundAt(tc.want); got != want {
			t.Errorf("%s: round %d (%s), want %d", name, got, Quicknet.RoundTime(got), want)
		}
	}
	for _, lead := range []int{0, -1, 121} {
		if got := RoundByRule(Quicknet, end, lead, true, end); got != 0 {
			t.Errorf("lead %d gives round %d", lead, got)
		}
	}
}

func TestRoundTimes(t *testing.T) {
	for _, c := range []Chain{Quicknet, DefaultChain} {
		genesis := time.Unix(c.Genesis, 0)
		for _, tc := range []struct {
			at   time.Time
			want uint64
		}{
			{time.Time{}, 1}, {genesis, 1}, {genesis.Add(time.Nanosecond), 2}, {genesis.Add(time.Second), 2},
			{genesis.Add(time.Duration(c.Period) * time.Second), 2},
			{genesis.Add(time.Duration(c.Period)*time.Second + time.Nanosecond), 3},
		} {
			if got := c.RoundAt(tc.at); got != tc.want {
				t.Errorf("%s: round at %s is %d, want %d", c.Name, tc.at, got, tc.want)
			}
		}
		for _, r := range []uint64{1, 2, 1000, 657413} {
			if got := c.RoundAt(c.RoundTime(r)); got != r {
				t.Errorf("%s: the time of round %d is that of %d", c.Name, r, got)
			}
		}
		if got := c.RoundTime(1<<64 - 1); got.Year() != 9999 {
			t.Errorf("%s: last round at %s", c.Name, got)
		}
	}
	if got := FormatTime(Quicknet.RoundTime(1000)); got != "2023-08-23T15:59:24Z" {
		t.Errorf("round 1000 at %s", got)
	}
}

// TestChainHashes recomputes the pinned chains' hashes from their parts
// (protocol section 6.1).
func TestChainHashes(t *testing.T) {
	for _, c := range []Chain{Quicknet, DefaultChain} {
		group, err := hex.DecodeString(c.GroupHash)
		if err != nil {
			t.Fatal(err)
		}
		b := binary.BigEndian.AppendUint32(nil, uint32(c.Period))
		b = binary.BigEndian.AppendUint64(b, uint64(c.Genesis))
		b = append(append(b, c.PublicKey...), group...)
		if c.Name != "default" {
			b = append(b, c.Name...)
		}
		if sum := sha256.Sum256(b); hex.EncodeToString(sum[:]) != c.Hash {
			t.Errorf("%s: chain hash is %x", c.Name, sum)
		}
		if got, ok := ChainByHash(c.Hash); !ok || got.Name != c.Name {
			t.Errorf("%s is not found by its hash", c.Name)
		}
	}
	if _, ok := ChainByHash("none"); ok {
		t.Error("chain none exists")
	}
}

func FuzzParseCommitment(f *testing.F) {
	f.Add(vectorFile(f, "tv1", "commitment.txt"))
	f.Add(vectorFile(f, "tv2", "commitment.txt"))
	dice, err := diceCommitment(f).Bytes()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(dice)
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := ParseCommitment(b)
		if err != nil {
			return
		}
		if out, err := c.Bytes(); err != nil || !bytes.Equal(out, b) {
			t.Fatalf("%q written as %q (%v)", b, out, err)
		}
	})
}
