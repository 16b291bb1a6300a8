package sampler

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// maxNamedLogs is how many logs or files a sentence names that says the same of all of them.
const maxNamedLogs = 10

// Completeness says in sentences what was done to find every item of the population, and what was not: the
// statement that report and workbook print. It follows from the rest of the snapshot alone, so a verifier
// derives it again. It claims no more than was done: complete is said only against what was read.
func Completeness(s *Snapshot) []string {
	c := &completing{s: s}
	c.population()
	c.reconciliation()
	c.logs()
	c.earlyHeads()
	c.unreadLogs()
	c.carried()
	c.files()
	c.index()
	c.unreadable()
	c.limits()
	return c.out
}

type completing struct {
	s   *Snapshot
	out []string
}

func (c *completing) say(format string, args ...any) {
	// What people wrote may hold anything; a sentence is one line.
	c.out = append(c.out, strings.Join(strings.Fields(fmt.Sprintf(format, args...)), " "))
}

// population begins with the number of items and, if their SCTs were looked up, how many CT proves.
func (c *completing) population() {
	s := c.s
	proven := ""
	if x := s.SCTs; x != nil {
		proven = fmt.Sprintf("; %s proven in CT; %s not proven", thousands(x.ItemsProven), thousands(x.ItemsNotProven))
		switch {
		case x.ItemsNotProven > 0:
			proven += ", listed in " + NotProvenFile
		case x.ListRows > 0:
			proven += fmt.Sprintf("; %s, listed in %s", c.count(x.ListRows, "SCT contradicts its log", "SCTs contradict their logs"), NotProvenFile)
		}
	}
	r := s.Reconciliation
	switch {
	case r == nil:
		c.say("%s in the population%s.", c.count(s.Counts.Population, "item", "items"), proven)
	case r.Counts.InRecords == s.Counts.Population:
		c.say("%s by the CA's records (%s)%s.", c.count(s.Counts.Population, "item", "items"), c.exports(), proven)
	default:
		c.say("%s in the population: %s by the CA's records (%s), %s that only other sources show%s.", c.count(s.Counts.Population, "item", "items"),
			thousands(r.Counts.InRecords), c.exports(), thousands(s.Counts.Population-r.Counts.InRecords), proven)
	}
}

// exports names the CA's records with what ties them to its system.
func (c *completing) exports() string {
	var list []string
	for _, r := range c.s.Records {
		list = append(list, join(r.Path, r.Provenance.ExtractedAt, r.Provenance.System))
	}
	return some(list, "; ")
}

func (c *completing) reconciliation() {
	r := c.s.Reconciliation
	if r == nil {
		return
	}
	n := r.Counts
	c.say("Compared with the CA's records: %s in both the records and a log, %s in the records and proven in no log, %s that the records should have and only a log shows, %s that they should have and only a file or index shows, %s of issuers that no export covers.",
		thousands(n.InBoth), thousands(n.NotProven), thousands(n.OnlyInCT), thousands(n.OnlyInFiles), thousands(n.NotCovered))
	if n.RowsExcluded > 0 {
		c.say("%s of the records %s left out by hand, each with reason and name in draw/snapshot.json.", c.count(n.RowsExcluded, "row", "rows"), verb(int(min(n.RowsExcluded, 2))))
	}
	var unreadable int64
	for _, e := range c.s.Records {
		unreadable += e.Unreadable
	}
	if unreadable > 0 {
		c.say("%s of the records could not be read and stayed out, for the reason in draw/snapshot.json.", c.count(unreadable, "row", "rows"))
	}
}

// logs says of every log what was done with it.
func (c *completing) logs() {
	var unnamed []string
	for i := range c.s.Logs {
		l := &c.s.Logs[i]
		name := logName(l)
		switch {
		case l.Status == LogExcluded:
			c.say("Log %s: not used (%s); what only it holds is not in the population.", name, l.Reason)
		case l.Status == LogLookedUp && l.LookedUp == 0:
			unnamed = append(unnamed, name)
		case l.Status == LogLookedUp:
			c.say("Log %s: not read; %s of %s SCTs that were looked up in it are proven against %s%s.", name, thousands(l.ProvenSCTs), thousands(l.LookedUp), head(l), grown(l))
		default:
			c.readLog(l, name)
		}
	}
	if len(unnamed) > 0 {
		c.say("%s not asked, because no certificate at hand names %s: %s.", c.count(int64(len(unnamed)), "log was", "logs were"), pronoun(len(unnamed)), some(unnamed, ", "))
	}
}

