package terminal

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
)

// ErrNotTerminal says that a question could not be asked.
var ErrNotTerminal = errors.New("a question needs a terminal")

// ConfirmOptions says how a question may be answered.
type ConfirmOptions struct {
	Yes      bool // answered in advance: nothing is asked
	Terminal bool // somebody is there to answer
}

// Confirm asks a yes-or-no question and reports whether the answer was yes.
// Anything but y or yes is no. Without a terminal and without Yes it returns
// ErrNotTerminal at once; it never waits for an answer that cannot come, and
// the end of ctx ends the wait.
func Confirm(ctx context.Context, in io.Reader, out io.Writer, o ConfirmOptions, question string) (bool, error) {
	if o.Yes {
		return true, nil
	}
	if !o.Terminal {
		return false, ErrNotTerminal
	}
	if _, err := fmt.Fprintf(out, "%s [y/N] ", Escape(question)); err != nil {
		return false, err
	}
	answer, err := readLine(ctx, in)
	if err != nil {
		return false, err
	}
	switch strings.ToLower(strings.TrimSpace(answer)) {
	case "y", "yes":
		return true, nil
	}
	return false, nil
}

// Ask asks for one line of text, under the same rules as Confirm; there is no
// answer in advance.
func Ask(ctx context.Context, in io.Reader, out io.Writer, tty bool, question string) (string, error) {
	if !tty {
		return "", ErrNotTerminal
	}
	if _, err := fmt.Fprintf(out, "%s ", Escape(question)); err != nil {
		return "", err
	}
	answer, err := readLine(ctx, in)
	return strings.TrimSpace(answer), err
}

// maxAnswer bounds a typed line.
const maxAnswer = 4096

// readLine reads one line. A read from a terminal cannot be cancelled, so it
// happens in a goroutine that is left behind when ctx ends first: the program
// is about to exit then.
func readLine(ctx context.Context, in io.Reader) (string, error) {
	type answer struct {
		text string
		err  error
	}
	got := make(chan answer, 1)
	go func() {
		text, err := bufio.NewReader(io.LimitReader(in, maxAnswer)).ReadString('\n')
		if err == io.EOF && text != "" {
			err = nil
		}
		got <- answer{text, err}
	}()
	select {
	case a := <-got:
		if a.err == io.EOF {
			return "", nil // an empty answer is a no
		}
		return a.text, a.err
	case <-ctx.Done():
		return "", ctx.Err()
	}
}
