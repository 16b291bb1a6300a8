package collect_test

import (
	"bytes"
	"context"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"selfaudit/internal/testlog"
	"selfaudit/internal/testpki"
	"selfaudit/sampler/collect"
)

// TestManyUnreadable has more unreadable entries and blocks than reasons are kept of.
func TestManyUnreadable(t *testing.T) {
	var entries []testlog.Entry
	for range 1100 {
		entries = append(entries, testlog.FinalEntry(ourCA, []byte("not a certificate"), firstMS))
	}
	good := ourCA.Certificate(testpki.Template{})
	// 600 blocks that give no certificate, 601 certificates that are none, one good one, one foreign.
	notBase64 := []byte("-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n")
	trailing := pemOf(append(bytes.Clone(good), 0))
	content := slices.Concat(bytes.Repeat(notBase64, 600), bytes.Repeat(trailing, 601), pemOf(good, foreignCA.Certificate(testpki.Template{})))
	c, _ := filesOnly(t, newIssuers(t, ourCA), map[string][]byte{"x.pem": content})
	c.logs = []testLog{openLog(t, static, writeLog(t, static, entries), access{})}
	h, logs, files, err := c.harvest(context.Background())
	must(t, err)
	if l := logs[0]; l.Err != nil || l.UnreadableCount != 1100 || len(l.Unreadable) != 1000 || l.Unreadable[999].Where != "entry 999" {
		t.Errorf("log: %d unreadable, %d reasons, %v", l.UnreadableCount, len(l.Unreadable), l.Err)
	}
	if f := files[0]; f.UnreadableCount != 1201 || len(f.Unreadable) != 1000 || f.Kept != 1 || f.OtherIssuers != 1 {
		t.Errorf("files: %d unreadable, %d reasons, %d kept, %d of others", f.UnreadableCount, len(f.Unreadable), f.Kept, f.OtherIssuers)
	}
	s := h.Save(logs, files)
	if s.UnreadableCount != 2301 || len(s.Unreadable) != 2000 || s.Files[0].Unreadable != 1201 {
		t.Errorf("saved: %d unreadable, %d reasons, %d of files", s.UnreadableCount, len(s.Unreadable), s.Files[0].Unreadable)
	}
	raw, err := json.Marshal(s)
	must(t, err)
	if !strings.Contains(string(raw), `"unreadable_count":2301`) {
		t.Error("the document lacks unreadable_count")
	}
	again, err := collect.ParseSaved(raw)
	if err != nil || again.UnreadableCount != 2301 {
		t.Errorf("%+v, %v", again, err)
	}
	// A document from before there was a count.
	old, err := collect.ParseSaved([]byte(`{"schema":"selfaudit.collected/v1","unreadable":["a","b"]}`))
	if err != nil || old.UnreadableCount != 2 {
		t.Errorf("%+v, %v", old, err)
	}
}
