package draw

import (
	"bytes"
	"crypto/sha256"

	"selfaudit/sampler"
)

const ticketTag = "selfaudit-ticket-v1:"

// Ticket returns the item's ticket, SHA-256("selfaudit-ticket-v1:" seed ":"
// item_id) over ASCII (protocol section 8). It depends on no other item.
func Ticket(seedHex string, item sampler.ItemID) [32]byte {
	return newTicketer(seedHex).ticket(item)
}

// ticketer computes many tickets of one seed without allocating.
type ticketer struct {
	buf    []byte
	prefix int
}

func newTicketer(seedHex string) *ticketer {
	prefix := ticketTag + seedHex + ":"
	buf := make([]byte, len(prefix), len(prefix)+400)
	copy(buf, prefix)
	return &ticketer{buf: buf, prefix: len(prefix)}
}

func (t *ticketer) ticket(item sampler.ItemID) [32]byte {
	t.buf = item.Append(t.buf[:t.prefix])
	return sha256.Sum256(t.buf)
}

// drawn is an item with its ticket, as the selection keeps it.
type drawn struct {
	ticket [32]byte
	item   sampler.ItemID
	cert   sampler.CertHash
}

// compare orders by (ticket, item_id): the order of ranks.
func (d *drawn) compare(other *drawn) int {
	if c := bytes.Compare(d.ticket[:], other.ticket[:]); c != 0 {
		return c
	}
	return d.item.Compare(other.item)
}

// lowest keeps the k lowest-ranked of the items offered to it: a heap with the
// highest-ranked at the top once it is full.
type lowest struct {
	k    int
	heap []drawn
}

func (l *lowest) offer(d drawn) {
	switch {
	case len(l.heap) < l.k:
		l.heap = append(l.heap, d)
		if len(l.heap) == l.k {
			for i := l.k/2 - 1; i >= 0; i-- {
				l.down(i)
			}
		}
	case l.k > 0 && d.compare(&l.heap[0]) < 0:
		l.heap[0] = d
		l.down(0)
	}
}

// down restores the heap below i.
func (l *lowest) down(i int) {
	for {
		child := 2*i + 1
		if child >= len(l.heap) {
			return
		}
		if right := child + 1; right < len(l.heap) && l.heap[right].compare(&l.heap[child]) > 0 {
			child = right
		}
		if l.heap[child].compare(&l.heap[i]) <= 0 {
			return
		}
		l.heap[i], l.heap[child] = l.heap[child], l.heap[i]
		i = child
	}
}
