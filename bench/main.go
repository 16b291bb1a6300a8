// Command bench measures selfaudit beside its peers in one run: harvest, inflating, linting,
// workbook, draw, process start and memory. README.md says what each line means.
//
// Every measurement is a child process of this program, so that no competitor works in a
// heap that another one has shaped, and the competitors take turns in rounds, so that a
// busy machine is busy for all of them.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
)

// options are the settings of a whole run.
type options struct {
	dir       string // scratch folder
	selfaudit string // the program
	zlint     string // zlint's own command
	testdata  string // the repository's testdata folder
	// certspotter is the program that certspotter/ makes with a checkout of certspotter; "" leaves its lines out.
	certspotter string
	size        int // entries of the harvested log
	rounds      int
	millions    int // entries of the section bulk
	only        string
	profile     string // folder, "" for none
}

// sections are the parts of a run in their order.
var sections = []struct {
	name string
	run  func(*bench) error
}{
	{"harvest", harvestSection},
	{"inflate", inflateSection},
	{"lint", lintSection},
	{"scaling", scalingSection},
	{"workbook", workbookSection},
	{"draw", drawSection},
	{"start", startSection},
	{"memory", memorySection},
	{"million", millionSection},
	{"bulk", bulkSection},
}

// asked are the sections that run only when they are named: they take minutes.
var asked = []string{"million", "bulk"}

func main() {
	if len(os.Args) == 4 && os.Args[1] == "child" {
		exit(runChild(os.Args[2], os.Args[3]))
	}
	if len(os.Args) == 3 && os.Args[1] == "serve" {
		exit(serve(os.Args[2]))
	}
	var o options
	flag.StringVar(&o.dir, "dir", "", "scratch folder, empty")
	flag.StringVar(&o.selfaudit, "selfaudit", "", "the selfaudit program")
	flag.StringVar(&o.zlint, "zlint", "", "zlint's own command")
	flag.StringVar(&o.certspotter, "certspotter", "", "certspotter's client, if it is here")
	flag.StringVar(&o.testdata, "testdata", "../testdata", "the repository's testdata folder")
	flag.IntVar(&o.size, "size", 20480, "entries of the harvested log, a multiple of 256")
	flag.IntVar(&o.rounds, "rounds", 3, "rounds; the median is shown")
	flag.IntVar(&o.millions, "millions", 10, "entries of the section bulk, in millions")
	flag.StringVar(&o.only, "only", "", "sections, separated by commas; default all")
	flag.StringVar(&o.profile, "profile", "", "folder for a CPU profile of every line's first round")
	flag.Parse()
	exit(run(o))
}

func exit(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
	os.Exit(0)
}

func run(o options) error {
	if o.size <= 0 || o.size%256 != 0 {
		return fmt.Errorf("size %d: want a multiple of 256, so that all clients ask for the same pages", o.size)
	}
	if o.millions < 1 || o.millions > bulkMost/1_000_000 {
		return fmt.Errorf("%d millions: want 1 to %d, as many as the log's quarter holds", o.millions, bulkMost/1_000_000)
	}
	if o.rounds < 1 {
		return fmt.Errorf("rounds %d: want at least one", o.rounds)
	}
	var names []string
	for _, s := range sections {
		names = append(names, s.name)
	}
	var chosen []string
	for name := range strings.SplitSeq(o.only, ",") {
		if name != "" && !slices.Contains(names, name) {
			return fmt.Errorf("no section %q: the sections are %s", name, strings.Join(names, ", "))
		} else if name != "" {
			chosen = append(chosen, name)
		}
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	b := &bench{options: o, self: self, out: os.Stdout}
	fmt.Fprintln(b.out, machineLine())
	fmt.Fprintf(b.out, "CPU is user + system time; medians of %d interleaved rounds, one process each\n", o.rounds)
	for _, s := range sections {
		if len(chosen) > 0 && !slices.Contains(chosen, s.name) || len(chosen) == 0 && slices.Contains(asked, s.name) {
			continue
		}
		if err := s.run(b); err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
	}
	return nil
}

// children are the measurements, by name. Each runs in a process of its own.
var children = map[string]func(spec) (sample, error){
	"prepare-log":       prepareLog,
	"prepare-bulk":      prepareBulk,
	"prepare-certs":     prepareCerts,
	"prepare-audit":     prepareAudit,
	"prepare-draw":      prepareDraw,
	"harvest":           harvestOwn,
	"fetcher":           harvestFetcher,
	"scanner":           harvestScanner,
	"tessera":           harvestTessera,
	"inflate-std":       inflateStd,
	"inflate-klauspost": inflateKlauspost,
	"lint-naive":        lintNaive,
	"lint-engine":       lintEngine,
	"lint-all":          lintAll,
	"lint-recheck":      lintRecheck,
	"workbook":          workbookChild,
	"draw":              drawChild,
	"draw-read":         drawRead,
	"collect-freeze":    collectFreeze,
	"million":           millionChild,
	"memory-of-nobody":  idle,
}

// spec says what a child is to do; each child reads the fields that it needs.
type spec struct {
	Dir     string // folder of the inputs
	Scratch string // folder that the child may fill; it is removed afterwards
	URL     string
	Type    string // of the log
	Issuers string // those looked for: "ours", "few", "all" or "absent"; empty: none
	N       int    // entries or items to generate
	LogID   []byte // of the log, for certspotter
	Percent int    // garbage collector's setting, 0 for Go's default
	Workers int
	Profile string
}

// runChild performs one measurement and writes it to standard output as JSON.
func runChild(name, raw string) error {
	var s spec
	if err := json.Unmarshal([]byte(raw), &s); err != nil {
		return err
	}
	f := children[name]
	if f == nil {
		return fmt.Errorf("no measurement %q", name)
	}
	result, err := f(s)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return json.NewEncoder(os.Stdout).Encode(result)
}
