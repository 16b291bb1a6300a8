package fault

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"sort"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// Proxy serves logs below path prefixes, with faults.
type Proxy struct {
	Logs map[string]Log // by first path element
	Plan *Plan          // nil: no faults
	// Show, if set, says which logs show their older state to every request.
	Show map[string]bool
	// Before, if set, is told the number of every request, from 1 on, before it is answered.
	Before func(n int64, address string)

	requests atomic.Int64
}

// Requests returns how many requests came.
func (p *Proxy) Requests() int64 { return p.requests.Load() }

// ServeHTTP answers, or misbehaves.
func (p *Proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	n := p.requests.Add(1)
	if p.Before != nil {
		p.Before(n, r.URL.RequestURI())
	}
	name, rest, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	log, ok := p.Logs[name]
	if !ok {
		http.NotFound(w, r)
		return
	}
	address := "/" + rest
	if r.URL.RawQuery != "" {
		address += "?" + r.URL.RawQuery
	}
	state := log.Now
	if p.Show[name] {
		state = log.Older
	}
	kind, random := None, (*rand.Rand)(nil)
	if p.Plan != nil {
		kind, random = p.Plan.Next(r.URL.RequestURI())
	}
	if kind == Older {
		state = log.Older
	}
	misbehave(w, kind, random, state(address))
}

// misbehave sends an answer with a fault. Kinds that need the bare connection take it.
func misbehave(w http.ResponseWriter, kind Kind, random *rand.Rand, a Answer) {
	switch kind {
	case Drop, Reset, Cut, LengthTooBig, LengthSmall, Stall:
		bare(w, kind, random, a)
		return
	case Delay:
		time.Sleep(time.Duration(1+random.IntN(40)) * time.Millisecond)
	case Short:
		a = a.with(a.Body[:cut(random, len(a.Body))])
	case Flip:
		body := bytes.Clone(a.Body)
		for range 1 + random.IntN(3) {
			if len(body) > 0 {
				body[random.IntN(len(body))] ^= 1 << random.IntN(8)
			}
		}
		a = a.with(body)
	case Garbage:
		body := make([]byte, random.IntN(2000))
		for i := range body {
			body[i] = byte(random.UintN(256))
		}
		a = a.with(body)
	case Empty:
		a = a.with(nil)
	case HTML:
		a = page(http.StatusOK)
	case BadGateway:
		a = page(http.StatusBadGateway)
	case Internal:
		a = text(http.StatusInternalServerError, "backend failed")
	case Unavailable:
		a = retryAfter(text(http.StatusServiceUnavailable, "overloaded"), random)
	case Throttle:
		a = retryAfter(text(http.StatusTooManyRequests, "slow down"), random)
	case NotFound:
		a = text(http.StatusNotFound, "not found")
	case BadGzip:
		a = badGzip(a, random)
	case Gzip:
		if a.Header.Get("Content-Encoding") == "" {
			a = a.with(gzipped(a.Body))
			a.Header.Set("Content-Encoding", "gzip")
		}
	}
	for k, v := range a.Header {
		w.Header()[k] = v
	}
	w.Header().Set("Content-Length", strconv.Itoa(len(a.Body)))
	w.WriteHeader(a.Status)
	_, _ = w.Write(a.Body) // the client may have gone away
}

func (a Answer) with(body []byte) Answer {
	return Answer{Status: a.Status, Header: a.Header.Clone(), Body: body}
}

// cut returns a length less than n.
func cut(random *rand.Rand, n int) int {
	if n == 0 {
		return 0
	}
	return random.IntN(n)
}

func text(status int, s string) Answer {
	return Answer{Status: status, Header: http.Header{"Content-Type": {"text/plain"}}, Body: []byte(s + "\n")}
}

func page(status int) Answer {
	return Answer{Status: status, Header: http.Header{"Content-Type": {"text/html"}},
		Body: []byte("<!DOCTYPE html>\n<html><head><title>One moment, please</title></head><body>Checking your browser</body></html>\n")}
}

// retryAfter adds no Retry-After, one of seconds, or one that is a date.
func retryAfter(a Answer, random *rand.Rand) Answer {
	switch random.IntN(3) {
	case 0:
		a.Header.Set("Retry-After", strconv.Itoa(random.IntN(2)))
	case 1:
		a.Header.Set("Retry-After", time.Now().Add(time.Duration(random.IntN(2))*time.Second).UTC().Format(http.TimeFormat))
	}
	return a
}

func gzipped(b []byte) []byte {
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	_, _ = z.Write(b) // into memory: cannot fail
	_ = z.Close()
	return out.Bytes()
}

// badGzip calls an answer compressed that is not, or is damaged.
func badGzip(a Answer, random *rand.Rand) Answer {
	body := a.Body
	if a.Header.Get("Content-Encoding") == "" {
		body = gzipped(body)
	}
	switch random.IntN(4) {
	case 0:
		body = []byte("this is not gzip")
	case 1:
		body = body[:cut(random, len(body))]
	case 2: // check sum or length at the end
		body = bytes.Clone(body)
		body[len(body)-1-random.IntN(8)] ^= 0x40
	case 3:
		body = bytes.Clone(body)
		body[random.IntN(len(body))] ^= 0x04
	}
	out := a.with(body)
	out.Header.Set("Content-Encoding", "gzip")
	return out
}

// bare writes to the connection itself.
func bare(w http.ResponseWriter, kind Kind, random *rand.Rand, a Answer) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(fmt.Sprintf("fault: no bare connection: %v", err)) // HTTP/2, which this server does not speak
	}
	defer conn.Close()
	if kind == Drop {
		return
	}
	length, body := len(a.Body), a.Body
	switch kind {
	case Cut, Stall, Reset:
		body = body[:cut(random, len(body))]
	case LengthTooBig:
		length += 1 + random.IntN(500)
	case LengthSmall:
		length = cut(random, length)
	}
	var head bytes.Buffer
	fmt.Fprintf(&head, "HTTP/1.1 %d %s\r\n", a.Status, http.StatusText(a.Status))
	keys := make([]string, 0, len(a.Header))
	for k := range a.Header {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	for _, k := range keys {
		if k != "Content-Length" {
			fmt.Fprintf(&head, "%s: %s\r\n", k, a.Header.Get(k))
		}
	}
	fmt.Fprintf(&head, "Content-Length: %d\r\n\r\n", length)
	_, _ = conn.Write(append(head.Bytes(), body...)) // the client may have gone away
	switch kind {
	case Reset:
		if tcp, ok := conn.(*net.TCPConn); ok {
			_ = tcp.SetLinger(0)
		}
	case Stall:
		// Until the client gives up, which closes the connection.
		_ = conn.SetReadDeadline(time.Now().Add(30 * time.Second))
		_, _ = conn.Read(make([]byte, 1))
	}
}
