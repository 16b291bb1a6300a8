package lint

import "math/big"

// compromisedScalars are the private keys of the eight P-384 issuing CAs that
// e_cert_issued_by_compromised_emudhra_ca lists (Mozilla bug 2083449: all were
// below 256). A test holds them against the public keys in zlint's source.
var compromisedScalars = []int{4, 56, 66, 115, 155, 156, 230, 237}

// compromisedChain is an addition chain over the scalars: each step's multiple
// is the sum of two earlier ones; a negative term is subtracted.
var compromisedChain = []struct{ a, b int }{
	{1, 1}, {2, 2}, {4, 4}, {8, 8}, {16, 16}, {32, 32}, {64, 64}, // up to 128
	{8, -1},            // 7
	{32, -4}, {28, 28}, // 28, 56
	{56, 1}, {57, 57}, // 57, 114
	{114, 1},             // 115
	{115, 115},           // 230
	{64, 2},              // 66
	{128, 28}, {156, -1}, // 156, 155
	{230, 7}, // 237
}

// jacobian is a point (X/Z^2, Y/Z^3).
type jacobian struct{ x, y, z big.Int }

// excludes is true when none of A + dB, for d in compromisedScalars, has one of
// the X coordinates. False says nothing. A and B are not the point at infinity.
func (f *field) excludes(a, b affine, xs []*big.Int) bool {
	var known [256]*jacobian
	one := &jacobian{}
	one.x.Set(b.x)
	one.y.Set(b.y)
	one.z.SetInt64(1)
	known[1] = one
	for _, step := range compromisedChain {
		sum := new(jacobian)
		switch {
		case step.a == step.b:
			f.double(sum, known[step.a])
		case step.b < 0:
			negative := *known[-step.b]
			negative.y = big.Int{}
			f.sub(&negative.y, f.p, &known[-step.b].y) // no point of prime order has y = 0
			f.addJacobian(sum, known[step.a], &negative)
		default:
			f.addJacobian(sum, known[step.a], known[step.b])
		}
		known[step.a+step.b] = sum
	}
	for _, d := range compromisedScalars {
		if !f.misses(known[d], a, xs) {
			return false
		}
	}
	return true
}

// misses is true when X(P+A) is none of xs. It is false also where P and A have
// the same X, where the formula does not hold.
func (f *field) misses(p *jacobian, a affine, xs []*big.Int) bool {
	var zz, h, r, hh, x3, v, z3, t big.Int
	f.mul(&zz, &p.z, &p.z)
	f.sub(&h, f.mul(&h, a.x, &zz), &p.x)
	if h.Sign() == 0 {
		return false
	}
	f.mul(&r, a.y, &zz)
	f.mul(&r, &r, &p.z)
	f.sub(&r, &r, &p.y)
	f.mul(&hh, &h, &h)
	f.mul(&v, &p.x, &hh)
	f.mul(&x3, &r, &r) // r^2 - h^3 - 2*x*h^2
	f.sub(&x3, &x3, f.mul(&t, &hh, &h))
	f.sub(&x3, &x3, &v)
	f.sub(&x3, &x3, &v)
	f.mul(&z3, &zz, &hh) // Z3^2
	for _, x := range xs {
		if f.mul(&t, x, &z3).Cmp(&x3) == 0 {
			return false
		}
	}
	return true
}

// double sets z = 2p on a curve with a = -3.
func (f *field) double(z, p *jacobian) {
	var delta, gamma, beta, alpha, t big.Int
	f.mul(&delta, &p.z, &p.z)
	f.mul(&gamma, &p.y, &p.y)
	f.mul(&beta, &p.x, &gamma)
	f.mul(&alpha, f.sub(&alpha, &p.x, &delta), f.add(&t, &p.x, &delta))
	f.add(&t, &alpha, &alpha)
	f.add(&alpha, &t, &alpha) // 3(x-z^2)(x+z^2)
	f.add(&beta, &beta, &beta)
	f.add(&beta, &beta, &beta) // 4xy^2
	f.mul(&z.x, &alpha, &alpha)
	f.sub(&z.x, &z.x, &beta)
	f.sub(&z.x, &z.x, &beta)
	f.mul(&z.z, &p.y, &p.z)
	f.add(&z.z, &z.z, &z.z)
	f.mul(&gamma, &gamma, &gamma)
	f.add(&gamma, &gamma, &gamma)
	f.add(&gamma, &gamma, &gamma)
	f.add(&gamma, &gamma, &gamma) // 8y^4
	f.mul(&z.y, &alpha, f.sub(&t, &beta, &z.x))
	f.sub(&z.y, &z.y, &gamma)
}

// addJacobian sets z = p+q for points with different X. The chain adds only
// different multiples below 256 of a point of large prime order.
func (f *field) addJacobian(z, p, q *jacobian) {
	var pp, qq, u1, s1, h, r, hh, v, t big.Int
	f.mul(&pp, &p.z, &p.z)
	f.mul(&qq, &q.z, &q.z)
	f.mul(&u1, &p.x, &qq)
	f.sub(&h, f.mul(&h, &q.x, &pp), &u1)
	f.mul(&s1, &p.y, f.mul(&t, &qq, &q.z))
	f.mul(&r, &q.y, f.mul(&t, &pp, &p.z))
	f.sub(&r, &r, &s1)
	f.mul(&hh, &h, &h)
	f.mul(&v, &u1, &hh)
	f.mul(&t, &hh, &h) // h^3
	f.mul(&z.x, &r, &r)
	f.sub(&z.x, &z.x, &t)
	f.sub(&z.x, &z.x, &v)
	f.sub(&z.x, &z.x, &v)
	f.mul(&s1, &s1, &t)
	f.mul(&z.y, &r, f.sub(&t, &v, &z.x))
	f.sub(&z.y, &z.y, &s1)
	f.mul(&z.z, &p.z, &q.z)
	f.mul(&z.z, &z.z, &h)
}
