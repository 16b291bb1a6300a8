package main

import (
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"selfaudit/internal/auditdir"
	"selfaudit/sampler"
)

// readable looks whether a path of [[files]] can be opened.
func readable(path string) (fs.FileInfo, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return f.Stat()
}

// doctorFolders checks that the workspace can be written to and is free.
func (e *env) doctorFolders(d *doctorDocument) {
	for _, folder := range []string{e.Workspace, e.auditsPath()} {
		check := "write " + folder
		probe, err := os.CreateTemp(folder, ".selfaudit-doctor-*")
		if errors.Is(err, fs.ErrNotExist) && folder != e.Workspace {
			d.skip(check, "the folder is made by the first collect")
			continue
		}
		if err == nil {
			_, err = probe.WriteString("x")
			err = errors.Join(err, probe.Close(), os.Remove(probe.Name()))
		}
		if err != nil {
			d.fail(check, "give this user the right to write there, or use another folder with -C", "%v", err)
			continue
		}
		d.ok(check, "files can be made and removed")
	}
	host, err := os.Hostname()
	if err != nil {
		host = "this machine"
	}
	if _, err := os.Stat(e.configPath()); err != nil {
		d.skip("lock", "there is no workspace to lock")
		return
	}
	release, err := auditdir.Lock(e.Workspace, auditdir.Holder{PID: os.Getpid(), Host: host, Command: "doctor", Since: sampler.FormatTime(e.Now())})
	var locked *auditdir.LockedError
	switch {
	case errors.As(err, &locked):
		d.fail("lock", "wait for that process, or end it", "%v", err)
	case err != nil:
		d.fail("lock", "the file system must be able to lock files; network file systems often cannot", "%v", err)
	default:
		release()
		d.ok("lock", "the workspace is free")
	}
}

// doctorNetworkSettings checks the proxy variables and the CA bundle.
func (e *env) doctorNetworkSettings(d *doctorDocument) {
	found := false
	for _, name := range []string{"HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy"} {
		value := e.Getenv(name)
		if value == "" {
			continue
		}
		found = true
		shown, err := proxyText(value)
		if err != nil {
			d.fail("proxy", "write it like http://proxy.example:3128", "%s: %v", name, err)
			continue
		}
		d.ok("proxy", "%s is %s", name, shown)
	}
	if !found {
		d.ok("proxy", "none is set; connections are direct")
	}
	if no := e.Getenv("NO_PROXY") + e.Getenv("no_proxy"); no != "" {
		d.ok("proxy", "not for %s", no)
	}
	if e.CABundle == "" {
		d.skip("CA bundle", "no --ca-bundle: the system's CA certificates are used")
		return
	}
	_, n, err := readBundle(e.CABundle)
	if err != nil { // cannot happen: settle has read it
		d.fail("CA bundle", "name a file with PEM certificates", "%v", err)
		return
	}
	d.ok("CA bundle", "%d CA certificates from %s beside the system's", n, e.CABundle)
}

// proxyText checks a proxy's address and shows it without its password.
func proxyText(value string) (string, error) {
	if !strings.Contains(value, "://") {
		value = "http://" + value
	}
	u, err := url.Parse(value)
	if err != nil {
		return "", errors.New("it is not an address") // the error would show a password
	}
	switch u.Scheme {
	case "http", "https", "socks5", "socks5h":
	default:
		return "", fmt.Errorf("unknown scheme %q", u.Scheme)
	}
	if u.Host == "" {
		return "", errors.New("it names no host")
	}
	return u.Redacted(), nil
}

// leastDisk is what any audit needs: documents, lint results, packages.
const leastDisk = 1 << 30

// doctorDisk compares the free space with what the logs' sizes ask for.
func (e *env) doctorDisk(d *doctorDocument, entries uint64) {
	folder, err := filepath.Abs(e.Workspace)
	if err != nil {
		folder = e.Workspace
	}
	free, err := freeDisk(folder)
	if err != nil {
		d.skip("disk", "the free space is not known: %v", err)
		return
	}
	need := leastDisk + entries*diskPerEntry
	what := fmt.Sprintf("%s are free; needed are about %s", bytesText(free), bytesText(need))
	if entries > 0 {
		what += fmt.Sprintf(" (%d bytes for each of %d entries, and %s), and the certificates kept", diskPerEntry, entries, bytesText(leastDisk))
	}
	if free < need {
		d.fail("disk", "make room, or put the workspace on a larger disk with -C", "%s", what)
		return
	}
	d.ok("disk", "%s", what)
}