func pronoun(n int) string {
	if n == 1 {
		return "it"
	}
	return "them"
}

// grown says what ties the log's tree head to that of an earlier audit.
func grown(l *SnapshotLog) string {
	if p := l.Previous; p != nil {
		return fmt.Sprintf("; it has only grown since audit %s, for which it had %s", p.AuditID, Counted(p.TreeSize, "entry", "entries"))
	}
	return ""
}

func (c *completing) readLog(l *SnapshotLog, name string) {
	tail := grown(l)
	if l.LookedUp > 0 {
		tail += fmt.Sprintf("; %s of %s SCTs that were looked up in it are proven", thousands(l.ProvenSCTs), thousands(l.LookedUp))
	}
	first, _ := l.First()
	switch {
	case l.TreeSize == 0:
		c.say("Log %s: empty at %s%s.", name, head(l), tail)
	case first == l.TreeSize:
		c.say("Log %s: no new entries at %s%s; earlier entries were not read: %s", name, head(l), tail, sentence(l.FirstReason))
	case first > 0:
		c.say("Log %s: entries %s to %s read and proven against %s%s; earlier entries were not read: %s", name, unsigned(first), unsigned(l.TreeSize-1), head(l), tail, sentence(l.FirstReason))
	default:
		c.say("Log %s: every entry, 0 to %s, read and proven against %s%s.", name, unsigned(l.TreeSize-1), head(l), tail)
	}
}

// earlyHeads names the logs whose tree head may be too early for the whole period (protocol 3.1).
func (c *completing) earlyHeads() {
	end, err := ParseTime(c.s.Period.End)
	if err != nil {
		return // no snapshot is written or read with such a period
	}
	var early []string
	for i := range c.s.Logs {
		l := &c.s.Logs[i]
		if l.Status != LogExcluded && l.RootHash != "" && headTime(l).Before(end.Add(MaxMergeDelay)) {
			early = append(early, logName(l))
		}
	}
	if len(early) > 0 {
		c.say("The tree head of %s is earlier than 24 hours after the period's end, so entries of the period may be missing in it: %s.", c.count(int64(len(early)), "log", "logs"), some(early, ", "))
	}
}

func (c *completing) unreadLogs() {
	var ids []string
	for _, u := range c.s.UnreadLogs {
		ids = append(ids, u.LogID)
	}
	if len(ids) > 0 {
		c.say("Embedded SCTs name %s that %s not configured and not read: %s.", c.count(int64(len(ids)), "log", "logs"), verb(len(ids)), some(ids, ", "))
	}
}

// carried names what the audits before left waiting and nothing shows now.
func (c *completing) carried() {
	if o := c.s.Outside; o != nil && o.Carried > 0 {
		c.say("%s shown by nothing that was read now, and waiting on in %s.",
			c.count(o.Carried, "item that waited in an earlier audit is", "items that waited in an earlier audit are"), OutsideFile)
	}
}

func verb(n int) string {
	if n == 1 {
		return "was"
	}
	return "were"
}

func (c *completing) files() {
	var names []string
	var certificates, kept int64
	for _, f := range c.s.Files {
		if f.Kind == FileIndex {
			continue
		}
		names = append(names, f.Path)
		certificates += f.Certificates
		kept += f.Kept
	}
	if len(names) > 0 {
		c.say("%s given by the CA, with %s, %s of the audited issuers: %s. A file proves nothing about what is not in it.",
			capital(c.count(int64(len(names)), "file or folder", "files or folders")), c.count(certificates, "certificate", "certificates"), thousands(kept), some(names, ", "))
	}
}

