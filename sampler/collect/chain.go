package collect

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"sync"

	"selfaudit/sampler/ct"
	"selfaudit/sampler/ctlog"
)

// chainCert is a certificate of a chain with what is asked of it again and again.
type chainCert struct {
	*ct.Certificate
	key         *ct.PublicKey
	keyHash     [32]byte
	fingerprint [32]byte
}

// maxChain is the most bytes that the certificates of a chain can have: RFC 6962 section
// 3.1 has them in a vector of at most 2^24-1 bytes.
const maxChain = 1<<24 - 1

// What a chainMemo holds at most, against a log that makes every chain different.
const (
	maxMemo      = 4096     // of each kind
	maxMemoBytes = 32 << 20 // certificates, with what is parsed of them
)

// chainMemo remembers what recurs over a whole log: the parsed issuer certificates met in
// chains, the fingerprints for which the log gave none, and the verdict on whole chains.
// Under the lock they are also fetched and checked, so that nobody does so twice.
type chainMemo struct {
	mu     sync.Mutex
	certs  map[[32]byte]*chainCert
	tails  map[[tailSize]byte]*chainCert // the last of certs that ends so
	bytes  int                           // of certs
	bad    map[ct.Fingerprint]error
	chains map[[32]byte]error // by the SHA-256 of the fingerprints
}

// firstKey returns the certificate that the entry's chain begins with; nil for no chain.
func (c *checker) firstKey(ctx context.Context, e *ct.Entry) (*chainCert, error) {
	switch {
	case len(e.ChainFingerprints) > 0:
		return c.byFingerprint(ctx, e.ChainFingerprints[0])
	case len(e.Chain) > 0:
		return c.byDER(e.Chain[0])
	}
	return nil, nil
}

// chain returns the entry's whole chain, parsed, issuer first.
func (c *checker) chain(ctx context.Context, e *ct.Entry) ([]*chainCert, error) {
	var out []*chainCert
	size := 0
	for _, fp := range e.ChainFingerprints {
		cert, err := c.byFingerprint(ctx, fp)
		if err != nil {
			return nil, err
		}
		if size += len(cert.Raw); size > maxChain {
			return nil, fmt.Errorf("the certificates of the stored chain have more than %d bytes together, which no chain can have", maxChain)
		}
		out = append(out, cert)
	}
	for _, der := range e.Chain {
		cert, err := c.byDER(der)
		if err != nil {
			return nil, fmt.Errorf("a certificate of the stored chain cannot be read: %w", err)
		}
		out = append(out, cert)
	}
	return out, nil
}

// byFingerprint returns the certificate of an issuer file. An error of the log is
// remembered: it came after all that is done against faults that pass, and asking again for
// every entry that names the issuer would take hours.
func (c *checker) byFingerprint(ctx context.Context, fp ct.Fingerprint) (*chainCert, error) {
	m := &c.memo
	m.mu.Lock()
	defer m.mu.Unlock()
	if cert := m.certs[fp]; cert != nil {
		return cert, nil
	}
	if err := m.bad[fp]; err != nil {
		return nil, err
	}
	der, err := c.issuer(ctx, fp)
	if err == nil {
		cert, parsing := m.remember(fp, der)
		if parsing == nil {
			return cert, nil
		}
		err = &ctlog.Error{Kind: ctlog.Invalid, Where: fmt.Sprintf("issuer/%x", fp[:]), Err: parsing}
	}
	var le *ctlog.Error
	if errors.As(err, &le) {
		if m.bad == nil || len(m.bad) >= maxMemo {
			m.bad = map[ct.Fingerprint]error{}
		}
		m.bad[fp] = err
	}
	return nil, err
}

func (c *checker) byDER(der []byte) (*chainCert, error) {
	m := &c.memo
	m.mu.Lock()
	defer m.mu.Unlock()
	// An RFC 6962 log repeats the issuer's certificate with every entry. Comparing it with one that ends in the same bytes of a
	// signature costs a fraction of hashing it.
	if cert := m.tails[tailOf(der)]; cert != nil && bytes.Equal(cert.Raw, der) {
		return cert, nil
	}
	fp := sha256.Sum256(der)
	if cert := m.certs[fp]; cert != nil {
		return cert, nil
	}
	return m.remember(fp, der)
}

// tailSize is how many of a certificate's last bytes, which are of its signature, tell it from others of the same log.
const tailSize = 16

func tailOf(der []byte) (tail [tailSize]byte) {
	copy(tail[:], der[max(0, len(der)-tailSize):])
	return tail
}

// remember parses a certificate and keeps it. The caller holds the lock.
func (m *chainMemo) remember(fp [32]byte, der []byte) (*chainCert, error) {
	cert, err := ct.ParseCertificate(bytes.Clone(der)) // the entry's buffer is reused
	if err != nil {
		return nil, err
	}
	key := ct.NewPublicKey(cert.RawSPKI)
	known := &chainCert{Certificate: cert, key: key, keyHash: key.LogID(), fingerprint: fp}
	size := known.size()
	if size > maxMemoBytes {
		return known, nil
	}
	if m.certs == nil || len(m.certs) >= maxMemo || m.bytes+size > maxMemoBytes {
		m.certs, m.tails, m.bytes = map[[32]byte]*chainCert{}, map[[tailSize]byte]*chainCert{}, 0
	}
	m.certs[fp], m.tails[tailOf(cert.Raw)] = known, known
	m.bytes += size
	return known, nil
}

// size says about how many bytes of memory the certificate takes: the DER, the key that is
// parsed from it, and the list of extensions, which can be as many as the DER has bytes for.
func (c *chainCert) size() int { return 1024 + len(c.Raw) + len(c.RawSPKI) + 128*len(c.Extensions) }

// links checks that each certificate of the chain is signed by the next one. A signature
// of an algorithm that cannot be verified here is passed over: names must still agree.
func (c *checker) links(chain []*chainCert) error {
	sum := sha256.New()
	for _, cert := range chain {
		sum.Write(cert.fingerprint[:])
	}
	key := [32]byte(sum.Sum(nil))
	m := &c.memo
	m.mu.Lock()
	defer m.mu.Unlock()
	if err, ok := m.chains[key]; ok {
		return err
	}
	if m.chains == nil || len(m.chains) >= maxMemo {
		m.chains = map[[32]byte]error{}
	}
	err := checkLinks(chain)
	m.chains[key] = err
	return err
}

func checkLinks(chain []*chainCert) error {
	for i := 1; i < len(chain); i++ {
		if !bytes.Equal(chain[i-1].RawIssuer, chain[i].RawSubject) {
			return fmt.Errorf("the stored chain is broken: certificate %d does not name certificate %d as its issuer", i, i+1)
		}
		err := chain[i].key.VerifySignature(chain[i-1].Certificate)
		if err != nil && !errors.Is(err, ct.ErrUnsupportedAlgorithm) {
			return fmt.Errorf("the stored chain is broken: certificate %d did not sign certificate %d: %w", i+1, i, err)
		}
	}
	return nil
}
