package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"selfaudit/internal/config"
	"selfaudit/internal/terminal"
	"selfaudit/sampler"
	"selfaudit/sampler/ct"
	"selfaudit/sampler/loglist"
)

// logsOptions are the flags of `selfaudit logs`.
type logsOptions struct {
	From, Until string
	All         bool
}

func newLogsCommand(e *env) *cobra.Command {
	var o logsOptions
	cmd := &cobra.Command{
		Use:   "logs",
		Short: "Which CT logs a period needs, and why the others not",
		Long: `Show which CT logs would be read for a period, and why every other log of the list would
not: the logs of [log_list], and those that are configured by hand. A log's interval is
about the end of certificates, so it must meet the time from the period's start to its end
plus the longest validity that is allowed (BR 6.3.2). Nothing is opened, pinned or written,
and no log is asked. Outside a workspace, and without [log_list], the list that comes with
the program is shown.`,
		Example: `  selfaudit logs
  selfaudit logs --from 2026-07-01T00:00:00Z --until 2026-10-01T00:00:00Z --all
  selfaudit logs --json | jq -r '.logs[] | select(.chosen) | .url'`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			doc, err := e.logs(cmd.Context(), o)
			return show(e, doc, err)
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.From, "from", "", "first `time` of the period (default: the open audit's, else the last full quarter)")
	f.StringVar(&o.Until, "until", "", "first `time` after the period")
	f.BoolVar(&o.All, "all", false, "list every log that is left out, not only the reasons")
	return cmd
}

// logsDocument is what `logs --json` writes.
type logsDocument struct {
	Schema          string          `json:"schema"`
	Period          [2]string       `json:"period"`
	PeriodOrigin    string          `json:"period_origin"`
	List            *logListInfo    `json:"list"`                        // null when no list is in use
	Lists           []logListInfo   `json:"lists,omitempty"`             // all of them, where there are several
	Differences     []logDifference `json:"differences,omitempty"`       // of what several lists say
	SkipWithoutRoot bool            `json:"skip_without_root,omitempty"` // collect asks the logs for their roots first
	InUse           bool            `json:"in_use"`                      // collect takes its logs from these lists
	NotAfter        [2]string       `json:"not_after"`
	Rule            string          `json:"rule"`
	Chosen          int             `json:"chosen"` // logs that would be read, those configured by hand included
	Logs            []logRow        `json:"logs"`
	all             bool
	omitted         []omission
	differing       []omission
}

// logDifference is one fact about one log of which several lists say different things.
type logDifference struct {
	Log    string     `json:"log"`
	LogID  string     `json:"log_id"`
	Fact   string     `json:"fact"` // type, address, state, interval, mmd or log_type
	Values []listSays `json:"values"`
	Used   string     `json:"used"`
}

type listSays struct {
	List int    `json:"list"` // from 1, in the order of lists
	Text string `json:"text"`
}

type logListInfo struct {
	Source    string `json:"source"`
	Version   string `json:"version"`
	Timestamp string `json:"timestamp"`
	SHA256    string `json:"sha256"`
	Signature string `json:"signature"`
	Warning   string `json:"warning,omitempty"`
}

type logRow struct {
	Name     string `json:"name"`
	Operator string `json:"operator,omitempty"`
	Type     string `json:"type"`
	URL      string `json:"url"`
	LogID    string `json:"log_id"`
	State    string `json:"state,omitempty"`
	Interval string `json:"interval,omitempty"`
	Source   string `json:"source"`          // configuration or list
	Lists    []int  `json:"lists,omitempty"` // which of several lists have it
	Chosen   bool   `json:"chosen"`
	Code     string `json:"code"`
	Reason   string `json:"reason"`
}

func (e *env) logs(ctx context.Context, o logsOptions) (*logsDocument, error) {
	cfg, _, err := e.configOrEmpty()
	if err != nil {
		return nil, err
	}
	p, err := e.lookAhead(o.From, o.Until)
	if err != nil {
		return nil, err
	}
	d := &logsDocument{Schema: "selfaudit.logs/v1", Period: p.texts(), PeriodOrigin: p.origin, InUse: cfg.LogList.Select == config.SelectAuto, Logs: []logRow{}, all: o.All}
	for _, l := range cfg.Logs {
		d.add(handRow(l))
	}
	list, err := e.readLogLists(ctx, cfg)
	if err != nil {
		return nil, err
	}
	d.List, d.Lists, d.SkipWithoutRoot, d.differing = list.info(e), list.infos(e), cfg.LogList.SkipWithoutRoot, list.differing()
	for _, x := range list.differences {
		row := logDifference{Log: x.Log, LogID: x.ID.String(), Fact: x.Fact, Used: x.Used}
		for _, v := range x.Values {
			row.Values = append(row.Values, listSays{v.List, v.Text})
		}
		d.Differences = append(d.Differences, row)
	}
	c, err := choose(cfg, list, p.from, p.until, nil)
	if err != nil {
		return nil, err
	}
	d.NotAfter, d.Rule, d.omitted = [2]string{sampler.FormatTime(c.window.From), sampler.FormatTime(c.window.Until)}, c.window.Source, c.omitted()
	for _, ch := range c.choices {
		d.add(listRow(ch))
	}
	return d, nil
}

