package lint

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"math/big"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"testing"

	"github.com/zmap/zcrypto/x509"
	zlint "github.com/zmap/zlint/v3/lint"
	"github.com/zmap/zlint/v3/util"
)

// TestGeneratedEqualsZlint is the differential test over generated
// certificates, positives of every lint with a prover among them.
func TestGeneratedEqualsZlint(t *testing.T) {
	n := 300
	if os.Getenv("SELFAUDIT_FULL") != "" {
		n = 6000
	}
	certs := generate(t, n)
	requireEqualToZlint(t, certs, mustNew(t, Options{}))

	l := mustNew(t, Options{})
	found := map[string]bool{}
	for _, cert := range certs {
		for _, f := range l.Lint(Artifact{Kind: KindCert, DER: cert.der}).Findings {
			found[f.Lint] = true
		}
	}
	for name := range provers {
		if !found[name] {
			t.Errorf("no generated certificate has a finding of %s", name)
		}
	}
}

// TestProversAreUsed keeps a prover from being dropped without notice by a
// changed setting or name of zlint.
func TestProversAreUsed(t *testing.T) {
	l := mustNew(t, Options{})
	used := map[string]bool{}
	for i := range l.rules.certs {
		rule := &l.rules.certs[i]
		used[rule.Name] = rule.proves != nil && rule.instance != nil
	}
	for name := range provers {
		if !used[name] {
			t.Errorf("the prover of %s is not in use", name)
		}
	}
	l = mustNew(t, Options{Config: "[e_ecdsa_small_private_key]\nBits = 20\n"})
	for i := range l.rules.certs {
		if l.rules.certs[i].Name == "e_ecdsa_small_private_key" && l.rules.certs[i].proves != nil {
			t.Error("the prover stands although it covers 16 bits only and 20 are configured")
		}
	}
}

// TestInstancesAreReusable counts the lints that are constructed for each
// certificate: an upgrade of zlint that adds state to a lint shows up here.
func TestInstancesAreReusable(t *testing.T) {
	var fresh []string
	l := mustNew(t, Options{})
	for i := range l.rules.certs {
		if l.rules.certs[i].instance == nil {
			fresh = append(fresh, l.rules.certs[i].Name)
		}
	}
	if len(fresh) != 2 {
		t.Errorf("%d lints are constructed for each certificate, want 2: %v", len(fresh), fresh)
	}
}

func TestFermatAgreesWithFactors(t *testing.T) {
	p, err := rand.Prime(rand.Reader, 256)
	if err != nil {
		t.Fatal(err)
	}
	// n = p*q is found in the round (p+q)/2 - ceil(sqrt n), counted from 0.
	for _, shift := range []uint{2, 100, 128, 131, 132, 133, 140, 200} {
		q := new(big.Int).Add(p, new(big.Int).Lsh(big.NewInt(1), shift))
		for !q.ProbablyPrime(2) {
			q.Add(q, big.NewInt(2))
		}
		n := new(big.Int).Mul(p, q)
		middle := new(big.Int).Add(p, q)
		middle.Rsh(middle, 1)
		start := new(big.Int).Sqrt(n)
		start.Add(start, big.NewInt(1))
		round := middle.Sub(middle, start)
		if !round.IsInt64() || round.Int64() > 1<<16 {
			if !fermatFindsNothing(n, 500) {
				t.Errorf("distance 2^%d: found something in 500 rounds", shift)
			}
			continue
		}
		at := int(round.Int64())
		if !fermatFindsNothing(n, at) || fermatFindsNothing(n, at+1) {
			t.Errorf("distance 2^%d: want nothing in %d rounds and something in one more", shift, at)
		}
	}
	for n := int64(1); n < 5000; n++ { // against the definition
		for _, rounds := range []int{0, 1, 7} {
			if got, want := fermatFindsNothing(big.NewInt(n), rounds), plainFermat(n, rounds); got != want {
				t.Fatalf("n = %d, %d rounds: %v, want %v", n, rounds, got, want)
			}
		}
	}
}

