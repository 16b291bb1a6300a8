package evidence

import (
	"strings"
	"testing"

	"selfaudit/internal/config"
	"selfaudit/sampler"
)

// TestIndexLies compares a configuration in force that uses crt.sh with snapshots that say
// something else of it.
func TestIndexLies(t *testing.T) {
	for name, tc := range map[string]struct {
		change func(s *sampler.Snapshot)
		want   string // "" for none
	}{
		"nothing":         {func(*sampler.Snapshot) {}, ""},
		"not asked":       {func(s *sampler.Snapshot) { s.Index, s.Files = nil, s.Files[:1] }, "crtsh.use"},
		"another server":  {func(s *sampler.Snapshot) { s.Index.Server = "postgresql://a@b/c" }, "crtsh.address"},
		"no answers":      {func(s *sampler.Snapshot) { s.Files = s.Files[:1] }, "files that are the index's answers"},
		"answers twice":   {func(s *sampler.Snapshot) { s.Files = append(s.Files, s.Files[1]) }, "files that are the index's answers"},
		"another name":    {func(s *sampler.Snapshot) { s.Files[1].Path = "exports" }, "does not agree with index"},
		"more kept":       {func(s *sampler.Snapshot) { s.Files[1].Kept = 4 }, "does not agree with index"},
		"more than there": {func(s *sampler.Snapshot) { s.Files[1].Certificates = 6 }, "does not agree with index"},
		"as a file":       {func(s *sampler.Snapshot) { s.Files[1].Kind = "" }, "number of files"},
	} {
		cfg, err := config.Parse([]byte("[ca]\nname = \"A\"\n[[files]]\npath = \"exports\"\n[crtsh]\n"), "x")
		if err != nil {
			t.Fatal(err)
		}
		s := &sampler.Snapshot{Files: []sampler.SnapshotFile{{Path: "exports"}, {Path: "crt.sh", Kind: sampler.FileIndex, Certificates: 4, Kept: 3}},
			Index: &sampler.SnapshotIndex{Name: "crt.sh", Server: config.DefaultCrtShAddress, Certificates: 5, Kept: 3, Complete: true}}
		tc.change(s)
		c := &configCheck{cfg: cfg}
		c.files(s)
		got := strings.Join(c.bad.list, "\n")
		if tc.want == "" && got != "" || !strings.Contains(got, tc.want) {
			t.Errorf("%s: %q, want %q", name, got, tc.want)
		}
	}
}
