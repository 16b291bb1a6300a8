package records

import (
	"fmt"
	"time"

	"selfaudit/sampler"
)

// Fields that a column can be mapped to.
const (
	Serial      = "serial"
	Issuer      = "issuer"
	Fingerprint = "fingerprint"
	NotBefore   = "not_before"
	NotAfter    = "not_after"
	IssuedAt    = "issued_at"
	Certificate = "certificate"
)

// FreeColumns are the fields whose text is taken as it is; Row.Free has them in this order.
var FreeColumns = [...]string{"order_id", "validator", "registration_authority", "delegated_third_party", "validation_method", "profile"}

// Fields returns every field that a column can be mapped to.
func Fields() []string {
	return append([]string{Serial, Issuer, Fingerprint, NotBefore, NotAfter, IssuedAt, Certificate}, FreeColumns[:]...)
}

// StrataColumns are the free columns that strata may be divided by: who validated, how,
// and what was issued (requirements S-23). Order numbers and names of people are not.
var StrataColumns = []string{"registration_authority", "delegated_third_party", "validation_method", "profile"}

// Row is one row of an export. A field that is not mapped, or empty in the row, is zero.
type Row struct {
	File        string // base name of the export, or its path inside a folder or archive
	Number      int64  // of the row among the export's rows of data, from 1
	Line        int    // where it begins in its file, from 1; 0 for a certificate
	SerialText  string // as written
	IssuerText  string // as written
	Serial      sampler.Serial
	Fingerprint sampler.CertHash
	NotBefore   time.Time
	NotAfter    time.Time
	IssuedAt    time.Time
	DER         []byte // the certificate that came with the row; owned by the receiver
	Free        [len(FreeColumns)]string
}

// Where says where the row stands, for messages.
func (r *Row) Where() string { return place(r.File, r.Number, r.Line, "") }

// Problem is a row, or something in its place, that could not be read.
type Problem struct {
	File   string
	Number int64 // of the row; 0 for what is no row, such as a damaged entry of an archive
	Line   int
	Column string // header of the column, "" for the row as a whole
	Field  string // the field that the column is mapped to, "" for the row as a whole
	Other  bool   // something else on purpose: a key, a text
	Err    error
}

// Where says where the problem is.
func (p *Problem) Where() string { return place(p.File, p.Number, p.Line, p.Column) }

func place(file string, number int64, line int, column string) string {
	s := file
	if number > 0 {
		s += fmt.Sprintf(", row %d", number)
	}
	if line > 0 {
		s += fmt.Sprintf(" (line %d)", line)
	}
	if column != "" {
		s += fmt.Sprintf(", column %q", column)
	}
	return s
}
