package config

import (
	"regexp"
	"time"
)

// Requirements is [requirements].
type Requirements struct {
	// Tables is a folder with newer tables of document versions, as written; "" = the
	// program's own.
	Tables string
}

// Lint is [lint].
type Lint struct {
	// NewestZlint is the newest release of zlint that the CA knows of, such as "v3.8.0",
	// and Released the day on which it came out, 00:00 UTC: from then the CA has three
	// months to plan its update (BR 6.6.1). "" and zero when nothing is stated.
	NewestZlint string
	Released    time.Time
}

// SecondOpinion is [second_opinion].
type SecondOpinion struct {
	// URL is the base address of a pkimetal server, without a slash at its end; "" = none.
	URL string
	// Profile is pkimetal's profile to judge by; "" = autodetect.
	Profile string
}

func (c *Config) readRequirements(top *table) {
	t := top.sub("requirements")
	if t == nil {
		return
	}
	c.Requirements.Tables, _ = t.required("tables", "tables")
	t.close()
}

var zlintVersion = regexp.MustCompile(`^v\d{1,4}\.\d{1,4}\.\d{1,4}$`)

func (c *Config) readLint(top *table) {
	t := top.sub("lint")
	if t == nil {
		return
	}
	c.Lint.NewestZlint, _ = t.text("newest_zlint", "v3.8.0")
	released, _ := t.text("released", "2026-12-01")
	switch {
	case (c.Lint.NewestZlint == "") != (released == ""):
		t.problem("", "%s needs newest_zlint and released together: the version and the day on which it came out", t.name)
	case c.Lint.NewestZlint == "":
	case !zlintVersion.MatchString(c.Lint.NewestZlint):
		t.problem("newest_zlint", "newest_zlint = %s is not a release of zlint: write it like \"v3.8.0\"", quote(c.Lint.NewestZlint))
	default:
		day, err := time.Parse(time.DateOnly, released)
		if err != nil {
			t.problem("released", "released = %s is not a date: write it like \"2026-12-01\"", quote(released))
		}
		c.Lint.Released = day
	}
	t.close()
}

var profileName = regexp.MustCompile(`^[a-z0-9_]{1,64}$`)

func (c *Config) readSecondOpinion(top *table) {
	t := top.sub("second_opinion")
	if t == nil {
		return
	}
	if address, ok := t.required("url", "http://127.0.0.1:8080"); ok {
		clean, err := httpURL(address)
		if err != nil {
			t.problem("url", "url: %s", err)
		}
		c.SecondOpinion.URL = clean
	}
	profile, given := t.text("profile", "autodetect")
	if given && !profileName.MatchString(profile) {
		t.problem("profile", "profile = %s is not the name of a profile of pkimetal, such as \"tbr_leaf_tlsserver_dv\"", quote(profile))
	}
	c.SecondOpinion.Profile = profile
	t.close()
}

// effectiveLint writes the tables of this file that say something.
func (c *Config) effectiveLint(section func(name string), line func(key, value string)) {
	if c.Requirements.Tables != "" {
		section("requirements")
		line("tables", tomlText(c.Requirements.Tables))
	}
	if c.Lint.NewestZlint != "" {
		section("lint")
		line("newest_zlint", tomlText(c.Lint.NewestZlint))
		line("released", tomlText(c.Lint.Released.Format(time.DateOnly)))
	}
	if c.SecondOpinion.URL != "" {
		section("second_opinion")
		line("url", tomlText(c.SecondOpinion.URL))
		if c.SecondOpinion.Profile != "" {
			line("profile", tomlText(c.SecondOpinion.Profile))
		}
	}
}
