package evidence

import (
	"bytes"
	"errors"
	"fmt"
	"strings"

	"selfaudit/sampler"
)

// maxTagFile bounds the tag files, which are read whole. A manifest has about 250 bytes
// per file.
const maxTagFile = gib

// integrity checks form and hashes: that the package is a bag of this format, complete,
// unaltered, and with nothing in it that no manifest covers. It reports whether the
// documents may be read; hashes that differ do not keep them from it, because the
// auditor wants to know what the difference does.
func (v *verifier) integrity() bool {
	if !v.checkLayout() || !v.checkTags() {
		v.skip("everything else", "the package is not one that this program can read")
		return false
	}
	hashes, recompressed, err := v.pack.hashAll(v.ctx, v.progress("hashing"))
	var form *formError
	if errors.As(err, &form) {
		v.fail("form", "%v", form)
		v.skip("everything else", "the package cannot be read to its end")
		return false
	}
	if err != nil {
		v.fatal = err
		return false
	}
	v.hashes = hashes
	v.checkZip(recompressed)
	v.checkManifest()
	v.checkTagManifest()
	v.checkFixedFiles()
	return true
}

// checkLayout refuses files and folders that the format does not know.
func (v *verifier) checkLayout() bool {
	var bad failures
	for _, name := range v.pack.tree.names() {
		size := v.pack.tree.files[name]
		switch rel, inData := strings.CutPrefix(name, payloadFolder+"/"); {
		case inData:
			d, known := findDocument(rel)
			if !known {
				bad.add("%s: no document of this package format", name)
			} else if size > d.max {
				bad.add("%s: %d bytes, at most %d are allowed", name, size, d.max)
			}
		case name == fileBagIt, name == fileBagInfo, name == fileManifest, name == fileTagManifest:
			if size > maxTagFile {
				bad.add("%s: %d bytes, at most %d are allowed", name, size, maxTagFile)
			}
		case strings.HasPrefix(name, sealFolder+"/"):
			bad.add("%s: this program knows no kind of seal yet and accepts none", name)
		default:
			bad.add("%s: no file of this package format", name)
		}
	}
	for _, name := range []string{fileBagIt, fileBagInfo, fileManifest, fileTagManifest} {
		if !v.pack.tree.has(name) {
			bad.add("%s is missing", name)
		}
	}
	kind := "folder"
	if v.pack.zip != nil {
		kind = "canonical zip"
	}
	return bad.close(v, "form", "%s of %d files, all of them known to the format", kind, len(v.pack.tree.files))
}

// checkTags reads bagit.txt and bag-info.txt.
func (v *verifier) checkTags() bool {
	raw, err := v.pack.tree.ReadFile(fileBagIt)
	if err != nil || string(raw) != bagDeclaration {
		v.fail(fileBagIt, "not the declaration of BagIt 1.0 (%s)", describe(err, "it says something else"))
		return false
	}
	v.ok(fileBagIt, "BagIt 1.0")
	raw, err = v.pack.tree.ReadFile(fileBagInfo)
	if err == nil {
		v.bag, err = ParseBagInfo(raw)
	}
	if err != nil {
		v.fail(fileBagInfo, "%v", err)
		return false
	}
	v.report.AuditID, v.report.CA = v.bag.AuditID, v.bag.SourceOrganization
	v.report.Incomplete = v.bag.Incomplete
	v.report.Rehearsal = v.bag.Mode == sampler.ModeRehearsal
	v.ok(fileBagInfo, "audit %s of %s, sealed %s by %s, clock %s, %s", v.bag.AuditID, v.bag.SourceOrganization,
		sampler.FormatTime(v.bag.SealedAt), formatAgent(v.bag.Program), v.bag.Clock, PackageFormat)
	v.checkPackageName()
	return true
}

// checkPackageName compares the folder's name with what bag-info.txt makes of it. In a
// zip it is part of what was sealed; a folder may have been renamed by whoever holds it.
func (v *verifier) checkPackageName() {
	want := PackageName(v.bag.SourceOrganization, v.bag.AuditID, v.bag.Mode, v.bag.Incomplete)
	switch {
	case v.pack.name == want:
		v.ok("package name", "%s", want)
	case v.pack.zip != nil && v.pack.name != "":
		v.fail("package name", "the zip's folder is %s, the package's own name is %s", v.pack.name, want)
	case v.pack.zip != nil:
		v.note("package name", "the zip has no top folder; the package's own name is %s", want)
	default:
		v.note("package name", "the folder is named %s, the package's own name is %s", v.pack.name, want)
	}
}

