package config

// Values of Collect.Start.
const (
	StartSearch    = "search"    // at the cursor of an earlier audit, else where time stamps say that the chain begins
	StartBeginning = "beginning" // at entry 0, always
)

// Collect is [collect].
type Collect struct {
	Start string // where reading of a log begins: StartSearch or StartBeginning
	Mode  string // what to do with logs: "records", "logs" or "both"; "" if it is not set
}

func (c *Config) readCollect(top *table) {
	c.Collect.Start = StartSearch
	t := top.sub("collect")
	if t == nil {
		return
	}
	c.Collect.Start = t.oneOf("start", StartSearch, StartBeginning)
	if _, there := t.value["mode"]; there {
		c.Collect.Mode = t.oneOf("mode", "records", "logs", "both")
	} else {
		t.known = append(t.known, "mode")
	}
	t.close()
}

// effective writes what is not the default.
func (c Collect) effective(section func(name string), line func(key, value string)) {
	searches := c.Start == "" || c.Start == StartSearch
	if searches && c.Mode == "" {
		return
	}
	section("collect")
	if !searches {
		line("start", tomlText(c.Start))
	}
	if c.Mode != "" {
		line("mode", tomlText(c.Mode))
	}
}
