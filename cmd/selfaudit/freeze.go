package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"selfaudit/internal/terminal"
	"selfaudit/sampler"
	"selfaudit/sampler/collect"
)

// freezeOptions are the flags of `selfaudit freeze`.
type freezeOptions struct {
	Beacon     string
	BeaconTime string
	// Contribution is the auditor's commitment to a value revealed after the round
	// (draw protocol 6.3).
	Contribution string
	Rate         string // raises the configured rate, for example "5%"
	Floor        int64  // raises the configured floor
	floorGiven   bool
	Void         string
	voiding      bool // --void was given, even with an empty reason
	Ground       string
}

func (o *freezeOptions) flags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&o.Beacon, "beacon", "", "`where` the randomness will come from: quicknet, default-chain or dice (default: as configured)")
	f.StringVar(&o.Contribution, "contribution-hash", "", "the `hash` of the auditor's secret contribution, 64 hex digits, from the auditor alone")
	f.StringVar(&o.BeaconTime, "beacon-time", "", "appointed `time` of the dice ceremony, RFC 3339 (default: the next full hour)")
	f.StringVar(&o.Rate, "rate", "", "raise the sampling rate of every stratum to this `percentage`, for example 5% or 100%")
	f.Int64Var(&o.Floor, "floor", 0, "raise the least `number` of items drawn from every stratum")
}

// given notes which flags were on the command line.
func (o *freezeOptions) given(cmd *cobra.Command) { o.floorGiven = cmd.Flags().Changed("floor") }

func newFreezeCommand(e *env) *cobra.Command {
	var o freezeOptions
	cmd := &cobra.Command{
		Use:   "freeze",
		Short: "Fix and commit to the population, before the randomness",
		Long: `Fix the population, its strata with their sample sizes, and the commitment to both.
From here on nothing of it changes. The commitment names the drand round that will decide
the sample; send it to your auditor before that round.

A frozen audit is repeated only with --void REASON, which stays on record. Once the round
has come, only an unrevealed contribution, a retired beacon or dice that were not rolled
void a draw (draw protocol 9).`,
		Example: `  selfaudit freeze
  selfaudit freeze --beacon dice --beacon-time 2026-10-05T09:00:00Z
  selfaudit freeze --rate 5% --floor 59
  selfaudit freeze --contribution-hash 5f0c…         given by the auditor, with the receipt
  selfaudit freeze --void "issuer DV3 was missing from the configuration"`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			w, err := openWorkspace(e, "freeze")
			if err != nil {
				return err
			}
			defer w.close()
			o.given(cmd)
			if err := w.raise(o); err != nil {
				return err
			}
			o.voiding = cmd.Flags().Changed("void")
			doc, err := w.freezeCommand(cmd.Context(), o)
			return show(e, doc, err)
		},
	}
	o.flags(cmd)
	cmd.Flags().StringVar(&o.Void, "void", "", "void the commitment for this `reason` and freeze again")
	cmd.Flags().StringVar(&o.Ground, "void-ground", "", "once the round has come, the `ground`: contribution, chain-retired or dice-not-rolled")
	return cmd
}

// freezeDocument is what `freeze --json` writes.
type freezeDocument struct {
	Schema       string       `json:"schema"`
	AuditID      string       `json:"audit_id"`
	Mode         string       `json:"mode"`
	Voided       string       `json:"voided_commitment,omitempty"` // by this command, with nothing frozen in its place yet
	Commitment   string       `json:"commitment_sha256,omitempty"`
	Population   int64        `json:"population"`
	Sample       int64        `json:"sample"`
	Strata       []stratumRow `json:"strata"`
	Beacon       string       `json:"beacon"`
	BeaconChain  string       `json:"beacon_chain"`
	BeaconRound  uint64       `json:"beacon_round"`
	BeaconTime   string       `json:"beacon_time"`
	BeaconURL    string       `json:"beacon_url"`
	CommittedAt  string       `json:"committed_at"`
	ItemFindings int64        `json:"item_findings"`
	Late         int64        `json:"late"`
	Waiting      int64        `json:"waiting"`
	Carried      int64        `json:"carried"`
	Completeness []string     `json:"completeness,omitempty"`
	Notes        []string     `json:"notes"`
	Next         string       `json:"next"`
	asked        bool         // what it says of the population was shown with the question
}

type stratumRow struct {
	ID         string `json:"stratum_id"`
	Label      string `json:"label"`
	Population int64  `json:"population"`
	RateBP     int    `json:"rate_bp"`
	Sample     int64  `json:"sample"`
	Reserve    int64  `json:"reserve"`
}

