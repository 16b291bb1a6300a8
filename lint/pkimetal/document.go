package pkimetal

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"selfaudit/internal/jsonlines"
	"selfaudit/lint"
)

// Schema names the form of lint/second-opinion.jsonl, Name its place in an audit's folder.
const (
	Schema = "selfaudit.second-opinion/v1"
	Name   = "lint/second-opinion.jsonl"
)

// Header is the first line of the document.
type Header struct {
	Schema  string `json:"schema"`
	AuditID string `json:"audit_id"`
	URL     string `json:"url"` // as configured
	Profile string `json:"profile"`
}

// Totals sum the document up. Failed certificates have no second opinion and count as
// nothing else.
type Totals struct {
	URL string `json:"url"`
	// By are the distinct answers to who judged: "pkimetal v1.20.0; zlint v3.7.3; …".
	By           []string `json:"by"`
	Certificates int      `json:"certificates"`
	Answered     int      `json:"answered"`
	Failed       int      `json:"failed"`
	Disagree     int      `json:"disagreements"`
	Worse        int      `json:"second_is_worse"` // disagreements in which the second opinion is the worse one
}

// Add counts one opinion.
func (t *Totals) Add(o Opinion) {
	t.Certificates++
	if o.Error != "" {
		t.Failed++
		return
	}
	t.Answered++
	if !slices.Contains(t.By, o.By) {
		t.By = append(t.By, o.By)
		slices.Sort(t.By)
	}
	if o.Disagree != "" {
		t.Disagree++
		if levelOf(o.TheirWorst) > levelOf(o.Ours) {
			t.Worse++
		}
	}
}

func levelOf(word string) Level { return Level(slices.Index(levelWords[:], word)) }

const maxLine = 16 << 20

// Read reads the document strictly; fn takes each opinion and may be nil. What follows from
// the two sides (worst severities, disagreement) must be what stands there.
func Read(r io.Reader, fn func(Opinion) error) (*Header, *Totals, error) {
	h, t := new(Header), &Totals{By: []string{}}
	err := jsonlines.Each(r, maxLine, func(n int, line []byte) error {
		if n == 1 {
			err := jsonlines.Exact(line, h)
			if err == nil && h.Schema != Schema {
				err = fmt.Errorf("schema %.60q, this program reads %s", h.Schema, Schema)
			}
			t.URL = h.URL
			return err
		}
		var o Opinion
		if err := jsonlines.Exact(line, &o); err != nil {
			return err
		}
		if err := o.check(); err != nil {
			return err
		}
		t.Add(o)
		if fn == nil {
			return nil
		}
		return fn(o)
	})
	switch {
	case err != nil:
		return nil, nil, fmt.Errorf("%s: %w", Name, err)
	case h.Schema == "":
		return nil, nil, fmt.Errorf("%s: empty", Name)
	}
	return h, t, nil
}

// check derives what follows from the two sides again.
func (o Opinion) check() error {
	switch {
	case o.Error != "":
		if len(o.Theirs) > 0 || o.By != "" || o.TheirWorst != "" || o.Disagree != "" {
			return errors.New("a failure with an answer")
		}
	case o.By == "":
		return errors.New("an answer of nobody")
	case o.TheirWorst != Worst(o.Theirs).String() || o.Disagree != Disagreement(levelOf(o.Ours), Worst(o.Theirs)):
		return errors.New("severity or disagreement do not follow from the findings")
	}
	return nil
}

// Line writes a header or an opinion as one line.
func Line(v any) ([]byte, error) {
	line, err := jsonlines.Line(v)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", Name, err)
	}
	return line, nil
}

// Follows checks that our side of the opinion, and what follows from both sides, are those
// of a result.
func (o Opinion) Follows(r lint.Result) error {
	var again Opinion
	if o.Error != "" {
		again = NewOpinion(r, nil, errors.New(o.Error))
	} else {
		by := strings.Split(o.By, "; ")
		again = NewOpinion(r, &Answer{Version: strings.TrimPrefix(by[0], "pkimetal "), Profile: o.Profile, Linters: by[1:], Findings: o.Theirs}, nil)
	}
	want, err := Line(again)
	if err != nil {
		return err
	}
	got, err := Line(o)
	if err == nil && !bytes.Equal(got, want) {
		err = fmt.Errorf("what is said of %s does not follow from lint/results.jsonl and the second opinion's findings", o.File)
	}
	return err
}
