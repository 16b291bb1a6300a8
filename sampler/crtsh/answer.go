package crtsh

import (
	"context"
	"fmt"
	"time"

	"selfaudit/internal/auditdir"
	"selfaudit/sampler"
)

// Answer is what crt.sh has answered to one audit's question.
type Answer struct {
	AskedAt       string // when it was asked first
	From, Until   time.Time
	Issuers       []IssuerAnswer // in the order of the question
	Complete      bool
	Reason        string // why it is not complete
	Found         bool   // it has said which CAs it has; if not, Issuers have none for want of an answer
	Interruptions int    // of this run: attempts that had to be repeated

	dir   auditdir.Dir
	order []CA
}

// IssuerAnswer is what was answered for one issuer.
type IssuerAnswer struct {
	Key sampler.KeyHash
	CAs []CA // empty: crt.sh knows none, or was not asked
}

// CA is one of crt.sh's CAs: a name and a key.
type CA struct {
	ID           int64
	Certificates int64
	Until        time.Time // every notBefore from the question's From to this was answered for

	pages   int
	counted time.Duration
}

// fill sorts the CAs to the issuers; one that several have is the first one's.
func (ans *Answer) fill(doc asked, q Question, read map[int64]CA) {
	for i, iss := range q.Issuers {
		out := IssuerAnswer{Key: iss.Key}
		for _, id := range doc.Issuers[i].CAs {
			if ca, ok := read[id]; ok {
				out.CAs = append(out.CAs, ca)
				delete(read, id)
			}
		}
		ans.Issuers = append(ans.Issuers, out)
	}
}

// Certificates is the number of rows, too large ones included.
func (ans *Answer) Certificates() (n int64) {
	for _, ca := range ans.order {
		n += ca.Certificates
	}
	return n
}

// Read passes every certificate with its crt.sh id, or what kept it from being fetched, in
// a fixed order: by CA, notBefore and id, however the questions were cut.
func (ans *Answer) Read(ctx context.Context, cert func(id int64, der []byte) error, problem func(id int64, err error) error) error {
	for _, ca := range ans.order {
		for number := range ca.pages {
			if err := ctx.Err(); err != nil {
				return err
			}
			_, err := readPage(ans.dir.Path(pageName(ca.ID, number)), func(r row) error {
				if r.der == nil {
					return problem(r.at.id, fmt.Errorf("certificate of %d bytes is over the limit of %d", r.size, MaxCertificate))
				}
				return cert(r.at.id, r.der)
			})
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// Try connects to the server once and looks at its schema, without asking anything else.
func Try(ctx context.Context, c Config) error {
	c = c.withDefaults()
	c.Patience = -1 // one failure is enough
	s := newSession(c)
	defer func() { leave(s.conn) }()
	return s.probe(ctx)
}
