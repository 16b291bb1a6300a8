package ct

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/bits"
	"slices"
)

// maxTreeSize bounds every tree size and index, so that arithmetic on them cannot wrap.
const maxTreeSize = 1<<63 - 1

// Range is a compact range: the roots of the fewest complete subtrees that cover
// the leaves [Begin, End), left to right. It holds at most 126 hashes whatever
// its length, which is what lets a log of any size be hashed in constant memory.
// Ranges over neighbouring stretches of leaves can be computed independently and
// joined. Nodes is to be read only.
type Range struct {
	Begin, End uint64 // half-open: End is the first leaf outside
	Nodes      []Hash
}

// NewRange returns the empty range before the leaf with index begin.
func NewRange(begin uint64) *Range { return &Range{Begin: begin, End: begin} }

// Append adds the hash of the leaf with index r.End.
func (r *Range) Append(leaf Hash) { r.appendNode(0, leaf) }

// appendNode adds the root of the complete subtree of 1<<level leaves that
// starts at r.End, which must be a multiple of its size.
func (r *Range) appendNode(level uint, h Hash) {
	end := r.End + 1<<level
	// While the new node is a right child whose left sibling lies inside the
	// range, that sibling is the last node: its parent was not complete before.
	for i := r.End >> level; i&1 == 1 && (i-1)<<level >= r.Begin; i >>= 1 {
		last := len(r.Nodes) - 1
		h = HashNode(r.Nodes[last], h)
		r.Nodes = r.Nodes[:last]
		level++
	}
	r.Nodes = append(r.Nodes, h)
	r.End = end
}

// Join appends the range other, which must begin where r ends. other is left as it was.
func (r *Range) Join(other *Range) error {
	if other.Begin != r.End {
		return fmt.Errorf("joining compact ranges: the second begins at leaf %d, want %d", other.Begin, r.End)
	}
	if err := other.check(); err != nil {
		return fmt.Errorf("joining compact ranges: %w", err)
	}
	begin := other.Begin
	for _, h := range other.Nodes {
		level := subtreeLevel(begin, other.End)
		r.appendNode(level, h)
		begin += 1 << level
	}
	return nil
}

// Root returns the root of the tree of size r.End. The range must begin at leaf 0.
func (r *Range) Root() (Hash, error) {
	if r.Begin != 0 {
		return Hash{}, fmt.Errorf("root of a compact range that begins at leaf %d, want 0", r.Begin)
	}
	if err := r.check(); err != nil {
		return Hash{}, err
	}
	if len(r.Nodes) == 0 {
		return EmptyRoot, nil
	}
	h := r.Nodes[len(r.Nodes)-1]
	for _, left := range slices.Backward(r.Nodes[:len(r.Nodes)-1]) {
		h = HashNode(left, h)
	}
	return h, nil
}

// check reports whether the number of nodes is that of [Begin, End).
func (r *Range) check() error {
	if r.Begin > r.End || r.End > maxTreeSize {
		return fmt.Errorf("compact range [%d, %d) is not a range of leaves", r.Begin, r.End)
	}
	if want := nodeCount(r.Begin, r.End); len(r.Nodes) != want {
		return fmt.Errorf("compact range [%d, %d) holds %d hashes, want %d", r.Begin, r.End, len(r.Nodes), want)
	}
	return nil
}

// subtreeLevel returns the level of the largest complete subtree that starts at
// begin and lies inside [begin, end); begin must be less than end.
func subtreeLevel(begin, end uint64) uint {
	fit := uint(bits.Len64(end-begin)) - 1
	return min(fit, uint(bits.TrailingZeros64(begin)))
}

// nodeCount returns the number of subtrees in the compact range [begin, end).
func nodeCount(begin, end uint64) int {
	n := 0
	for begin < end {
		begin += 1 << subtreeLevel(begin, end)
		n++
	}
	return n
}

// MarshalBinary encodes the range as Begin and End (big endian, 8 octets each)
// followed by the node hashes.
func (r *Range) MarshalBinary() ([]byte, error) {
	if err := r.check(); err != nil {
		return nil, err
	}
	b := make([]byte, 0, 16+len(r.Nodes)*len(Hash{}))
	b = binary.BigEndian.AppendUint64(b, r.Begin)
	b = binary.BigEndian.AppendUint64(b, r.End)
	for _, h := range r.Nodes {
		b = append(b, h[:]...)
	}
	return b, nil
}

// UnmarshalBinary decodes what MarshalBinary wrote; any other length is an error.
func (r *Range) UnmarshalBinary(b []byte) error {
	if len(b) < 16 || (len(b)-16)%len(Hash{}) != 0 {
		return errors.New("compact range: length is not 16 octets and whole hashes")
	}
	n := Range{Begin: binary.BigEndian.Uint64(b), End: binary.BigEndian.Uint64(b[8:])}
	for rest := b[16:]; len(rest) > 0; rest = rest[len(Hash{}):] {
		n.Nodes = append(n.Nodes, Hash(rest[:len(Hash{})]))
	}
	if err := n.check(); err != nil {
		return err
	}
	*r = n
	return nil
}