// freezeCommand is freeze as a command of its own: with voiding and the question.
func (w *workspace) freezeCommand(ctx context.Context, o freezeOptions) (*freezeDocument, error) {
	a, err := w.e.pick()
	if err != nil {
		return nil, err
	}
	w.e.banner(a)
	if !o.voiding {
		return w.freeze(ctx, a, o)
	}
	voided, err := w.void(a, o)
	if err != nil {
		return nil, err
	}
	changed, err := w.sourcesChanged(a)
	if err != nil {
		return nil, err
	}
	if changed {
		// The collection is of other sources; what was read of the same logs is kept.
		if err := a.dir.Remove(docCollected); err != nil {
			return nil, err
		}
		return &freezeDocument{Schema: "selfaudit.freeze/v1", AuditID: a.id, Mode: a.opening.Mode, Voided: voided, Strata: []stratumRow{}, Notes: []string{},
			Next: "selfaudit collect --audit " + a.id}, nil
	}
	return w.freeze(ctx, a, o)
}

// sourcesChanged says whether the configuration names other issuers, logs or files than
// the collection was made from.
func (w *workspace) sourcesChanged(a *audit) (bool, error) {
	f := &freezing{w: w, a: a}
	err := f.load()
	var known *exitError
	if errors.As(err, &known) && known.id == sourcesChangedID {
		return true, nil
	}
	return false, err
}

const sourcesChangedID = "sources_changed"

// freeze runs the stage on audit a.
func (w *workspace) freeze(ctx context.Context, a *audit, o freezeOptions) (*freezeDocument, error) {
	if err := a.finishVoid(); err != nil {
		return nil, err
	}
	if err := a.need(stageFreeze); err != nil {
		return nil, err
	}
	asked := false
	if a.commitment == nil {
		asked = w.e.asks() && !w.e.Quiet
		if err := a.dir.Sweep(); err != nil {
			return nil, err
		}
		if err := w.freezeNow(ctx, a, o); err != nil {
			return nil, err
		}
	} else if err := w.frozenRules(a, o); err != nil {
		return nil, err
	}
	tables, err := a.tableDocuments()
	if err != nil {
		return nil, err
	}
	for _, name := range []string{docPairings, docOutside} {
		if a.dir.Has(name) { // not if an older program froze the audit
			tables = append(tables, name)
		}
	}
	if err := a.record(w.e, "freeze", "", append(append(tables, a.recordsDocuments()...), docConfig, docSnapshot, docPopulation, docStrata, docItems, docCommitment)...); err != nil {
		return nil, err
	}
	d, err := w.freezeDocument(a)
	if err == nil {
		d.asked = asked
	}
	return d, err
}

// freezing carries what the parts of a freeze hand to each other.
type freezing struct {
	w         *workspace
	a         *audit
	issuers   *collect.Issuers
	rules     sampler.Rules
	saved     *collect.Saved
	collected *collect.Collected
	chain     []*audit
	result    *collect.Result
	popHash   sampler.DocHash
	popCount  int64
	strata    []sampler.Stratum
	start     sampler.SnapshotChain
	records   *recordsFreeze
	scts      *sctsFreeze
	pairings  *pairingsFreeze
	outside   *outsideFreeze
}

// freezeNow writes the documents; the commitment, last, completes the stage.
func (w *workspace) freezeNow(ctx context.Context, a *audit, o freezeOptions) error {
	f := &freezing{w: w, a: a}
	if err := f.load(); err != nil {
		return err
	}
	commitment, err := f.plan(o)
	if err != nil {
		return err
	}
	if err := f.population(ctx); err != nil {
		return err
	}
	if found := f.result.Records; found != nil {
		f.rules.Labels = sampler.LabelWords(f.w.cfg.StrataBy, found.Labels)
	}
	if f.strata, err = f.rules.Plan(f.result.Strata); err != nil {
		return err
	}
	strata, err := sampler.FormatStrata(f.strata)
	if err != nil {
		return err
	}
	snapshot, err := f.snapshot()
	if err != nil {
		return err
	}
	commitment.PopulationHash, commitment.PopulationCount = f.popHash, f.popCount
	commitment.StrataHash, commitment.StrataCount = sampler.HashDoc(strata), int64(len(f.strata))
	commitment.SnapshotHash = sampler.HashDoc(snapshot)
	if err := f.preview(commitment, snapshot); err != nil {
		return err
	}
	if err := w.e.confirm(ctx, fmt.Sprintf("Freeze audit %s? Nothing of it can be changed afterwards", a.id)); err != nil {
		return err
	}
	// The population and the question may have taken hours: the commitment is made now, and
	// its round must still be ahead.
	before := beaconWords(commitment)
	commitment.CommittedAt = w.e.Now()
	if err := f.beacon(commitment, o); err != nil {
		return err
	}
	if now := beaconWords(commitment); now != before && !a.rehearsal() {
		w.e.notef("the randomness is now: %s", now)
	}
	raw, err := commitment.Bytes()
	if err != nil {
		return err
	}
	for _, d := range []struct {
		name string
		data []byte
	}{{docConfig, f.configInForce()}, {docStrata, strata}, {docSnapshot, snapshot}} {
		if err := a.dir.Replace(d.name, d.data); err != nil {
			return err
		}
	}
	if err := w.keepTables(a); err != nil {
		return err
	}
	if err := a.dir.WriteOnce(docCommitment, raw); err != nil {
		return err
	}
	a.commitment = commitment
	return nil
}

