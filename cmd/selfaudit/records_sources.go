package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"

	"selfaudit/internal/config"
	"selfaudit/sampler"
	"selfaudit/sampler/collect"
	"selfaudit/sampler/records"
)

// recordsOptions turns one [[records]] into what the reader needs.
func recordsOptions(r config.Records) (records.Options, error) {
	zone, err := config.ParseZone(r.TimeZone)
	if err != nil {
		return records.Options{}, err
	}
	o := records.Options{Kind: r.Kind, SerialFormat: r.SerialFormat, TimeFormat: r.TimeFormat, TimeZone: zone, Columns: r.Columns, Issuer: r.Issuer, Delimiter: records.Delimiters[r.Delimiter]}
	if r.Encoding != "auto" {
		o.Encoding = r.Encoding
	}
	return o, nil
}

// openRecords looks at every configured export.
func openRecords(ctx context.Context, cfg *config.Config, issuers *collect.Issuers) ([]collect.Records, error) {
	var out []collect.Records
	for i, r := range cfg.Records {
		one, err := openRecord(ctx, cfg, issuers, r)
		if err != nil {
			return nil, &exitError{code: exitUsage, id: "records_unusable", err: fmt.Errorf("[[records]] number %d, %q: %w", i+1, r.Path, err),
				hint: "`selfaudit records` shows the first rows, what was made of them, and a mapping to paste"}
		}
		out = append(out, one)
	}
	return out, nil
}

func openRecord(ctx context.Context, cfg *config.Config, issuers *collect.Issuers, r config.Records) (collect.Records, error) {
	o, err := recordsOptions(r)
	if err != nil {
		return collect.Records{}, err
	}
	e, err := records.Open(ctx, cfg.Resolve(r.Path), o)
	if err != nil {
		return collect.Records{}, err
	}
	if err := e.Check(); err != nil {
		return collect.Records{}, err
	}
	texts, err := issuerTexts(cfg, issuers, r)
	if err != nil {
		return collect.Records{}, err
	}
	covers, err := coveredIssuers(texts, issuers, r)
	if err != nil {
		return collect.Records{}, err
	}
	about := sampler.SnapshotRecords{Path: r.Path, Kind: e.Kind, Notes: e.Notes}
	if e.Kind == records.KindCSV {
		about.Mapping = &sampler.RecordsMapping{Encoding: e.Encoding, Delimiter: e.Delimiter, SerialFormat: e.SerialFormat, TimeFormat: r.TimeFormat, TimeZone: r.TimeZone, Columns: r.Columns}
	}
	return collect.Records{Export: e, Issuers: texts, Settings: recordsText(r), About: about, Covers: covers}, nil
}

// recordsText is all of a [[records]] that decides how rows are read.
func recordsText(r config.Records) string {
	text, err := json.Marshal(struct {
		Path, Kind, Encoding, Delimiter, SerialFormat, TimeFormat, TimeZone, Issuer string
		Columns, Issuers                                                            map[string]string
		Covers                                                                      []string
	}{r.Path, r.Kind, r.Encoding, r.Delimiter, r.SerialFormat, r.TimeFormat, r.TimeZone, r.Issuer, r.Columns, r.Issuers, r.Covers})
	if err != nil {
		return err.Error() // cannot be: texts and maps of texts
	}
	return string(text)
}

// issuerTexts is how the audited issuers are found by what the export calls them.
func issuerTexts(cfg *config.Config, issuers *collect.Issuers, r config.Records) (*collect.IssuerTexts, error) {
	files := map[sampler.KeyHash][]string{}
	for _, i := range cfg.Issuers {
		for _, path := range i.Certificates {
			ders, err := issuerCertificates(cfg.Resolve(path))
			if err != nil {
				return nil, err
			}
			for _, der := range ders {
				if iss := issuers.Of(der); iss != nil {
					files[iss.Key] = append(files[iss.Key], path)
				}
			}
		}
	}
	texts := collect.NewIssuerTexts(issuers, files)
	for _, text := range slices.Sorted(maps.Keys(r.Issuers)) {
		if err := texts.Map(text, r.Issuers[text]); err != nil {
			return nil, fmt.Errorf("[records.issuers] %q: %w", text, err)
		}
	}
	if r.Issuer != "" {
		if _, ok, err := texts.Find(r.Issuer); err != nil || !ok {
			return nil, fmt.Errorf("issuer = %q: %w", r.Issuer, cmp.Or(err, errors.New("no audited issuer is called that")))
		}
	}
	return texts, nil
}

