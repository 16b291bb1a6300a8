package evidence

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"selfaudit/sampler"
)

// PackageFormat names the version of the package format that this program writes and
// reads. A package of another format is refused with a message, never guessed at.
const PackageFormat = "selfaudit-package-v1"

// sealComment is bag-info.txt's explanation of what looks like an omission.
const sealComment = "The folder seal/ is left out of tagmanifest-sha256.txt on purpose: signatures and time stamps over that file are added there later without changing anything sealed."

const (
	statusComplete    = "complete"
	statusIncomplete  = "incomplete"
	rehearsalMode     = "rehearsal (REHEARSAL, NOT EVIDENCE)"
	alwaysOpen        = "review, signatures, time stamps"
	maxCANameBytes    = 256
	maxAgentFieldSize = 128
)

// BagInfo is the content of bag-info.txt: RFC 8493's reserved labels as far as they
// apply, then the package's own.
type BagInfo struct {
	SourceOrganization string    // the CA's name as configured
	AuditID            string    // External-Identifier
	SealedAt           time.Time // Bagging-Date is its day
	Clock              string    // "system", or "given" for a run with --now
	PayloadBytes       int64     // Payload-Oxum: octets of all files under data/
	PayloadFiles       int64     // Payload-Oxum: their number
	Program            sampler.ProgramInfo
	Compressor         string   // Go version whose compressor made the zip's bytes
	Mode               string   // sampler.ModeAudit or sampler.ModeRehearsal
	Incomplete         bool     // some stage's documents are missing
	OpenStages         []string // those stages, in order; empty when complete
}

// bagInfoLabels is the order of the lines; each occurs exactly once.
var bagInfoLabels = []string{
	"Source-Organization", "External-Identifier", "Bagging-Date", "Payload-Oxum", "Bag-Software-Agent",
	"Selfaudit-Compressor", "Selfaudit-Package-Format", "Selfaudit-Sealed-At", "Selfaudit-Clock", "Selfaudit-Mode", "Selfaudit-Status",
	"Selfaudit-Open", "Comment",
}

// Bytes renders bag-info.txt, or says which value cannot stand in it.
func (b BagInfo) Bytes() ([]byte, error) {
	if err := b.check(); err != nil {
		return nil, fmt.Errorf("bag-info.txt: %w", err)
	}
	mode := b.Mode
	if b.Mode == sampler.ModeRehearsal {
		mode = rehearsalMode
	}
	status := statusComplete
	if b.Incomplete {
		status = statusIncomplete
	}
	values := []string{
		b.SourceOrganization,
		b.AuditID,
		b.SealedAt.UTC().Format("2006-01-02"),
		fmt.Sprintf("%d.%d", b.PayloadBytes, b.PayloadFiles),
		formatAgent(b.Program),
		b.Compressor,
		PackageFormat,
		sampler.FormatTime(b.SealedAt),
		b.Clock,
		mode,
		status,
		strings.Join(append(append([]string{}, b.OpenStages...), alwaysOpen), ", "),
		sealComment,
	}
	var out bytes.Buffer
	for i, label := range bagInfoLabels {
		fmt.Fprintf(&out, "%s: %s\n", label, values[i])
	}
	return out.Bytes(), nil
}

// ParseBagInfo parses bag-info.txt strictly: for every accepted input, Bytes gives the
// same bytes back.
func ParseBagInfo(raw []byte) (BagInfo, error) {
	if !utf8.Valid(raw) {
		return BagInfo{}, fmt.Errorf("bag-info.txt: not UTF-8")
	}
	lines := strings.SplitAfter(string(raw), "\n")
	if lines[len(lines)-1] != "" || len(lines)-1 != len(bagInfoLabels) {
		return BagInfo{}, fmt.Errorf("bag-info.txt: not %d lines", len(bagInfoLabels))
	}
	values := make(map[string]string, len(bagInfoLabels))
	for i, label := range bagInfoLabels {
		value, ok := strings.CutPrefix(strings.TrimSuffix(lines[i], "\n"), label+": ")
		if !ok {
			return BagInfo{}, fmt.Errorf("bag-info.txt: line %d is not %q", i+1, label+": ...")
		}
		values[label] = value
	}
	if f := values["Selfaudit-Package-Format"]; f != PackageFormat {
		return BagInfo{}, fmt.Errorf("bag-info.txt: package format %q, this program reads %s", f, PackageFormat)
	}
	b := BagInfo{
		SourceOrganization: values["Source-Organization"],
		AuditID:            values["External-Identifier"],
		Compressor:         values["Selfaudit-Compressor"],
		Clock:              values["Selfaudit-Clock"],
		Mode:               values["Selfaudit-Mode"],
		Incomplete:         values["Selfaudit-Status"] == statusIncomplete,
	}
	if b.Mode == rehearsalMode {
		b.Mode = sampler.ModeRehearsal
	}
	var err error
	if b.SealedAt, err = sampler.ParseTime(values["Selfaudit-Sealed-At"]); err != nil {
		return BagInfo{}, fmt.Errorf("bag-info.txt: Selfaudit-Sealed-At: %w", err)
	}
	if b.PayloadBytes, b.PayloadFiles, err = parseOxum(values["Payload-Oxum"]); err != nil {
		return BagInfo{}, fmt.Errorf("bag-info.txt: Payload-Oxum: %w", err)
	}
	if b.Program, err = parseAgent(values["Bag-Software-Agent"]); err != nil {
		return BagInfo{}, fmt.Errorf("bag-info.txt: Bag-Software-Agent: %w", err)
	}
	if open, ok := strings.CutSuffix(values["Selfaudit-Open"], ", "+alwaysOpen); ok {
		b.OpenStages = strings.Split(open, ", ")
	}
	again, err := b.Bytes()
	if err != nil {
		return BagInfo{}, err
	}
	if !bytes.Equal(again, raw) {
		return BagInfo{}, fmt.Errorf("bag-info.txt: not in the form that seal writes (or Bagging-Date, status and open points contradict the other lines)")
	}
	return b, nil
}

