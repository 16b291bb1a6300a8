package evidence
import ("testing";"os";"io";"bufio";"path/filepath")
type zeros struct{ n int64 }
func (z *zeros) Read(p []byte) (int, error) { if z.n==0 {return 0, io.EOF}; if int64(len(p))>z.n {p=p[:z.n]}; clear(p); z.n-=int64(len(p)); return len(p), nil }
func TestZZ(t *testing.T) {
	f, err := os.Create(filepath.Join(t.TempDir(), "z")); must(t, err)
	w := bufio.NewWriter(f)
	must(t, writeZip(w, "top", []string{"a","b"}, func(name string) (io.ReadCloser, error) { n := int64(5); if name=="a" {n = 1<<32+10}; return io.NopCloser(&zeros{n}), nil }))
	must(t, w.Flush())
	info, _ := f.Stat()
	z, err := openZip(f, info.Size(), Limits{Ratio: 5000}.withDefaults()); must(t, err)
	same, err := scanAll(z); t.Log(same, err, info.Size())
	if !same || err != nil { t.Fail() }
}
