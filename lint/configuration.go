package lint

import (
	"fmt"
	"slices"

	"github.com/pelletier/go-toml/v2"
	zlint "github.com/zmap/zlint/v3/lint"
)

// higherScopes are the sections of zlint's configuration that are not named
// after a lint (zlint's lint/global_configurations.go).
var higherScopes = []string{
	"Global", "RFC5280Config", "RFC5480Config", "RFC5891Config", "CABFBaselineRequirementsConfig",
	"CABFEVGuidelinesConfig", "MozillaRootStorePolicyConfig", "AppleRootStorePolicyConfig",
	"CommunityConfig", "EtsiEsiConfig",
}

// readConfiguration reads and checks a configuration of zlint. zlint itself
// ignores sections it does not know and reports wrong types only when a lint
// runs; both are mistakes a user wants to hear of before the run.
func readConfiguration(text string) (zlint.Configuration, error) {
	if text == "" {
		return zlint.NewEmptyConfig(), nil
	}
	var sections map[string]any
	if err := toml.Unmarshal([]byte(text), &sections); err != nil {
		return zlint.Configuration{}, fmt.Errorf("reading the lint configuration: %w", err)
	}
	names := make([]string, 0, len(sections))
	for name := range sections {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		if _, table := sections[name].(map[string]any); !table {
			return zlint.Configuration{}, fmt.Errorf("reading the lint configuration: %q is not a section; write [name of the lint] above it", name)
		}
		if metadata()[name] == nil && !slices.Contains(higherScopes, name) {
			return zlint.Configuration{}, fmt.Errorf("reading the lint configuration: section [%s] names no lint of zlint", name)
		}
	}
	config, err := zlint.NewConfigFromString(text)
	if err != nil {
		return zlint.Configuration{}, fmt.Errorf("reading the lint configuration: %w", err)
	}
	return config, tryConfiguration(config)
}

// tryConfiguration configures every configurable lint once.
func tryConfiguration(config zlint.Configuration) error {
	registry := zlint.GlobalRegistry()
	for _, l := range registry.CertificateLints().Lints() {
		if err := configure(config, l.Lint(), l.Name); err != nil {
			return err
		}
	}
	for _, l := range registry.RevocationListLints().Lints() {
		if err := configure(config, l.Lint(), l.Name); err != nil {
			return err
		}
	}
	for _, l := range registry.OcspResponseLints().Lints() {
		if err := configure(config, l.Lint(), l.Name); err != nil {
			return err
		}
	}
	return nil
}

// configure configures one lint. zlint panics where a section has the wrong shape.
func configure(config zlint.Configuration, instance any, name string) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("configuring lint %s: %v", name, r)
		}
	}()
	if err := config.MaybeConfigure(instance, name); err != nil {
		return fmt.Errorf("configuring lint %s: %w", name, err)
	}
	return nil
}
