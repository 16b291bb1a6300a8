package lint

import (
	"bytes"
	"embed"
	"fmt"
	"slices"
	"strings"
)

//go:embed selftest/*.pem
var selfTestFiles embed.FS

// SelfTestCase is one embedded certificate with the findings that it must give.
type SelfTestCase struct {
	// Name says what the certificate is there for: "pass", "warn", "error".
	Name string `json:"name"`
	// SHA256 is that of the certificate, so that the test cannot be passed with another one.
	SHA256 string `json:"sha256"`
	// Want are the expected findings, "severity name", in the order of Result.Findings.
	Want []string `json:"want"`
	file string
}

// SelfTestCases returns the cases: one certificate without findings, one with a warning as
// its worst finding, one with an error. All are test data of zlint 3.7.3.
func SelfTestCases() []SelfTestCase {
	return []SelfTestCase{
		{"pass", "bf0feefb9e3a581ad5f9e9db7589985743d261085c4d314f6f5d7259aa421612", []string{}, "selftest/clean.pem"},
		{"warn", "453f4169762d36b0d36dae98b2d350102ea6fea84acc017fd8f93c3e7e8e38e0", []string{
			"warn w_ext_subject_key_identifier_missing_sub_cert", "notice n_ct_sct_policy_count_unsatisfied",
		}, "selftest/warn.pem"},
		{"error", "93947f145415f56044b803774f6cc15e65514ddde66ee0cb050a707c743a2270", []string{
			"error e_cab_dv_conflicts_with_postal", "notice n_subject_common_name_included",
		}, "selftest/error.pem"},
	}
}

// SelfTestResult is what one case gave under one linter.
type SelfTestResult struct {
	SelfTestCase
	// Engine is Info.Engine: "own-loop" or "zlint-loop".
	Engine string   `json:"engine"`
	Got    []string `json:"got"`
	OK     bool     `json:"ok"`
}

// SelfTest lints the cases with the default engine and by zlint's plain path. It returns
// all results, and an error when one differs from what is known: then the program or one
// of its modules is not the one that was tested, and no result of it can be trusted.
func SelfTest() ([]SelfTestResult, error) {
	return selfTest(SelfTestCases())
}

func selfTest(cases []SelfTestCase) ([]SelfTestResult, error) {
	var results []SelfTestResult
	var wrong []string
	for _, reference := range []bool{false, true} {
		l, err := New(Options{Document: true, Reference: reference})
		if err != nil {
			return nil, fmt.Errorf("starting the linter: %w", err)
		}
		engine := l.Info().Engine
		for _, c := range cases {
			r, err := runCase(l, c)
			if err != nil {
				return results, fmt.Errorf("self-test %q: %w", c.Name, err)
			}
			r.Engine = engine
			results = append(results, r)
			if !r.OK {
				wrong = append(wrong, fmt.Sprintf("%s (%s): want [%s], got [%s]", c.Name, engine, strings.Join(c.Want, ", "), strings.Join(r.Got, ", ")))
			}
		}
	}
	if len(wrong) > 0 {
		return results, fmt.Errorf("the linter does not give the known results: %s", strings.Join(wrong, "; "))
	}
	return results, nil
}

func runCase(l *Linter, c SelfTestCase) (SelfTestResult, error) {
	data, err := selfTestFiles.ReadFile(c.file)
	if err != nil {
		return SelfTestResult{}, err
	}
	artifacts, err := ReadArtifacts(c.file, bytes.NewReader(data))
	if err != nil {
		return SelfTestResult{}, err
	}
	if len(artifacts) != 1 || artifacts[0].SHA256() != c.SHA256 {
		return SelfTestResult{}, fmt.Errorf("%s is not the certificate %s", c.file, c.SHA256)
	}
	r := SelfTestResult{SelfTestCase: c, Got: []string{}}
	for _, f := range l.Lint(artifacts[0]).Findings {
		r.Got = append(r.Got, f.Severity.String()+" "+f.Lint)
	}
	r.OK = slices.Equal(r.Got, c.Want)
	return r, nil
}
