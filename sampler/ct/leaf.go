package ct

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// LeafIndex reads the leaf_index extension, which the CtExtensions of every entry and SCT of a static-ct
// log carry exactly once (static-ct-api, "SCT Extension"). Other extensions are passed over.
func LeafIndex(extensions []byte) (uint64, error) {
	var index uint64
	found := false
	for in := input(extensions); len(in) > 0; {
		typ, _ := in.uint8()
		data, ok := in.vector16()
		switch {
		case !ok:
			return 0, errors.New("extensions: an extension is cut short")
		case typ != leafIndexExtension:
			continue
		case found:
			return 0, errors.New("extensions: leaf_index is there twice")
		case len(data) != 5:
			return 0, fmt.Errorf("extensions: leaf_index of %d bytes, want 5", len(data))
		}
		found = true
		index = uint64(data[0])<<32 | uint64(binary.BigEndian.Uint32(data[1:]))
	}
	if !found {
		return 0, errors.New("extensions: leaf_index is missing")
	}
	return index, nil
}

// PrecertLeaf builds the MerkleTreeLeaf (RFC 6962 section 3.4) of a precert_entry: with a certificate's
// PairingTBS and the time stamp and extensions of one of its SCTs, that of the entry which the SCT promises.
// The SCT's signature covers exactly these fields, so they are not longer than the structure can hold.
func PrecertLeaf(timestamp uint64, issuerKeyHash [32]byte, tbs, extensions []byte) []byte {
	b := make([]byte, 0, 49+len(tbs)+len(extensions))
	b = append(b, 0, 0) // v1, timestamped_entry
	b = binary.BigEndian.AppendUint64(b, timestamp)
	b = binary.BigEndian.AppendUint16(b, uint16(PrecertEntry))
	b = append(b, issuerKeyHash[:]...)
	b = appendUint24(b, len(tbs))
	b = append(b, tbs...)
	b = binary.BigEndian.AppendUint16(b, uint16(len(extensions)))
	return append(b, extensions...)
}
