package ctlog

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"selfaudit/sampler/ct"
)

const (
	// tilesMissed is how many full data tiles in a row a log may lack before no more are asked for.
	tilesMissed = 3
	// maxChainsKnown bounds the fingerprints for which an entry is remembered that names them.
	maxChainsKnown = 1 << 16
)

// errNoTile means that a log with Config.Tiles lacks a data tile.
var errNoTile = errors.New("no such data tile")

// hybrid is what is known of an RFC 6962 log that also serves data tiles (ct-harvest 1.3: some operators do, below the same prefix; and
// retired logs are archived so). The tiles are a courtesy that no specification promises: what they lack is read with get-entries, and
// nothing depends on which of the two an entry came from, because the tree covers the same bytes.
type hybrid struct {
	missed   atomic.Int32 // full tiles in a row
	noIssuer atomic.Bool  // there are no issuer files

	mu     sync.Mutex
	chains map[ct.Fingerprint]uint64 // an entry whose chain has the certificate
}

// readHybrid reads [start, end) from data tiles, and from get-entries what they lack.
func (l *Log) readHybrid(ctx context.Context, size, start, end uint64, want wanted, to *sink) error {
	h := &l.hybrid
	next := *to // counts on what was delivered
	next.look = func(ctx context.Context, e *ct.Entry) bool {
		h.remember(e, want) // first, because to look is to ask for the chain
		return to.look(ctx, e)
	}
	if to.entry != nil {
		next.entry = func(e *ct.Entry) error {
			h.remember(e, want)
			start = e.Index + 1
			return to.entry(e)
		}
	} else {
		next.batch = func(b *Batch) error {
			start = b.First + uint64(len(b.Hashes))
			return to.batch(b)
		}
	}
	for start < end && h.missed.Load() < tilesMissed {
		err := l.readTiles(ctx, size, start, end, want, &next)
		if !errors.Is(err, errNoTile) {
			return err
		}
		// The error comes in the order of the tiles: it is that of the tile with the next entry.
		first := start
		if err := l.readPages(ctx, start, min((start/ct.TileWidth+1)*ct.TileWidth, end), want, &next); err != nil {
			return noTileEither(err, first/ct.TileWidth)
		}
	}
	return l.readPages(ctx, start, end, want, &next)
}

// noTileEither says in an error of get-entries that it was not the first thing asked for.
func noTileEither(err error, n uint64) error {
	var own *Error
	if !errors.As(err, &own) {
		return err
	}
	return &Error{Log: own.Log, Kind: own.Kind, Where: own.Where,
		Err: fmt.Errorf("%w (there is no %s, so get-entries was asked)", own.Err, ct.TilePath("data", n, ct.TileWidth))}
}

// gotTile counts what the log has of the tiles that it must have if it has tiles at all: a partial one may never have been written.
func (h *hybrid) gotTile(width int, there bool) {
	switch {
	case there:
		h.missed.Store(0)
	case width == ct.TileWidth:
		h.missed.Add(1)
	}
}

// remember notes which entry names a chain certificate, for those entries whose chain may be asked for.
func (h *hybrid) remember(e *ct.Entry, want wanted) {
	if len(e.ChainFingerprints) == 0 || e.Type == ct.PrecertEntry && want != nil && !want(e.IssuerKeyHash) {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, fp := range e.ChainFingerprints {
		if _, known := h.chains[fp]; known || len(h.chains) >= maxChainsKnown {
			continue
		}
		if h.chains == nil {
			h.chains = make(map[ct.Fingerprint]uint64)
		}
		h.chains[fp] = e.Index
	}
}

// hybridIssuer returns a chain certificate that a data tile names: from the issuer files that an archive has, else from the extra_data of
// an entry that was read and names it.
func (l *Log) hybridIssuer(ctx context.Context, fp ct.Fingerprint) ([]byte, error) {
	h := &l.hybrid
	if !h.noIssuer.Load() {
		der, err := l.issuerFile(ctx, fp, false)
		if !isMissing(err) {
			return der, err
		}
		h.noIssuer.Store(true)
	}
	h.mu.Lock()
	index, known := h.chains[fp]
	h.mu.Unlock()
	if !known {
		return nil, fail(missing, Unreachable, "there is no issuer file, and no entry that was read names this certificate")
	}
	p, err := l.fetchPage(ctx, index, index+1, nil, &sink{})
	if err != nil {
		return nil, err
	}
	defer l.sparePages.put(p)
	if p.bad != nil {
		return nil, l.failed(ctx, entryName(index), p.bad)
	}
	var found []byte
	for _, der := range p.parsed[0].Chain {
		got := ct.FingerprintOf(der)
		if kept := l.issuers.put(got, der); got == fp {
			found = kept
		}
	}
	if found == nil {
		err := fmt.Errorf("the data tile names certificate %s in the chain, the extra_data of get-entries do not hold it", fp)
		return nil, l.failed(ctx, entryName(index), err)
	}
	return found, nil
}

// archivedHead reads the tree head of an RFC 6962 log that is served or archived as tiles with a checkpoint instead of get-sth. Both carry
// the same signature, so the head is returned as get-sth would give it. Without a configured origin any will do: nothing signs it.
func (l *Log) archivedHead(ctx context.Context) (raw []byte, head ct.TreeHead, err error) {
	_, err = l.src.get(ctx, request{path: "checkpoint", limit: maxHead, check: func(body []byte) (err error) {
		origin := l.cfg.Origin
		if origin == "" {
			origin = ct.CheckpointOrigin(body)
		}
		head, err = ct.ParseCheckpoint(body, origin, l.cfg.PublicKey)
		return err
	}}, new(buffer))
	if err != nil {
		return nil, ct.TreeHead{}, err
	}
	head.Origin = ""
	return head.STH(), head, nil
}
