package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"time"
)

// bench is the parent: it starts the children and writes the tables.
type bench struct {
	options
	self string // this program
	out  io.Writer
	runs int // children started, for the names of scratch folders
}

// child runs one measurement in a process of its own.
func (b *bench) child(name string, s spec) (sample, error) {
	return b.childOf(b.self, name, s)
}

// childOf is child with another program.
func (b *bench) childOf(program, name string, s spec) (sample, error) {
	b.runs++
	s.Scratch = filepath.Join(b.dir, fmt.Sprintf("scratch-%d", b.runs))
	if err := os.Mkdir(s.Scratch, 0o755); err != nil {
		return sample{}, err
	}
	defer os.RemoveAll(s.Scratch)
	raw, err := json.Marshal(s)
	if err != nil {
		return sample{}, err
	}
	cmd := exec.Command(program, "child", name, string(raw))
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		return sample{}, fmt.Errorf("%s: %w: %s", name, err, bytes.TrimSpace(errs.Bytes()))
	}
	var result sample
	if err := json.Unmarshal(out.Bytes(), &result); err != nil {
		return sample{}, fmt.Errorf("%s: %w", name, err)
	}
	return result, nil
}

// contender is one line of a table: the same work done in one way.
type contender struct {
	label string
	child string
	// program is another one than this, "" for this one.
	program string

	spec spec
	base int // the line it is compared with, an index; its own index for none

	samples []sample
}

// compete measures the contenders in turn, round after round.
func (b *bench) compete(lines []contender) error {
	for round := range b.rounds {
		for i := range lines {
			s := lines[i].spec
			if b.profile != "" && round == 0 {
				s.Profile = filepath.Join(b.profile, fmt.Sprintf("%s-%d.prof", lines[i].child, i))
			}
			m, err := b.childOf(cmp.Or(lines[i].program, b.self), lines[i].child, s)
			if err != nil {
				return err
			}
			lines[i].samples = append(lines[i].samples, m)
		}
	}
	return nil
}

// cpu is the median CPU time of one unit of work.
func (c *contender) cpu() time.Duration {
	return median(c.samples, func(m sample) time.Duration { return m.CPU / time.Duration(m.Work) })
}

// wall is the median wall time of one unit of work.
func (c *contender) wall() time.Duration {
	return median(c.samples, func(m sample) time.Duration { return m.Wall / time.Duration(m.Work) })
}

// against returns the median, lowest and highest of the ratios base/c of single rounds: how many
// times less CPU c takes.
func (c *contender) against(base *contender) (mid, low, high float64) {
	var ratios []float64
	for i, m := range c.samples {
		o := base.samples[i]
		ratios = append(ratios, float64(o.CPU)/float64(o.Work)/(float64(m.CPU)/float64(m.Work)))
	}
	slices.Sort(ratios)
	return middle(ratios), ratios[0], ratios[len(ratios)-1]
}

func median[T any](list []T, value func(T) time.Duration) time.Duration {
	var values []float64
	for _, v := range list {
		values = append(values, float64(value(v)))
	}
	slices.Sort(values)
	return time.Duration(middle(values))
}

func middle(sorted []float64) float64 {
	n := len(sorted)
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}
