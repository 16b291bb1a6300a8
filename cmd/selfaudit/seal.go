package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"slices"

	"github.com/spf13/cobra"

	"selfaudit/internal/config"
	"selfaudit/internal/terminal"
	"selfaudit/reports/evidence"
	"selfaudit/sampler"
)

func newSealCommand(e *env) *cobra.Command {
	var incomplete bool
	cmd := &cobra.Command{
		Use:   "seal",
		Short: "Build the evidence package, as a folder and as a zip",
		Long: `Build the evidence package under audits/<audit-id>/sealed/: a BagIt bag (RFC 8493) whose
hashes sha256sum can check, and the same as one zip. What is still open (review,
signatures) is written into it. Before it is final you are asked; --yes answers.`,
		Example: `  selfaudit seal
  selfaudit seal --yes
  selfaudit seal --incomplete --yes      what there is so far, labelled INCOMPLETE`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			w, a, err := openPicked(e, "seal")
			if err != nil {
				return err
			}
			defer w.close()
			doc, err := w.seal(cmd.Context(), a, incomplete)
			return show(e, doc, err)
		},
	}
	cmd.Flags().BoolVar(&incomplete, "incomplete", false, "seal what there is although stages are missing; the package says INCOMPLETE")
	return cmd
}

// sealDocument is what `seal --json` writes.
type sealDocument struct {
	Schema      string `json:"schema"`
	AuditID     string `json:"audit_id"`
	Mode        string `json:"mode"`
	Package     string `json:"package"`
	Zip         string `json:"zip"`
	ZipHash     string `json:"zip_sha256"`
	TagManifest string `json:"tagmanifest_sha256"`
	Files       int64  `json:"files"`
	Bytes       int64  `json:"bytes"`
	Incomplete  bool   `json:"incomplete"`
}

// seal runs the stage on audit a.
func (w *workspace) seal(ctx context.Context, a *audit, incomplete bool) (*sealDocument, error) {
	if !incomplete {
		if err := a.need(stageSeal); err != nil {
			return nil, err
		}
	}
	name, err := a.caName()
	if err != nil {
		return nil, err
	}
	if a.done(stageSeal) && !incomplete {
		return w.sealedAlready(a, name)
	}
	if err := a.unchanged(); err != nil {
		return nil, err
	}
	if err := w.e.confirm(ctx, fmt.Sprintf("Seal audit %s? A sealed package is never rewritten", a.id)); err != nil {
		return nil, err
	}
	info := evidence.Info{CAName: name, AuditID: a.id, Mode: a.opening.Mode, Incomplete: incomplete,
		SealedAt: w.e.Now(), Clock: w.e.Clock(), Program: programInfo()}
	// A folder without its zip is what a killed process left, or what stayed when the zip
	// was moved away: made again as of then it must be the same.
	folder := sealedFolder + "/" + evidence.PackageName(name, a.id, a.opening.Mode, incomplete)
	if raw, err := a.dir.Read(folder + "/bag-info.txt"); err == nil {
		bag, err := evidence.ParseBagInfo(raw)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", a.dir.Path(folder), err)
		}
		info.SealedAt, info.Clock, info.Program = bag.SealedAt, bag.Clock, bag.Program
	}
	res, err := w.sealAndCheck(ctx, a, info)
	if errors.Is(err, evidence.ErrExists) {
		return nil, &exitError{code: exitVerify, id: "sealed_differs", err: err, hint: "keep the sealed package; the audit's folder is not what was sealed"}
	}
	if err != nil {
		return nil, err
	}
	return &sealDocument{Schema: "selfaudit.seal/v1", AuditID: a.id, Mode: a.opening.Mode, Package: res.Dir, Zip: res.Zip, ZipHash: res.ZipHash.String(),
		TagManifest: res.TagManifestHash.String(), Files: res.Files, Bytes: res.Bytes, Incomplete: res.Incomplete}, nil
}

// caName is the CA's name as it was when the audit was frozen; before that, as configured
// for collecting, it does not matter.
func (a *audit) caName() (string, error) {
	if !a.dir.Has(docConfig) {
		return a.id, nil
	}
	cfg, err := config.Load(a.dir.Path(docConfig))
	if err != nil {
		return "", err
	}
	return cfg.CA.Name, nil
}