func (d *logsDocument) add(r logRow) {
	d.Logs = append(d.Logs, r)
	if r.Chosen && (r.Source == "configuration" || d.InUse) {
		d.Chosen++
	}
}

func (l *logList) info(e *env) *logListInfo {
	return &logListInfo{Source: l.from, Version: l.list.Version, Timestamp: sampler.FormatTime(l.list.Timestamp), SHA256: l.hash().String(), Signature: l.signed,
		Warning: l.list.Warning(e.Now())}
}

func handRow(l config.Log) logRow {
	r := logRow{Name: (&logSource{cfg: l}).name(), Type: l.Type, URL: l.URL, LogID: ct.LogIDOf(l.PublicKey).String(), Source: "configuration", Chosen: l.Exclude == "",
		Code: codeByHand, Reason: whyByHand}
	if l.Exclude != "" {
		r.Code, r.Reason = codeExcluded, "excluded: "+l.Exclude
	}
	return r
}

func listRow(c loglist.Choice) logRow {
	return logRow{Name: c.Log.Description, Operator: c.Log.Operator, Type: c.Log.Type, URL: c.Log.URL, LogID: c.Log.ID.String(), State: string(c.Log.State),
		Interval: c.Log.Interval(), Source: "list", Lists: c.Log.Lists, Chosen: c.Chosen, Code: c.Code, Reason: c.Reason}
}

// why is the reason in a few words: the table has the interval in a column of its own.
func (r *logRow) why() string {
	switch r.Code {
	case loglist.ReasonInterval:
		return "certificates of the period may end then"
	case loglist.ReasonEnded:
		return "they end before the period begins"
	case loglist.ReasonLater:
		return "they end later than those of the period may"
	}
	return r.Reason
}

// render writes the document for people.
func (d *logsDocument) render(e *env) {
	e.printf("period %s to %s, %s\n", d.Period[0], d.Period[1], d.PeriodOrigin)
	writeLists(e, d.List, d.Lists)
	e.printf("certificates of the period end from %s to %s (%s)\n\n", d.NotAfter[0], d.NotAfter[1], d.Rule)
	t := e.table()
	t.Header("log", "type", "state", "certificates that end", "read", "why")
	for _, l := range d.Logs {
		if l.Chosen || d.all || l.Source == "configuration" {
			why := l.why()
			if len(l.Lists) > 0 && len(l.Lists) < len(d.Lists) {
				why += inLists(&loglist.Log{Lists: l.Lists})
			}
			t.Row(terminal.Escape(l.Name), l.Type, orDash(l.State), orDash(l.Interval), yesNo(l.Chosen), terminal.Escape(why))
		}
	}
	_ = t.Flush() // a failed write shows at the end, in Main
	if !d.all {
		for _, g := range d.omitted {
			e.printf("not read: %s, because %s\n", sampler.Counted(len(g.names), "log", "logs"), terminal.Escape(g.reason))
		}
	}
	for _, g := range d.differing {
		e.printf("the lists differ: %s: %s\n", terminal.Escape(g.reason), terminal.Escape(clipText(strings.Join(g.names, "; "), 300)))
	}
	switch {
	case d.InUse && d.SkipWithoutRoot:
		e.printf("%s would be read, less those that accept no root of the CA, which collect asks them\n", sampler.Counted(d.Chosen, "log", "logs"))
	case d.InUse:
		e.printf("%s would be read\n", sampler.Counted(d.Chosen, "log", "logs"))
	default:
		e.printf("the list is not in use: write [log_list] into %s to read its logs\n", terminal.Escape(e.configPath()))
	}
}

// writeLists says which lists are used, with a warning for each that is old.
func writeLists(e *env, first *logListInfo, all []logListInfo) {
	head := "log list"
	if len(all) == 0 {
		all = []logListInfo{*first}
	}
	for i, l := range all {
		if len(all) > 1 {
			head = fmt.Sprintf("log list %d:", i+1)
		}
		e.printf("%s version %s of %s (%s); %s\n", head, terminal.Escape(orDash(l.Version)), l.Timestamp, terminal.Escape(l.Source), l.Signature)
		if l.Warning != "" {
			e.printf("%s %s\n", e.out().Warn("warning:"), terminal.Escape(l.Warning))
		}
	}
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

func yesNo(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}
