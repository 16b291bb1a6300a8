package realtest

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"selfaudit/internal/testpki"
)

// submitter is the submission side of a log.
type submitter interface {
	Submit(ctx context.Context, precert bool, chain [][]byte) (sct []byte, err error)
}

// authority is a CA with several issuing CAs, and a stranger whose certificates are in the
// same logs.
type authority struct {
	t       *testing.T
	root    *testpki.CA
	issuers []*testpki.CA // audited
	signer  *testpki.CA   // precertificate signing certificate of issuers[0]
	foreign *testpki.CA

	mu sync.Mutex // certificates are submitted one after the other, as real CAs rarely do
	n  int
}

func newAuthority(t *testing.T) *authority {
	root := testpki.NewRoot("Real Root", testpki.CAOptions{})
	a := &authority{t: t, root: root, foreign: root.NewCA("Somebody Else", testpki.CAOptions{})}
	a.issuers = []*testpki.CA{
		root.NewCA("Real EC CA", testpki.CAOptions{}),
		root.NewCA("Real RSA CA", testpki.CAOptions{Key: testpki.RSAKey(0)}),
		root.NewCA("Real OV CA", testpki.CAOptions{}),
	}
	a.signer = a.issuers[0].NewPrecertSigner("Real Precert Signer", testpki.CAOptions{})
	return a
}

// template is the n-th certificate's.
func (a *authority) template(n int, at time.Time) testpki.Template {
	notBefore := at.Add(-time.Hour).Truncate(time.Second)
	t := testpki.Template{Seed: fmt.Sprint(n), DNSNames: []string{fmt.Sprintf("www%d.example.com", n)},
		NotBefore: notBefore, NotAfter: notBefore.Add(90*24*time.Hour - time.Second)}
	if n%3 == 2 {
		t.Policies = []string{"2.23.140.1.2.2"}
	}
	return t
}

// issued is a certificate that was issued, with what is left to do for it.
type issued struct {
	ca    *testpki.CA
	final []byte
}

// issue logs the precertificate of a new certificate at time at to some of the logs, and
// returns the final certificate with their SCTs, which is not logged.
func (a *authority) issue(ctx context.Context, ca *testpki.CA, at time.Time, logs ...submitter) (issued, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.n++
	tmpl := a.template(a.n, at)
	signer := ca
	if ca == a.issuers[0] && a.n%5 == 0 {
		signer = a.signer
	}
	chain := append([][]byte{signer.Precertificate(tmpl)}, signer.Chain()...)
	var scts [][]byte
	for _, log := range logs {
		sct, err := log.Submit(ctx, true, chain)
		if err != nil {
			return issued{}, fmt.Errorf("submitting precertificate %d: %w", a.n, err)
		}
		scts = append(scts, sct)
	}
	return issued{ca, ca.Certificate(tmpl, scts...)}, nil
}

// logFinal submits a final certificate.
func (a *authority) logFinal(ctx context.Context, c issued, log submitter) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if _, err := log.Submit(ctx, false, append([][]byte{c.final}, c.ca.Chain()...)); err != nil {
		return fmt.Errorf("submitting a final certificate: %w", err)
	}
	return nil
}

// configuration is selfaudit.toml for this CA; rest has the logs.
func (a *authority) configuration(w *workspace, audit, rest string) string {
	text := "[ca]\nname = \"Real CA\"\n[audit]\nev_ra = \"none\"\n" + audit
	for i, ca := range a.issuers {
		name := fmt.Sprintf("issuer-%d.der", i)
		w.write(name, string(ca.Cert))
		text += fmt.Sprintf("[[issuer]]\ncertificate = %q\n", name)
	}
	return text + rest
}
