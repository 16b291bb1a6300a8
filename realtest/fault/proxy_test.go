package fault

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
	"time"
)

// one is a log with one page and an older one.
type one struct{}

var header = http.Header{"Content-Type": {"text/plain"}}

func (one) Now(string) Answer   { return Answer{200, header, bytes.Repeat([]byte("new "), 500)} }
func (one) Older(string) Answer { return Answer{200, header, []byte("old")} }

// fetch returns what a plain client gets.
func fetch(ctx context.Context, t *testing.T, url string) (status int, encoding string, body []byte, err error) {
	t.Helper()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := (&http.Transport{DisableCompression: true, DisableKeepAlives: true}).RoundTrip(req)
	if err != nil {
		return 0, "", nil, err
	}
	defer resp.Body.Close()
	body, err = io.ReadAll(resp.Body)
	return resp.StatusCode, resp.Header.Get("Content-Encoding"), body, err
}

// TestKinds shows that every kind is the fault that it is called.
func TestKinds(t *testing.T) {
	right := one{}.Now("").Body
	unpacked := func(b []byte) ([]byte, error) {
		z, err := gzip.NewReader(bytes.NewReader(b))
		if err != nil {
			return nil, err
		}
		return io.ReadAll(z)
	}
	for _, kind := range append([]Kind{None}, Kinds...) {
		t.Run(string("kind "+kind), func(t *testing.T) {
			plan := &Plan{Seed: 7, Chance: 1, Most: 1, Kinds: []Kind{kind}}
			if kind == None {
				plan.Kinds = nil
			}
			s := httptest.NewServer(&Proxy{Logs: map[string]Log{"x": one{}}, Plan: plan})
			defer s.Close()
			ctx := t.Context()
			if kind == Stall { // nothing else may depend on how fast this machine is
				var cancel context.CancelFunc
				ctx, cancel = context.WithTimeout(ctx, 300*time.Millisecond)
				defer cancel()
			}
			status, encoding, body, err := fetch(ctx, t, s.URL+"/x/page?a=1")
			ok := false
			switch kind {
			case None, Delay:
				ok = err == nil && status == 200 && bytes.Equal(body, right)
			case Drop:
				ok = err != nil && status == 0
			case Reset, Cut, LengthTooBig:
				ok = err != nil && status == 200
			case LengthSmall, Short:
				ok = err == nil && status == 200 && len(body) < len(right) && bytes.HasPrefix(right, body)
			case Stall:
				ok = errors.Is(err, context.DeadlineExceeded)
			case Flip:
				ok = err == nil && len(body) == len(right) && !bytes.Equal(body, right)
			case Garbage:
				ok = err == nil && !bytes.Equal(body, right)
			case Empty:
				ok = err == nil && status == 200 && len(body) == 0
			case HTML:
				ok = err == nil && status == 200 && body[0] == '<'
			case BadGateway:
				ok = status == 502 && body[0] == '<'
			case Internal:
				ok = status == 500
			case Unavailable:
				ok = status == 503
			case Throttle:
				ok = status == 429
			case NotFound:
				ok = status == 404
			case BadGzip:
				got, unpackErr := unpacked(body)
				ok = encoding == "gzip" && (unpackErr != nil || !bytes.Equal(got, right))
			case Gzip:
				got, unpackErr := unpacked(body)
				ok = encoding == "gzip" && unpackErr == nil && bytes.Equal(got, right)
			case Older:
				ok = string(body) == "old"
			}
			if !ok {
				t.Errorf("status %d, encoding %q, %d bytes, error %v", status, encoding, len(body), err)
			}
			// The budget of this address is spent.
			if status, _, body, err := fetch(t.Context(), t, s.URL+"/x/page?a=1"); err != nil || status != 200 || !bytes.Equal(body, right) {
				t.Errorf("second answer: status %d, %d bytes, error %v", status, len(body), err)
			}
		})
	}
}

// TestPlanIsReproducible compares two plans of one seed asked in different orders, and
// two seeds.
func TestPlanIsReproducible(t *testing.T) {
	addresses := []string{"/a", "/b", "/c?x=1"}
	trace := func(seed uint64, reverse bool) map[string][]Kind {
		p := &Plan{Seed: seed, Chance: 0.5, Most: 1000, Kinds: Kinds}
		out := map[string][]Kind{}
		list := slices.Clone(addresses)
		if reverse {
			slices.Reverse(list)
		}
		for range 50 {
			for _, a := range list {
				k, _ := p.Next(a)
				out[a] = append(out[a], k)
			}
		}
		return out
	}
	one, two, other := trace(1, false), trace(1, true), trace(2, false)
	for _, a := range addresses {
		if !slices.Equal(one[a], two[a]) {
			t.Errorf("%s: the faults depend on the order of the addresses", a)
		}
		if slices.Equal(one[a], other[a]) {
			t.Errorf("%s: two seeds give the same faults", a)
		}
	}
}