// coveredIssuers are the issuers that the export is declared complete for; nil means those
// that it has rows of.
func coveredIssuers(texts *collect.IssuerTexts, issuers *collect.Issuers, r config.Records) ([]sampler.KeyHash, error) {
	if len(r.Covers) == 0 {
		return nil, nil
	}
	var out []sampler.KeyHash
	for _, name := range r.Covers {
		if name == "all" {
			for _, iss := range issuers.List() {
				out = append(out, iss.Key)
			}
			continue
		}
		key, ok, err := texts.Find(name)
		if err == nil && !ok {
			err = errors.New("no audited issuer is called that")
		}
		if err != nil {
			return nil, fmt.Errorf("covers %q: %w", name, err)
		}
		out = append(out, key)
	}
	slices.SortFunc(out, func(a, b sampler.KeyHash) int { return bytes.Compare(a[:], b[:]) })
	return slices.Compact(out), nil
}

// stratumRules turns the [[stratum]] tables into rules.
func stratumRules(cfg *config.Config, issuers *collect.Issuers) ([]sampler.SnapshotStratumRule, error) {
	var out []sampler.SnapshotStratumRule
	if len(cfg.Strata) == 0 {
		return nil, nil
	}
	texts, err := issuerTexts(cfg, issuers, config.Records{})
	if err != nil {
		return nil, err
	}
	for i, s := range cfg.Strata {
		rule := sampler.SnapshotStratumRule{Class: sampler.Class(s.Class), Label: s.Label, RateBP: s.RateBP, Floor: s.Floor}
		if s.Issuer != "" {
			key, ok, err := texts.Find(s.Issuer)
			if err == nil && !ok {
				err = errors.New("no audited issuer is called that")
			}
			if err != nil {
				return nil, usageErrorf("name it by its label, file or key hash", "%s: [[stratum]] number %d: issuer %q: %w", cfg.File, i+1, s.Issuer, err)
			}
			rule.Issuer = key
		}
		out = append(out, rule)
	}
	return out, nil
}

// exclusion is one [[records.exclude]] with the item that it names.
type exclusion struct {
	item sampler.ItemID
	sampler.SnapshotExclusion
}

// exclusions reads the [[records.exclude]] tables. Serial numbers are written as in the
// export, or in hex.
func exclusions(cfg *config.Config, issuers *collect.Issuers, saved []sampler.SnapshotRecords) ([]exclusion, error) {
	var out []exclusion
	seen := map[sampler.ItemID]bool{}
	for i, r := range cfg.Records {
		if len(r.Excludes) == 0 {
			continue
		}
		texts, err := issuerTexts(cfg, issuers, r)
		if err != nil {
			return nil, err
		}
		format := records.SerialHex
		if i < len(saved) && saved[i].Mapping != nil && saved[i].Mapping.SerialFormat != "" {
			format = saved[i].Mapping.SerialFormat
		}
		for n, x := range r.Excludes {
			what := fmt.Sprintf("[[records.exclude]] number %d of %q", n+1, r.Path)
			serial, err := records.ParseSerial(x.Serial, format)
			if err != nil {
				return nil, usageErrorf("write it as the export does: "+format, "%s: serial: %w", what, err)
			}
			key, ok, err := texts.Find(x.Issuer)
			if err == nil && !ok {
				err = errors.New("no audited issuer is called that")
			}
			if err != nil {
				return nil, usageErrorf("", "%s: issuer %q: %w", what, x.Issuer, err)
			}
			id := sampler.ItemID{Issuer: key, Serial: serial}
			if seen[id] {
				return nil, usageErrorf("", "%s: the item %s is named twice", what, id)
			}
			seen[id] = true
			out = append(out, exclusion{id, sampler.SnapshotExclusion{Serial: serial, Issuer: key, Reason: x.Reason, ApprovedBy: x.ApprovedBy}})
		}
	}
	slices.SortFunc(out, func(a, b exclusion) int { return a.item.Compare(b.item) })
	return out, nil
}

// provenance is what the configuration says of where an export is from.
func provenance(r config.Records) sampler.RecordsProvenance {
	given := func(n int64) *int64 {
		if n == config.NotGiven {
			return nil
		}
		return &n
	}
	return sampler.RecordsProvenance{System: r.System, Query: r.Query, Operator: r.Operator, ExtractedAt: sampler.FormatTime(r.ExtractedAt),
		Rows: given(r.Rows), CounterFirst: given(r.CounterFirst), CounterLast: given(r.CounterLast)}
}

// recordsPlan says what a plan has to say of the CA's own records.
func recordsPlan(cfg *config.Config) []string {
	if len(cfg.Records) == 0 {
		return []string{"there is no [[records]]: the population will not be compared with the CA's own issuance records (`selfaudit records EXPORT` shows how to add them)"}
	}
	var notes []string
	for _, r := range cfg.Records {
		info, err := os.Stat(cfg.Resolve(r.Path))
		switch {
		case err != nil:
			notes = append(notes, fmt.Sprintf("records %s: %v", r.Path, err))
		case info.IsDir():
			notes = append(notes, fmt.Sprintf("records %s: a folder, read before the logs", r.Path))
		default:
			notes = append(notes, fmt.Sprintf("records %s: %s, read before the logs; `selfaudit records` shows what is made of it", r.Path, bytesText(uint64(info.Size()))))
		}
	}
	return notes
}
