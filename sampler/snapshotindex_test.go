package sampler

import (
	"strings"
	"testing"
)

func TestSnapshotIndex(t *testing.T) {
	good := func() *SnapshotIndex {
		return &SnapshotIndex{Name: "crt.sh", Server: "postgresql://guest@crt.sh:5432/certwatch", AskedAt: "2026-10-02T08:00:00Z",
			NotBeforeFrom: "2026-06-29T00:00:00Z", NotBeforeUntil: "2026-10-03T00:00:00Z", Certificates: 5, Kept: 4, Complete: true,
			Issuers: []SnapshotIndexIssuer{{}, {CAs: []SnapshotIndexCA{{ID: 1, Certificates: 2, AskedUntil: "2026-10-03T00:00:00Z"}, {ID: 2, Certificates: 3, AskedUntil: "2026-10-03T00:00:00Z"}}}}}
	}
	if err := good().check(); err != nil {
		t.Error(err)
	}
	if err := (*SnapshotIndex)(nil).check(); err != nil {
		t.Error(err)
	}
	if got := good().complete(); got.Issuers[0].CAs == nil {
		t.Error("a list is missing")
	}
	for want, change := range map[string]func(*SnapshotIndex){
		"asked_at":                        func(x *SnapshotIndex) { x.AskedAt = "yesterday" },
		"not_before_until":                func(x *SnapshotIndex) { x.NotBeforeUntil = "" },
		"no name":                         func(x *SnapshotIndex) { x.Name = "" },
		"complete, and yet a reason":      func(x *SnapshotIndex) { x.Reason = "tired" },
		"not complete, and no reason":     func(x *SnapshotIndex) { x.Complete, x.Reason = false, " " },
		"5 certificates, of which 6 kept": func(x *SnapshotIndex) { x.Kept = 6 },
		"6 certificates, but its CAs":     func(x *SnapshotIndex) { x.Certificates = 6 },
		"was asked only until":            func(x *SnapshotIndex) { x.Issuers[1].CAs[0].AskedUntil = "2026-07-01T00:00:00Z" },
		"CA 2: asked_until":               func(x *SnapshotIndex) { x.Issuers[1].CAs[1].AskedUntil = "x" },
		"CA 1 with -2 certificates":       func(x *SnapshotIndex) { x.Issuers[1].CAs[0].Certificates = -2 },
	} {
		x := good()
		change(x)
		if err := x.check(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
}
