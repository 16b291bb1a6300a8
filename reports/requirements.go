package reports

import "time"

// InForce is one requirement document and its version in force on the days that
// matter to an audit; "-" where the table has none.
type InForce struct {
	Document    string `json:"document"` // "TLS-BR", "EVG", "SMIME-BR", "CS-BR"
	Name        string `json:"name"`
	PeriodStart string `json:"period_start"`
	PeriodEnd   string `json:"period_end"` // the last day of the period
	AtReport    string `json:"at_report"`
}

var documents = []struct{ id, name string }{
	{"TLS-BR", "Baseline Requirements for TLS Server Certificates"},
	{"EVG", "Extended Validation Guidelines"},
	{"SMIME-BR", "Baseline Requirements for S/MIME Certificates"},
	{"CS-BR", "Baseline Requirements for Code Signing Certificates"},
}

// inForce looks up the version numbers in force at the period's first and last
// second and at the time of the report (BR 8.6 items 4 and 5 ask auditors for them).
func (a *Audit) inForce(start, end, reported time.Time) []InForce {
	var out []InForce
	for _, d := range documents {
		out = append(out, InForce{Document: d.id, Name: d.name, PeriodStart: a.versionOn(d.id, start),
			PeriodEnd: a.versionOn(d.id, end.Add(-time.Second)), AtReport: a.versionOn(d.id, reported)})
	}
	return out
}

func (a *Audit) versionOn(document string, day time.Time) string {
	v, ok := a.Tables.InForce(document, day)
	if !ok {
		return "-"
	}
	return v.Number
}
