package config

import (
	"reflect"
	"strings"
	"testing"
)

func TestPoliteness(t *testing.T) {
	key := inlineKey(t)
	log := "[ca]\nname = \"A\"\n[[log]]\ntype = \"rfc6962\"\nurl = \"https://a.example\"\npublic_key = \"" + key + "\"\n"
	list := "[ca]\nname = \"A\"\n[log_list]\n"
	parsed := func(text string) *Config {
		t.Helper()
		c, err := parse("x.toml", []byte(text), noFiles)
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		again, err := parse("x.toml", c.Effective(), noFiles)
		if err != nil || !reflect.DeepEqual(again.LogList, c.LogList) || !reflect.DeepEqual(again.Logs, c.Logs) {
			t.Errorf("%s: read again as %+v %+v, error %v", text, again.LogList, again.Logs, err)
		}
		return c
	}
	if got := parsed(log).Logs[0]; got.Pace != (Pace{}) || got.Tiles {
		t.Errorf("without the keys: %+v", got)
	}
	if got := parsed(log + "rate_limit = 5\nconcurrency = 2\ntiles = true\n").Logs[0]; got.RateLimit != 5 || got.Concurrency != 2 || !got.Tiles {
		t.Errorf("%+v", got)
	}
	if got := parsed(log + "operated_by_ca = true\n").Logs[0]; !got.OperatedByCA || got.Tiles {
		t.Errorf("%+v", got)
	}
	if got := parsed(list + "[[log_list.log]]\nname = \"b\"\noperated_by_ca = true\n").LogList.Logs; len(got) != 1 || !got[0].OperatedByCA {
		t.Errorf("%+v", got)
	}
	if got := parsed(log + "rate_limit = 0.25\n").Logs[0]; got.RateLimit != 0.25 || got.Concurrency != 0 {
		t.Errorf("%+v", got)
	}
	got := parsed(list + "rate_limit = 10\n[[log_list.log]]\nname = \"b\"\nconcurrency = 1\n[[log_list.log]]\nname = \"c\"\nrate_limit = 1.5\ntiles = true\n").LogList
	want := []ListedLog{{Name: "b", Pace: Pace{Concurrency: 1}}, {Name: "c", Pace: Pace{RateLimit: 1.5}, Tiles: true}}
	if got.RateLimit != 10 || !reflect.DeepEqual(got.Logs, want) {
		t.Errorf("%+v", got)
	}
	if p := want[0].Pace.Or(got.Pace); p != (Pace{RateLimit: 10, Concurrency: 1}) {
		t.Errorf("filled in: %+v", p)
	}
	for _, tt := range []struct{ in, want string }{
		{log + "rate_limit = 0", "rate_limit = 0 is out of range: 0.01 to 10000"},
		{log + "rate_limit = nan", "out of range"},
		{log + "rate_limit = inf", "out of range"},
		{log + "rate_limit = \"5\"", "rate_limit must be a number without quotes"},
		{log + "concurrency = 0", "concurrency = 0 is out of range: 1 to 64"},
		{log + "concurrency = 1.5", "whole number"},
		{log + "tiles = 1", "tiles must be true or false"},
		{log + "operated_by_ca = \"yes\"", "operated_by_ca must be true or false"},
		{strings.Replace(log, "rfc6962", "static-ct", 1) + "origin = \"a\"\ntiles = true", "a static-ct log serves nothing else"},
		{list + "[[log_list.log]]\nrate_limit = 1", "[[log_list.log]] has no name"},
		{list + "[[log_list.log]]\nname = \"a\"\n[[log_list.log]]\nname = \"a\"", "already in a [[log_list.log]] above"},
		{list + "[[log_list.log]]\nname = \"a\"\nrate = 1", "unknown key"},
		{"[ca]\nname = \"A\"\nrate_limit = 1\n", "it belongs in [[log]] or [log_list]"},
	} {
		_, err := parse("x.toml", []byte(tt.in+"\n"), noFiles)
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: error %v, want %q", tt.in, err, tt.want)
		}
	}
}
