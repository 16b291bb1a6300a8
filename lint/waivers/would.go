package waivers

// Would is Match without counting: which waiver would hold for a finding that is not one of
// the sample's.
func (s *Set) Would(f Finding) string {
	if s == nil {
		return ""
	}
	for i, w := range s.waivers {
		if w.lint == f.Lint && !w.expired && w.holds(f) {
			return s.uses[i].ID
		}
	}
	return ""
}
