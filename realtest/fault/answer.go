package fault

import (
	"net/http"
	"net/http/httptest"
	"sync"
)

// Answer is a complete answer of a log.
type Answer struct {
	Status int
	Header http.Header
	Body   []byte
}

// Log answers as a log does. The two states are the same for a log that has only one.
type Log interface {
	Now(address string) Answer
	Older(address string) Answer
}

// Cached keeps every answer of a handler, for a log that does not change any more. Its
// answers are then the same for every client, also those that are signed anew each time.
type Cached struct {
	handler http.Handler
	mu      sync.Mutex
	answers map[string]Answer
}

// NewCached returns the answers of h, each asked for once.
func NewCached(h http.Handler) *Cached { return &Cached{handler: h, answers: map[string]Answer{}} }

// Set makes a the answer to address.
func (c *Cached) Set(address string, a Answer) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.answers[address] = a
}

// Get returns the answer to an address: path and query.
func (c *Cached) Get(address string) Answer {
	c.mu.Lock()
	defer c.mu.Unlock()
	if a, ok := c.answers[address]; ok {
		return a
	}
	a := Ask(c.handler, address)
	c.answers[address] = a
	return a
}

// Ask asks a handler.
func Ask(h http.Handler, address string) Answer {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, address, nil))
	return Answer{Status: w.Code, Header: w.Header(), Body: w.Body.Bytes()}
}

// Same is a log of one state.
type Same struct{ *Cached }

// Now returns the answer.
func (s Same) Now(address string) Answer { return s.Get(address) }

// Older returns the same.
func (s Same) Older(address string) Answer { return s.Get(address) }
