package lint

import "math/big"

// field is arithmetic modulo a prime with scratch space of its own. It is for
// one goroutine at a time. Nothing here is secret, so nothing is constant time.
type field struct {
	p              *big.Int
	product, other big.Int
}

func newField(p *big.Int) *field { return &field{p: p} }

// mul sets z = a*b mod p and returns z; the arguments may be the same.
func (f *field) mul(z, a, b *big.Int) *big.Int {
	f.product.Mul(a, b)
	f.other.QuoRem(&f.product, f.p, z)
	return z
}

// sub sets z = a-b mod p for reduced a and b and returns z.
func (f *field) sub(z, a, b *big.Int) *big.Int {
	z.Sub(a, b)
	if z.Sign() < 0 {
		z.Add(z, f.p)
	}
	return z
}

// add sets z = a+b mod p for reduced a and b and returns z.
func (f *field) add(z, a, b *big.Int) *big.Int {
	z.Add(a, b)
	if z.Cmp(f.p) >= 0 {
		z.Sub(z, f.p)
	}
	return z
}

// invertAll replaces every value by its inverse with one inversion and three
// multiplications per value (Montgomery's trick). It is false, with the values
// unchanged, when one of them is zero.
func (f *field) invertAll(values []*big.Int) bool {
	if len(values) == 0 {
		return true
	}
	before := make([]big.Int, len(values)) // before[i]: product of the values up to i
	before[0].Set(values[0])
	for i := 1; i < len(values); i++ {
		f.mul(&before[i], &before[i-1], values[i])
	}
	last := len(values) - 1
	inverse := new(big.Int)
	if before[last].Sign() == 0 || inverse.ModInverse(&before[last], f.p) == nil {
		return false
	}
	var scratch big.Int
	for i := last; i > 0; i-- {
		f.mul(&scratch, inverse, &before[i-1])
		f.mul(inverse, inverse, values[i])
		values[i].Set(&scratch)
	}
	values[0].Set(inverse)
	return true
}
