package workbook

// signOff writes the sheet that people sign, on paper or in the file.
func (b *book) signOff() error {
	s, err := b.addSheet(page{name: sheetSignOff, portrait: true, widths: []float64{24, 30, 26, 18}, tab: teal}, nil)
	if err != nil {
		return err
	}
	s.title("Sign-off", "Who stands for this audit. The cream cells are filled in by hand or in the file; they are not part of the derived numbers.")
	s.write(24, cell{v: "Role", l: lookHead}, cell{v: "Name", l: lookInput}, cell{v: "Signature", l: lookInput}, cell{v: "Date", l: lookInput})
	fillIn := look{size: 10, fill: input, rule: ruleBoxed, unlock: true, wrap: true, indent: 1}
	date := fillIn
	date.format = "yyyy-mm-dd"
	for _, role := range []string{"Prepared", "Reviewed (independent)", "Approved (management)", "Received (auditor)"} {
		s.write(40, cell{v: role, l: look{size: 10, rule: ruleHair, wrap: true, indent: 1}}, cell{l: fillIn}, cell{l: fillIn}, cell{l: date})
	}
	s.skip(1)
	s.wide(1, 4, "Documents of the CA that the review applied", lookBlock, 24)
	for _, d := range []string{"Certificate Policy", "Certification Practice Statement"} {
		s.write(26, cell{v: d, l: look{size: 10, rule: ruleHair, wrap: true, indent: 1}}, cell{v: nil, l: fillIn}, cell{v: nil, l: fillIn}, cell{v: nil, l: fillIn})
		s.merge(2, 4)
	}
	s.skip(1)
	s.wide(1, 4, "What is signed", lookBlock, 24)
	for _, kv := range [][2]string{
		{"Audit", b.auditName()}, {"Period", utc(b.summary.Period.Start) + " to " + utc(b.summary.Period.End) + " (end not included)"},
	} {
		s.write(rowData, cell{v: kv[0], l: lookKey}, cell{v: kv[1], l: lookValue}, cell{l: lookValue}, cell{l: lookValue})
		s.merge(2, 4)
	}
	s.write(rowData, cell{v: "Commitment, SHA-256", l: lookKey}, cell{v: b.summary.Commitment, l: lookMonoText}, cell{l: lookMonoText}, cell{l: lookMonoText})
	s.merge(2, 4)
	s.wide(1, 4, "A signature on this sheet says that its signer has read the workbook. The evidence package is signed separately, over its tag manifest.", lookNote, 18)
	return s.close()
}
