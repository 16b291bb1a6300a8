package sampler

// Counted writes a number with the right form of its noun: "1 log", "2,300 logs". one and many
// are what follows the number, which may be more than the noun: "log was", "logs were".
func Counted[N int | int64 | uint64](n N, one, many string) string {
	switch {
	case n == 1:
		return "1 " + one
	case n < 0:
		return "-" + unsigned(-uint64(n)) + " " + many
	}
	return unsigned(uint64(n)) + " " + many
}
