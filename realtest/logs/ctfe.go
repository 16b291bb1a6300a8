package logs

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	ct "github.com/google/certificate-transparency-go"
	"github.com/google/certificate-transparency-go/tls"
	"github.com/google/certificate-transparency-go/trillian/ctfe"
	"github.com/google/certificate-transparency-go/trillian/ctfe/configpb"
	"github.com/google/trillian/crypto/keyspb"
	"github.com/google/trillian/monitoring"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/anypb"
)

// CTFE is an RFC 6962 log: certificate-transparency-go's front end over Trillian.
type CTFE struct {
	SPKI []byte // DER public key
	// Frontend is the clock that stamps entries, apart from the signer's: logs have
	// several front ends, and their clocks differ.
	Frontend *Clock

	prefix   string
	mux      *http.ServeMux
	backend  *backend
	accepted atomic.Uint64
}

// CTFEOptions describe a log.
type CTFEOptions struct {
	Dir      string   // for the roots' file
	Prefix   string   // first element of its paths
	Roots    [][]byte // DER certificates that chains may end in
	Start    time.Time
	PageSize int64 // largest get-entries answer; the same for all CTFE logs of a process
	Signer   *Clock
}

// StartCTFE starts the log.
func StartCTFE(ctx context.Context, o CTFEOptions) (*CTFE, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	private, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return nil, err
	}
	l := &CTFE{Frontend: NewClock(o.Start), prefix: o.Prefix, mux: http.NewServeMux()}
	if l.SPKI, err = x509.MarshalPKIXPublicKey(&key.PublicKey); err != nil {
		return nil, err
	}
	if l.backend, err = startTrillian(ctx, o.Signer, 50*time.Millisecond, time.Hour); err != nil {
		return nil, err
	}
	if err := l.frontend(ctx, o, private); err != nil {
		l.Close()
		return nil, fmt.Errorf("setting up CTFE: %w", err)
	}
	return l, nil
}

// Close stops the log. Its contents are gone.
func (l *CTFE) Close() { l.backend.stop() }

func (l *CTFE) frontend(ctx context.Context, o CTFEOptions, private []byte) error {
	var roots []byte
	for _, der := range o.Roots {
		roots = append(roots, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})...)
	}
	file := filepath.Join(o.Dir, o.Prefix+"-roots.pem")
	if err := os.WriteFile(file, roots, 0o666); err != nil {
		return err
	}
	key, err := anypb.New(&keyspb.PrivateKey{Der: private})
	if err != nil {
		return err
	}
	ctfe.MaxGetEntriesAllowed = o.PageSize
	valid, err := ctfe.ValidateLogConfig(&configpb.LogConfig{LogId: l.backend.tree.TreeId, Prefix: o.Prefix, RootsPemFile: []string{file},
		PrivateKey: key, PublicKey: &keyspb.PublicKey{Der: l.SPKI}})
	if err != nil {
		return err
	}
	instance, err := ctfe.SetUpInstance(ctx, ctfe.InstanceOptions{Validated: valid, Client: l.backend.client,
		// Deadlines are reckoned from the moved clock, so this one must reach into the real future.
		Deadline:      30 * 365 * 24 * time.Hour,
		MetricFactory: monitoring.InertMetricFactory{}, RequestLog: new(ctfe.DefaultRequestLog), ErrorMapper: mapError})
	if err != nil {
		return err
	}
	for path, h := range instance.Handlers {
		h.Info.TimeSource = l.Frontend // one object that all handlers share
		l.mux.Handle(path, h)
	}
	return nil
}

// mapError answers 400 for entries beyond the tree, as the front end's own main does.
func mapError(err error) (int, bool) {
	if status.Code(err) == codes.OutOfRange {
		return http.StatusBadRequest, true
	}
	return 0, false
}

// ServeHTTP answers below "/", as if the log's prefix were the server's root.
func (l *CTFE) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	r2 := r.Clone(r.Context())
	r2.URL.Path = "/" + l.prefix + r.URL.Path
	l.mux.ServeHTTP(w, r2)
}

// Submit adds a chain, leaf first, and returns the serialized SCT.
func (l *CTFE) Submit(_ context.Context, precert bool, chain [][]byte) ([]byte, error) {
	path := "/ct/v1/add-chain"
	if precert {
		path = "/ct/v1/add-pre-chain"
	}
	body, err := json.Marshal(map[string][][]byte{"chain": chain})
	if err != nil {
		return nil, err
	}
	w := httptest.NewRecorder()
	l.ServeHTTP(w, httptest.NewRequest(http.MethodPost, path, bytes.NewReader(body)))
	if w.Code != http.StatusOK {
		return nil, fmt.Errorf("%s: status %d: %s", path, w.Code, w.Body)
	}
	var answer ct.AddChainResponse
	if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	sct, err := answer.ToSignedCertificateTimestamp()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	l.accepted.Add(1)
	return tls.Marshal(*sct)
}

// Accepted returns how many submissions got an SCT; the signer merges them a little later.
func (l *CTFE) Accepted() uint64 { return l.accepted.Load() }

// Head returns the current tree head as served, and its size and time.
func (l *CTFE) Head() (raw []byte, size uint64, at time.Time, err error) {
	w := httptest.NewRecorder()
	l.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/ct/v1/get-sth", nil))
	if w.Code != http.StatusOK {
		return nil, 0, at, fmt.Errorf("get-sth: status %d: %s", w.Code, w.Body)
	}
	var answer ct.GetSTHResponse
	if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil {
		return nil, 0, at, fmt.Errorf("get-sth: %w", err)
	}
	return w.Body.Bytes(), answer.TreeSize, time.UnixMilli(int64(answer.Timestamp)), nil
}

// KeyBase64 returns the public key as log lists have it.
func (l *CTFE) KeyBase64() string { return base64.StdEncoding.EncodeToString(l.SPKI) }
