package config

import (
	"reflect"
	"strings"
	"testing"
	"time"
)

func TestLogLists(t *testing.T) {
	const head = "[ca]\nname = \"A\"\n[log_list]\n"
	key := inlineKey(t)
	c, err := parse("x.toml", []byte(head+`url = "https://l.example/list.json"
skip_without_root = true
roots = ["root.pem", "old.pem"]
[[log_list.also]]
file = "apple.json"
date = "2026-10-01T02:00:00+02:00"
[[log_list.also]]
url = "https://m.example/list"
signature = "none"
[[log_list.also]]
url = "https://n.example/list.json"
public_key = "`+key+`"
[[log_list.also]]
bundled = true
[[log_list.log]]
name = "x"
`), noFiles)
	if err != nil {
		t.Fatal(err)
	}
	got := c.LogList.Sources()
	want := []ListSource{{URL: "https://l.example/list.json", Signature: "https://l.example/list.sig"}, {File: "apple.json", Date: time.Date(2026, 10, 1, 0, 0, 0, 0, time.UTC)},
		{URL: "https://m.example/list", Signature: NoSignature}, {URL: "https://n.example/list.json", Signature: "https://n.example/list.sig", PublicKey: got[3].PublicKey}, {}}
	if !reflect.DeepEqual(got, want) || len(got[3].PublicKey) != 91 || !got[4].Bundled() || !c.LogList.SkipWithoutRoot || !reflect.DeepEqual(c.LogList.Roots, []string{"root.pem", "old.pem"}) {
		t.Errorf("%+v", c.LogList)
	}
	again, err := parse("x.toml", c.Effective(), noFiles)
	if err != nil || !reflect.DeepEqual(again.LogList, c.LogList) {
		t.Errorf("read again as %+v, error %v", again.LogList, err)
	}

	for _, tt := range []struct{ in, want string }{
		{"[[log_list.also]]\n", "names no list"},
		{"[[log_list.also]]\nbundled = true\n", "stands above already"},
		{"file = \"a\"\n[[log_list.also]]\nbundled = true\nfile = \"b\"\n", "take file and url out"},
		{"[[log_list.also]]\nfile = \"a\"\n[[log_list.also]]\nfile = \"a\"\n", "stands above already"},
		{"[[log_list.also]]\nurl = \"http://a/b.json\"\n", "is not an https:// address"},
		{"[[log_list.also]]\nfile = \"a\"\ninclude = \"x\"\n", `unknown key "include"`},
		{"also = \"a\"\n", "two brackets"},
		{strings.Repeat("[[log_list.also]]\nfile = \"a\"\n", 11), "more than 10 lists"},
		{"date = \"2026-10-01T00:00:00Z\"\n", "date belongs to a file"},
		{"file = \"a\"\ndate = \"2026-10-01\"\n", "is not a time like"},
		{"url = \"https://a/b.json\"\ndate = \"2026-10-01T00:00:00Z\"\n", "dated by when its url was asked"},
		{"file = \"a\"\n[[log_list.also]]\nbundled = true\ndate = \"2026-10-01T00:00:00Z\"\n", "has its own"},
		{"roots = \"root.pem\"\n", "add skip_without_root = true"},
		{"skip_without_root = \"yes\"\n", "must be true or false"},
		{"skip_without_root = true\nroots = []\n", "empty list"},
	} {
		_, err := parse("x.toml", []byte(head+tt.in), noFiles)
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: error %v, want %q", tt.in, err, tt.want)
		}
	}
}