// load brings the collection back and checks that the configuration is still the one it
// was made with.
func (f *freezing) load() (err error) {
	raw, err := f.a.dir.Read(docCollected)
	if err != nil {
		return err
	}
	if f.saved, err = collect.ParseSaved(raw); err != nil {
		return fmt.Errorf("%s: %w", f.a.dir.Path(docCollected), err)
	}
	if f.issuers, err = loadIssuers(f.w.cfg); err != nil {
		return err
	}
	archived, err := f.w.useLogList(context.Background(), f.a)
	if err != nil {
		return err
	}
	logs, err := f.w.openLogs(nil)
	if err != nil {
		return err
	}
	changed := &exitError{code: exitUsage, id: sourcesChangedID,
		err:  fmt.Errorf("%s names other issuers, logs or files than audit %s was collected from", f.w.cfg.File, f.a.id),
		hint: fmt.Sprintf("bring the configuration back; or remove %s and collect again (what was read of the same logs is kept)", f.a.dir.Path(docCollected))}
	otherIndex := f.saved.Index != nil && f.saved.Index.Server != f.w.cfg.CrtSh.Address
	if !archived || f.w.listChanged(f.a) || sourcesText(logs, f.w.cfg) != f.saved.Sources || otherIndex {
		return changed
	}
	f.collected, err = collect.Reopen(f.a.dir, f.issuers, f.saved)
	if errors.Is(err, collect.ErrOtherIssuers) {
		return changed
	}
	if err != nil {
		return err
	}
	if f.rules, err = issuerRules(f.w.cfg, f.issuers); err != nil {
		return err
	}
	f.chain, err = f.w.e.chain(f.a)
	return err
}

// configInForce is the configuration with what the command line changed of the sources.
func (f *freezing) configInForce() []byte {
	cfg := *f.w.cfg
	cfg.CrtSh.Use = f.saved.Index != nil
	if f.saved.SCTMode != "" || cfg.Collect.Mode != "" {
		cfg.Collect.Mode = cmp.Or(f.saved.SCTMode, sampler.CollectLogs)
	}
	return cfg.Effective()
}

// plan fixes where the randomness will come from, before the long part: a moment that has
// passed is better known at once.
func (f *freezing) plan(o freezeOptions) (*sampler.Commitment, error) {
	start, end, err := f.a.period()
	if err != nil {
		return nil, err
	}
	chainStart, err := sampler.ParseTime(f.a.opening.ChainStart)
	if err != nil {
		return nil, err
	}
	if _, err := sampler.ParseDocHash(o.Contribution); o.Contribution != "" && err != nil {
		return nil, usageErrorf("take it from the auditor: SHA-256(\"selfaudit-contribution-v1:auditor:\" and his value in hex), draw protocol 6.3", "--contribution-hash: %w", err)
	}
	now := f.w.e.Now()
	c := &sampler.Commitment{AuditID: f.a.id, Mode: f.a.opening.Mode, ChainStart: chainStart, PeriodStart: start, PeriodEnd: end,
		DrawMethod: sampler.DrawMethod, CommittedAt: now, Contribution: o.Contribution}
	if now.Before(end) {
		return nil, &exitError{code: exitNotYet, id: "period_open", err: fmt.Errorf("the period ends at %s, which has not come", sampler.FormatTime(end)),
			hint: "freeze after the period's end"}
	}
	if err := f.links(c); err != nil {
		return nil, err
	}
	if f.start, err = f.chainStart(); err != nil {
		return nil, err
	}
	return c, f.beacon(c, o)
}

// preview says what is about to become final: one line, and, if somebody will be asked, all
// that the answer depends on.
func (f *freezing) preview(c *sampler.Commitment, snapshot []byte) error {
	if f.w.e.asks() {
		snap, err := sampler.ParseSnapshot(snapshot)
		if err != nil {
			return err
		}
		d := &freezeDocument{}
		d.tell(f.strata, snap)
		f.w.e.showSummary(d)
	}
	var sample int64
	for _, s := range f.strata {
		sample += s.Sample
	}
	f.w.e.notef("audit %s: %s in %s, %s to be drawn; randomness: %s", f.a.id, sampler.Counted(f.popCount, "item", "items"), sampler.Counted(len(f.strata), "stratum", "strata"),
		terminal.Count(sample), beaconWords(c))
	f.previewOutside()
	return nil
}
