package crtsh

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"slices"

	"selfaudit/internal/auditdir"
	"selfaudit/internal/jsonlines"
	"selfaudit/sampler"
)

// Folder is where answers are kept, below the audit's folder.
const Folder = "work/crtsh"

const questionFile = Folder + "/question.json"

const questionSchema = "selfaudit.crtsh-question/v1"

// asked is question.json: what is being asked, and which of crt.sh's CAs it concerns.
// It is written when all of them are known, before the first certificate.
type asked struct {
	Schema  string        `json:"schema"`
	Server  string        `json:"server"`
	From    string        `json:"not_before_from"`
	Until   string        `json:"not_before_until"`
	Issuers []askedIssuer `json:"issuers"`
	AskedAt string        `json:"asked_at"`
}

type askedIssuer struct {
	Key          string   `json:"key_sha256"`
	Keys         []string `json:"spki_sha256"`
	Certificates []string `json:"certificate_sha256"`
	CAs          []int64  `json:"ca_ids"`
}

// Begun says whether an audit has begun to ask crt.sh.
func Begun(dir auditdir.Dir) bool { return dir.Has(questionFile) }

func (q Question) document() asked {
	a := asked{Schema: questionSchema, Server: q.Server, From: sampler.FormatTime(q.From), Until: sampler.FormatTime(q.Until), AskedAt: q.AskedAt}
	hexes := func(list [][32]byte) []string {
		out := []string{}
		for _, h := range list {
			out = append(out, hex.EncodeToString(h[:]))
		}
		slices.Sort(out)
		return slices.Compact(out)
	}
	for _, iss := range q.Issuers {
		a.Issuers = append(a.Issuers, askedIssuer{Key: iss.Key.String(), Keys: hexes(iss.Keys), Certificates: hexes(iss.Certificates), CAs: []int64{}})
	}
	return a
}

// same says whether two questions have the same answer: all but when and by which CAs.
func (a asked) same(b asked) bool {
	plain := func(q asked) asked {
		q.AskedAt = ""
		q.Issuers = slices.Clone(q.Issuers)
		for i := range q.Issuers {
			q.Issuers[i].CAs = nil
		}
		return q
	}
	one, err1 := json.Marshal(plain(a))
	two, err2 := json.Marshal(plain(b))
	return err1 == nil && err2 == nil && bytes.Equal(one, two)
}

// resume returns what was asked before if it is the same question. The answers to another
// one are removed: they are of another server, period or other issuers.
func resume(dir auditdir.Dir, q asked) (old asked, ok bool, err error) {
	raw, err := dir.Read(questionFile)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return old, false, err
	default:
		if jsonlines.Decode(raw, &old) == nil && old.same(q) && old.check() == nil {
			return old, true, nil
		}
	}
	return asked{}, false, Forget(dir)
}

// check refuses what this program would not have written; times are parsed later on.
func (a asked) check() error {
	if _, err := sampler.ParseTime(a.AskedAt); err != nil {
		return err
	}
	for _, iss := range a.Issuers {
		for _, id := range iss.CAs {
			if id < 0 {
				return fmt.Errorf("CA %d", id)
			}
		}
	}
	return nil
}

// Forget removes all answers.
func Forget(dir auditdir.Dir) error { return os.RemoveAll(dir.Path(Folder)) }

func (a asked) save(dir auditdir.Dir) error {
	raw, err := json.MarshalIndent(a, "", "  ")
	if err != nil {
		return err
	}
	return dir.WriteOnce(questionFile, append(raw, '\n'))
}

// ids are the CAs in the order in which they are asked about, each once.
func (a asked) ids() []int64 {
	var out []int64
	for _, iss := range a.Issuers {
		for _, id := range iss.CAs {
			if !slices.Contains(out, id) {
				out = append(out, id)
			}
		}
	}
	return out
}

func caFolder(ca int64) string { return path.Join(Folder, fmt.Sprintf("ca-%d", ca)) }

func pageName(ca int64, number int) string {
	return path.Join(caFolder(ca), fmt.Sprintf("%08d.page", number))
}
