package crtsh

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"math"
	"strconv"
	"time"
)

// Times in statements and page files, UTC. PostgreSQL counts microseconds.
const (
	timeLayout  = "2006-01-02T15:04:05.000000"
	timePattern = `YYYY-MM-DD"T"HH24:MI:SS.US`
)

// position is a place in the order of a CA's certificates, which is by notBefore, then by
// id: everything up to and including it.
type position struct {
	at time.Time
	id int64 // noID: everything before at, and nothing at it
}

const noID = -1

func (p position) before(q position) bool {
	return p.at.Before(q.at) || p.at.Equal(q.at) && p.id < q.id
}

// row is one certificate of an answer.
type row struct {
	at   position
	size int64
	der  []byte // nil if it is larger than MaxCertificate
}

// probes touch everything that the questions need, and no row: what is missing is said
// before the first question.
var probes = []string{
	"SELECT id FROM ca WHERE digest(public_key, 'sha256') = decode('', 'hex') LIMIT 0",
	"SELECT ca_id FROM ca_certificate WHERE certificate_id = 0 LIMIT 0",
	"SELECT id, encode(certificate, 'base64') FROM certificate WHERE issuer_ca_id = 0 AND x509_notBefore(certificate) < '2000-01-01' LIMIT 0",
}

// maxCAs bounds the CAs of one key: crt.sh has one for each name that a key goes by.
const maxCAs = 1000

// byKey finds the CAs with a public key. The expression is that of the index ca_spki_sha256.
func byKey(spki [32]byte) string {
	return fmt.Sprintf("SELECT id FROM ca WHERE digest(public_key, 'sha256') = decode('%s', 'hex') ORDER BY id LIMIT %d", hex.EncodeToString(spki[:]), maxCAs+1)
}

// byCertificate finds the CA that a CA certificate belongs to: the way if crt.sh writes the
// key differently. The expression is that of the index c_sha256.
func byCertificate(cert [32]byte) string {
	return fmt.Sprintf("SELECT cac.ca_id FROM certificate c JOIN ca_certificate cac ON cac.certificate_id = c.id "+
		"WHERE digest(c.certificate, 'sha256') = decode('%s', 'hex') ORDER BY cac.ca_id LIMIT %d", hex.EncodeToString(cert[:]), maxCAs+1)
}

// pageColumns is how many columns page's statement has.
const pageColumns = 4

// page asks for a CA's certificates after a position and with notBefore before until. The
// expressions are those of the index c_ica_notbefore; another spelling would read the table.
func page(ca int64, after position, until time.Time, limit int) string {
	from := after.at.UTC().Format(timeLayout)
	more := ""
	if after.id != noID {
		more = fmt.Sprintf(" AND (x509_notBefore(c.certificate) > '%s' OR c.id > %d)", from, after.id)
	}
	return fmt.Sprintf("SELECT c.id, to_char(x509_notBefore(c.certificate), '%s'), octet_length(c.certificate), "+
		"CASE WHEN octet_length(c.certificate) <= %d THEN encode(c.certificate, 'base64') END "+
		"FROM certificate c WHERE c.issuer_ca_id = %d AND x509_notBefore(c.certificate) >= '%s' AND x509_notBefore(c.certificate) < '%s'%s "+
		"ORDER BY x509_notBefore(c.certificate), c.id LIMIT %d",
		timePattern, MaxCertificate, ca, from, until.UTC().Format(timeLayout), more, limit)
}

// parseRow reads a row of page's answer.
func parseRow(v [][]byte) (r row, err error) {
	if r.at.id, err = parseID(v[0]); err != nil {
		return r, err
	}
	if r.at.at, err = time.Parse(timeLayout, string(v[1])); err != nil {
		return r, contradiction("certificate %d: notBefore %.40q", r.at.id, v[1])
	}
	if r.size, err = strconv.ParseInt(string(v[2]), 10, 64); err != nil || r.size < 0 {
		return r, contradiction("certificate %d: size %.40q", r.at.id, v[2])
	}
	if v[3] == nil && r.size > MaxCertificate {
		return r, nil
	}
	r.der = make([]byte, base64.StdEncoding.DecodedLen(len(v[3])))
	n, err := base64.StdEncoding.Decode(r.der, v[3]) // passes over line ends
	if err != nil || int64(n) != r.size || n == 0 {
		return r, contradiction("certificate %d: %d bytes of base64 for a certificate of %d bytes", r.at.id, len(v[3]), r.size)
	}
	r.der = r.der[:n]
	return r, nil
}

// parseID reads an id of crt.sh, which counts from 1.
func parseID(b []byte) (int64, error) {
	id, err := strconv.ParseInt(string(b), 10, 64)
	if err != nil || id < 0 || id == math.MaxInt64 {
		return 0, contradiction("%.40q is not an id", b)
	}
	return id, nil
}