// check holds what must be true of a BagInfo whichever way it came about.
func (b BagInfo) check() error {
	if err := checkCAName(b.SourceOrganization); err != nil {
		return err
	}
	if err := checkSegment(b.AuditID); err != nil {
		return fmt.Errorf("audit id %q: %w", b.AuditID, err)
	}
	if b.Mode != sampler.ModeAudit && b.Mode != sampler.ModeRehearsal {
		return fmt.Errorf("mode %q is neither %s nor %s", b.Mode, sampler.ModeAudit, sampler.ModeRehearsal)
	}
	if b.Clock != "system" && b.Clock != "given" {
		return fmt.Errorf("clock %q is neither system nor given", b.Clock)
	}
	if b.PayloadBytes < 0 || b.PayloadFiles < 0 {
		return fmt.Errorf("negative payload size")
	}
	if year := b.SealedAt.UTC().Year(); year < 1980 || year > 9999 {
		return fmt.Errorf("sealed-at %v is not a date", b.SealedAt)
	}
	if b.Incomplete != (len(b.OpenStages) > 0) {
		return fmt.Errorf("status incomplete=%v contradicts %d open stages", b.Incomplete, len(b.OpenStages))
	}
	for _, s := range b.OpenStages {
		if s == "" || strings.Trim(s, "abcdefghijklmnopqrstuvwxyz") != "" {
			return fmt.Errorf("open stage %q", s)
		}
	}
	if b.Compressor == "" {
		return fmt.Errorf("no compressor named")
	}
	for _, f := range []string{b.Program.Name, b.Program.Version, b.Program.Revision, b.Program.Go, b.Compressor} {
		if len(f) > maxAgentFieldSize || strings.Trim(f, agentAlphabet) != "" {
			return fmt.Errorf("program field %q: only letters, digits and ._+()- are allowed", f)
		}
	}
	return nil
}

// checkCAName refuses a name that would break the line or fool a reader: the value
// reaches bag-info.txt, README.txt and the auditor's terminal.
func checkCAName(name string) error {
	switch {
	case name == "":
		return fmt.Errorf("the CA's name is empty: set [ca] name in selfaudit.toml")
	case len(name) > maxCANameBytes:
		return fmt.Errorf("the CA's name has %d bytes, at most %d are allowed", len(name), maxCANameBytes)
	case name != strings.TrimSpace(name):
		return fmt.Errorf("the CA's name %q begins or ends in white space", name)
	}
	for _, r := range name {
		if r == utf8.RuneError || !unicode.IsPrint(r) {
			return fmt.Errorf("the CA's name %q holds the unprintable character %U", name, r)
		}
	}
	return nil
}

const agentAlphabet = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._+()-"

// formatAgent writes the program that sealed the package as four words.
func formatAgent(p sampler.ProgramInfo) string {
	word := func(s string) string {
		if s == "" {
			return "unknown"
		}
		return s
	}
	return strings.Join([]string{word(p.Name), word(p.Version), word(p.Revision), word(p.Go)}, " ")
}

func parseAgent(s string) (sampler.ProgramInfo, error) {
	words := strings.Split(s, " ")
	if len(words) != 4 {
		return sampler.ProgramInfo{}, fmt.Errorf("%q is not program, version, revision and Go version", s)
	}
	return sampler.ProgramInfo{Name: words[0], Version: words[1], Revision: words[2], Go: words[3]}, nil
}

func parseOxum(s string) (octets, files int64, err error) {
	a, b, found := strings.Cut(s, ".")
	if !found {
		return 0, 0, fmt.Errorf("%q is not OCTETS.FILES", s)
	}
	if octets, err = strconv.ParseInt(a, 10, 64); err != nil {
		return 0, 0, err
	}
	files, err = strconv.ParseInt(b, 10, 64)
	return octets, files, err
}
