package ctlog

import (
	"net/http"
	"testing"

	"selfaudit/sampler/ct"
)

// The benchmarks read the fixture logs over loopback, every leaf hashed, and report microseconds per entry. The server shares the machine.

func benchmarkRead(b *testing.B, l *Log) {
	_, head, err := l.Head(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		r := ct.NewRange(0)
		err := l.Read(b.Context(), head, 0, head.Size, func(e *ct.Entry) error { r.Append(e.LeafHash()); return nil })
		if err != nil {
			b.Fatal(err)
		}
		if root, _ := r.Root(); root != head.Root {
			b.Fatal("wrong root")
		}
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/float64(head.Size), "us/entry")
	b.ReportAllocs()
}

func BenchmarkReadStatic(b *testing.B) {
	cache := map[string][]byte{}
	for _, name := range []string{"checkpoint", "tile/data/000", "tile/data/001", "tile/data/002", "tile/data/003.p/218"} {
		cache["/"+name] = readFile(b, alphaC+"/"+name)
	}
	zipped := map[string][]byte{}
	for name, body := range cache {
		zipped[name] = packed(body)
	}
	for name, files := range map[string]map[string][]byte{"plain": cache, "gzip": zipped} {
		b.Run(name, func(b *testing.B) {
			url := serve(b, func(w http.ResponseWriter, r *http.Request) { w.Write(files[r.URL.Path]) })
			benchmarkRead(b, open(b, webConfig(b, StaticCT, alphaC, url, newClock())))
		})
	}
}

func BenchmarkReadRFC6962(b *testing.B) {
	pages := map[string][]byte{"/ct/v1/get-sth": readFile(b, alphaB+"/get-sth.json")}
	for start, name := range map[string]string{"0": "000000", "256": "000256", "512": "000512", "768": "000768"} {
		pages[start] = readFile(b, alphaB+"/get-entries-"+name+".json")
	}
	url := serve(b, func(w http.ResponseWriter, r *http.Request) {
		if body, ok := pages[r.URL.Path]; ok {
			w.Write(body)
			return
		}
		w.Write(pages[r.FormValue("start")])
	})
	benchmarkRead(b, open(b, webConfig(b, RFC6962, alphaB, url, newClock())))
}

func BenchmarkReadFolder(b *testing.B) {
	b.Run("static", func(b *testing.B) { benchmarkRead(b, open(b, folderConfig(b, StaticCT, alphaC, alphaC))) })
	b.Run("rfc6962", func(b *testing.B) { benchmarkRead(b, open(b, folderConfig(b, RFC6962, alphaB, alphaB))) })
}

func BenchmarkScanPage(b *testing.B) {
	body := readFile(b, alphaB+"/get-entries-000256.json")
	var s pageScan
	b.SetBytes(int64(len(body)))
	for b.Loop() {
		if _, err := s.page(body, 0, 256); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/256, "us/entry")
}
