package ctlog

import (
	"bytes"
	"errors"
	"net/http"
	"testing"
)

func TestRoots(t *testing.T) {
	raw, err := open(t, folderConfig(t, RFC6962, alphaB, alphaB)).Roots(t.Context(), func(body []byte) error {
		if !bytes.Contains(body, []byte(`"certificates"`)) {
			return errors.New("no certificates")
		}
		return nil
	})
	if err != nil || len(raw) == 0 {
		t.Errorf("%d bytes, error %v", len(raw), err)
	}

	c, asked := newClock(), 0
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		asked++
		switch {
		case r.URL.Path != "/ct/v1/get-roots":
			http.NotFound(w, r)
		case asked == 1:
			w.WriteHeader(http.StatusServiceUnavailable)
		case asked == 2:
			w.Write([]byte("<html>"))
		default:
			w.Write([]byte("answer"))
		}
	})
	wrong := errors.New("not this")
	raw, err = open(t, webConfig(t, StaticCT, alphaC, url, c)).Roots(t.Context(), func(body []byte) error {
		if string(body) != "answer" {
			return wrong
		}
		return nil
	})
	if err != nil || string(raw) != "answer" || asked != 3 {
		t.Errorf("%q after %d requests, error %v", raw, asked, err)
	}
	_, err = open(t, webConfig(t, StaticCT, alphaC, url, c)).Roots(t.Context(), func([]byte) error { return wrong })
	wantError(t, err, Invalid, "ct/v1/get-roots", "not this")
	_, err = open(t, webConfig(t, StaticCT, alphaC, url+"/elsewhere", c)).Roots(t.Context(), func([]byte) error { return nil })
	wantError(t, err, Unreachable, "ct/v1/get-roots", "404")
}

func TestRootsTooLarge(t *testing.T) {
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		w.Write(packed(make([]byte, maxRootsAnswer+1)))
	})
	_, err := open(t, webConfig(t, RFC6962, alphaB, url, newClock())).Roots(t.Context(), func([]byte) error { return nil })
	wantError(t, err, Invalid, "ct/v1/get-roots", "too large")
}
