package evidence

import (
	"fmt"

	"github.com/pelletier/go-toml/v2"
)

// checkConfig compares the effective configuration with what the snapshot and
// bag-info.txt say of it. The snapshot, which the commitment covers, is what counts.
func (v *verifier) checkConfig() {
	const name = "configuration"
	raw := v.read(name, "config/selfaudit.toml")
	if raw == nil {
		return
	}
	var config struct {
		CA struct {
			Name string `toml:"name"`
		} `toml:"ca"`
		Audit struct {
			IssuanceTime string `toml:"issuance_time"`
			EVRA         string `toml:"ev_ra"`
		} `toml:"audit"`
		Issuers []any `toml:"issuer"`
		Logs    []any `toml:"log"`
	}
	if err := toml.Unmarshal(raw, &config); err != nil {
		v.fail(name, "config/selfaudit.toml: %v", err)
		return
	}
	var bad failures
	compare := func(what, got, want string) {
		if got != want {
			bad.add("%s is %q, the package says %q", what, got, want)
		}
	}
	compare("ca.name", config.CA.Name, v.bag.SourceOrganization)
	if s := v.docs.snapshot; s != nil {
		compare("audit.issuance_time", config.Audit.IssuanceTime, string(s.IssuanceTime))
		compare("audit.ev_ra", config.Audit.EVRA, s.Rules.EVRA)
		compare("number of logs", fmt.Sprint(len(config.Logs)), fmt.Sprint(len(s.Logs)))
	}
	bad.close(v, name, "the CA's name, issuance_time, ev_ra and the number of logs are those of bag-info.txt and snapshot.json")
}
