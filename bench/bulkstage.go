package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"selfaudit/sampler"
)

// bulkTick is how often a running stage is looked at.
const bulkTick = 500 * time.Millisecond

// stage runs one command of the program and adds its line to the table. With enough the process is killed as soon as that is true.
func (r *bulkRun) stage(label string, enough func() bool, args ...string) error {
	args = append([]string{"-C", r.ws, "--now", bulkNow.Format(time.RFC3339), "--audit", "bulk", "--yes", "--quiet"}, args...)
	cmd := exec.Command(r.b.selfaudit, args...)
	var errs bytes.Buffer
	cmd.Stderr = &errs
	begin := time.Now()
	if err := cmd.Start(); err != nil {
		return err
	}
	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }()
	var highest int64
	tick := time.NewTicker(bulkTick)
	defer tick.Stop()
	for killed := false; ; {
		select {
		case <-tick.C:
			size, _ := folderSize(r.work) // files come and go meanwhile
			highest = max(highest, size)
			if enough != nil && !killed && enough() {
				killed = true
				_ = cmd.Process.Kill() // it may just have ended by itself
			}
			continue
		case err := <-done:
			code := cmd.ProcessState.ExitCode()
			if err != nil && !killed && code != exitIncomplete {
				return fmt.Errorf("%s: %w: %s", label, err, bytes.TrimSpace(errs.Bytes()))
			}
		}
		break
	}
	return r.line(label, cmd.ProcessState, time.Since(begin), highest)
}

// exitIncomplete is the program's exit code for what is done but incomplete, as a package without lint results is.
const exitIncomplete = 3

// line adds a stage to the table. Its peak is at least what this program had when it started it: Linux counts so.
func (r *bulkRun) line(label string, p *os.ProcessState, wall time.Duration, highest int64) error {
	work, err := folderSize(r.work)
	if err != nil {
		return err
	}
	all, err := folderSize(filepath.Dir(r.work))
	if err != nil {
		return err
	}
	cpu := p.UserTime() + p.SystemTime()
	peak := p.SysUsage().(*syscall.Rusage).Maxrss // KiB on Linux
	perItem := func(bytes int64) string {
		return fmt.Sprintf("%s (%d)", mebi(max(bytes/1024, 1)), bytes/int64(r.n))
	}
	r.table.row(label, wall.Round(time.Second/10).String(), cpu.Round(time.Second/10).String(), micro(cpu/time.Duration(r.n)), mebi(peak),
		perItem(work), perItem(max(highest, work)), perItem(all-work))
	return nil
}

// units are the log's units on the disk, with the time each was written.
func (r *bulkRun) units() map[string]time.Time {
	out := map[string]time.Time{}
	_ = filepath.WalkDir(filepath.Join(r.work, "logs"), func(path string, d fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, ".unit") {
			return nil // not there yet, or another file
		}
		if info, err := d.Info(); err == nil {
			out[path] = info.ModTime()
		}
		return nil
	})
	return out
}

// serial is the serial number of an item in the middle of the population.
func (r *bulkRun) serial() (string, error) {
	f, err := os.Open(filepath.Join(filepath.Dir(r.work), "draw/population.tsv"))
	if err != nil {
		return "", err
	}
	defer f.Close()
	rows := sampler.NewPopulationReader(f)
	for range r.n/2 - 1 {
		if _, err := rows.Next(); err != nil {
			return "", err
		}
	}
	row, err := rows.Next()
	return string(row.Item.Serial), err
}

// enoughDisk refuses to begin what would fill the disk.
func enoughDisk(dir string, want int64) error {
	var s syscall.Statfs_t
	if err := syscall.Statfs(dir, &s); err != nil {
		return err
	}
	if free := int64(s.Bavail) * int64(s.Bsize); free < want {
		return errors.New("the disk has " + mebi(free/1024) + " free, " + mebi(want/1024) + " are needed; take fewer MILLIONS")
	}
	return nil
}
