package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"strings"

	"selfaudit/lint"
	"selfaudit/lint/checks"
)

// stdinName stands for standard input among the FILE arguments and in results.
const stdinName = "-"

// certificateSuffixes are the file names that promise an artifact. In a folder
// every file is tried; one with another name and nothing lintable inside (a
// README, a table) is passed over and counted, one of these is reported.
var certificateSuffixes = map[string]bool{
	"": true, ".pem": true, ".crt": true, ".cer": true, ".cert": true, ".der": true, ".crl": true,
	".ocsp": true, ".ors": true, ".resp": true, ".b64": true, ".p7b": true, ".p7c": true,
}

// lintInputs opens the FILE arguments one after the other.
type lintInputs struct {
	e    *env
	args []string
	// issuers go with every artifact that does not come with a chain of its own.
	issuers *checks.Pool

	unreadable []unreadableInput // in the order of the input
	passedOver []string          // files of folders with nothing lintable inside
}

// unreadableInput is an input that could not be read at all.
type unreadableInput struct {
	File  string `json:"file"`
	Error string `json:"error"`
}

// artifacts reads every input in order. What cannot be read is noted and does
// not stop the others. It ends with ctx.
func (in *lintInputs) artifacts(ctx context.Context) iter.Seq[lint.Artifact] {
	return func(yield func(lint.Artifact) bool) {
		for _, arg := range in.args {
			if ctx.Err() != nil || !in.argument(ctx, arg, yield) {
				return
			}
		}
	}
}

// argument reads one FILE argument; false ends everything.
func (in *lintInputs) argument(ctx context.Context, arg string, yield func(lint.Artifact) bool) bool {
	if arg == stdinName {
		r, stop := interruptible(ctx, in.e.Stdin)
		defer stop()
		return in.read(stdinName, r, false, yield)
	}
	remote, err := remoteOf(arg)
	if err != nil {
		in.failed(arg, err)
		return true
	}
	if remote != nil {
		return in.remote(ctx, arg, remote, yield)
	}
	info, err := os.Stat(arg)
	if err != nil {
		in.failed(arg, err)
		return true
	}
	if !info.IsDir() {
		return in.file(arg, false, yield)
	}
	more := true
	// DirFS follows arg itself when it is a link, but no link below it, so a
	// folder that links to itself ends.
	err = fs.WalkDir(os.DirFS(arg), ".", func(name string, d fs.DirEntry, err error) error {
		path := filepath.Join(arg, filepath.FromSlash(name))
		switch {
		case ctx.Err() != nil:
			return fs.SkipAll
		case err != nil:
			in.failed(path, err)
			return nil
		case name != "." && strings.HasPrefix(d.Name(), "."):
			if d.IsDir() {
				return fs.SkipDir
			}
			return nil
		case !isFile(path, d):
			return nil
		}
		if more = in.file(path, true, yield); !more {
			return fs.SkipAll
		}
		return nil
	})
	if err != nil {
		in.failed(arg, err)
	}
	return more
}

// interruptible gives a reader of r that fails when ctx ends, even while r
// itself waits for somebody to type.
func interruptible(ctx context.Context, r io.Reader) (*io.PipeReader, func() bool) {
	out, in := io.Pipe()
	go func() {
		_, err := io.Copy(in, r)
		in.CloseWithError(err)
	}()
	return out, context.AfterFunc(ctx, func() { out.CloseWithError(ctx.Err()) })
}

// isFile reports whether a folder's entry is a regular file or a link to one.
func isFile(path string, d fs.DirEntry) bool {
	if d.Type()&fs.ModeSymlink == 0 {
		return d.Type().IsRegular()
	}
	info, err := os.Stat(path)
	return err != nil || info.Mode().IsRegular() // a dead link fails when it is opened
}

// file reads one file. found says that it was met in a folder, not named.
func (in *lintInputs) file(path string, found bool, yield func(lint.Artifact) bool) bool {
	f, err := os.Open(path)
	if err != nil {
		in.failed(path, err)
		return true
	}
	defer f.Close()
	return in.read(path, f, found, yield)
}

func (in *lintInputs) read(name string, r io.Reader, found bool, yield func(lint.Artifact) bool) bool {
	artifacts, err := lint.ReadArtifacts(name, r)
	if err != nil {
		in.failed(name, err)
		return true
	}
	if found && !certificateSuffixes[strings.ToLower(filepath.Ext(name))] && allUnknown(artifacts) {
		in.passedOver = append(in.passedOver, name)
		return true
	}
	return in.yield(artifacts, yield)
}

// remote fetches what is no file.
func (in *lintInputs) remote(ctx context.Context, arg string, r *remoteInput, yield func(lint.Artifact) bool) bool {
	artifacts, err := r.fetch(ctx, in.e)
	if err != nil {
		in.failed(arg, err)
		return true
	}
	for i := range artifacts {
		artifacts[i].File, artifacts[i].Block = r.name, i
	}
	return in.yield(artifacts, yield)
}

// yield hands artifacts of one input on. Certificates that came together may have issued
// each other.
func (in *lintInputs) yield(artifacts []lint.Artifact, yield func(lint.Artifact) bool) bool {
	var beside *checks.Pool
	if ders := certificatesOf(artifacts); len(ders) > 1 {
		beside = in.issuers.Beside(ders)
	}
	for _, a := range artifacts {
		if beside != nil && a.Kind == lint.KindCert {
			a.Attachment = beside
		}
		if !yield(a) {
			return false
		}
	}
	return true
}

func allUnknown(artifacts []lint.Artifact) bool {
	for _, a := range artifacts {
		if a.Kind != lint.KindUnknown {
			return false
		}
	}
	return true
}

func (in *lintInputs) failed(name string, err error) {
	message := err.Error()
	var path *fs.PathError
	if errors.As(err, &path) {
		message = path.Err.Error()
	}
	in.unreadable = append(in.unreadable, unreadableInput{File: name, Error: message})
}

// problem sums up what could not be read; nil when everything was.
func (in *lintInputs) problem() error {
	switch len(in.unreadable) {
	case 0:
		return nil
	case 1:
		u := in.unreadable[0]
		return fmt.Errorf("reading %s: %s", u.File, u.Error)
	}
	lines := make([]string, len(in.unreadable))
	for i, u := range in.unreadable {
		lines[i] = fmt.Sprintf("reading %s: %s", u.File, u.Error)
	}
	return errors.New(strings.Join(lines, "\n"))
}
