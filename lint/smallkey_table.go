package lint

import (
	"crypto/elliptic"
	"math/big"
)

// newSmallKeys builds a curve's table with a number of baby steps, a power of
// two. The curve is one of NIST's (a = -3).
func newSmallKeys(curve elliptic.Curve, babySteps int) *smallKeys {
	params := curve.Params()
	keys := &smallKeys{p: params.P, babies: make(map[uint64]struct{}, babySteps)}
	for _, point := range multiples(params, babySteps) {
		keys.babies[point.x.Uint64()] = struct{}{}
	}
	stride := 2*babySteps + 1
	for covered := babySteps; covered < 1<<smallKeyBits; covered += stride {
		i := len(keys.giants) + 1
		x, y := curve.ScalarBaseMult(big.NewInt(int64(i * stride)).Bytes())
		keys.giants = append(keys.giants, affine{x, y})
	}
	return keys
}

// multiples returns 1G ... count*G; count is a power of two. Each pass doubles
// the list: (k+i)G = kG + iG for i < k and 2kG = kG + kG, with one inversion
// for the whole pass.
func multiples(params *elliptic.CurveParams, count int) []affine {
	f := newField(params.P)
	three := big.NewInt(3)
	points := make([]affine, 1, count)
	points[0] = affine{params.Gx, params.Gy}
	var numerator, slope big.Int
	for len(points) < count {
		k := len(points)
		top := points[k-1]
		inverses := make([]*big.Int, k)
		for i := range k - 1 {
			inverses[i] = f.sub(new(big.Int), points[i].x, top.x)
		}
		inverses[k-1] = f.add(new(big.Int), top.y, top.y)
		f.invertAll(inverses) // no denominator is zero: 1G ... kG have different X, and no Y is 0
		for i := range k {
			if i == k-1 {
				f.mul(&numerator, top.x, top.x) // 3x^2 - 3
				f.mul(&numerator, &numerator, three)
				f.sub(&numerator, &numerator, three)
			} else {
				f.sub(&numerator, points[i].y, top.y)
			}
			f.mul(&slope, &numerator, inverses[i])
			x := f.thirdX(new(big.Int), &slope, top.x, points[i].x)
			y := f.sub(new(big.Int), top.x, x)
			f.sub(y, f.mul(y, y, &slope), top.y)
			points = append(points, affine{x, y})
		}
	}
	return points
}
