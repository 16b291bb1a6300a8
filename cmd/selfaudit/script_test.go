package main

import (
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestMain makes `selfaudit` a command of the scripts: the test binary runs
// itself as the program.
func TestMain(m *testing.M) {
	if os.Getenv(childVariable) != "" {
		stopAsAsked()
		main()
		return
	}
	testscript.Main(m, map[string]func(){"selfaudit": main})
}

// TestScript runs testdata/script/*.txtar. $LINT is testdata/lint, $ALPHA the bundled logs.
func TestScript(t *testing.T) {
	data, err := filepath.Abs("testdata")
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir:                 filepath.Join("testdata", "script"),
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(env *testscript.Env) error {
			env.Setenv("LINT", filepath.Join(data, "lint"))
			env.Setenv("ALPHA", filepath.Join(data, "..", "..", "..", "testdata", "ctlogs", "alpha"))
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits": exits,
		},
	})
}

// exits is `exits CODE PROGRAM ARGS...`: the exact exit code, where `! exec`
// would take any failure.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE PROGRAM ARGS...")
	}
	err := ts.Exec(args[1], args[2:]...)
	code := "0"
	if err != nil {
		code = exitCode(err)
	}
	if code != args[0] {
		ts.Fatalf("exit code %s, want %s", code, args[0])
	}
}

func exitCode(err error) string {
	if e, ok := err.(interface{ ExitCode() int }); ok {
		return strconv.Itoa(e.ExitCode())
	}
	return err.Error()
}
