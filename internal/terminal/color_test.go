package terminal

import "testing"

func TestUseColor(t *testing.T) {
	tests := []struct {
		mode string
		tty  bool
		env  map[string]string
		want bool
	}{
		{"auto", true, nil, true},
		{"auto", false, nil, false},
		{"auto", true, map[string]string{"NO_COLOR": "1"}, false},
		{"auto", true, map[string]string{"NO_COLOR": ""}, true},
		{"auto", true, map[string]string{"TERM": "dumb"}, false},
		{"auto", false, map[string]string{"CLICOLOR_FORCE": "1"}, true},
		{"auto", false, map[string]string{"CLICOLOR_FORCE": "0"}, false},
		{"auto", false, map[string]string{"CLICOLOR_FORCE": "1", "NO_COLOR": "1"}, false},
		{"always", false, map[string]string{"NO_COLOR": "1", "TERM": "dumb"}, true},
		{"never", true, map[string]string{"CLICOLOR_FORCE": "1"}, false},
	}
	for _, tt := range tests {
		got := UseColor(tt.mode, tt.tty, func(key string) string { return tt.env[key] })
		if got != tt.want {
			t.Errorf("UseColor(%q, %v, %v) = %v", tt.mode, tt.tty, tt.env, got)
		}
	}
}

func TestPalette(t *testing.T) {
	if got := NewPalette(false).Bad("x"); got != "x" {
		t.Errorf("a palette that is off gave %q", got)
	}
	on := NewPalette(true)
	if got := on.Good("ok"); got != "\x1b[32mok\x1b[0m" {
		t.Errorf("Good = %q", got)
	}
	if got := on.Paint(Plain, "x"); got != "x" {
		t.Errorf("Plain = %q", got)
	}
	if got := on.Bold(""); got != "" {
		t.Errorf("empty text became %q", got)
	}
}

func TestNearest(t *testing.T) {
	words := []string{"init", "collect", "freeze", "draw", "lint", "report", "seal", "verify", "run", "status", "issuance_time"}
	tests := []struct{ word, want string }{
		{"colect", "collect"}, {"vreify", "verify"}, {"lnit", "lint"}, {"stats", "status"},
		{"isuance_time", "issuance_time"}, {"rnu", "run"}, {"seel", "seal"},
		{"", ""}, {"publish", ""}, {"x", ""}, {"lint", "lint"},
	}
	for _, tt := range tests {
		if got := Nearest(tt.word, words); got != tt.want {
			t.Errorf("Nearest(%q) = %q, want %q", tt.word, got, tt.want)
		}
	}
}

func TestEditDistance(t *testing.T) {
	tests := []struct {
		a, b string
		want int
	}{
		{"", "", 0}, {"abc", "", 3}, {"abc", "abc", 0}, {"abc", "acb", 1},
		{"abc", "axc", 1}, {"kitten", "sitting", 3}, {"ab", "ba", 1},
	}
	for _, tt := range tests {
		if got := editDistance(tt.a, tt.b); got != tt.want {
			t.Errorf("editDistance(%q, %q) = %d, want %d", tt.a, tt.b, got, tt.want)
		}
		if got := editDistance(tt.b, tt.a); got != tt.want {
			t.Errorf("editDistance(%q, %q) = %d, want %d", tt.b, tt.a, got, tt.want)
		}
	}
}
