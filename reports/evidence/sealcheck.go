package evidence

import (
	"archive/zip"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"

	"selfaudit/sampler"
)

// checkCertificates refuses to seal other certificates than those of the sightings: each
// file in certificates/ is what its name says, all that ct/sightings.jsonl names are there,
// and no other.
func (s *sealer) checkCertificates() error {
	named, err := s.sightedCertificates()
	if err != nil {
		return err
	}
	for _, name := range sortedKeys(s.files) {
		if !strings.HasPrefix(name, "certificates/") {
			continue
		}
		if err := cancelled(s.ctx); err != nil {
			return err
		}
		want, err := hashOfName(name)
		if err != nil {
			return err
		}
		der, err := s.read(name)
		if err != nil {
			return err
		}
		switch got := sampler.HashCert(der); {
		case got != want:
			return fmt.Errorf("%s: its SHA-256 is %s: bring the original back", name, got)
		case named != nil && !named[want]:
			return fmt.Errorf("%s: ct/sightings.jsonl does not name it; remove it from the audit folder or keep it elsewhere", name)
		}
		delete(named, want)
	}
	var missing []string
	for hash := range named {
		missing = append(missing, "certificates/"+hash.String()+".der")
	}
	if len(missing) > 0 {
		return fmt.Errorf("%s is missing: ct/sightings.jsonl names it; bring it back (%d are missing)", slices.Min(missing), len(missing))
	}
	return nil
}

// sightedCertificates returns the certificates that ct/sightings.jsonl names, with the
// Precertificate Signing Certificates; nil before the draw is complete.
func (s *sealer) sightedCertificates() (map[sampler.CertHash]bool, error) {
	r, err := openIn(s.root, "ct/sightings.jsonl")
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer r.Close() // only read from: nothing is lost if closing fails
	named := map[sampler.CertHash]bool{}
	err = sampler.ReadSightings(r, func(x sampler.Sighting) error {
		named[x.Cert] = true
		if !x.PrecertSigner.IsZero() {
			named[x.PrecertSigner] = true
		}
		return cancelled(s.ctx)
	})
	return named, err
}

// readableZip checks that the zip that was just written keeps the limits by which every
// reader of packages refuses one.
func readableZip(f *os.File) error {
	info, err := f.Stat()
	if err != nil {
		return err
	}
	zr, err := zip.NewReader(f, info.Size())
	if err != nil {
		return err
	}
	if err := checkZipEntries(zr.File, info.Size(), defaultLimits); err != nil {
		return fmt.Errorf("no verifier would read it: %w", err)
	}
	return nil
}