func plainFermat(n int64, rounds int) bool {
	a := new(big.Int).Sqrt(big.NewInt(n)).Int64() + 1
	for i := range int64(rounds) {
		b2 := (a+i)*(a+i) - n
		b := new(big.Int).Sqrt(big.NewInt(b2)).Int64()
		if b*b == b2 {
			return false
		}
	}
	return true
}

func TestSmallFactorsAgreeWithZlint(t *testing.T) {
	for n := int64(0); n < 1000; n++ {
		if got, want := hasNoSmallFactor(big.NewInt(n)), util.PrimeNoSmallerThan752(big.NewInt(n)); got != want {
			t.Fatalf("n = %d: %v, zlint says %v", n, got, want)
		}
	}
	p, err := rand.Prime(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	if !hasNoSmallFactor(p) {
		t.Error("a large prime has a small factor")
	}
	for factor := int64(2); factor < 800; factor += 1 + factor%3 {
		n := new(big.Int).Mul(p, big.NewInt(factor))
		if got, want := hasNoSmallFactor(n), util.PrimeNoSmallerThan752(n); got != want {
			t.Errorf("factor %d: %v, zlint says %v", factor, got, want)
		}
	}
}

// TestSmallKeysAreNeverExcluded tries private keys over the whole range, both
// signs, and the edges of every window of the search.
func TestSmallKeysAreNeverExcluded(t *testing.T) {
	for curve, search := range smallKeySearches {
		requireSmallKeysStay(t, curve, search.small(), smallTable)
	}
	requireSmallKeysStay(t, elliptic.P256(), newSmallKeys(elliptic.P256(), largeTable), largeTable)
	requireSmallKeysStay(t, elliptic.P384(), newSmallKeys(elliptic.P384(), 1<<10), 1<<10)
}

func requireSmallKeysStay(t *testing.T, curve elliptic.Curve, table *smallKeys, m int) {
	t.Helper()
	if len(table.babies) != m {
		t.Errorf("%s: the table holds %d multiples, want %d", curve.Params().Name, len(table.babies), m)
	}
	ds := []int{1<<smallKeyBits - 1, 1 << smallKeyBits}
	for i := 0; i <= len(table.giants); i++ {
		for _, j := range []int{-m, -m + 1, -1, 0, 1, m - 1, m} {
			ds = append(ds, i*(2*m+1)+j)
		}
	}
	for d := 7; d < 1<<smallKeyBits; d += 1977 {
		ds = append(ds, d)
	}
	for _, d := range ds {
		if d <= 0 || d > 1<<smallKeyBits {
			continue
		}
		key := ecdsaFromScalar(curve, big.NewInt(int64(d)), d%2 == 0)
		if table.exclude(key.X, key.Y) {
			t.Errorf("%s: d = %d is excluded", curve.Params().Name, d)
		}
		if table.exclude(key.X, new(big.Int).Sub(curve.Params().P, key.Y)) {
			t.Errorf("%s: -d for d = %d is excluded", curve.Params().Name, d)
		}
	}
	excluded := 0
	for range 50 {
		d, err := rand.Int(rand.Reader, curve.Params().N)
		if err != nil {
			t.Fatal(err)
		}
		key := ecdsaFromScalar(curve, d, false)
		if table.exclude(key.X, key.Y) {
			excluded++
		}
	}
	if excluded < 49 {
		t.Errorf("%s: only %d of 50 random keys are excluded", curve.Params().Name, excluded)
	}
}

func TestCompromisedChain(t *testing.T) {
	known := map[int]bool{1: true}
	for _, step := range compromisedChain {
		if !known[step.a] || !known[max(step.b, -step.b)] {
			t.Errorf("step %d%+d uses a multiple that is not there yet", step.a, step.b)
		}
		known[step.a+step.b] = true
	}
	for _, d := range compromisedScalars {
		if !known[d] {
			t.Errorf("the chain does not reach %d", d)
		}
	}
}

// TestCompromisedKeysAreThoseOfZlint reads the keys out of zlint's source: an
// upgrade that lists another key must fail here.
func TestCompromisedKeysAreThoseOfZlint(t *testing.T) {
	module, err := zlintModule()
	if err != nil {
		t.Fatal(err)
	}
	source, err := os.ReadFile(filepath.Join(module, "lints", "community", "lint_cert_issued_by_compromised_emudhra_ca.go"))
	if err != nil {
		t.Fatal(err)
	}
	var listed []string
	for _, m := range regexp.MustCompile(`p384Key\(\s*"([0-9a-f]{96})",\s*"([0-9a-f]{96})"\)`).FindAllSubmatch(source, -1) {
		listed = append(listed, string(m[1])+string(m[2]))
	}
	var ours []string
	for _, d := range compromisedScalars {
		key := ecdsaFromScalar(elliptic.P384(), big.NewInt(int64(d)), false)
		ours = append(ours, key.X.Text(16)+key.Y.Text(16))
	}
	slices.Sort(listed)
	slices.Sort(ours)
	if !slices.Equal(listed, ours) {
		t.Errorf("zlint lists %d keys, ours are %d; they differ", len(listed), len(ours))
	}
}

// TestCompromisedSignaturesAreNeverExcluded signs with each compromised key.
func TestCompromisedSignaturesAreNeverExcluded(t *testing.T) {
	for _, d := range compromisedScalars {
		key := p384Key(t, d)
		for i := range 8 {
			digest := sha256.Sum256([]byte{byte(i), byte(d)})
			sig, err := key.Sign(rand.Reader, digest[:], nil)
			if err != nil {
				t.Fatal(err)
			}
			r, s, ok := ecdsaSignature(sig)
			if !ok {
				t.Fatal("cannot read the signature")
			}
			e := new(big.Int).SetBytes(digest[:])
			if notSignedByCompromised(r, s, e) {
				t.Errorf("a signature of the key %d is excluded", d)
			}
			other := new(big.Int).Add(e, big.NewInt(1))
			if !notSignedByCompromised(r, s, other) {
				t.Errorf("the signature of the key %d is not excluded for another digest", d)
			}
		}
	}
}

// TestShortRIsNotOfP384 looks where a point of P-384 with a short X coordinate could be
// known by its scalar: small multiples of the base point and of its half and third (half of
// secp256k1's base point is such a one), and their neighbours around the order. It also
// shows that the rule is what settles a signature of a P-256 key.
func TestShortRIsNotOfP384(t *testing.T) {
	curve := elliptic.P384()
	n := curve.Params().N
	for _, part := range []int64{1, 2, 3} {
		unit := new(big.Int).ModInverse(big.NewInt(part), n)
		for i := int64(1); i <= 200; i++ {
			k := new(big.Int).Mul(unit, big.NewInt(i))
			x, _ := curve.ScalarBaseMult(k.Mod(k, n).Bytes()) // -k has the same X
			if x.Mod(x, n).BitLen() <= shortR {
				t.Fatalf("X of %d/%d of the base point has %d bits", i, part, x.BitLen())
			}
		}
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 20 {
		digest := sha256.Sum256([]byte{byte(i)})
		sig, err := key.Sign(rand.Reader, digest[:], nil)
		if err != nil {
			t.Fatal(err)
		}
		r, s, ok := ecdsaSignature(sig)
		if e := new(big.Int).SetBytes(digest[:]); !ok || !notSignedByCompromised(r, s, e) {
			t.Errorf("a signature of a P-256 key is not excluded")
		}
	}
}

func TestIssuerProverOverZlintCorpus(t *testing.T) {
	rule := zlint.GlobalRegistry().CertificateLints().ByName("e_cert_issued_by_compromised_emudhra_ca").Lint()
	prove := proveIssuer(rule)
	applies, proved := 0, 0
	for _, cert := range zlintCorpus(t) {
		c, err := x509.ParseCertificate(cert.der)
		if err != nil {
			t.Fatal(err)
		}
		if !rule.CheckApplies(c) {
			continue
		}
		applies++
		if prove(c) {
			proved++
		}
	}
	if applies == 0 || proved < applies*9/10 {
		t.Errorf("%d of %d ECDSA-signed certificates are proved", proved, applies)
	}
}
