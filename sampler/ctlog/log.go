package ctlog

import (
	"bytes"
	"cmp"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"selfaudit/sampler/ct"
)

// The values of Config.Type.
const (
	StaticCT = "static-ct"
	RFC6962  = "rfc6962"
)

// Config says which log to read and how. Transport, Sleep and Now are needed for http and https URLs only.
type Config struct {
	Type      string // StaticCT or RFC6962
	URL       string // http:// or https:// monitoring prefix, file:// URL, or folder
	Label     string // the log's name in messages; default: Origin, else URL
	Origin    string // static-ct: the checkpoint's first line
	PublicKey []byte // DER SubjectPublicKeyInfo
	Tiles     bool   // RFC 6962: data tiles are served beside get-entries, or instead of it by an archive; what they lack is asked for
	BaseDir   string // relative folders and file:// URLs are relative to it

	Transport http.RoundTripper
	UserAgent string // should name a contact: operators throttle anonymous bulk readers
	Sleep     func(ctx context.Context, d time.Duration) error
	Jitter    func() float64 // in [0, 1); nil means no jitter
	Now       func() time.Time

	MaxElapsed   time.Duration // how long one object is asked for again after its first failure; 0 means 10 minutes
	StallTimeout time.Duration // how long a request may make no progress; 0 means 90 seconds
	// AfterFunc is the clock of StallTimeout; nil means time.AfterFunc.
	AfterFunc   func(d time.Duration, f func()) Timer
	Concurrency int     // requests at the same time, of all callers together; twice as many tiles or pages are read ahead; 0 means 3 over HTTP, 2 from a folder
	RateLimit   float64 // requests a second, of all callers together; 0 means as many as the log bears
	HashTiles   bool    // static-ct: Read fetches the level-0 hash tiles too, so that CheckHashTile finds them at hand

	// OnRetry, if set, is told of every attempt that will be repeated after wait. It may be called from several goroutines.
	OnRetry func(where string, err error, wait time.Duration)
}

// Timer is what of a *time.Timer made by time.AfterFunc is needed.
type Timer interface {
	Reset(d time.Duration) bool
	Stop() bool
}

// Log reads one log. Its methods may be called from several goroutines.
type Log struct {
	cfg     Config
	name    string
	id      ct.LogID
	remote  bool
	src     source
	pages   pager // RFC 6962 only
	issuers issuerCache
	stash   hashStash
	proofs  proofs
	hybrid  hybrid // with Config.Tiles

	spareTiles spare[tile]
	sparePages spare[page]
}

// Open prepares a Log without touching network or disk. Its errors are mistakes in cfg.
func Open(cfg Config) (*Log, error) {
	l := &Log{cfg: cfg, name: cmp.Or(cfg.Label, cfg.Origin, cfg.URL)}
	if cfg.Type != StaticCT && cfg.Type != RFC6962 {
		return nil, fmt.Errorf("log %s: unknown type %q: use %q or %q", l.name, cfg.Type, StaticCT, RFC6962)
	}
	if cfg.Type == StaticCT && cfg.Tiles {
		return nil, fmt.Errorf("log %s: tiles beside get-entries are for RFC 6962 logs", l.name)
	}
	if cfg.Type == StaticCT && cfg.Origin == "" {
		return nil, fmt.Errorf("log %s: a static-ct log needs its origin, the first line of its checkpoint", l.name)
	}
	if _, err := x509.ParsePKIXPublicKey(cfg.PublicKey); err != nil {
		return nil, fmt.Errorf("log %s: public key: %w", l.name, err)
	}
	l.id = ct.LogIDOf(cfg.PublicKey)
	if err := l.connect(); err != nil {
		return nil, fmt.Errorf("log %s: url %q: %w", l.name, cfg.URL, err)
	}
	return l, nil
}

// connect chooses the source by the form of the URL.
func (l *Log) connect() error {
	lower := strings.ToLower(l.cfg.URL)
	if strings.HasPrefix(lower, "http://") || strings.HasPrefix(lower, "https://") {
		w, err := newWeb(l.cfg)
		if err != nil {
			return err
		}
		l.remote, l.src, l.pages = true, w, webPages{w}
		return nil
	}
	dir, err := folderPath(l.cfg.URL, l.cfg.BaseDir)
	if err != nil {
		return err
	}
	if l.cfg.Type == RFC6962 {
		c := &capture{folder: folder{dir}}
		l.src, l.pages = c, c
		if l.cfg.Tiles {
			l.src = archive{c}
		}
		return nil
	}
	l.src = folder{dir}
	return nil
}

