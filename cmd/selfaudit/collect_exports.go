package main

import "selfaudit/sampler"

// collectRecord is one export of the CA's records in what `collect --json` writes.
type collectRecord struct {
	Path         string                `json:"path"`
	Kind         string                `json:"kind"`
	Rows         int64                 `json:"rows"`
	Kept         int64                 `json:"kept"`
	OtherIssuers int64                 `json:"other_issuers"`
	Unreadable   int64                 `json:"unreadable"`
	Certificates int64                 `json:"certificates"` // of the audited issuers that came with the rows
	Foreign      []collectRecordIssuer `json:"foreign_issuers"`
}

type collectRecordIssuer struct {
	Text string `json:"text"`
	Rows int64  `json:"rows"`
}

func collectRecords(list []sampler.SnapshotRecords) []collectRecord {
	var out []collectRecord
	for _, r := range list {
		one := collectRecord{Path: r.Path, Kind: r.Kind, Rows: r.Rows, Kept: r.Kept, OtherIssuers: r.Others, Unreadable: r.Unreadable,
			Certificates: r.Certs.Kept, Foreign: []collectRecordIssuer{}}
		for _, f := range r.Foreign {
			one.Foreign = append(one.Foreign, collectRecordIssuer(f))
		}
		out = append(out, one)
	}
	return out
}
