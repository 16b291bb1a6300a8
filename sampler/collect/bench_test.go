package collect_test

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"selfaudit/internal/auditdir"
	"selfaudit/internal/testlog"
	"selfaudit/internal/testneed"
	"selfaudit/internal/testpki"
	"selfaudit/sampler"
	"selfaudit/sampler/collect"
	"selfaudit/sampler/ct"
)

// largeLog writes a log of n entries of which one in ten is ours, precertificates and
// certificates in turn; more is added to every certificate.
func largeLog(b *testing.B, kind string, n, more int) string {
	b.Helper()
	dir := b.TempDir()
	w := newWriter(b, kind, dir)
	padding := func(exts [][]byte) [][]byte {
		if more == 0 {
			return exts
		}
		return append(exts, testpki.Extension("1.3.6.1.4.1.99999.1", false, testpki.TLV(0x04, make([]byte, more))))
	}
	for i := range n {
		at := firstMS + uint64(i)
		t := testpki.Template{Seed: strconv.Itoa(i), Extensions: padding}
		ca := ourCA
		if i%10 != 0 {
			ca, t.Unsigned = foreignCA, true
		}
		var e testlog.Entry
		if i%20 < 16 && i%10 != 0 || i%20 == 0 {
			e = testlog.PrecertEntry(ca, t, at)
		} else {
			e = testlog.FinalEntry(ca, ca.Certificate(t), at)
		}
		if _, err := w.Add(e); err != nil {
			b.Fatal(err)
		}
	}
	must(b, w.Publish(headMS))
	return dir
}

// BenchmarkHarvest reads and proves a log from its folder, per entry.
func BenchmarkHarvest(b *testing.B) {
	const n = 16384
	for _, kind := range bothKinds {
		b.Run(kind, func(b *testing.B) {
			dir := largeLog(b, kind, n, 0)
			issuers := newIssuers(b, ourCA)
			b.ReportAllocs()
			b.ResetTimer()
			before := cpuTime(b)
			for range b.N {
				c := newCollection(b, issuers, openLog(b, kind, dir, access{}))
				_, results, _, err := c.harvest(context.Background())
				if err != nil || results[0].Err != nil {
					b.Fatal(err, results)
				}
			}
			perEntry := float64(b.N) * n
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/perEntry, "ns/entry")
			b.ReportMetric(float64((cpuTime(b)-before).Nanoseconds())/perEntry, "cpu-ns/entry")
			b.ReportMetric(perEntry/b.Elapsed().Seconds(), "entries/s")
		})
	}
}

// BenchmarkMemory reports the peak memory of a process that harvests a static-ct log and
// freezes the population. It must not grow with the certificates: neither with their
// number, beyond some bytes for each, nor with their size.
func BenchmarkMemory(b *testing.B) {
	if _, err := os.Stat("/proc/self/status"); err != nil {
		testneed.Missing(b, "/proc", "Linux")
	}
	for _, c := range []struct{ entries, more int }{{20, 0}, {20_000, 0}, {200_000, 0}, {2_000, 8192}, {20_000, 8192}} {
		b.Run(fmt.Sprintf("%d-entries-of-%dkB", c.entries, 1+c.more/1024), func(b *testing.B) {
			dir := largeLog(b, static, c.entries, c.more)
			b.ResetTimer()
			var peak float64
			for range b.N {
				peak = max(peak, peakOf(b, dir))
			}
			b.ReportMetric(peak, "peak-RSS-MB")
		})
	}
}

// memoryEnv makes the test binary a process that harvests the log in the folder it names.
const memoryEnv = "SELFAUDIT_TEST_MEMORY"

// peakOf harvests in a process of its own and returns its VmHWM in MB.
func peakOf(b *testing.B, dir string) float64 {
	b.Helper()
	exe, err := os.Executable()
	must(b, err)
	cmd := exec.Command(exe)
	cmd.Env = append(os.Environ(), memoryEnv+"="+dir, "SELFAUDIT_TEST_AUDIT="+b.TempDir())
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	must(b, err)
	kB, err := strconv.ParseFloat(strings.TrimSpace(string(out)), 64)
	must(b, err)
	return kB / 1024
}

func TestMain(m *testing.M) {
	if dir := os.Getenv(memoryEnv); dir != "" {
		if err := harvestOnce(dir, os.Getenv("SELFAUDIT_TEST_AUDIT")); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// harvestOnce does what collect and freeze do, without a test around it, and prints the
// peak of its memory in kB.
func harvestOnce(logDir, auditDir string) error {
	issuers, err := collect.NewIssuers([]collect.Issuer{{Certificates: [][]byte{ourCA.Cert}}})
	if err != nil {
		return err
	}
	l := openLog(nopTB{}, static, logDir, access{})
	h := &collect.Harvest{Dir: auditdir.At(auditDir), Issuers: issuers, LogKeys: map[ct.LogID][]byte{l.ID(): l.key}, Observer: quiet{}}
	results, err := h.Logs(context.Background(), []collect.Source{{Log: l.Log, HeadFile: "head", HashTiles: true}})
	if err != nil {
		return err
	}
	if results[0].Err != nil {
		return results[0].Err
	}
	saved := h.Save(results, nil)
	saved.Logs = append(saved.Logs, snapshotOf(results[0]))
	c, err := collect.Reopen(h.Dir, issuers, &saved)
	if err != nil {
		return err
	}
	w := sampler.NewPopulationWriter(io.Discard)
	if _, err := c.Population(context.Background(), ever, nil, w.Write, func(sampler.ItemFinding) error { return nil }); err != nil {
		return err
	}
	if want := (results[0].Entries + 9) / 10; uint64(w.Count()) != want {
		return fmt.Errorf("%d items, want %d", w.Count(), want)
	}
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return err
	}
	peak := regexp.MustCompile(`VmHWM:\s+(\d+) kB`).FindSubmatch(status)
	if peak == nil {
		return fmt.Errorf("no VmHWM in /proc/self/status")
	}
	_, err = fmt.Printf("%s\n", peak[1])
	return err
}

// nopTB is for helpers that are used outside of a test; whatever it is asked to report ends
// the process.
type nopTB struct{ testing.TB }

func (nopTB) Helper()           {}
func (nopTB) Fatal(args ...any) { panic(fmt.Sprint(args...)) }
