package ct

import (
	"errors"
	"fmt"
)

// EntryType says what a log entry holds (RFC 6962 section 3.1, LogEntryType).
type EntryType uint16

// The entry types of RFC 6962.
const (
	X509Entry    EntryType = 0 // a final certificate
	PrecertEntry EntryType = 1 // a precertificate
)

// String returns the name RFC 6962 gives the type.
func (t EntryType) String() string {
	switch t {
	case X509Entry:
		return "x509_entry"
	case PrecertEntry:
		return "precert_entry"
	}
	return fmt.Sprintf("entry_type(%d)", uint16(t))
}

// Entry is one log entry. Its slices alias the buffer it was parsed from, or a
// scratch buffer of the parser, and are valid only until the parser or the
// reader goes on to the next entry: copy what is to be kept.
//
// The tree authenticates Timestamp, Type, IssuerKeyHash, TBS, Certificate and
// Extensions (they are in Leaf). It does not authenticate Precertificate,
// ChainFingerprints or Chain: those are claims of the server.
type Entry struct {
	Index     uint64 // position in the log
	Timestamp uint64 // ms since 1970, as in the SCT
	Type      EntryType

	IssuerKeyHash [32]byte // precert_entry: SHA-256 of the issuing CA's SubjectPublicKeyInfo
	TBS           []byte   // precert_entry: TBSCertificate without poison, naming the final issuer
	Certificate   []byte   // x509_entry: the DER certificate
	Extensions    []byte   // CtExtensions, without their length

	Precertificate    []byte        // precert_entry: as submitted, with poison and signature
	ChainFingerprints []Fingerprint // static-ct: issuer first
	Chain             [][]byte      // RFC 6962: issuer first, DER

	Leaf []byte // MerkleTreeLeaf

	prefixed []byte // 00 ‖ Leaf when the parser has it at hand, else nil
	hash     Hash   // of Leaf, if hashed
	hashed   bool
}

// LeafHash returns HashLeaf(e.Leaf).
func (e *Entry) LeafHash() Hash {
	switch {
	case e.hashed:
		return e.hash
	case e.prefixed != nil:
		return hashPrefixed(e.prefixed)
	}
	return HashLeaf(e.Leaf)
}

// KeepLeafHash computes the leaf hash, so that LeafHash only returns it: for a goroutine
// that has the entry in its cache, before it gives it to another one.
func (e *Entry) KeepLeafHash() { e.hash, e.hashed = e.LeafHash(), true }

// reset empties the entry for reuse, keeping the capacity of its lists.
func (e *Entry) reset() {
	*e = Entry{Index: e.Index, ChainFingerprints: e.ChainFingerprints[:0], Chain: e.Chain[:0]}
}

// ParseLeafInput reads a MerkleTreeLeaf (the base64-decoded leaf_input of RFC
// 6962 get-entries) into e, keeping e.Index and clearing everything else.
// Versions, leaf types and entry types other than RFC 6962's, and trailing
// bytes, are errors.
func ParseLeafInput(leaf []byte, e *Entry) error {
	e.reset()
	in := input(leaf)
	version, ok1 := in.uint8()
	leafType, ok2 := in.uint8()
	if !ok1 || !ok2 {
		return errors.New("leaf_input: ends before the leaf type")
	}
	if version != 0 || leafType != 0 {
		return fmt.Errorf("leaf_input: version %d and leaf type %d, want 0 and 0", version, leafType)
	}
	if err := in.timestampedEntry(e); err != nil {
		return fmt.Errorf("leaf_input: %w", err)
	}
	if len(in) != 0 {
		return fmt.Errorf("leaf_input: %d bytes after the end of the entry", len(in))
	}
	e.Leaf = leaf
	return nil
}

// ParseExtraData reads the base64-decoded extra_data of RFC 6962 get-entries
// into e.Precertificate and e.Chain. e.Type must already be set. Nothing here is
// covered by the log's tree.
func ParseExtraData(extra []byte, e *Entry) error {
	e.Precertificate, e.Chain = nil, e.Chain[:0]
	in := input(extra)
	if e.Type == PrecertEntry {
		pre, ok := in.vector24()
		if !ok || len(pre) == 0 {
			return errors.New("extra_data: pre_certificate is empty or cut short")
		}
		e.Precertificate = pre
	}
	list, ok := in.vector24()
	if !ok {
		return errors.New("extra_data: certificate chain is cut short")
	}
	if len(in) != 0 {
		return fmt.Errorf("extra_data: %d bytes after the certificate chain", len(in))
	}
	for chain := input(list); len(chain) > 0; {
		cert, ok := chain.vector24()
		if !ok || len(cert) == 0 {
			return fmt.Errorf("extra_data: certificate %d of the chain is empty or cut short", len(e.Chain))
		}
		e.Chain = append(e.Chain, cert)
	}
	return nil
}

// timestampedEntry reads a TimestampedEntry of RFC 6962 section 3.4, the part
// shared by leaf_input and static-ct data tiles.
func (in *input) timestampedEntry(e *Entry) error {
	timestamp, ok1 := in.uint64()
	entryType, ok2 := in.uint16()
	if !ok1 || !ok2 {
		return errors.New("ends before the entry type")
	}
	e.Timestamp, e.Type = timestamp, EntryType(entryType)
	var ok bool
	switch e.Type {
	case X509Entry:
		if e.Certificate, ok = in.vector24(); !ok || len(e.Certificate) == 0 {
			return errors.New("certificate is empty or cut short")
		}
	case PrecertEntry:
		ikh, ok := in.take(len(e.IssuerKeyHash))
		if !ok {
			return errors.New("issuer_key_hash is cut short")
		}
		copy(e.IssuerKeyHash[:], ikh)
		if e.TBS, ok = in.vector24(); !ok || len(e.TBS) == 0 {
			return errors.New("TBSCertificate is empty or cut short")
		}
	default:
		return fmt.Errorf("unknown entry type %d, want 0 (x509_entry) or 1 (precert_entry)", entryType)
	}
	if e.Extensions, ok = in.vector16(); !ok {
		return errors.New("extensions are cut short")
	}
	return nil
}
