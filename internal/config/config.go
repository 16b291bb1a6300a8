// Package config reads selfaudit.toml, the one configuration file of a
// workspace. It is strict: an unknown key, a wrong type or a value outside its
// rules is an error with line and column, because a setting that was silently
// ignored would end up in the evidence as something nobody chose.
package config

import (
	"path/filepath"
	"slices"
)

// FileName is the name of the configuration in a workspace.
const FileName = "selfaudit.toml"

// MinRateBP is the least sampling rate in basis points: 3 percent, TLS
// Baseline Requirements 8.7.
const MinRateBP = 300

// Values of Audit.IssuanceTime (sampling protocol 3.1).
const (
	IssuedByCT        = "ct"
	IssuedByNotBefore = "not_before"
)

// Values of Audit.Beacon (sampling protocol 6).
const (
	BeaconQuicknet     = "quicknet"
	BeaconDefaultChain = "default-chain"
	BeaconDice         = "dice"
)

// Values of Log.Type.
const (
	TypeStaticCT = "static-ct"
	TypeRFC6962  = "rfc6962"
)

// DefaultDrawLeadDays is the protocol's time between the end of the period and
// the beacon round (section 5).
const DefaultDrawLeadDays = 3

// DefaultRelays are the HTTP relays that the sampling protocol names (6.1).
func DefaultRelays() []string {
	return []string{"https://api.drand.sh", "https://api2.drand.sh", "https://api3.drand.sh", "https://drand.cloudflare.com"}
}

// Config is a checked selfaudit.toml with its defaults filled in.
type Config struct {
	File string // the file as it was named to Load
	Dir  string // its folder, against which every relative path counts

	CA      CA
	Audit   Audit
	Chain   Chain
	Issuers []Issuer // in the order of the file
	LogList LogList  // Select is SelectNone without the table
	Logs    []Log    // in the order of the file
	Files   []Files  // in the order of the file

	Records  []Records // in the order of the file
	StrataBy []string  // columns of the records that strata are divided by
	Strata   []Stratum // in the order of the file

	CCADB   CCADB // File is empty without the table
	CrtSh   CrtSh // Use is false without the table
	Drand   Drand
	Collect Collect

	Requirements  Requirements
	Lint          Lint
	SecondOpinion SecondOpinion
}

// CA is [ca].
type CA struct {
	Name string // empty as init leaves it; then Complete says so
	// Contact is what operators of logs and relays can turn to: a mailto: or https: address;
	// empty without one.
	Contact string
}

// Audit is [audit].
type Audit struct {
	RateBP       int    // basis points, 300 to 10000
	Floor        int64  // least items per stratum; 0 = the protocol's default
	IssuanceTime string // IssuedByCT or IssuedByNotBefore
	// EVRA "none" declares that no registration authority does the final
	// cross-correlation and due diligence for EV and code signing; anything else
	// doubles their rates (EVG 8.1.1 and CSBR 8.7 read conservatively).
	EVRA         string
	DrawLeadDays int    // 1 to 120
	Beacon       string // one of the Beacon constants
	Minimum      int64  // least items per stratum that no issuer's floor goes below; 0 = none, else at least MinMinimum
}

// Issuer is one [[issuer]]: the certificates of one CA name and key.
type Issuer struct {
	Certificates []string          // paths as written, at least one
	Label        string            // for people; may be empty
	RateBP       int               // 0 = that of [audit]
	Floor        int64             // 0 = that of [audit]
	PolicyOIDs   map[string]string // dotted OID to class
}

// Log is one [[log]].
type Log struct {
	Type      string // TypeStaticCT or TypeRFC6962
	URL       string // http(s)://, file:// or a folder; no trailing slash
	PublicKey []byte // DER SubjectPublicKeyInfo
	Origin    string // the checkpoint's first line; never empty for static-ct
	Exclude   string // why this log is left out; empty = it is read
	Label     string // for people; may be empty
	// Tiles says that an RFC 6962 log serves data tiles beside get-entries; never set for static-ct.
	Tiles bool
	// OperatedByCA says that the log is the CA's own, whose times take no item out of the
	// chain (draw protocol 3.1).
	OperatedByCA bool
	Pace
}

// Files is one [[files]]: certificates outside any log.
type Files struct {
	Path string // as written: a file or folder
}

// Drand is [drand].
type Drand struct {
	Relays []string // base URLs, tried in this order; never empty
}

// Resolve turns a path of the configuration into one that can be opened:
// relative paths count from the configuration's folder.
func (c *Config) Resolve(path string) string {
	path = filepath.FromSlash(path)
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(c.Dir, path)
}

// Complete reports what a first `collect` still needs from the configuration:
// an issuer, and a log or files to look in. Nil means nothing is missing.
func (c *Config) Complete() error {
	var missing Errors
	if c.CA.Name == "" {
		missing = append(missing, Problem{File: c.File, Message: `[ca] name is empty: write something like "Example CA"`})
	}
	if len(c.Issuers) == 0 {
		missing = append(missing, Problem{File: c.File, Message: `no [[issuer]]: name the CA certificates to audit, each in an [[issuer]] with certificate = "issuers/dv1.pem"`})
	}
	readable := slices.ContainsFunc(c.Logs, func(l Log) bool { return l.Exclude == "" })
	if !readable && len(c.Files) == 0 && len(c.Records) == 0 && c.LogList.Select == SelectNone {
		missing = append(missing, Problem{File: c.File, Message: "no [[log]] that is read, no [log_list], no [[files]] and no [[records]]: name at least one place to find the certificates"})
	}
	if missing == nil {
		return nil
	}
	return missing
}
