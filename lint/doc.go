// Package lint judges certificates, precertificates, CRLs and OCSP responses by
// all lints of zlint (https://github.com/zmap/zlint), fast and without ever
// failing on hostile input. Linting a certificate takes ten lines:
//
//	file, err := os.Open("cert.pem")
//	if err != nil { ... }
//	artifacts, err := lint.ReadArtifacts("cert.pem", file)
//	if err != nil { ... }
//	linter, err := lint.New(lint.Options{})
//	if err != nil { ... }
//	for _, a := range artifacts {
//		for _, f := range linter.Lint(a).Findings {
//			fmt.Println(f.Severity, f.Lint, f.Citation, f.Details)
//		}
//	}
//
// Each rule is judged as of issuance: a lint applies when the certificate's
// notBefore lies in the rule's dates. The statuses equal those of
// zlint.LintCertificate for every certificate and every lint. Three things are
// added: what cannot be parsed is a finding of our own (SourceSelfaudit); a
// panic in a lint is a fatal finding of that lint, also for CRLs and OCSP
// responses, where zlint itself would end the process; and Options.Document
// keeps what zlint does not do deterministically out of the results.
//
// Options.AsIf asks another question (would this be allowed if it were issued on that
// day?), Options.Checks adds the checks of package checks, Rules and RuleNamed describe the
// rule set, GroundOf says by when a certificate must be revoked for a finding, and SelfTest
// shows that this build judges as it was tested.
//
// # Engines
//
// The default engine is a loop of our own that prepares the lints once and
// stands a prover before the four slowest: a cheap calculation that shows that
// the lint would pass. Where it cannot show that, zlint's lint decides. No
// prover can produce a finding or hide one. Options.Reference runs zlint's own
// loop instead.
package lint
