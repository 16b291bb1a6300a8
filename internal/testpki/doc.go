// Package testpki builds certificates for tests: roots, issuing CAs, cross-signed
// twins, Precertificate Signing Certificates, and precertificates with their
// matching final certificates. Everything follows from the seeds, names and times
// given, so the same calls give the same bytes on every machine.
//
// Certificates are assembled octet by octet rather than with crypto/x509, because
// half of what the tests need is what crypto/x509 refuses to make: odd serial
// numbers, broken validity, duplicate extensions, hostile names.
//
// The package is for tests: a wrong argument panics.
package testpki
