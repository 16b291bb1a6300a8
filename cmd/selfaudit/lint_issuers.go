package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"selfaudit/internal/terminal"
	"selfaudit/lint"
	"selfaudit/lint/checks"
)

// readIssuers reads the files of --issuer; nil without any. A file in which there is no
// certificate is refused: the checks it was meant for would not run, and nobody would know.
func readIssuers(paths []string) (*checks.Pool, error) {
	if len(paths) == 0 {
		return nil, nil
	}
	var ders [][]byte
	for _, path := range paths {
		f, err := os.Open(path)
		if errors.Is(err, fs.ErrNotExist) {
			return nil, usageErrorf("name the file of the issuing CA's certificate, PEM or DER", "--issuer %s: there is no such file", path)
		}
		if err != nil {
			return nil, fmt.Errorf("--issuer: %w", err)
		}
		artifacts, err := lint.ReadArtifacts(path, f)
		f.Close()
		if err != nil {
			return nil, fmt.Errorf("--issuer: %w", err)
		}
		found := certificatesOf(artifacts)
		if checks.NewIssuers(found).Len() == 0 {
			return nil, usageErrorf("name the file of the issuing CA's certificate, PEM or DER", "--issuer: there is no certificate in %s", terminal.Escape(path))
		}
		ders = append(ders, found...)
	}
	return checks.NewIssuers(ders), nil
}

// certificatesOf returns the bytes of the certificates among artifacts.
func certificatesOf(artifacts []lint.Artifact) [][]byte {
	var ders [][]byte
	for _, a := range artifacts {
		if a.Kind == lint.KindCert && a.DER != nil {
			ders = append(ders, a.DER)
		}
	}
	return ders
}

// whereText names an artifact's place for people: "chain.pem (block 2)".
func whereText(a lint.Artifact) string {
	name := quoteFile(a.File)
	if a.Block > 0 {
		name = fmt.Sprintf("%s (block %d)", name, a.Block+1)
	}
	return name
}