func (c *completing) index() {
	x := c.s.Index
	if x == nil {
		return
	}
	until := "for the whole time"
	if !x.Complete {
		until = "not completely, because " + strings.TrimSuffix(x.Reason, ".")
	}
	c.say("%s (%s) was asked as a cross-check for certificates with a notBefore from %s to %s, and answered %s: %s, %s of the audited issuers. What it does not show means nothing.",
		x.Name, x.Server, x.NotBeforeFrom, x.NotBeforeUntil, until, c.count(x.Certificates, "certificate", "certificates"), thousands(x.Kept))
}

func (c *completing) unreadable() {
	if n := c.s.Counts.Unreadable; n > 0 {
		c.say("%s in these sources could not be read as certificates, so nobody can say whose they are; the notes name the first.", c.count(n, "entry or block", "entries or blocks"))
	}
}

// limits ends with what the population is complete against, and with what nothing here can show.
func (c *completing) limits() {
	var whole, parts int
	for i := range c.s.Logs {
		switch first, read := c.s.Logs[i].First(); {
		case !read:
		case first == 0:
			whole++
		default:
			parts++
		}
	}
	var against []string
	if whole > 0 {
		against = append(against, "the entries of "+c.count(int64(whole), "log read whole", "logs read whole"))
	}
	if parts > 0 {
		against = append(against, "the entries read of "+c.count(int64(parts), "log", "logs")+" that "+verb(parts)+" read in part")
	}
	if len(c.s.Records) > 0 {
		against = append(against, "the CA's records as it gave them")
	}
	if slices.ContainsFunc(c.s.Files, func(f SnapshotFile) bool { return f.Kind != FileIndex }) {
		against = append(against, "the files as the CA gave them")
	}
	if len(against) == 0 {
		c.say("Nothing was read that the population could be complete against.")
		return
	}
	if whole+parts == 0 {
		shown := ""
		if c.s.Index != nil {
			shown = " and " + c.s.Index.Name + " did not show"
		}
		c.say("No log was read: a certificate that the CA did not give%s is not in the population, whether a log has it or not.", shown)
	}
	c.say("The population is complete against %s. Certificates that are in none of these are not in it, and nothing here shows that there are none.", list(against))
}

// head names the tree head that a log was proven against.
func head(l *SnapshotLog) string {
	return fmt.Sprintf("the tree head of %s (%s, root %s)", FormatTime(headTime(l)), Counted(l.TreeSize, "entry", "entries"), l.RootHash)
}

// headTime is the tree head's time; a time stamp after the year 9999 is taken for its last second.
func headTime(l *SnapshotLog) time.Time {
	return time.UnixMilli(int64(min(l.TimestampMS, 253402300799999))).UTC()
}

func logName(l *SnapshotLog) string { return cmp.Or(l.Label, l.Origin, l.URL, l.LogID) }

func (c *completing) count(n int64, one, many string) string {
	return Counted(n, one, many)
}

// thousands writes a number with a comma before every three digits.
func thousands(n int64) string {
	if n < 0 {
		return "-" + unsigned(uint64(-n))
	}
	return unsigned(uint64(n))
}

func unsigned(n uint64) string {
	text := strconv.FormatUint(n, 10)
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}

// some joins the first of a list and says how many more there are.
func some(items []string, separator string) string {
	if more := len(items) - maxNamedLogs; more > 0 {
		return strings.Join(items[:maxNamedLogs], separator) + separator + "and " + thousands(int64(more)) + " more"
	}
	return strings.Join(items, separator)
}

func join(parts ...string) string {
	return strings.Join(slices.DeleteFunc(parts, func(s string) bool { return strings.TrimSpace(s) == "" }), ", ")
}

// list joins with commas and a final and.
func list(items []string) string {
	if len(items) < 2 {
		return strings.Join(items, "")
	}
	return strings.Join(items[:len(items)-1], ", ") + " and " + items[len(items)-1]
}

// sentence ends a text with one full stop.
func sentence(text string) string { return strings.TrimRight(text, ". ") + "." }

func capital(s string) string { return strings.ToUpper(s[:1]) + s[1:] }
