package lint

import "github.com/zmap/zcrypto/x509"

// provers stand before the four lints that cost most of a run, by the lint's
// name. Each takes the lint's configured object (for its settings) and returns
// a function that proves pass: true only if the lint's Execute would return
// pass. Where that function is false, and where the prover is nil because the
// settings are outside of what it can prove, zlint's lint decides.
var provers = map[string]func(instance any) func(*x509.Certificate) bool{
	"e_rsa_fermat_factorization":              proveFermat,
	"w_rsa_mod_factors_smaller_than_752":      proveFactors,
	"e_ecdsa_small_private_key":               proveSmallKey,
	"e_cert_issued_by_compromised_emudhra_ca": proveIssuer,
}
