// Package ct is Certificate Transparency as data: Merkle trees, signed tree
// heads, log entries, the shallow view of a certificate that a harvest needs,
// and the signatures that tie them together. It performs no input or output and
// reads no clock; fetching lives in sampler/ctlog.
//
// Both read protocols are covered: RFC 6962 ("get-entries") and static-ct-api
// (tiles, c2sp.org/static-ct-api). A tree head, a leaf and a leaf hash mean the
// same in both.
//
// Everything parsed here may come from a hostile or broken server. Log formats
// are parsed strictly: wrong counts, trailing bytes and lengths past the end are
// errors. Certificates are parsed tolerantly: a log entry that a strict X.509
// parser refuses still belongs to its issuer and must still be counted, so a
// certificate is refused only when its serial number, issuer, subject public key
// or signature cannot be located.
package ct
