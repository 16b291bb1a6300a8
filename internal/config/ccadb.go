package config

// CCADB is [ccadb]: the report that says which CA certificates the owner has, so that an
// issuer missing from the configuration is noticed (draw protocol section 3.1).
type CCADB struct {
	File  string // path as written; the report AllCertificateRecordsCSVFormat; "" without the table
	Owner string // as in the report's columns CA Owner and Subordinate CA Owner
}

func (c *Config) readCCADB(top *table) {
	t := top.sub("ccadb")
	if t == nil {
		return
	}
	c.CCADB.File, _ = t.required("file", "AllCertificateRecordsCSVFormatv4.csv")
	c.CCADB.Owner, _ = t.required("owner", "Example CA")
	t.close()
}

// effective writes [ccadb] as it is in force.
func (x CCADB) effective(line func(key, value string)) {
	line("file", tomlText(x.File))
	line("owner", tomlText(x.Owner))
}

// CCADBTable is the table that `init --ccadb` adds to a new configuration.
func CCADBTable(file, owner string) []byte {
	return []byte("\n# The CCADB's report: CA certificates of it that are not among the issuers are named in every\n" +
		"# audit. Replace it by a new download before each audit.\n[ccadb]\nfile = " + tomlText(file) + "\nowner = " + tomlText(owner) + "\n")
}
