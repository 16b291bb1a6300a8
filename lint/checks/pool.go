package checks

import (
	"sync"

	"github.com/zmap/zcrypto/x509"

	"selfaudit/lint"
)

// maxTried bounds how many keys are tried on a certificate whose issuer nothing names.
const maxTried = 64

// issuer is a certificate that may have issued others.
type issuer struct {
	raw   *rawCert
	der   []byte
	named bool // given as an issuer, not just found beside the certificate
	parse func() (*x509.Certificate, error)
}

// Pool holds certificates that may have issued the ones to be checked. It is safe for use
// by several goroutines once built.
type Pool struct {
	parent    *Pool
	all       []*issuer
	bySubject map[string][]*issuer
	byKeyID   map[string][]*issuer
}

// NewIssuers returns the pool of the certificates that are known to be issuers of what
// will be checked. DER that is no certificate is left out.
func NewIssuers(ders [][]byte) *Pool { return newPool(ders, nil, true) }

// Beside returns a pool of certificates found in the same place as the ones to be checked
// (a chain), on top of p, which may be nil.
func (p *Pool) Beside(ders [][]byte) *Pool { return newPool(ders, p, false) }

// Len counts the certificates of the pool itself.
func (p *Pool) Len() int {
	if p == nil {
		return 0
	}
	return len(p.all)
}

func newPool(ders [][]byte, parent *Pool, named bool) *Pool {
	p := &Pool{parent: parent, bySubject: map[string][]*issuer{}, byKeyID: map[string][]*issuer{}}
	for _, der := range ders {
		raw, err := cut(der)
		if err != nil || !named && raw.isPrecert() {
			continue
		}
		i := &issuer{raw: raw, der: der, named: named}
		i.parse = sync.OnceValues(func() (*x509.Certificate, error) { return parse(der) })
		p.all = append(p.all, i)
		p.bySubject[string(raw.subject)] = append(p.bySubject[string(raw.subject)], i)
		if id := raw.subjectKeyID(); id != nil {
			p.byKeyID[string(id)] = append(p.byKeyID[string(id)], i)
		}
	}
	return p
}

// parse parses with zcrypto, whose panics on hostile bytes become errors.
func parse(der []byte) (c *x509.Certificate, err error) {
	defer func() {
		if r := recover(); r != nil {
			c, err = nil, errDamaged
		}
	}()
	return x509.ParseCertificate(der)
}

// candidates returns the certificates that a certificate may mean by its issuer name or
// its authorityKeyIdentifier, in the order of the pools.
func (p *Pool) candidates(c *rawCert) []*issuer {
	var found []*issuer
	seen := map[*issuer]bool{}
	id := c.authorityKeyID()
	for ; p != nil; p = p.parent {
		lists := [][]*issuer{p.bySubject[string(c.issuer)]}
		if id != nil {
			lists = append(lists, p.byKeyID[string(id)])
		}
		for _, list := range lists {
			for _, i := range list {
				if !seen[i] && len(found) < maxTried {
					seen[i] = true
					found = append(found, i)
				}
			}
		}
	}
	return found
}

// given returns the certificates that were given as issuers.
func (p *Pool) given() []*issuer {
	for ; p != nil; p = p.parent {
		if len(p.all) > 0 && p.all[0].named {
			return p.all[:min(len(p.all), maxTried)]
		}
	}
	return nil
}

// precertSigner returns the Precertificate Signing Certificate among the pool's whose
// subject is a precertificate's issuer; nil where there is none.
func (p *Pool) precertSigner(c *rawCert) *rawCert {
	for ; p != nil; p = p.parent {
		for _, i := range p.bySubject[string(c.issuer)] {
			if i.raw.isPrecertSigner() {
				return i.raw
			}
		}
	}
	return nil
}

// finding builds one of our findings.
func finding(name, details string) lint.Finding {
	f, ok := lint.OwnFinding(name, details)
	if !ok {
		// A name that lint does not know is a defect of this package, which its tests
		// would show; a finding must never get lost for it.
		return lint.Finding{Lint: name, Severity: lint.Fatal, Source: lint.SourceSelfaudit, Details: details}
	}
	return f
}
