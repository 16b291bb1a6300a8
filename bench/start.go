package main

import (
	"bytes"
	"encoding/pem"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"selfaudit/internal/testpki"
)

// starts is how often each program is started.
const starts = 20

// startSection times whole processes: one certificate, from exec to exit.
func startSection(b *bench) error {
	p := newPKI()
	var t table
	t.row("", "wall", "CPU")
	for i, kind := range []string{"RSA", "ECDSA"} {
		cert := filepath.Join(b.dir, kind+".pem")
		der := p.ours[i].Certificate(testpki.Template{Key: testpki.ECKey("start")})
		if err := os.WriteFile(cert, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o644); err != nil {
			return err
		}
		lines := []struct {
			label string
			args  []string
			runs  []sample
		}{
			{label: "selfaudit lint, signed with " + kind, args: []string{b.selfaudit, "lint", cert}},
			{label: "zlint's own command, signed with " + kind, args: []string{b.zlint, cert}},
		}
		for range starts {
			for j := range lines {
				m, err := timed(lines[j].args)
				if err != nil {
					return err
				}
				lines[j].runs = append(lines[j].runs, m)
			}
		}
		for _, l := range lines {
			wall := median(l.runs, func(m sample) time.Duration { return m.Wall })
			cpu := median(l.runs, func(m sample) time.Duration { return m.CPU })
			t.row(l.label, milli(wall), milli(cpu))
		}
	}
	t.write(b.out, fmt.Sprintf("process start: one certificate, exec to exit, median of %d, in turn", starts))
	return nil
}

// timed runs a program that must end with exit code 0.
func timed(args []string) (sample, error) {
	cmd := exec.Command(args[0], args[1:]...)
	var errs bytes.Buffer
	cmd.Stderr = &errs
	begin := time.Now()
	if err := cmd.Run(); err != nil {
		return sample{}, fmt.Errorf("%s: %w: %s", filepath.Base(args[0]), err, bytes.TrimSpace(errs.Bytes()))
	}
	return sample{Work: 1, Wall: time.Since(begin), CPU: cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()}, nil
}

func milli(d time.Duration) string {
	return fmt.Sprintf("%.0f ms", float64(d)/float64(time.Millisecond))
}
