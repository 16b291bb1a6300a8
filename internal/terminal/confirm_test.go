package terminal

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"
)

func TestConfirm(t *testing.T) {
	tests := []struct {
		answer string
		want   bool
	}{
		{"y\n", true}, {"Yes\r\n", true}, {"yes", true}, {"n\n", false}, {"\n", false}, {"", false}, {"yesterday\n", false},
	}
	for _, tt := range tests {
		var out strings.Builder
		got, err := Confirm(t.Context(), strings.NewReader(tt.answer), &out, ConfirmOptions{Terminal: true}, "Freeze\x1b it?")
		if err != nil || got != tt.want {
			t.Errorf("answer %q: %v, %v", tt.answer, got, err)
		}
		if out.String() != `Freeze\x1b it? [y/N] ` {
			t.Errorf("asked %q", out.String())
		}
	}
}

func TestConfirmWithoutTerminal(t *testing.T) {
	silent := readerFunc(func([]byte) (int, error) { t.Fatal("read an answer"); return 0, nil })
	if ok, err := Confirm(t.Context(), silent, io.Discard, ConfirmOptions{}, "Go?"); ok || !errors.Is(err, ErrNotTerminal) {
		t.Errorf("without terminal: %v, %v", ok, err)
	}
	if ok, err := Confirm(t.Context(), silent, io.Discard, ConfirmOptions{Yes: true}, "Go?"); !ok || err != nil {
		t.Errorf("with yes: %v, %v", ok, err)
	}
}

func TestConfirmEndsWithContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	blocked := make(chan struct{})
	defer close(blocked)
	in := readerFunc(func([]byte) (int, error) {
		cancel()
		<-blocked
		return 0, io.EOF
	})
	if _, err := Confirm(ctx, in, io.Discard, ConfirmOptions{Terminal: true}, "Go?"); !errors.Is(err, context.Canceled) {
		t.Errorf("err = %v", err)
	}
}

func TestAsk(t *testing.T) {
	got, err := Ask(t.Context(), strings.NewReader(" 0123 \n"), io.Discard, true, "Digits:")
	if err != nil || got != "0123" {
		t.Errorf("Ask = %q, %v", got, err)
	}
	if _, err := Ask(t.Context(), nil, io.Discard, false, "Digits:"); !errors.Is(err, ErrNotTerminal) {
		t.Errorf("without terminal: %v", err)
	}
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }
