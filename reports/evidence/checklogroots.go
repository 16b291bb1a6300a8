package evidence

import (
	"encoding/hex"
	"fmt"
	"strings"

	"selfaudit/sampler"
	"selfaudit/sampler/loglist"
)

const rootsFolder = "ct/roots"

// checkLogRoots checks why logs were skipped for having no root of the CA: the document about
// it is the one that the snapshot names; the certificates that it compares with are all of
// the issuers and lead to a root; and the answer of every skipped log is here and has none of
// them. union are the log lists, nil without any. The document is returned if it is right.
func (v *verifier) checkLogRoots(union *loglist.List) *loglist.RootsDocument {
	const name = "log roots"
	var bad failures
	hash := ""
	for _, n := range v.docs.snapshot.Notes {
		if rest, ok := strings.CutPrefix(n, LogRootsNote); ok && hash == "" {
			if _, after, ok := strings.Cut(rest, "; "+LogRootsFile+" has "+LogListHash+" "); ok && isHex64(after) {
				hash = after
			}
		}
	}
	answers := v.data.in(rootsFolder)
	switch has := v.data.has(LogRootsFile); {
	case !has && hash == "":
		if len(answers) > 0 {
			v.fail(name, "%s: there is no %s to which it belongs", answers[0], LogRootsFile)
		}
		return nil
	case !has:
		v.fail(name, "snapshot.json names %s with SHA-256 %s, but it is missing", LogRootsFile, hash)
		return nil
	case hash == "":
		v.fail(name, "%s: snapshot.json does not name it", LogRootsFile)
		return nil
	case union == nil:
		v.fail(name, "%s: no log list names the logs that were asked", LogRootsFile)
		return nil
	}
	doc, ca, err := v.readLogRoots(hash)
	if err != nil {
		v.fail(name, "%v", err)
		return nil
	}
	belongs := map[string]bool{}
	skipped := 0
	for i := range doc.Logs {
		l := &doc.Logs[i]
		err := v.askedLog(union, l)
		if l.Outcome == loglist.RootsSkipped {
			skipped++
			belongs[rootsFolder+"/"+l.SHA256+".json"] = true
			if err == nil {
				err = v.skippedLog(ca, l)
			}
		}
		if err != nil {
			bad.add("log %s: %v", l.LogID, err)
		}
	}
	for _, file := range answers {
		if !belongs[file] {
			bad.add("%s: no log in %s gave it", file, LogRootsFile)
		}
	}
	if !bad.close(v, name, "%d logs were asked for the roots that they accept; the answers of %d that were not read have none of the %d certificates of the CA and above it, nor their keys and names",
		len(doc.Logs), skipped, len(ca.List())) {
		return nil
	}
	return doc
}

// readLogRoots reads the document and the certificates in it, which must be enough to say
// that a log has no root of the CA.
func (v *verifier) readLogRoots(hash string) (*loglist.RootsDocument, *loglist.CASet, error) {
	raw, err := v.data.ReadFile(LogRootsFile)
	if err != nil {
		return nil, nil, err
	}
	if got := sampler.HashDoc(raw).String(); got != hash {
		return nil, nil, fmt.Errorf("%s is not the one that snapshot.json names: its SHA-256 is %s, not %s", LogRootsFile, got, hash)
	}
	doc, err := loglist.ParseRootsDocument(raw)
	if err != nil {
		return nil, nil, fmt.Errorf("ct/%w", err)
	}
	ca, err := loglist.NewCASet(doc.CA)
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", LogRootsFile, err)
	}
	withDER := map[string]bool{}
	for _, c := range ca.List() {
		withDER[c.SHA256] = len(c.DER) > 0
	}
	for _, iss := range v.docs.snapshot.Issuers {
		for _, c := range iss.Certificates {
			switch {
			case !withDER[c.String()]:
				return nil, nil, fmt.Errorf("%s: the answers were not compared with certificate %s of issuer %s", LogRootsFile, c, iss.Label)
			case !ca.Rooted(c.String()):
				return nil, nil, fmt.Errorf("%s: no root is known above certificate %s of issuer %s", LogRootsFile, c, iss.Label)
			}
		}
	}
	return doc, ca, nil
}

// askedLog checks that a log was asked where the lists say that it takes certificates.
func (v *verifier) askedLog(union *loglist.List, l *loglist.RootsAnswer) error {
	id, err := hex.DecodeString(l.LogID)
	if err != nil || len(id) != 32 {
		return fmt.Errorf("bad log id") // cannot happen: the document was checked
	}
	entry := union.ByID([32]byte(id))
	if entry == nil {
		return fmt.Errorf("no log list has it")
	}
	if want := entry.Prefix(); l.URL != want {
		return fmt.Errorf("%q was asked, the log list says %q", l.URL, want)
	}
	return nil
}

// skippedLog derives again that a log's answer has nothing of the CA, that the log was not
// read, and that the snapshot says so.
func (v *verifier) skippedLog(ca *loglist.CASet, l *loglist.RootsAnswer) error {
	file := rootsFolder + "/" + l.SHA256 + ".json"
	raw, err := v.data.ReadFile(file)
	if err != nil {
		return err
	}
	roots, err := loglist.ParseRoots(raw)
	if err == nil && sampler.HashDoc(raw).String() != l.SHA256 {
		err = fmt.Errorf("its SHA-256 is not that of its name")
	}
	if err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	if len(roots) != l.Certificates {
		return fmt.Errorf("%s has %d certificates, %s says %d", file, len(roots), LogRootsFile, l.Certificates)
	}
	if i := ca.Match(roots); i >= 0 {
		return fmt.Errorf("it was skipped, but certificate %s in %s is of the CA, or has a key or name of it", sampler.HashCert(roots[i]), file)
	}
	for _, read := range v.docs.snapshot.Logs {
		if read.LogID == l.LogID && fromList(&read) {
			return fmt.Errorf("it is said to be skipped, but snapshot.json has it")
		}
	}
	for _, n := range v.docs.snapshot.Notes {
		if strings.HasPrefix(n, LogRootsNote+" not read: ") && strings.Contains(n, "("+l.LogID+")") && strings.HasSuffix(n, LogListHash+" "+l.SHA256) {
			return nil
		}
	}
	return fmt.Errorf("it was skipped, and snapshot.json does not say so")
}
