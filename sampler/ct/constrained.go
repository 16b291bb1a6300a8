package ct

import "slices"

// OIDs of what constrains a CA certificate (RFC 5280 sections 4.2.1.10 and 4.2.1.12).
const (
	oidNameConstraints = "2.5.29.30"
	oidAnyEKU          = "2.5.29.37.0"
	oidServerAuth      = "1.3.6.1.5.5.7.3.1"
	oidEmailProtection = "1.3.6.1.5.5.7.3.4"
)

// Constrained says by what a CA certificate is technically constrained (BR 1.6.1): key
// purposes without serverAuth (BR 7.1.2.3), or name constraints beside serverAuth (BR
// 7.1.2.5), or beside emailProtection (SBR 7.1.5). It is "" for a CA certificate that is
// not constrained. Whether the names permitted are the right ones is not decided here.
func (c *Certificate) Constrained() string {
	purposes := c.EKUs()
	if len(purposes) == 0 || slices.Contains(purposes, oidAnyEKU) {
		return ""
	}
	names := c.Extension(oidNameConstraints) != nil
	switch {
	case slices.Contains(purposes, oidServerAuth) && names:
		return "extendedKeyUsage with serverAuth and name constraints (BR 7.1.2.5)"
	case slices.Contains(purposes, oidServerAuth):
		return ""
	case slices.Contains(purposes, oidEmailProtection) && names:
		return "extendedKeyUsage with emailProtection and name constraints (SBR 7.1.5)"
	}
	return "extendedKeyUsage without serverAuth (BR 7.1.2.3)"
}
