package collect

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/klauspost/compress/zstd"
)

// What a unit keeps of its sightings besides the records lies in blocks, each compressed by
// itself: certificates of one issuer share most of their bytes. A block is
// length compressed (4 bytes) | length inflated (4 bytes) | zstd frame.
const (
	bodyBlock    = 32 << 10 // a block is closed when it has grown to this
	maxBodyBlock = 64 << 20 // no honest block inflates to more: one sighting is at most 16 MiB of each part
	blockHeader  = 8
)

var blockEncoder = sync.OnceValue(func() *zstd.Encoder {
	e, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1), zstd.WithLowerEncoderMem(true))
	if err != nil {
		panic(err) // the options are constants
	}
	return e
})

var blockDecoder = sync.OnceValue(func() *zstd.Decoder {
	d, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(0), zstd.WithDecoderMaxMemory(maxBodyBlock))
	if err != nil {
		panic(err) // the options are constants
	}
	return d
})

// bodyWriter writes blocks one after the other.
type bodyWriter struct {
	w   io.Writer
	at  uint64 // bytes written: where the block in work will begin
	raw []byte // of the block in work
	out []byte
}

// put adds the parts of one sighting and says where they will be found.
func (b *bodyWriter) put(parts ...[]byte) (block uint64, within uint32, err error) {
	if len(b.raw) >= bodyBlock {
		if err := b.flush(); err != nil {
			return 0, 0, err
		}
	}
	block, within = b.at, uint32(len(b.raw))
	for _, p := range parts {
		b.raw = append(b.raw, p...)
	}
	if len(b.raw) > maxBodyBlock {
		return 0, 0, fmt.Errorf("a sighting of %d bytes is larger than a block may be", len(b.raw)-int(within))
	}
	return block, within, nil
}

// flush closes the block in work.
func (b *bodyWriter) flush() error {
	if len(b.raw) == 0 {
		return nil
	}
	b.out = append(b.out[:0], make([]byte, blockHeader)...)
	b.out = blockEncoder().EncodeAll(b.raw, b.out)
	binary.BigEndian.PutUint32(b.out, uint32(len(b.out)-blockHeader))
	binary.BigEndian.PutUint32(b.out[4:], uint32(len(b.raw)))
	_, err := b.w.Write(b.out)
	b.at += uint64(len(b.out))
	b.raw = b.raw[:0]
	return err
}

// readBlock inflates the block at a position of a section that ends at limit.
func readBlock(r io.ReaderAt, at, limit uint64) ([]byte, error) {
	var head [blockHeader]byte
	if limit < blockHeader || at > limit-blockHeader {
		return nil, errDamaged
	}
	if _, err := r.ReadAt(head[:], int64(at)); err != nil {
		return nil, err
	}
	size, raw := uint64(binary.BigEndian.Uint32(head[:])), binary.BigEndian.Uint32(head[4:])
	if size > limit-blockHeader-at || raw > maxBodyBlock {
		return nil, errDamaged
	}
	packed := make([]byte, size)
	if _, err := r.ReadAt(packed, int64(at)+blockHeader); err != nil {
		return nil, err
	}
	out, err := blockDecoder().DecodeAll(packed, make([]byte, 0, raw))
	if err == nil && len(out) != int(raw) {
		err = errors.New("another length than it says")
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errDamaged, err)
	}
	return out, nil
}
