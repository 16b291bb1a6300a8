package checks

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/binary"
	"errors"
	"fmt"

	"golang.org/x/crypto/cryptobyte"
	cryptobyte_asn1 "golang.org/x/crypto/cryptobyte/asn1"

	"selfaudit/lint"
)

// LogKey is a CT log whose key is known.
type LogKey struct {
	SPKI     []byte // SubjectPublicKeyInfo, DER
	Name     string // for messages
	Operator string // "" = not known
}

// Logs are the CT logs whose SCTs can be verified. It is safe for several goroutines.
type Logs struct{ byID map[[32]byte]*knownLog }

type knownLog struct {
	LogKey
	key any // of crypto/x509
}

// NewLogs prepares the keys. A key that cannot be read is an error: SCTs of its log would
// pass for those of a log that nobody knows.
func NewLogs(keys []LogKey) (*Logs, error) {
	l := &Logs{byID: map[[32]byte]*knownLog{}}
	for _, k := range keys {
		key, err := x509.ParsePKIXPublicKey(k.SPKI)
		if err != nil {
			return nil, fmt.Errorf("reading the key of log %s: %w", k.Name, err)
		}
		id := sha256.Sum256(k.SPKI)
		if l.byID[id] == nil || l.byID[id].Operator == "" {
			l.byID[id] = &knownLog{k, key}
		}
	}
	return l, nil
}

// maxSCTs bounds how many SCTs of one certificate are verified; real ones have two to six.
const maxSCTs = 64

// timestamp is one embedded SCT of version 1 (RFC 6962 section 3.2).
type timestamp struct {
	log        [32]byte
	ms         uint64
	extensions []byte
	signature  []byte // DigitallySigned
}

// embedded verifies the SCTs of a final certificate. The count is nil without an SCT list;
// problem says what is wrong, "" for nothing.
func (s *Surroundings) embedded(c *rawCert) (count *lint.SCTCount, problem string) {
	value, ok := c.extension(oidSCTList)
	if !ok || c.isPrecert() {
		return nil, ""
	}
	list, err := readSCTs(value)
	count = &lint.SCTCount{Embedded: len(list)}
	if err != nil {
		problem = err.Error()
	}
	tbs, tbsErr := c.pairingTBS()
	logs, operators := map[[32]byte]bool{}, map[string]bool{}
	for i, t := range list {
		logs[t.log] = true
		var known *knownLog
		if s.Logs != nil {
			known = s.Logs.byID[t.log]
		}
		if known == nil || i >= maxSCTs {
			count.UnknownLog++
			continue
		}
		if known.Operator != "" {
			operators[known.Operator] = true
		}
		err := tbsErr
		if err == nil {
			err = s.verify(known, t, tbs)
		}
		if err == nil {
			count.Verified++
			continue
		}
		if count.Invalid++; problem == "" {
			problem = fmt.Sprintf("SCT %d, of log %s (%x): %v", i+1, known.Name, t.log, err)
		}
	}
	count.Logs, count.Operators = len(logs), len(operators)
	return count, problem
}

// verify checks an SCT under the log's key, for each encoding of the issuing key: the log
// signed the hash of one of them.
func (s *Surroundings) verify(l *knownLog, t timestamp, tbs []byte) error {
	err := errors.New("the issuer's certificate is not known")
	tried := map[[32]byte]bool{}
	for _, i := range s.Issuers.given() {
		hash := sha256.Sum256(i.raw.spki)
		if tried[hash] {
			continue
		}
		tried[hash] = true
		if err = l.check(t, hash, tbs); err == nil {
			return nil
		}
	}
	return err
}

