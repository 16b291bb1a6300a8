package collect

// keySieve holds back almost all key hashes that are not in a set, by a look at one bit, where a map hashes all 32 bytes again. What
// passes it may be in the set.
type keySieve [1 << 12 / 64]uint64

func (s *keySieve) bit(h *[32]byte) (word *uint64, mask uint64) {
	n := (uint(h[0])<<8 | uint(h[1])) >> 4
	return &s[n/64], 1 << (n % 64)
}

func (s *keySieve) add(h [32]byte) {
	word, mask := s.bit(&h)
	*word |= mask
}

// hasKey says whether an audited issuer has the key with this hash. It is asked of every
// precertificate entry of a log.
func (s *Issuers) hasKey(h [32]byte) bool {
	word, mask := s.sieve.bit(&h)
	return *word&mask != 0 && s.byKey[h] != nil
}
