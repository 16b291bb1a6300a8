// Package checks holds our own checks of certificates: what zlint cannot see because it
// looks at one certificate alone (issuer name, key identifier, signature, validity of the
// issuer, precertificate, serial numbers), and what we count ourselves (validity in
// seconds by the limit of the day, type of certificate against subject).
//
// In an audit, an artifact's Surroundings bring what is known around it: issuers, other
// certificates of the same serial number, keys of CT logs.
//
// Set goes into lint.Options.Checks and judges certificate by certificate. Pairs is fed
// with certificates one after the other and compares those that belong together. Names,
// citations and severities of the findings stand in package lint, with those of all rules.
package checks
