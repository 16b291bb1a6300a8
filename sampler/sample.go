package sampler

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

const sampleHeader = "#selfaudit-sample-v1\tstratum_id\trank\trole\tticket\titem_id\tcert_sha256"

// Roles of a drawn item (protocol section 8).
const (
	RoleSample  = "sample"
	RoleReserve = "reserve"
)

// SampleRow is one line of sample.tsv (protocol section 8).
type SampleRow struct {
	Stratum StratumID
	Rank    int64    // from 1 within the stratum
	Role    string   // RoleSample or RoleReserve
	Ticket  [32]byte // SHA-256 over seed and item id
	Item    ItemID
	Cert    CertHash
}

// sampleRowSize is about the size of a row with a serial number of 16 octets.
const sampleRowSize = 312

// FormatSample writes sample.tsv in the order given.
func FormatSample(rows []SampleRow) []byte {
	b := append([]byte(sampleHeader), '\n')
	b = slices.Grow(b, len(rows)*sampleRowSize)
	for _, r := range rows {
		b = r.Stratum.Append(b)
		b = append(b, '\t')
		b = strconv.AppendInt(b, r.Rank, 10)
		b = append(b, '\t')
		b = append(b, r.Role...)
		b = append(b, '\t')
		b = hex.AppendEncode(b, r.Ticket[:])
		b = append(b, '\t')
		b = r.Item.Append(b)
		b = append(b, '\t')
		b = hex.AppendEncode(b, r.Cert[:])
		b = append(b, '\n')
	}
	return b
}

// ParseSample reads sample.tsv strictly: strata ascending, ranks from 1 without
// gap, tickets ascending, the sample before the reserve. Whether it is the
// right sample only the draw itself can tell.
func ParseSample(b []byte) ([]SampleRow, error) {
	lines, err := textLines(b, "sample.tsv")
	if err != nil {
		return nil, err
	}
	if lines[0] != sampleHeader {
		return nil, errors.New("sample.tsv: header differs from that of sample version 1")
	}
	rows := make([]SampleRow, 0, len(lines)-1)
	var prev *SampleRow
	for i, line := range lines[1:] {
		row, err := parseSampleRow(line)
		if err == nil {
			err = row.follows(prev)
		}
		if err != nil {
			return nil, fmt.Errorf("sample.tsv: line %d: %w", i+2, err)
		}
		rows = append(rows, row)
		prev = &rows[i]
	}
	return rows, nil
}

func parseSampleRow(line string) (SampleRow, error) {
	f := strings.Split(line, "\t")
	if len(f) != 6 {
		return SampleRow{}, fmt.Errorf("want 6 fields, have %d", len(f))
	}
	var r SampleRow
	var err error
	if r.Stratum, err = ParseStratumID(f[0]); err != nil {
		return SampleRow{}, err
	}
	if r.Rank, err = parseCount(f[1]); err != nil {
		return SampleRow{}, fmt.Errorf("rank: %w", err)
	}
	if r.Role = f[2]; r.Role != RoleSample && r.Role != RoleReserve {
		return SampleRow{}, fmt.Errorf("bad role %.40q", f[2])
	}
	if r.Ticket, err = parseHex32(f[3]); err != nil {
		return SampleRow{}, fmt.Errorf("ticket: %w", err)
	}
	if r.Item, err = ParseItemID(f[4]); err != nil {
		return SampleRow{}, err
	}
	if r.Cert, err = ParseCertHash(f[5]); err != nil {
		return SampleRow{}, err
	}
	if r.Item.Issuer != r.Stratum.Issuer {
		return SampleRow{}, errors.New("issuer of item and stratum differ")
	}
	return r, nil
}

// follows checks r against the row before it; nil means r is the first.
func (r SampleRow) follows(prev *SampleRow) error {
	if prev == nil || r.Stratum != prev.Stratum {
		switch {
		case prev != nil && r.Stratum.Compare(prev.Stratum) < 0:
			return errors.New("strata are not ascending")
		case r.Rank != 1:
			return fmt.Errorf("first rank of the stratum is %d", r.Rank)
		case r.Role != RoleSample:
			return errors.New("stratum without a sample")
		}
		return nil
	}
	order := bytes.Compare(r.Ticket[:], prev.Ticket[:])
	switch {
	case r.Rank != prev.Rank+1:
		return fmt.Errorf("rank %d follows rank %d", r.Rank, prev.Rank)
	case order < 0 || order == 0 && r.Item.Compare(prev.Item) <= 0:
		return errors.New("tickets are not ascending")
	case r.Role == RoleSample && prev.Role == RoleReserve:
		return errors.New("sample after reserve")
	}
	return nil
}
