// Testsum reads `go test -json` and prints what a person wants to know: one line per
// package, the output of what failed, the list of skipped tests with what they need, and a
// closing count.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
)

type event struct {
	Action, Package, Test, Output string
	Elapsed                       float64
	ImportPath                    string
}

func main() {
	output := map[string][]string{} // by package and test
	needs := map[string]int{}
	var other []string
	var passed, failed, skipped int
	in := bufio.NewReaderSize(os.Stdin, 1<<20)
	for {
		line, err := in.ReadBytes('\n')
		if err != nil {
			break
		}
		var e event
		if json.Unmarshal(line, &e) != nil {
			fmt.Print(string(line)) // the go command's own words
			continue
		}
		key := e.Package + " " + e.Test
		switch e.Action {
		case "output":
			output[key] = append(output[key], e.Output)
		case "build-output":
			fmt.Print(e.Output)
		case "pass", "fail", "skip":
			if e.Test == "" {
				if e.Action == "fail" {
					fmt.Print(strings.Join(output[key], ""))
				}
				if e.Action != "skip" {
					word := map[string]string{"pass": "ok  ", "fail": "FAIL"}[e.Action]
					fmt.Printf("%s\t%s\t%.1fs\n", word, e.Package, e.Elapsed)
				}
				if e.Action == "fail" && len(output[key]) == 0 {
					failed++
				}
				continue
			}
			switch e.Action {
			case "pass":
				passed++
			case "fail":
				failed++
				fmt.Print(strings.Join(output[key], ""))
			case "skip":
				skipped++
				text := strings.Join(output[key], "")
				if i := strings.Index(text, "needs "); i >= 0 {
					needs[strings.TrimSpace(strings.SplitN(text[i:], "\n", 2)[0])]++
				} else {
					other = append(other, key)
				}
			}
			delete(output, key)
		}
	}
	if len(needs)+len(other) > 0 {
		fmt.Println("\nskipped:")
		var list []string
		for need, n := range needs {
			list = append(list, fmt.Sprintf("  %d tests: %s", n, need))
		}
		slices.Sort(list)
		fmt.Println(strings.Join(append(list, other...), "\n"))
	}
	fmt.Printf("\n%d passed, %d failed, %d skipped\n", passed, failed, skipped)
	if failed > 0 || passed == 0 {
		os.Exit(1)
	}
}
