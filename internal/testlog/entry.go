package testlog

import (
	"encoding/binary"

	"selfaudit/internal/testpki"
)

// Entry is one submission: a final certificate when Certificate is set, a
// precertificate otherwise.
type Entry struct {
	TimestampMS uint64
	Certificate []byte // x509_entry

	TBS           []byte // precert_entry: as logged
	IssuerKeyHash [32]byte
	Precert       []byte // precert_entry: as submitted

	Chain [][]byte // issuer first, as the log stores it
}

// PrecertEntry returns the entry of the precertificate that signer, a CA or its
// Precertificate Signing Certificate, makes from the template.
func PrecertEntry(signer *testpki.CA, t testpki.Template, timestampMS uint64) Entry {
	return Entry{
		TimestampMS: timestampMS, TBS: signer.TBS(t), IssuerKeyHash: signer.IssuerKeyHash(),
		Precert: signer.Precertificate(t), Chain: signer.Chain(),
	}
}

// FinalEntry returns the entry of a final certificate of ca.
func FinalEntry(ca *testpki.CA, cert []byte, timestampMS uint64) Entry {
	return Entry{TimestampMS: timestampMS, Certificate: cert, Chain: ca.Chain()}
}

// timestampedEntry returns the TimestampedEntry of RFC 6962 section 3.4.
func (e *Entry) timestampedEntry(extensions []byte) []byte {
	b := make([]byte, 0, 64+len(e.Certificate)+len(e.TBS)+len(extensions))
	b = binary.BigEndian.AppendUint64(b, e.TimestampMS)
	if e.Certificate != nil {
		b = append(b, 0, 0)
		b = appendVector24(b, e.Certificate)
	} else {
		b = append(b, 0, 1)
		b = append(b, e.IssuerKeyHash[:]...)
		b = appendVector24(b, e.TBS)
	}
	return appendVector16(b, extensions)
}

// extraData returns the extra_data of RFC 6962 section 4.6.
func (e *Entry) extraData() []byte {
	var chain []byte
	for _, cert := range e.Chain {
		chain = appendVector24(chain, cert)
	}
	var b []byte
	if e.Certificate == nil {
		b = appendVector24(b, e.Precert)
	}
	return appendVector24(b, chain)
}

// leafIndex returns the CtExtensions with which static-ct-api states a position.
func leafIndex(i uint64) []byte {
	return []byte{0, 0, 5, byte(i >> 32), byte(i >> 24), byte(i >> 16), byte(i >> 8), byte(i)}
}

func appendVector16(b, v []byte) []byte {
	b = append(b, byte(len(v)>>8), byte(len(v)))
	return append(b, v...)
}

func appendVector24(b, v []byte) []byte {
	b = append(b, byte(len(v)>>16), byte(len(v)>>8), byte(len(v)))
	return append(b, v...)
}
