// Package evidence makes the package of an audit that an auditor takes home, and
// verifies one: Seal copies an audit folder's documents into a BagIt 1.0 bag (RFC 8493)
// and a deterministic zip of it; Verify checks such a bag or zip and derives again
// what the documents in it say.
//
// The format is written down in docs/format-package.md. Verify needs neither the audit
// folder, nor a configuration, nor a network. A package comes from somebody else, so
// nothing in it is trusted: names, sizes, compression, every document and every
// certificate are checked before they are used, and nothing is extracted.
//
// Hashes alone prove little, because whoever changes a document can compute all
// manifests again. So Verify goes on from the commitment: the population against the
// commitment, the strata against the rules, the sample against the beacon, the
// certificates against the sample and their issuers, the logs' proofs against the
// signed tree heads, and lint results, problem lists, numbers and workbook against all
// of those. What only the auditor can know is printed as "compare", never as "ok".
package evidence
