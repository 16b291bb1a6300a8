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
)

// serve answers for the logs below dir on a free loopback port, whose address it writes to
// standard output, until standard input ends. It is a process of its own, so that its CPU
// time is nobody's, and does as little as possible, so that nobody waits for it: files go from
// the page cache to the socket (sendfile).
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
		prefix := "/" + log.Name()
		for _, form := range []string{"static", "gzip", "rfc6962"} {
			folder := filepath.Join(dir, log.Name(), form)
			if _, err := os.Stat(folder); err == nil {
				mux.Handle(prefix+"/"+form+"/", http.StripPrefix(prefix+"/"+form+"/", files{folder, form}))
			}
		}
	}
	fmt.Println("http://" + listener.Addr().String())
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin) // its end is the signal
		os.Exit(0)
	}()
	return http.Serve(listener, mux)
}

// files serves the folder of one log. The form gzip has data tiles that are compressed, as logs store them; of the form rfc6962 whatever
// range is asked for, the answer is a whole page, as from logs that align them.
type files struct{ dir, form string }

func (f files) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	name := r.URL.Path
	if f.form == "rfc6962" {
		name = strings.TrimPrefix(name, "ct/v1/") + ".json"
		if start, err := strconv.Atoi(r.URL.Query().Get("start")); err == nil && start%256 == 0 {
			name = fmt.Sprintf("get-entries-%06d.json", start)
		}
	}
	if f.form == "gzip" && strings.HasPrefix(name, "tile/data/") {
		w.Header().Set("Content-Encoding", "gzip")
	}
	file, err := os.Open(filepath.Join(f.dir, filepath.FromSlash(name)))
	if err != nil {
		http.NotFound(w, r)
		return
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil || !info.Mode().IsRegular() {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", "application/octet-stream") // not to be guessed
	w.Header().Set("Content-Length", strconv.FormatInt(info.Size(), 10))
	_, _ = io.Copy(w, file) // the client may have gone away
}

// packTiles copies a static-ct log with its data tiles gzipped.
func packTiles(from, to string) error {
	return filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		if d.IsDir() {
			return os.MkdirAll(filepath.Join(to, name), 0o755)
		}
		raw, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if strings.HasPrefix(filepath.ToSlash(name), "tile/data/") {
			var b bytes.Buffer
			z := gzip.NewWriter(&b)
			if _, err := z.Write(raw); err != nil {
				return err
			}
			if err := z.Close(); err != nil {
				return err
			}
			raw = b.Bytes()
		}
		return os.WriteFile(filepath.Join(to, name), raw, 0o644)
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
