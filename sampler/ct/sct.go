package ct

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// SCT is a signed certificate timestamp of version 1 (RFC 6962 section 3.2).
type SCT struct {
	LogID      LogID
	Timestamp  uint64 // ms since 1970
	Extensions []byte // CtExtensions, without their length
	Signature  []byte // DigitallySigned
}

// SCTs returns the embedded SCTs in order: nil without the SCT list extension, an
// error when the list cannot be read to its end (the SCTs before the defect are
// returned with it). SCTs of unknown versions are passed over, as RFC 6962 section
// 3.3 intends.
func (c *Certificate) SCTs() ([]SCT, error) {
	x := c.Extension(oidSCTList)
	if x == nil {
		return nil, nil
	}
	inner, rest, err := readTagged(x.Value, tagOctetString)
	if err == nil && len(rest) != 0 {
		err = errors.New("bytes after the OCTET STRING")
	}
	if err != nil {
		return nil, fmt.Errorf("SCT list: %w", err)
	}
	return ParseSCTList(inner.content)
}

// ParseSCTList reads a SignedCertificateTimestampList (RFC 6962 section 3.3), with
// the behaviour of Certificate.SCTs.
func ParseSCTList(list []byte) ([]SCT, error) {
	in := input(list)
	body, ok := in.vector16()
	if !ok || len(in) != 0 {
		return nil, errors.New("SCT list: its length is wrong")
	}
	var scts []SCT
	for in, i := input(body), 0; len(in) > 0; i++ {
		raw, ok := in.vector16()
		if !ok || len(raw) == 0 {
			return scts, fmt.Errorf("SCT list: SCT %d is empty or cut short", i)
		}
		if raw[0] != 0 {
			continue
		}
		s, err := parseSCT(raw)
		if err != nil {
			return scts, fmt.Errorf("SCT list: SCT %d: %w", i, err)
		}
		scts = append(scts, s)
	}
	return scts, nil
}

func parseSCT(raw []byte) (SCT, error) {
	var s SCT
	in := input(raw[1:])
	id, ok := in.take(len(s.LogID))
	if !ok {
		return SCT{}, errors.New("log ID is cut short")
	}
	copy(s.LogID[:], id)
	if s.Timestamp, ok = in.uint64(); !ok {
		return SCT{}, errors.New("time stamp is cut short")
	}
	if s.Extensions, ok = in.vector16(); !ok {
		return SCT{}, errors.New("extensions are cut short")
	}
	signed := in
	if _, ok = in.uint16(); !ok {
		return SCT{}, errors.New("signature algorithm is cut short")
	}
	if _, ok = in.vector16(); !ok || len(in) != 0 {
		return SCT{}, errors.New("the signature's length is wrong")
	}
	s.Signature = signed
	return s, nil
}

// VerifySCT checks an embedded SCT with the log's SubjectPublicKeyInfo, as
// PublicKey.VerifySCT does.
func VerifySCT(logSPKI []byte, s SCT, issuerKeyHash [32]byte, tbs []byte) error {
	return NewPublicKey(logSPKI).VerifySCT(s, issuerKeyHash, tbs)
}

// VerifySCT checks an embedded SCT: that the log with this key signed the
// precertificate entry of the given issuer key hash and TBSCertificate (the
// certificate's PairingTBS) at s.Timestamp. RFC 6962 section 3.2.
func (k *PublicKey) VerifySCT(s SCT, issuerKeyHash [32]byte, tbs []byte) error {
	if k.id != s.LogID {
		return fmt.Errorf("SCT of log %s: the key given is that of log %s", s.LogID, k.id)
	}
	if len(tbs) >= 1<<24 || len(s.Extensions) >= 1<<16 {
		return fmt.Errorf("SCT of log %s: TBSCertificate or extensions are too long to have been signed", s.LogID)
	}
	b := make([]byte, 0, 49+len(tbs)+len(s.Extensions))
	b = append(b, 0, 0) // v1, certificate_timestamp
	b = binary.BigEndian.AppendUint64(b, s.Timestamp)
	b = binary.BigEndian.AppendUint16(b, uint16(PrecertEntry))
	b = append(b, issuerKeyHash[:]...)
	b = appendUint24(b, len(tbs))
	b = append(b, tbs...)
	b = binary.BigEndian.AppendUint16(b, uint16(len(s.Extensions)))
	b = append(b, s.Extensions...)
	if err := k.verifyDigitallySigned(b, s.Signature); err != nil {
		return fmt.Errorf("SCT of log %s: %w", s.LogID, err)
	}
	return nil
}
