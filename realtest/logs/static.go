package logs

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	ct "github.com/google/certificate-transparency-go"
	"github.com/google/certificate-transparency-go/tls"
	"github.com/transparency-dev/tessera"
	"github.com/transparency-dev/tessera/ctonly"
	"github.com/transparency-dev/tessera/storage/posix"
)

// Static is a static-ct-api log whose tiles tessera writes. What tessera does not
// bring, signing and the submission side, follows the specification here.
type Static struct {
	SPKI   []byte // DER public key
	Origin string
	Clock  *Clock // stamps entries
	Gzip   bool   // data tiles are sent compressed, asked for or not

	dir      string
	key      *ecdsa.PrivateKey
	add      func(context.Context, *ctonly.Entry) tessera.IndexFuture
	stop     func(context.Context) error
	end      context.CancelFunc
	accepted atomic.Uint64
}

// StaticOptions describe a log.
type StaticOptions struct {
	Dir    string
	Origin string
	Start  time.Time
	Signer *Clock // dates checkpoints
	Gzip   bool
}

// StartStatic starts the log, empty.
func StartStatic(ctx context.Context, o StaticOptions) (*Static, error) {
	registerKeys()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	l := &Static{Origin: o.Origin, Clock: NewClock(o.Start), Gzip: o.Gzip, dir: o.Dir, key: key}
	if l.SPKI, err = x509.MarshalPKIXPublicKey(&key.PublicKey); err != nil {
		return nil, err
	}
	ctx, l.end = context.WithCancel(ctx)
	driver, err := posix.New(ctx, posix.Config{Path: o.Dir})
	if err != nil {
		return nil, err
	}
	appender, stop, _, err := tessera.NewAppender(ctx, driver, tessera.NewAppendOptions().
		WithCTLayout().
		WithCheckpointSigner(newCheckpointSigner(l.Origin, key, l.SPKI, o.Signer), newOtherSigner(l.Origin)).
		WithCheckpointInterval(100*time.Millisecond).
		WithCheckpointRepublishInterval(200*time.Millisecond).
		WithBatching(1024, 20*time.Millisecond).
		WithGarbageCollectionInterval(0))
	if err != nil {
		return nil, fmt.Errorf("starting tessera: %w", err)
	}
	l.add, l.stop = tessera.NewCertificateTransparencyAppender(appender), stop
	return l, nil
}

// Close stops the writer; the files stay.
func (l *Static) Close() {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	_ = l.stop(ctx)
	l.end()
}

// Submission is one chain for SubmitAll, leaf first.
type Submission struct {
	Precert bool
	Chain   [][]byte
	At      time.Time // time stamp; zero: the clock's
}

// Submit adds a chain and returns the serialized SCT. The entry has its index then; the
// next checkpoint has it.
func (l *Static) Submit(ctx context.Context, precert bool, chain [][]byte) ([]byte, error) {
	scts, err := l.SubmitAll(ctx, []Submission{{Precert: precert, Chain: chain}})
	if err != nil {
		return nil, err
	}
	return scts[0], nil
}

// SubmitAll adds chains at once and returns their SCTs in the same order.
func (l *Static) SubmitAll(ctx context.Context, list []Submission) ([][]byte, error) {
	scts, errs := make([][]byte, len(list)), make([]error, len(list))
	var wg sync.WaitGroup
	slots := make(chan struct{}, 1024)
	for i, s := range list {
		entry, leaf, err := l.entry(s)
		if err != nil {
			return nil, err
		}
		slots <- struct{}{}
		future := l.add(ctx, entry) // in this order
		wg.Go(func() {
			defer func() { <-slots }()
			index, err := future()
			if err == nil {
				scts[i], err = l.sct(leaf, index.Index)
				l.accepted.Add(1)
			}
			errs[i] = err
		})
	}
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			return nil, fmt.Errorf("adding to %s: %w", l.Origin, err)
		}
	}
	return scts, nil
}

// Fill adds one chain again at each of the times, for logs that are to be large.
func (l *Static) Fill(ctx context.Context, s Submission, times []time.Time) error {
	entry, _, err := l.entry(s)
	if err != nil {
		return err
	}
	futures := make([]tessera.IndexFuture, 0, 1024)
	for i, at := range times {
		e := *entry
		e.Timestamp = uint64(at.UnixMilli())
		futures = append(futures, l.add(ctx, &e))
		if len(futures) < cap(futures) && i+1 < len(times) {
			continue
		}
		for _, f := range futures {
			if _, err := f(); err != nil {
				return fmt.Errorf("filling %s: %w", l.Origin, err)
			}
			l.accepted.Add(1)
		}
		futures = futures[:0]
	}
	return nil
}