// recorded returns the SHA-256 of each document as the last event that names it has it.
func (a *audit) recorded() (map[string]string, error) {
	events, err := a.dir.Events()
	if err != nil {
		return nil, err
	}
	latest := map[string]string{}
	for _, ev := range events {
		maps.Copy(latest, ev.Documents)
	}
	return latest, nil
}

// unchanged compares the documents with what the stages recorded when they wrote them: a
// document that was edited since must not be sealed as if the program had written it.
func (a *audit) unchanged() error {
	latest, err := a.recorded()
	if err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(latest)) {
		now, err := a.dir.HashDocuments(name)
		if errors.Is(err, fs.ErrNotExist) {
			continue // moved with a voided draw, or missed by the packaging itself
		}
		if err != nil {
			return err
		}
		if now[name] != latest[name] {
			return &exitError{code: exitVerify, id: "document_changed", err: fmt.Errorf("%s was changed after it was written", a.dir.Path(name)),
				hint: "bring the original back; a workbook that was filled in belongs elsewhere, and `selfaudit report` writes the original again"}
		}
	}
	return nil
}

// sealAndCheck makes the package in the work folder, verifies it as a stranger would, and
// only then moves it to its place: a package that does not check out is never sealed.
func (w *workspace) sealAndCheck(ctx context.Context, a *audit, info evidence.Info) (*evidence.Result, error) {
	scratch := a.dir.Path("work/sealing")
	if err := os.RemoveAll(scratch); err != nil {
		return nil, err
	}
	defer os.RemoveAll(scratch)
	res, err := evidence.Seal(ctx, a.dir.Path("."), scratch, info)
	if err != nil {
		return nil, err
	}
	report, err := evidence.Verify(ctx, res.Zip, evidence.Options{Program: programInfo()})
	if err != nil {
		return nil, err
	}
	if report.Failed() {
		var failed []error
		for _, c := range report.Checks {
			if c.Status == evidence.Fail {
				failed = append(failed, fmt.Errorf("%s: %s", c.Name, c.Detail))
			}
		}
		return nil, &exitError{code: exitVerify, id: "package_failed", err: errors.Join(failed...),
			hint: "nothing was sealed: bring the audit's documents back to what the program wrote"}
	}
	return evidence.Publish(ctx, res, a.dir.Path(sealedFolder))
}

// sealedAlready describes the package that exists; it is not made again.
func (w *workspace) sealedAlready(a *audit, caName string) (*sealDocument, error) {
	zip := sealedFolder + "/" + a.sealedZip()
	hashes, err := a.dir.HashDocuments(zip)
	if err != nil {
		return nil, err
	}
	folder := sealedFolder + "/" + evidence.PackageName(caName, a.id, a.opening.Mode, false)
	d := &sealDocument{Schema: "selfaudit.seal/v1", AuditID: a.id, Mode: a.opening.Mode, Package: a.dir.Path(folder), Zip: a.dir.Path(zip), ZipHash: hashes[zip]}
	if tags, err := a.dir.HashDocuments(folder + "/tagmanifest-sha256.txt"); err == nil {
		d.TagManifest = tags[folder+"/tagmanifest-sha256.txt"]
	}
	return d, nil
}

// render writes the document for people.
func (d *sealDocument) render(e *env) {
	if d.Incomplete {
		e.printf("INCOMPLETE: stages are missing\n")
	}
	e.printf("package: %s\nzip:     %s\nsha256:  %s\n", terminal.Escape(shownPath(d.Package)), terminal.Escape(shownPath(d.Zip)), d.ZipHash)
	if d.Files > 0 {
		e.printf("files:   %s, %s bytes\n", terminal.Count(d.Files), terminal.Count(d.Bytes))
	}
	e.printf("tag manifest: %s\n", d.TagManifest)
	e.printf("check it: selfaudit verify %s\n", terminal.Escape(shownPath(d.Zip)))
	if d.Mode == sampler.ModeRehearsal {
		e.printf("%s\n", rehearsalBanner)
	}
}
