package lint_test

import (
	"fmt"
	"os"

	"selfaudit/lint"
)

func ExampleLinter() {
	file, err := os.Open("../testdata/zlint-pems/subCAWBothURL.pem")
	if err != nil {
		panic(err)
	}
	defer file.Close()
	artifacts, _ := lint.ReadArtifacts("subCAWBothURL.pem", file)
	linter, _ := lint.New(lint.Options{})
	for _, a := range artifacts {
		for _, f := range linter.Lint(a).Findings {
			fmt.Println(f.Severity, f.Lint, f.Citation)
		}
	}
	// Output:
	// error e_ca_key_usage_not_critical BRs: 7.1.2.1
	// error e_sub_ca_certificate_policies_missing BRs: 7.1.2.2
	// error e_sub_ca_crl_distribution_points_missing BRs: 7.1.2.2
	// warn w_ext_key_usage_not_critical RFC 5280: 4.2.1.3
	// notice n_sub_ca_eku_missing BRs: 7.1.5
}