// entry prepares a submission, as certificate-transparency-go reads the chain.
func (l *Static) entry(s Submission) (*ctonly.Entry, *ct.MerkleTreeLeaf, error) {
	at := s.At
	if at.IsZero() {
		at = l.Clock.Now()
	}
	chain := make([]ct.ASN1Cert, len(s.Chain))
	for i, der := range s.Chain {
		chain[i].Data = der
	}
	kind := ct.X509LogEntryType
	if s.Precert {
		kind = ct.PrecertLogEntryType
	}
	leaf, err := ct.MerkleTreeLeafFromRawChain(chain, kind, uint64(at.UnixMilli()))
	if err != nil {
		return nil, nil, err
	}
	e := &ctonly.Entry{Timestamp: leaf.TimestampedEntry.Timestamp, IsPrecert: s.Precert}
	if s.Precert {
		p := leaf.TimestampedEntry.PrecertEntry
		e.Certificate, e.IssuerKeyHash, e.Precertificate = p.TBSCertificate, p.IssuerKeyHash[:], s.Chain[0]
	} else {
		e.Certificate = s.Chain[0]
	}
	for _, der := range s.Chain[1:] {
		fp := sha256.Sum256(der)
		e.FingerprintsChain = append(e.FingerprintsChain, fp)
		name := filepath.Join(l.dir, "issuer", hex.EncodeToString(fp[:]))
		if _, err := os.Stat(name); err == nil {
			continue
		}
		if err := os.MkdirAll(filepath.Dir(name), 0o777); err != nil {
			return nil, nil, err
		}
		if err := os.WriteFile(name, der, 0o666); err != nil {
			return nil, nil, err
		}
	}
	return e, leaf, nil
}

// sct signs the time stamp; its extension leaf_index names the entry.
func (l *Static) sct(leaf *ct.MerkleTreeLeaf, index uint64) ([]byte, error) {
	ext := []byte{0, 0, 5, byte(index >> 32), byte(index >> 24), byte(index >> 16), byte(index >> 8), byte(index)}
	leaf.TimestampedEntry.Extensions = ext
	sct := ct.SignedCertificateTimestamp{SCTVersion: ct.V1, LogID: ct.LogID{KeyID: sha256.Sum256(l.SPKI)},
		Timestamp: leaf.TimestampedEntry.Timestamp, Extensions: ext}
	input, err := ct.SerializeSCTSignatureInput(sct, ct.LogEntry{Leaf: *leaf})
	if err != nil {
		return nil, err
	}
	signature, err := tls.CreateSignature(*l.key, tls.SHA256, input)
	if err != nil {
		return nil, err
	}
	sct.Signature = ct.DigitallySigned(signature)
	return tls.Marshal(sct)
}

// Accepted returns how many submissions got an SCT.
func (l *Static) Accepted() uint64 { return l.accepted.Load() }

// Head returns the current checkpoint, and its size and time.
func (l *Static) Head() (raw []byte, size uint64, at time.Time, err error) {
	if raw, err = os.ReadFile(filepath.Join(l.dir, "checkpoint")); err != nil {
		return nil, 0, at, err
	}
	lines := strings.Split(string(raw), "\n")
	if len(lines) < 5 {
		return nil, 0, at, fmt.Errorf("checkpoint of %s has %d lines", l.Origin, len(lines))
	}
	if size, err = strconv.ParseUint(lines[1], 10, 63); err != nil {
		return nil, 0, at, err
	}
	signature, err := base64.StdEncoding.DecodeString(lines[4][strings.LastIndex(lines[4], " ")+1:])
	if err != nil || len(signature) < 12 {
		return nil, 0, at, fmt.Errorf("checkpoint of %s: its first signature line %q: %v", l.Origin, lines[4], err)
	}
	return raw, size, time.UnixMilli(int64(binary.BigEndian.Uint64(signature[4:]))), nil
}

// ServeHTTP serves the read side: what the specification names, and no other file.
func (l *Static) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	name := strings.TrimPrefix(r.URL.Path, "/")
	readable := name == "checkpoint" || strings.HasPrefix(name, "tile/") || strings.HasPrefix(name, "issuer/")
	if !readable || !filepath.IsLocal(name) {
		http.NotFound(w, r)
		return
	}
	content, err := os.ReadFile(filepath.Join(l.dir, filepath.FromSlash(name)))
	if err != nil {
		http.NotFound(w, r)
		return
	}
	if name == "checkpoint" {
		w.Header().Set("Cache-Control", "no-store")
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	} else {
		w.Header().Set("Cache-Control", "public, max-age=604800, immutable")
		w.Header().Set("Content-Type", "application/octet-stream")
	}
	if l.Gzip && strings.HasPrefix(name, "tile/data/") {
		var z bytes.Buffer
		g := gzip.NewWriter(&z)
		_, _ = g.Write(content) // into memory: cannot fail
		_ = g.Close()
		content = z.Bytes()
		w.Header().Set("Content-Encoding", "gzip")
	}
	w.Header().Set("Content-Length", strconv.Itoa(len(content)))
	_, _ = w.Write(content) // the client may have gone away
}

// KeyBase64 returns the public key as log lists have it.
func (l *Static) KeyBase64() string { return base64.StdEncoding.EncodeToString(l.SPKI) }
