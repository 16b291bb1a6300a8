package lint

import (
	"crypto/sha256"
	"encoding/hex"
)

// Kind says what an artifact is.
type Kind string

// The kinds of artifact that can be linted, and the one for bytes that are none of them.
const (
	KindCert    Kind = "cert"
	KindCRL     Kind = "crl"
	KindOCSP    Kind = "ocsp"
	KindUnknown Kind = "unknown"
)

// Artifact is one thing to lint: a certificate or precertificate, a CRL or an
// OCSP response.
type Artifact struct {
	// File is the name the artifact came under, as the caller wants it in results.
	File string
	// Block is the artifact's position among those of its file, from 0.
	Block int
	// Kind is what the bytes claim to be; KindUnknown (or empty) makes the
	// linter find out by trying.
	Kind Kind
	// DER holds the artifact's bytes. It is nil where none could be read.
	DER []byte
	// Err says why the artifact cannot be linted. Its result then carries a
	// finding of our own instead of zlint's.
	Err error
	// Attachment goes to Options.Checks as it is: what the caller knows about the
	// artifact's surroundings. The linter itself does not look at it.
	Attachment any
}

// SHA256 returns the lower hex SHA-256 of the artifact's bytes, or "" where
// there are none.
func (a Artifact) SHA256() string {
	if len(a.DER) == 0 {
		return ""
	}
	sum := sha256.Sum256(a.DER)
	return hex.EncodeToString(sum[:])
}

// Finding is one thing a lint has to say about one artifact.
type Finding struct {
	// Lint is the rule's name, zlint's own or one of ours (see SourceSelfaudit).
	Lint     string   `json:"lint"`
	Severity Severity `json:"severity"`
	// Source is the rule's origin in zlint's words ("CABF_BR", "RFC5280"), or SourceSelfaudit.
	Source string `json:"source"`
	// Citation is zlint's text. It mixes section numbers of several editions
	// of the requirements, so it must not be read as a section of the current one.
	Citation string `json:"citation"`
	// Details is what the lint says about this artifact: valid UTF-8, at most
	// MaxDetails bytes, possibly with control characters of the artifact in it.
	Details string `json:"details,omitempty"`
	// Revocation is where the finding falls in the reasons for revocation (Ground.String and
	// its note), in the documents of an audit (Options.Document); "" where nothing has to be
	// revoked for it.
	Revocation string `json:"revocation,omitempty"`
}

// Result is what linting one artifact gave.
type Result struct {
	File string `json:"file"`
	Kind Kind   `json:"kind"`
	// SHA256 is the lower hex SHA-256 of the artifact's bytes, "" where none could be read.
	SHA256 string `json:"sha256"`
	// RuleSet names the rule set of a certificate (RuleSetNamed), and InForce are the versions
	// of the documents that govern it in force at its notBefore, or on the day of AsIf
	// ("TLS-BR 2.2.6"). Both are there only with Options.Document.
	RuleSet string   `json:"rule_set,omitempty"`
	InForce []string `json:"in_force,omitempty"`
	// SCTs counts the embedded SCTs where checks have looked at them; see SCTCount.
	SCTs *SCTCount `json:"scts,omitempty"`
	// Findings is never nil. Order: severity, worst first, then name of the lint.
	Findings []Finding `json:"findings"`
	// AsIf is the day (YYYY-MM-DD) of Options.AsIf, "" for a judgement as of issuance. A
	// result with it says nothing about compliance of the artifact as it was issued.
	AsIf string `json:"as_if,omitempty"`
	// Description says what the artifact is; nil unless Options.Describe asks for it.
	// It tells the artifact as it is, also in an "as if" result.
	Description *Description `json:"-"`
	// Attachment is the artifact's.
	Attachment any `json:"-"`
	// Waivers are the ids of the waivers that hold for the findings, one for each, "" for none;
	// nil where nobody has applied waivers. The linter never sets it.
	Waivers []string `json:"-"`
	// Rechecked says that zlint's own loop has judged the artifact too (Options.Recheck), and
	// Difference how its result differs; "" for not at all.
	Rechecked  bool   `json:"-"`
	Difference string `json:"-"`
}

// SCTCount says what is known of a certificate's embedded SCTs (RFC 6962 section 3.3). It is
// information: which logs a certificate should be in is the browsers' policy, not the
// requirements'.
type SCTCount struct {
	Embedded   int `json:"embedded"`
	Verified   int `json:"verified"`              // of logs whose keys are known
	UnknownLog int `json:"unknown_log,omitempty"` // nobody gave the log's key, so nothing is said about the signature
	Invalid    int `json:"invalid,omitempty"`     // of a known log, and not its signature
	Logs       int `json:"logs"`                  // distinct logs
	Operators  int `json:"operators,omitempty"`   // distinct operators among the known logs, where they are known
}

// Worst returns the highest severity among the findings that are not waived, 0 when there
// are none.
func (r Result) Worst() Severity {
	var worst Severity
	for i, f := range r.Findings {
		if r.Waiver(i) == "" {
			worst = max(worst, f.Severity)
		}
	}
	return worst
}

// Waiver is the id of the waiver of the finding number i, from 0; "" for none.
func (r Result) Waiver(i int) string {
	if i >= len(r.Waivers) {
		return ""
	}
	return r.Waivers[i]
}