// check verifies one signature (RFC 6962 sections 2.1.4 and 3.2).
func (l *knownLog) check(t timestamp, issuer [32]byte, tbs []byte) error {
	signed := cryptobyte.String(t.signature)
	var hash, algorithm uint8
	var signature cryptobyte.String
	if !signed.ReadUint8(&hash) || !signed.ReadUint8(&algorithm) || !signed.ReadUint16LengthPrefixed(&signature) || !signed.Empty() {
		return errors.New("the signature is not a DigitallySigned structure")
	}
	if len(tbs) >= 1<<24 {
		return errors.New("the certificate is too long to have been logged")
	}
	b := binary.BigEndian.AppendUint64([]byte{0, 0}, t.ms) // v1, certificate_timestamp
	b = append(b, 0, 1)                                    // precert_entry
	b = append(b, issuer[:]...)
	b = append(b, byte(len(tbs)>>16), byte(len(tbs)>>8), byte(len(tbs)))
	b = append(b, tbs...)
	b = binary.BigEndian.AppendUint16(b, uint16(len(t.extensions)))
	digest := sha256.Sum256(append(b, t.extensions...))
	good := false
	switch key := l.key.(type) {
	case *ecdsa.PublicKey:
		good = key.Curve == elliptic.P256() && hash == 4 && algorithm == 3 && ecdsa.VerifyASN1(key, digest[:], signature)
	case *rsa.PublicKey:
		good = key.Size() >= 256 && hash == 4 && algorithm == 1 && rsa.VerifyPKCS1v15(key, crypto.SHA256, digest[:], signature) == nil
	default:
		return fmt.Errorf("the log's key is a %T, which no log may have", key)
	}
	if !good {
		return errors.New("it is not this log's signature over this certificate")
	}
	return nil
}

// readSCTs reads the SCT list extension (RFC 6962 section 3.3). SCTs of unknown versions are
// passed over; those before a defect are returned with the error.
func readSCTs(value []byte) ([]timestamp, error) {
	input := cryptobyte.String(value)
	var octets, list cryptobyte.String
	if !input.ReadASN1(&octets, cryptobyte_asn1.OCTET_STRING) || !input.Empty() ||
		!octets.ReadUint16LengthPrefixed(&list) || !octets.Empty() {
		return nil, errors.New("the SCT list cannot be read")
	}
	var out []timestamp
	for i := 1; !list.Empty(); i++ {
		var one cryptobyte.String
		if !list.ReadUint16LengthPrefixed(&one) || len(one) == 0 {
			return out, fmt.Errorf("SCT %d is empty or cut short", i)
		}
		if one[0] != 0 {
			continue
		}
		var t timestamp
		var extensions cryptobyte.String
		one = one[1:]
		if !one.CopyBytes(t.log[:]) || !one.ReadUint64(&t.ms) || !one.ReadUint16LengthPrefixed(&extensions) || len(one) == 0 {
			return out, fmt.Errorf("SCT %d is cut short", i)
		}
		t.extensions, t.signature = extensions, one
		out = append(out, t)
	}
	return out, nil
}

// pairingTBS is the TBSCertificate without SCT list and poison, lengths written anew and all
// else byte for byte: what an embedded SCT signs (RFC 6962 section 3.2).
func (c *rawCert) pairingTBS() ([]byte, error) {
	kept := without(without(c.extensions, oidSCTList), oidPoison)
	b := cryptobyte.NewBuilder(make([]byte, 0, len(c.tbs)+16))
	b.AddASN1(cryptobyte_asn1.SEQUENCE, func(b *cryptobyte.Builder) {
		for _, field := range [][]byte{c.version, c.serial, c.algorithm, c.issuer, c.validity, c.subject, c.spki, c.uniqueIDs} {
			b.AddBytes(field)
		}
		if len(kept) == 0 {
			return
		}
		b.AddASN1(cryptobyte_asn1.Tag(3).ContextSpecific().Constructed(), func(b *cryptobyte.Builder) {
			b.AddASN1(cryptobyte_asn1.SEQUENCE, func(b *cryptobyte.Builder) {
				for _, e := range kept {
					b.AddBytes(e.raw)
				}
			})
		})
	})
	return b.Bytes()
}
