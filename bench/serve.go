package main

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"

	"selfaudit/internal/testlog"
)

// serve answers for the logs below dir on a free loopback port, whose address it writes to
// standard output, until standard input ends. It is a process of its own, so that its CPU
// time is nobody's.
func serve(dir string) error {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	logs, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, log := range logs {
		path := filepath.Join(dir, log.Name())
		prefix := "/" + log.Name()
		mux.Handle(prefix+"/static/", http.StripPrefix(prefix+"/static", testlog.ServeStatic(filepath.Join(path, "static"), false)))
		if _, err := os.Stat(filepath.Join(path, "rfc6962")); err != nil {
			continue
		}
		packed, err := packedTiles(filepath.Join(path, "static"))
		if err != nil {
			return err
		}
		mux.Handle(prefix+"/gzip/", http.StripPrefix(prefix+"/gzip", packed))
		mux.Handle(prefix+"/rfc6962/", http.StripPrefix(prefix+"/rfc6962", pages(filepath.Join(path, "rfc6962"))))
	}
	fmt.Println("http://" + listener.Addr().String())
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin) // its end is the signal
		os.Exit(0)
	}()
	return http.Serve(listener, mux)
}

// packedTiles serves a static-ct log with its data tiles gzipped beforehand, as logs store them.
func packedTiles(dir string) (http.Handler, error) {
	packed := map[string][]byte{}
	root := filepath.Join(dir, "tile", "data")
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		raw, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		var b bytes.Buffer
		z := gzip.NewWriter(&b)
		if _, err := z.Write(raw); err != nil {
			return err
		}
		if err := z.Close(); err != nil {
			return err
		}
		name, err := filepath.Rel(dir, path)
		packed["/"+filepath.ToSlash(name)] = b.Bytes()
		return err
	})
	plain := testlog.ServeStatic(dir, false)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, ok := packed[r.URL.Path]
		if !ok {
			plain.ServeHTTP(w, r)
			return
		}
		w.Header().Set("Content-Type", "application/octet-stream")
		w.Header().Set("Content-Encoding", "gzip")
		w.Header().Set("Content-Length", strconv.Itoa(len(body)))
		_, _ = w.Write(body) // the client may have gone away
	}), err
}

// pages serves a captured RFC 6962 log whose size is a multiple of its page size. Whatever
// is asked for, the answer is a whole page, as from logs that align them.
func pages(dir string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name := strings.TrimPrefix(r.URL.Path, "/ct/v1/") + ".json"
		if start, err := strconv.Atoi(r.URL.Query().Get("start")); err == nil && start%256 == 0 {
			name = fmt.Sprintf("get-entries-%06d.json", start)
		}
		body, err := os.ReadFile(filepath.Join(dir, filepath.Base(name)))
		if err != nil {
			http.Error(w, "no such page", http.StatusBadRequest)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Content-Length", strconv.Itoa(len(body)))
		_, _ = w.Write(body) // the client may have gone away
	})
}

// startServer starts the server process; stop ends it.
func (b *bench) startServer(dir string) (url string, stop func(), err error) {
	cmd := exec.Command(b.self, "serve", dir)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		return "", nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return "", nil, err
	}
	if err := cmd.Start(); err != nil {
		return "", nil, err
	}
	stop = func() {
		in.Close()
		_ = cmd.Wait() // it leaves by itself; its exit code says nothing
	}
	if _, err := fmt.Fscanln(out, &url); err != nil {
		stop()
		return "", nil, fmt.Errorf("starting the server: %w", err)
	}
	return url, stop, nil
}
