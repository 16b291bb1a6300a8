package main

import (
	"errors"
	"fmt"
	"strings"

	"selfaudit/internal/config"
	"selfaudit/sampler"
	"selfaudit/sampler/collect"
	"selfaudit/sampler/records"
)

// bringsCertificates says whether an export holds the certificates themselves: it consists of
// them, or a column is mapped to them.
func bringsCertificates(kind string, r config.Records) bool {
	return kind == sampler.RecordsCertificates || r.Columns[records.Certificate] != ""
}

// nothingToLookUp refuses mode records where no source gives a certificate: it would end with
// a freeze that cannot name the items. rows are those of each [[records]], found says how many
// certificates came with them; nil for both: not read yet. crt.sh may bring some, which is not known before.
func nothingToLookUp(cfg *config.Config, kinds []string, rows []int64, found []int64, index bool) error {
	if len(cfg.Files) > 0 || index {
		return nil
	}
	var without []string
	for i, r := range cfg.Records {
		of := fmt.Sprintf("[[records]] number %d, %q", i+1, r.Path)
		if rows != nil {
			of += " (" + rowsText(rows[i]) + ")"
		}
		brings := bringsCertificates(kinds[i], r)
		switch {
		case brings && (found == nil || found[i] > 0):
			return nil
		case rows != nil && rows[i] == 0: // nothing was issued
		case !brings:
			without = append(without, of+": no column is mapped to certificate")
		case kinds[i] != sampler.RecordsCertificates:
			without = append(without, fmt.Sprintf("%s: no row of an audited issuer has a certificate in column %q", of, r.Columns[records.Certificate]))
		}
	}
	if len(without) == 0 {
		return nil
	}
	return &exitError{code: exitUsage, id: "records_unusable",
		err:  errors.New("mode records looks certificates up in the logs, and none is given:\n" + strings.Join(without, "\n")),
		hint: "add a column with the certificates to the export and map it (certificate = \"…\" in [records.columns]), or give the certificates as [[files]], or read the logs: --mode logs or --mode both"}
}

// mustBring is nothingToLookUp for a collect, before and after the exports are read.
func (w *workspace) mustBring(exports []collect.Records, read []collect.RecordsFound) error {
	if w.scts.mode != sampler.CollectRecords {
		return nil
	}
	kinds, rows := make([]string, len(exports)), make([]int64, len(exports))
	var found []int64
	for i, r := range exports {
		kinds[i], rows[i] = r.Export.Kind, r.Export.Rows
	}
	for i, r := range read {
		rows[i] = r.About.Kept
		found = append(found, r.About.Certs.Kept)
	}
	return nothingToLookUp(w.cfg, kinds, rows, found, w.index)
}
