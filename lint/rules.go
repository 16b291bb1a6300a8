package lint

import (
	"reflect"
	"slices"
	"sync"

	"github.com/zmap/zcrypto/x509"
	_ "github.com/zmap/zlint/v3" // registers all lints
	zlint "github.com/zmap/zlint/v3/lint"
)

// certRule is one certificate lint of zlint, prepared for running many times.
type certRule struct {
	*zlint.CertificateLint
	// gate is the framework filter that decides before the lint itself does.
	gate gate
	// instance is the lint's object where it can be shared by all certificates
	// and goroutines, nil where each certificate needs a fresh one.
	instance zlint.CertificateLintInterface
	// proves, when set, returns true only if the lint's Execute would return
	// pass for the certificate. False says nothing.
	proves func(*x509.Certificate) bool
}

// ruleSet holds all registered lints in the order of their registration,
// which is fixed by the program's build.
type ruleSet struct {
	certs []certRule
	crls  []*zlint.RevocationListLint
	ocsps []*zlint.OcspResponseLint
}

// sharedStateful are the lints that have state which they only read after
// construction; all other lints with state get a fresh object per certificate.
// e_dnsname_bad_character_in_label compiles a regular expression when constructed.
var sharedStateful = map[string]bool{"e_dnsname_bad_character_in_label": true}

// newRuleSet prepares all registered lints under one configuration. The
// configuration must have been checked by checkConfiguration.
func newRuleSet(config zlint.Configuration) ruleSet {
	registry := zlint.GlobalRegistry()
	set := ruleSet{
		crls:  registry.RevocationListLints().Lints(),
		ocsps: registry.OcspResponseLints().Lints(),
	}
	lints := registry.CertificateLints().Lints()
	set.certs = make([]certRule, len(lints))
	for i, l := range lints {
		set.certs[i] = certRule{CertificateLint: l, gate: gateOf(l)}
		instance := l.Lint()
		if _, configurable := instance.(zlint.Configurable); configurable {
			// Read from the constructed and configured object on every run.
			if config.MaybeConfigure(instance, l.Name) == nil {
				set.certs[i].instance = instance
			}
		} else if sharedStateful[l.Name] || isStateless(instance) {
			set.certs[i].instance = instance
		}
		if prover, ok := provers[l.Name]; ok {
			set.certs[i].proves = prover(instance)
		}
	}
	return set
}

// isStateless tells whether a lint's object has no field at all.
func isStateless(instance any) bool {
	t := reflect.TypeOf(instance)
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return t.Kind() == reflect.Struct && t.NumField() == 0
}

// metadata finds what zlint says about each lint, by name, over all kinds.
var metadata = sync.OnceValue(func() map[string]*zlint.LintMetadata {
	registry := zlint.GlobalRegistry()
	all := map[string]*zlint.LintMetadata{}
	for _, l := range registry.CertificateLints().Lints() {
		all[l.Name] = &l.LintMetadata
	}
	for _, l := range registry.RevocationListLints().Lints() {
		all[l.Name] = &l.LintMetadata
	}
	for _, l := range registry.OcspResponseLints().Lints() {
		all[l.Name] = &l.LintMetadata
	}
	return all
})

// Names returns the names of all lints of zlint that this program holds, sorted.
func Names() []string {
	return slices.Clone(zlint.GlobalRegistry().Names())
}
