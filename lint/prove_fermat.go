package lint

import (
	"math/big"
	"reflect"

	"github.com/zmap/zcrypto/rsa"
	"github.com/zmap/zcrypto/x509"
)

// e_rsa_fermat_factorization looks for a square among b2 = (a+i)^2 - n for i
// below its number of rounds, a = floor(sqrt n) + 1, with a big square root per
// round. A square is a square modulo every number, so most rounds are ruled out
// by looking at b2 modulo small numbers, tracked in machine words. What is left
// is tested exactly.

// squareModuli are pairwise coprime and their product fits 64 bits; about one number in 20,000 that is not a
// square looks like one modulo all of them.
var squareModuli = [...]uint32{256, 63, 65, 11, 17, 19, 23, 29, 31, 37}

// squares[m][r] tells whether r is a square modulo squareModuli[m].
var squares = func() (tables [len(squareModuli)][256]bool) {
	for i, m := range squareModuli {
		for r := range m {
			tables[i][r*r%m] = true
		}
	}
	return tables
}()

// proveFermat is the prover of e_rsa_fermat_factorization.
func proveFermat(instance any) func(*x509.Certificate) bool {
	rounds, ok := intSetting(instance, "Rounds")
	if !ok || rounds < 0 || rounds > 1<<20 {
		return nil
	}
	return func(c *x509.Certificate) bool {
		key, ok := c.PublicKey.(*rsa.PublicKey)
		return ok && key.N.Sign() > 0 && fermatFindsNothing(key.N, int(rounds))
	}
}

// fermatFindsNothing is true exactly when Fermat's method with that many rounds
// does not factor n > 0.
func fermatFindsNothing(n *big.Int, rounds int) bool {
	a := new(big.Int).Sqrt(n)
	a.Add(a, big.NewInt(1))
	var aMod, nMod [len(squareModuli)]uint32
	product := uint64(1)
	for _, m := range squareModuli {
		product *= uint64(m)
	}
	modulus := new(big.Int).SetUint64(product)
	aRest, nRest := new(big.Int).Mod(a, modulus).Uint64(), new(big.Int).Mod(n, modulus).Uint64()
	for i, m := range squareModuli {
		aMod[i], nMod[i] = uint32(aRest%uint64(m)), uint32(nRest%uint64(m))
	}
	for round := range rounds {
		if looksSquare(&aMod, &nMod) && isSquareAt(a, n, round) {
			return false
		}
		for i, m := range squareModuli {
			if aMod[i]++; aMod[i] == m {
				aMod[i] = 0
			}
		}
	}
	return true
}

// looksSquare tells whether a^2 - n is a square modulo all moduli.
func looksSquare(aMod, nMod *[len(squareModuli)]uint32) bool {
	for i, m := range squareModuli {
		if !squares[i][(aMod[i]*aMod[i]+m-nMod[i])%m] {
			return false
		}
	}
	return true
}

// isSquareAt tells exactly whether (a+round)^2 - n is a square.
func isSquareAt(a, n *big.Int, round int) bool {
	b2 := new(big.Int).Add(a, big.NewInt(int64(round)))
	b2.Mul(b2, b2).Sub(b2, n)
	root := new(big.Int).Sqrt(b2)
	return root.Mul(root, root).Cmp(b2) == 0
}

// intSetting reads a whole-number setting of a configured lint by its field name.
func intSetting(instance any, name string) (int64, bool) {
	value := reflect.Indirect(reflect.ValueOf(instance))
	if value.Kind() != reflect.Struct {
		return 0, false
	}
	setting := value.FieldByName(name)
	if !setting.IsValid() || !setting.CanInt() {
		return 0, false
	}
	return setting.Int(), true
}
