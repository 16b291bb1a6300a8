package collect

import (
	"strings"
	"testing"

	"selfaudit/sampler"
)

// TestAllPicked names the first wanted item that nothing was picked for.
func TestAllPicked(t *testing.T) {
	id := func(serial string) sampler.ItemID { return sampler.ItemID{Serial: sampler.Serial(serial)} }
	for _, c := range []struct{ want, picked, missing string }{
		{"", "", ""},
		{"1 2 3", "1 1 2 3 3", ""},
		{"1 2 3", "2 3", "1"},
		{"1 2 3", "1 1 3", "2"},
		{"1 2 3", "1 2 2", "3"},
		{"3 1 2", "", "1"},
	} {
		want := map[sampler.ItemID]bool{}
		for serial := range strings.FieldsSeq(c.want) {
			want[id(serial)] = true
		}
		var picked []record
		for serial := range strings.FieldsSeq(c.picked) {
			picked = append(picked, record{item: id(serial)})
		}
		err := allPicked(want, picked)
		if c.missing == "" && err != nil || c.missing != "" && (err == nil || !strings.Contains(err.Error(), id(c.missing).String()+" ")) {
			t.Errorf("want %q, picked %q: error %v, want one that names %q", c.want, c.picked, err, c.missing)
		}
	}
}
