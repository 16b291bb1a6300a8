package main

import (
	"bytes"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// bulkDisk is about what one certificate takes on the disk while the section runs: the log, the work folder, the documents, and these
// again as a package's folder and zip.
const bulkDisk = 4000

// bulkSection runs the program itself over a log of millions of entries which are all kept: collect, killed half-way and run again,
// freeze, draw, a question to the population, seal of what there is, and verify. It takes an hour, so it runs only when it is asked for.
func bulkSection(b *bench) error {
	tiles := (b.millions*1_000_000 + bulkTile - 1) / bulkTile
	return b.bulk(tiles * bulkTile)
}

// bulk is the section over a log of n entries.
func (b *bench) bulk(n int) error {
	if err := enoughDisk(b.dir, int64(n)*bulkDisk); err != nil {
		return err
	}
	logs, ws := filepath.Join(b.dir, "logs"), filepath.Join(b.dir, "workspace")
	defer os.RemoveAll(ws)
	defer os.RemoveAll(logs)
	if err := os.MkdirAll(filepath.Join(logs, "bulk"), 0o755); err != nil {
		return err
	}
	if _, err := b.child("prepare-bulk", spec{Dir: filepath.Join(logs, "bulk"), N: n}); err != nil {
		return err
	}
	url, stop, err := b.startServer(logs)
	if err != nil {
		return err
	}
	defer stop()
	if err := bulkWorkspace(ws, url+"/bulk/static/"); err != nil {
		return err
	}
	r := &bulkRun{b: b, ws: ws, work: filepath.Join(ws, "audits/bulk/work"), n: n}
	r.table.row("", "wall", "CPU", "CPU/item", "peak", "work folder", "highest", "documents")
	if err := r.stages(); err != nil {
		return err
	}
	r.table.write(b.out, fmt.Sprintf("bulk: the program over %s entries of static-ct, all kept, over loopback HTTP, one run", group(int64(n))))
	fmt.Fprint(b.out, r.notes.String())
	return nil
}

// bulkWorkspace writes the configuration of an audit of the one issuer and the one log.
func bulkWorkspace(dir, url string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: newPKI().ours[1].Cert})
	config := fmt.Sprintf("[ca]\nname = \"Bench CA\"\n[[issuer]]\ncertificate = \"ca.pem\"\nlabel = \"EC\"\n"+
		"[[log]]\ntype = \"static-ct\"\nurl = %q\norigin = %q\npublic_key_file = \"log.pem\"\nlabel = \"Bench log\"\n", url, logOrigin)
	return errors.Join(os.WriteFile(filepath.Join(dir, "ca.pem"), ca, 0o644),
		os.WriteFile(filepath.Join(dir, "log.pem"), logKey().PublicPEM(), 0o644),
		os.WriteFile(filepath.Join(dir, "selfaudit.toml"), []byte(config), 0o644))
}

// bulkRun is one pass through the stages.
type bulkRun struct {
	b        *bench
	ws, work string
	n        int
	table    table
	notes    bytes.Buffer
}

func (r *bulkRun) stages() error {
	collect := []string{"collect", "--rehearsal", "--from", bulkFrom.Format(time.RFC3339), "--until", bulkUntil.Format(time.RFC3339)}
	units := (r.n + 16383) / 16384
	half := func() bool { return len(r.units()) >= max(units/2, 1) }
	if err := r.stage("collect, killed", half, collect...); err != nil {
		return err
	}
	before := r.units()
	if err := r.stage("collect, the rest", nil, collect...); err != nil {
		return err
	}
	after, same := r.units(), 0
	for name, at := range before {
		if after[name].Equal(at) {
			same++
		}
	}
	fmt.Fprintf(&r.notes, "  %d of %d units were there when collect was killed; %d of them were kept as they were\n", len(before), len(after), same)
	if len(after) != units {
		return fmt.Errorf("collect left %d units, want %d", len(after), units)
	}
	if err := errors.Join(r.stage("freeze", nil, "freeze"), r.stage("draw", nil, "draw", "--dice", "58201734659120384756")); err != nil {
		return err
	}
	serial, err := r.serial()
	if err != nil {
		return err
	}
	if err := errors.Join(r.stage("population, one serial with proof", nil, "population", "--serial", serial, "--proof"),
		r.stage("seal --incomplete, verify included", nil, "seal", "--incomplete")); err != nil {
		return err
	}
	zips, err := filepath.Glob(filepath.Join(r.ws, "audits/bulk/sealed/*.zip"))
	if err != nil || len(zips) != 1 {
		return fmt.Errorf("found the packages %q (%w), want one zip", zips, err)
	}
	return r.stage("verify", nil, "verify", zips[0])
}
