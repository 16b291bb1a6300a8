// Package logs runs real Certificate Transparency logs inside the test process:
// certificate-transparency-go's front end over Trillian (RFC 6962), and logs whose
// tiles are written by tessera (static-ct-api). Both take submissions while they are
// being read, and both run on a clock that the test moves.
package logs
