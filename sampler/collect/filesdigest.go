package collect

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
)

// filesDigest is the digest over everything that a FileReader passes, in order.
type filesDigest struct {
	sum   hash.Hash
	count uint64     // certificates
	full  [][32]byte // the digest as it was after the last certificate of each full unit
}

func newFilesDigest() *filesDigest { return &filesDigest{sum: sha256.New()} }

func (d *filesDigest) certificate(c FileCertificate) {
	fmt.Fprintf(d.sum, "%s %d %x\n", c.Path, c.Block, sha256.Sum256(c.DER))
	if d.count++; d.count%unitEntries == 0 {
		d.full = append(d.full, [32]byte(d.sum.Sum(nil)))
	}
}

func (d *filesDigest) problem(p FileProblem) {
	fmt.Fprintf(d.sum, "%s %d unreadable\n", p.Path, p.Block)
}

// String returns the digest of everything up to here, in hex.
func (d *filesDigest) String() string { return hex.EncodeToString(d.sum.Sum(nil)) }

// errFilesChanged marks files that are not what the audit began with.
var errFilesChanged = errors.New("the files have changed since this audit's collect began")

// filesChanged says what to do about that; dir is where the path's units are.
func (h *Harvest) filesChanged(dir string) error {
	return fmt.Errorf("%w: restore them, or delete %s to begin with the new ones", errFilesChanged, h.Dir.Path(dir))
}