// folderPath turns a file:// URL or a path into a path of this system. A file:// URL is percent-encoded, a path is not.
func folderPath(s, base string) (string, error) {
	switch scheme, rest, found := strings.Cut(s, "://"); {
	case s == "":
		return "", errors.New("empty")
	case found && strings.EqualFold(scheme, "file"):
		path, err := url.PathUnescape(rest)
		if err != nil {
			return "", fmt.Errorf("%w: write %% as %%25", err)
		}
		if local, ok := strings.CutPrefix(path, "localhost/"); ok {
			path = "/" + local
		}
		if runtime.GOOS == "windows" && len(path) > 2 && path[0] == '/' && path[2] == ':' {
			path = path[1:] // file:///C:/logs
		}
		s = path
	case found:
		return "", fmt.Errorf("scheme %q: use http, https, file or a folder", scheme)
	}
	s = filepath.FromSlash(s)
	if !filepath.IsAbs(s) {
		s = filepath.Join(base, s)
	}
	return s, nil
}

// ID returns the log ID, the SHA-256 of the log's key.
func (l *Log) ID() ct.LogID { return l.id }

// Name returns the origin of a static-ct log and the configured URL of any other, for messages.
func (l *Log) Name() string { return l.name }

// Head fetches the log's current tree head and verifies its signature. raw is the checkpoint or get-sth answer as served.
func (l *Log) Head(ctx context.Context) (raw []byte, head ct.TreeHead, err error) {
	path := "checkpoint"
	if l.cfg.Type == RFC6962 {
		path = "ct/v1/get-sth"
	}
	// Verified inside the request, because a cache or proxy may have mangled this answer and not the next.
	body, err := l.src.get(ctx, request{path: path, limit: maxHead, check: func(body []byte) (err error) {
		head, err = l.verifyHead(body)
		return err
	}}, new(buffer))
	if isMissing(err) && l.cfg.Tiles {
		raw, archived, again := l.archivedHead(ctx)
		if again == nil {
			return raw, archived, nil
		}
		if !isMissing(again) {
			path, err = "checkpoint", again
		}
	}
	if err != nil {
		if isMissing(err) {
			err = fail(missing, Unreachable, "%w: is the url the log's monitoring prefix, and %s its type?", err, l.cfg.Type)
		}
		return nil, ct.TreeHead{}, l.failed(ctx, path, err)
	}
	return bytes.Clone(body), head, nil
}

// ParseHead verifies a tree head as Head returned it earlier.
func (l *Log) ParseHead(raw []byte) (ct.TreeHead, error) {
	head, err := l.verifyHead(raw)
	if err != nil {
		return ct.TreeHead{}, &Error{Log: l.name, Kind: Invalid, Where: "tree head", Err: err}
	}
	return head, nil
}

func (l *Log) verifyHead(raw []byte) (ct.TreeHead, error) {
	if l.cfg.Type == RFC6962 {
		return ct.ParseSTH(raw, l.cfg.PublicKey)
	}
	return ct.ParseCheckpoint(raw, l.cfg.Origin, l.cfg.PublicKey)
}

// Read delivers the entries [startInclusive, endExclusive) of the tree with the given head, in order, one call of fn each. The entry
// and everything it points to is valid until fn returns. The next tiles or pages are fetched while fn works, and it is called
// by whoever has the next one, so by several goroutines, but never twice at the same time; when Read returns, nothing of it is running
// any more. An error of fn ends the reading and is returned unchanged; an empty range reads nothing.
func (l *Log) Read(ctx context.Context, head ct.TreeHead, startInclusive, endExclusive uint64, fn func(*ct.Entry) error) error {
	return l.ReadFor(ctx, head, startInclusive, endExclusive, nil, fn)
}

// ReadFor is Read for a caller who looks at no more than the leaf of precertificate entries with an issuer_key_hash for which want is
// false, and of any entry at Leaf only through LeafHash. An RFC 6962 log's extra_data of those entries are then neither decoded nor
// checked; their Precertificate and Chain, and any entry's Leaf, may be nil. want may be called from several goroutines. Without want
// it is Read.
func (l *Log) ReadFor(ctx context.Context, head ct.TreeHead, startInclusive, endExclusive uint64, want func(issuerKeyHash [32]byte) bool,
	fn func(*ct.Entry) error) error {
	return l.read(ctx, head, startInclusive, endExclusive, want, sink{entry: fn})
}

func (l *Log) read(ctx context.Context, head ct.TreeHead, startInclusive, endExclusive uint64, want wanted, to sink) error {
	if startInclusive > endExclusive || endExclusive > head.Size {
		return fmt.Errorf("log %s: entries %d to %d are not a range of a tree of %d", l.name, startInclusive, endExclusive, head.Size)
	}
	if startInclusive == endExclusive {
		return nil
	}
	switch {
	case l.cfg.Tiles:
		return l.readHybrid(ctx, head.Size, startInclusive, endExclusive, want, &to)
	case l.cfg.Type == RFC6962:
		return l.readPages(ctx, startInclusive, endExclusive, want, &to)
	}
	return l.readTiles(ctx, head.Size, startInclusive, endExclusive, want, &to)
}

func (l *Log) workers() int {
	switch {
	case l.cfg.Concurrency > 0:
		return l.cfg.Concurrency
	case l.remote:
		return defaultConcurrency
	}
	return 2
}
