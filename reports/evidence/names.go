package evidence

import (
	"fmt"
	"strings"
)

// maxPathLength bounds a path inside a package, in bytes. The longest one that Seal
// writes has about 220.
const maxPathLength = 400

// checkPath accepts the relative paths that a package may hold: segments of
// [A-Za-z0-9._-] joined by "/". With no other characters there is nothing to escape in
// a manifest, on a terminal or in a zip, and no path can leave the package: absolute
// paths, drive letters, backslashes, "." and ".." are all refused, as are the names
// that Windows treats as devices and the trailing dots that it drops.
func checkPath(name string) error {
	switch {
	case name == "":
		return fmt.Errorf("empty path")
	case len(name) > maxPathLength:
		return fmt.Errorf("path of %d bytes, at most %d are allowed", len(name), maxPathLength)
	}
	for _, segment := range strings.Split(name, "/") {
		if err := checkSegment(segment); err != nil {
			return fmt.Errorf("path %q: %w", name, err)
		}
	}
	return nil
}

func checkSegment(s string) error {
	if s == "" {
		return fmt.Errorf("empty segment")
	}
	if s == "." || s == ".." {
		return fmt.Errorf("segment %q", s)
	}
	for i := 0; i < len(s); i++ {
		c := s[i]
		if !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '.' || c == '_' || c == '-') {
			return fmt.Errorf("character %q, only letters, digits and . _ - are allowed", s[i:i+1])
		}
	}
	if strings.HasSuffix(s, ".") {
		return fmt.Errorf("segment %q ends in a dot", s)
	}
	stem, _, _ := strings.Cut(strings.ToLower(s), ".")
	if windowsDevice(stem) {
		return fmt.Errorf("segment %q is a device name on Windows", s)
	}
	return nil
}

// windowsDevice knows the names that Windows opens as a device whatever their extension.
func windowsDevice(stem string) bool {
	switch stem {
	case "con", "prn", "aux", "nul":
		return true
	}
	if len(stem) == 4 && (strings.HasPrefix(stem, "com") || strings.HasPrefix(stem, "lpt")) {
		return '0' <= stem[3] && stem[3] <= '9'
	}
	return false
}

// nameSet refuses a second path that some file system would take for one it has:
// the same path, the same but for case, or a file where the other has a folder.
type nameSet struct {
	files   map[string]string // lower-case path -> path
	folders map[string]string // lower-case folder -> folder as first written
}

func newNameSet() *nameSet {
	return &nameSet{files: map[string]string{}, folders: map[string]string{}}
}

func (s *nameSet) add(name string) error {
	key := strings.ToLower(name)
	if other, ok := s.files[key]; ok {
		if other == name {
			return fmt.Errorf("path %q occurs twice", name)
		}
		return fmt.Errorf("paths %q and %q differ only in case", other, name)
	}
	if other, ok := s.folders[key]; ok {
		return fmt.Errorf("%q is a file and %q a folder", name, other)
	}
	s.files[key] = name
	for i := len(name) - 1; i > 0; i-- {
		if name[i] != '/' {
			continue
		}
		folder := name[:i]
		low := key[:i]
		if other, ok := s.files[low]; ok {
			return fmt.Errorf("%q is a file and %q a folder", other, folder)
		}
		if other, ok := s.folders[low]; ok {
			if other != folder {
				return fmt.Errorf("folders %q and %q differ only in case", other, folder)
			}
			break // its parents are known too
		}
		s.folders[low] = folder
	}
	return nil
}