// checkZip reports on the compressed bytes. Which bytes a compressor makes depends on
// the Go version; with the one that sealed the package, they must be the same to the
// last bit, so that no byte of the zip is beyond checking.
func (v *verifier) checkZip(recompressed bool) {
	if v.pack.zip == nil {
		return
	}
	switch {
	case recompressed:
		v.ok("zip", "headers, order, sizes, checksums and compressed bytes are in canonical form")
	case v.bag.Compressor == ownCompressor():
		v.fail("zip", "compressed bytes are not those that %s makes of the content", v.bag.Compressor)
	default:
		v.note("zip", "compressed bytes are not those that this program's %s makes; the package names %s. The content is checked by the manifests", ownCompressor(), v.bag.Compressor)
	}
}

// checkManifest compares every file under data/ with the payload manifest and
// Payload-Oxum.
func (v *verifier) checkManifest() {
	var bad failures
	var octets, files int64
	for name, size := range v.pack.tree.files {
		if isPayload(name) {
			octets, files = octets+size, files+1
		}
	}
	listed := v.compareManifest(fileManifest, isPayload, &bad)
	if octets != v.bag.PayloadBytes || files != v.bag.PayloadFiles {
		bad.add("Payload-Oxum says %d bytes in %s, there are %d bytes in %s", v.bag.PayloadBytes, sampler.Counted(v.bag.PayloadFiles, "file", "files"), octets, sampler.Counted(files, "file", "files"))
	}
	bad.close(v, fileManifest, "%s under data/ are complete and unaltered", sampler.Counted(listed, "file", "files"))
}

// checkTagManifest compares the other files with the tag manifest, which lists exactly
// the three tag files beside itself.
func (v *verifier) checkTagManifest() {
	var bad failures
	v.compareManifest(fileTagManifest, func(name string) bool {
		return name == fileBagIt || name == fileBagInfo || name == fileManifest
	}, &bad)
	bad.close(v, fileTagManifest, "%s, %s and %s are unaltered", fileBagIt, fileBagInfo, fileManifest)
}

// compareManifest checks that a manifest lists exactly the files that it covers, with
// their hashes.
func (v *verifier) compareManifest(manifest string, covers func(name string) bool, bad *failures) int {
	raw, err := v.pack.tree.ReadFile(manifest)
	if err != nil {
		bad.add("%v", err)
		return 0
	}
	entries, err := parseManifest(raw)
	if err != nil {
		bad.add("%v", err)
		return 0
	}
	listed := make(map[string]bool, len(entries))
	for _, e := range entries {
		listed[e.path] = true
		switch hash, there := v.hashes[e.path]; {
		case !covers(e.path):
			bad.add("lists %s, which it does not cover", e.path)
		case !there:
			bad.add("%s is missing", e.path)
		case hash != e.hash:
			bad.add("%s was altered: its SHA-256 is %s, the manifest says %s", e.path, hash, e.hash)
		}
	}
	for _, name := range v.pack.tree.names() {
		if covers(name) && !listed[name] {
			bad.add("%s is not listed", name)
		}
	}
	return len(entries)
}

// checkFixedFiles compares the two files whose bytes follow from the format: what an
// auditor reads first and what he runs.
func (v *verifier) checkFixedFiles() {
	want, err := readme(v.bag)
	got, rerr := v.data.ReadFile("README.txt")
	if err = errors.Join(err, rerr); err != nil || !bytes.Equal(got, want) {
		v.fail("README.txt", "not the text of %s (%s): do not follow its instructions", PackageFormat, describe(err, "it was altered"))
	} else {
		v.ok("README.txt", "the text of %s", PackageFormat)
	}
	script, err := v.data.ReadFile("draw/draw_reference.py")
	if err != nil || !bytes.Equal(script, drawReference) {
		v.fail("draw_reference.py", "not the script of %s (%s): do not run it", PackageFormat, describe(err, "it was altered"))
	} else {
		v.ok("draw_reference.py", "the script of %s, SHA-256 %s", PackageFormat, sampler.HashDoc(script))
	}
}

func describe(err error, otherwise string) string {
	if err != nil {
		return fmt.Sprint(err)
	}
	return otherwise
}
