package files

import (
	"bytes"
	"encoding/pem"
	"errors"
	"io"
	"testing"
	"testing/iotest"
)

// repeated is a reader of b again and again.
type repeated struct {
	b     []byte
	times int
	at    int
}

func (r *repeated) Read(p []byte) (int, error) {
	if r.at == len(r.b) {
		r.at = 0
		r.times--
	}
	if r.times <= 0 {
		return 0, io.EOF
	}
	n := copy(p, r.b[r.at:])
	r.at += n
	return n, nil
}

type result struct {
	certs    []Certificate
	problems []Problem
}

func scanBytes(r io.Reader) (result, int64, error) {
	var got result
	s := &scan{path: "x", visitor: Visitor{
		Certificate: func(c Certificate) error { got.certs = append(got.certs, c); return nil },
		Problem:     func(p Problem) error { got.problems = append(got.problems, p); return nil },
	}}
	in := newInput(r)
	err := s.read(in)
	if err == nil && in.err != io.EOF {
		err = in.err
	}
	return got, in.offset, err
}

// Whatever the bytes: the whole file is read, nothing is lost without a word, each result is one DER value from where it says, the way in
// which the bytes arrive does not matter, and every certificate that encoding/pem finds in a clean file is found.
func FuzzScan(f *testing.F) {
	// Small, because the fuzzer tries to shorten what it finds.
	der := append([]byte{0x30, 0x81, 0x80, 0x30, 0x03, 2, 1, 5, 0x30, 0, 3, 0x77}, make([]byte, 0x77)...)
	f.Add([]byte(armour("CERTIFICATE", der) + "x\n" + armour("PRIVATE KEY", der[:9])))
	f.Add(der)
	f.Add([]byte(line64(der) + "\r\n" + wrap(line64(der), 64)))
	f.Add([]byte("\xef\xbb\xbf-----BEGIN CERTIFICATE-----\r\nMIAA\r-----END CERTIFICATE----------BEGIN X-----"))
	f.Fuzz(func(t *testing.T, b []byte) {
		got, size, err := scanBytes(bytes.NewReader(b))
		if err != nil || size != int64(len(b)) {
			t.Fatalf("read %d bytes of %d: %v", size, len(b), err)
		}
		if len(got.certs)+len(got.problems) == 0 {
			t.Fatal("neither certificate nor problem")
		}
		seen := map[int]bool{}
		for _, cert := range got.certs {
			if n, err := derLength(cert.DER); err != nil || n != int64(len(cert.DER)) || cert.Offset < 0 || cert.Offset >= int64(len(b)) || seen[cert.Index] {
				t.Fatalf("certificate %d at %d: %v", cert.Index, cert.Offset, err)
			}
			seen[cert.Index] = true
		}
		for _, p := range got.problems {
			if p.Err == nil || p.Index >= 0 && seen[p.Index] {
				t.Fatalf("problem %+v", p)
			}
			seen[p.Index] = true
		}
		slow, _, _ := scanBytes(iotest.OneByteReader(bytes.NewReader(b)))
		if len(slow.certs) != len(got.certs) || len(slow.problems) != len(got.problems) {
			t.Fatalf("%d certificates and %d problems at once, %d and %d byte by byte", len(got.certs), len(got.problems), len(slow.certs), len(slow.problems))
		}
		var clean []byte
		want := 0
		for rest := b; len(rest) > 0; want++ {
			n := min(int(rest[0])%100, len(rest)-1)
			der := append([]byte{0x30, byte(n)}, rest[1:n+1]...)
			rest = rest[n+1:]
			clean = append(clean, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})...)
		}
		if want == 0 {
			return
		}
		got, _, err = scanBytes(bytes.NewReader(clean))
		for _, p := range got.problems {
			if !errors.Is(p.Err, ErrNotCertificate) {
				t.Fatalf("clean PEM: %v", p.Err)
			}
		}
		if err != nil || len(got.certs)+len(got.problems) != want {
			t.Fatalf("%d certificates of %d: %v", len(got.certs), want, err)
		}
	})
}

func TestReadErrorIsNotTheEnd(t *testing.T) {
	b := armour("CERTIFICATE", fixtures(t)[0])
	broken := errors.New("disk")
	_, _, err := scanBytes(io.MultiReader(bytes.NewReader([]byte(b[:100])), iotest.ErrReader(broken)))
	if err != broken {
		t.Errorf("got %v", err)
	}
}

func BenchmarkScanPEM(b *testing.B) {
	block := []byte(armour("CERTIFICATE", fixtures(b)[0]))
	b.SetBytes(int64(len(block)) * 1000)
	for b.Loop() {
		got, _, err := scanBytes(&repeated{b: block, times: 1000})
		if err != nil || len(got.certs) != 1000 {
			b.Fatal(len(got.certs), err)
		}
	}
}
