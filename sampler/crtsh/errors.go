package crtsh

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"
)

// remedy is what to do after a failure.
type remedy int

const (
	again     remedy = iota // the same question once more
	narrower                // a smaller question
	hopeless                // no more questions to this server
	unrelated               // not the server's doing: a full disk
)

// localError is trouble on this machine.
type localError struct{ err error }

func (e *localError) Error() string { return e.err.Error() }
func (e *localError) Unwrap() error { return e.err }

// tooMuchError is more than may be stored.
type tooMuchError struct{ limit, certificates int64 }

func (e *tooMuchError) Error() string {
	return fmt.Sprintf("its answers are more than the %.3g GB that may be stored of them; %d certificates were kept: if the CA issues so much, raise max_gigabytes in [crtsh], and collect with --crtsh",
		float64(e.limit)/1e9, e.certificates)
}

// contradictionError is an answer that cannot be one to the question.
type contradictionError struct{ text string }

func (e *contradictionError) Error() string { return "the answer contradicts the question: " + e.text }

func contradiction(format string, args ...any) error {
	return &contradictionError{fmt.Sprintf(format, args...)}
}

// remedyFor classifies a failure. What is not known is tried again: the time without an
// answer bounds it.
func remedyFor(err error) remedy {
	var local *localError
	var wrong *contradictionError
	var large *pgproto3.ExceededMaxBodyLenErr
	var stopped *stoppedError
	var much *tooMuchError
	var pg *pgconn.PgError
	switch {
	case errors.As(err, &local):
		return unrelated
	case errors.As(err, &wrong), errors.As(err, &much), errors.As(err, &large), errors.As(err, &stopped):
		return hopeless
	case errors.As(err, &pg):
		return remedyForCode(pg)
	case pgconn.Timeout(err), errors.Is(err, context.DeadlineExceeded):
		return narrower
	}
	return again
}

// remedyForCode goes by PostgreSQL's error codes (its documentation, appendix A), and by
// words where PgBouncer has only one code for everything.
func remedyForCode(pg *pgconn.PgError) remedy {
	switch {
	case pg.Code == "57014", // statement timeout, or cancelled by an administrator
		pg.Code == "40001",               // cancelled: the replica could not go on replaying ("conflict with recovery")
		strings.HasPrefix(pg.Code, "53"), // out of memory, temporary files or disk
		strings.Contains(pg.Message, "conflict with recovery"),
		strings.Contains(pg.Message, "query timeout"), strings.Contains(pg.Message, "query_timeout"):
		if pg.Code == "53300" { // too many connections: says nothing about the question
			return again
		}
		return narrower
	case strings.HasPrefix(pg.Code, "42"), // an unknown table, column or function, no right to read it
		pg.Code == "3D000", pg.Code == "3F000", pg.Code == "0A000":
		return hopeless
	}
	return again
}

// reasonFor is a failure in one line for documents: bounded, because the server chooses
// the words.
func reasonFor(err error) string {
	var pg *pgconn.PgError
	var network *net.OpError
	switch {
	case errors.As(err, &pg):
	case errors.As(err, &network): // without the ports, which are others each time
		return oneLine(network.Op + ": " + network.Err.Error())
	default:
		return oneLine(err.Error())
	}
	text := oneLine(fmt.Sprintf("%s: %s (SQLSTATE %s)", pg.Severity, pg.Message, pg.Code))
	if strings.HasPrefix(pg.Code, "42") && pg.Code != "42501" || pg.Code == "3F000" {
		text += "; the database is not built as this program knows it: crt.sh has perhaps been rebuilt, look for a newer selfaudit"
	}
	return text
}

// maxReason bounds one reason, in characters.
const maxReason = 300

// oneLine cuts a text and takes out what could not be shown.
func oneLine(s string) string {
	var b strings.Builder
	n, blank := 0, false
	for _, r := range s {
		if r <= ' ' || r >= 0x7f && r < 0xa0 || r == 0x2028 || r == 0x2029 {
			blank = true
			continue
		}
		if blank && n > 0 {
			b.WriteByte(' ')
		}
		blank = false
		if n++; n > maxReason {
			b.WriteString("…")
			break
		}
		b.WriteRune(r)
	}
	return b.String()
}
