package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/pelletier/go-toml/v2"
)

// maxFile bounds the configuration and every key file it names.
const maxFile = 1 << 20

// Load reads and checks a configuration. What is wrong in the file comes back
// as Errors; a file that cannot be read as an *fs.PathError (wrapped).
func Load(path string) (*Config, error) {
	data, err := readBounded(path)
	if err != nil {
		return nil, fmt.Errorf("reading configuration: %w", err)
	}
	return parse(path, data, readBounded)
}

// Parse reads and checks a configuration that stands alone, as Effective writes it: every
// key inline. It opens no file, so a text that names a key file is refused. name is the
// file's name for messages; what is wrong comes back as Errors.
func Parse(data []byte, name string) (*Config, error) {
	if len(data) > maxFile {
		return nil, fmt.Errorf("%s is larger than %d bytes", name, maxFile)
	}
	return parse(name, data, func(string) ([]byte, error) {
		return nil, errors.New("no file is read here: write the key itself, as public_key")
	})
}

func readBounded(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is not an ordinary file", path)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err == nil && len(data) > maxFile {
		err = fmt.Errorf("%s is larger than %d bytes", path, maxFile)
	}
	return data, err
}

// parse checks the text of a configuration. readFile opens the key files that
// it names.
func parse(file string, data []byte, readFile func(string) ([]byte, error)) (*Config, error) {
	data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
	var raw map[string]any
	if err := toml.Unmarshal(data, &raw); err != nil {
		return nil, syntaxError(file, err)
	}
	r := &reader{file: file, at: locate(data), issuerFiles: map[string]bool{}, files: map[string]bool{}}
	c := &Config{File: file, Dir: filepath.Dir(file)}
	top := &table{r: r, value: raw}

	c.readCA(top)
	c.readAudit(top)
	c.readChain(top)
	for _, t := range top.tables("issuer") {
		c.readIssuer(t)
	}
	c.readLogList(top, readFile)
	for _, t := range top.tables("log") {
		c.readLog(t, readFile)
	}
	for _, t := range top.tables("files") {
		c.readFiles(t)
	}
	c.readRecords(top)
	c.readCCADB(top)
	c.readCrtSh(top)
	c.readDrand(top)
	c.readCollect(top)
	c.readRequirements(top)
	c.readLint(top)
	c.readSecondOpinion(top)
	top.close()
	if len(r.problems) > 0 {
		r.problems.sort()
		return nil, r.problems
	}
	return c, nil
}

// syntaxError gives go-toml's error our form.
func syntaxError(file string, err error) error {
	message := strings.TrimPrefix(err.Error(), "toml: ")
	p := Problem{File: file, Message: message}
	var decode *toml.DecodeError
	if errors.As(err, &decode) {
		p.Line, p.Column = decode.Position()
	}
	return Errors{p}
}

func (c *Config) readCA(top *table) {
	t := top.sub("ca")
	if t == nil {
		if _, there := top.value["ca"]; !there {
			top.problem("", "no [ca] table: begin the file with [ca] and a line name = \"Example CA\"")
		}
		return
	}
	if name, ok := t.value["name"].(string); ok && strings.TrimSpace(name) == "" {
		t.known = append(t.known, "name") // as init leaves it; Complete asks for it
	} else {
		c.CA.Name, _ = t.required("name", "Example CA")
	}
	c.readContact(t)
	t.close()
}

func (c *Config) readAudit(top *table) {
	t := top.sub("audit")
	if t == nil { // a missing table is an empty one
		t = &table{r: top.r, path: []string{"audit"}, name: "[audit]"}
	}
	c.Audit = Audit{
		RateBP:       t.rate("rate", MinRateBP),
		Floor:        t.integer("floor", 0, 0, MaxFloor),
		IssuanceTime: t.oneOf("issuance_time", IssuedByCT, IssuedByNotBefore),
		DrawLeadDays: int(t.integer("draw_lead_days", DefaultDrawLeadDays, 1, 120)),
		Beacon:       t.oneOf("beacon", BeaconQuicknet, BeaconDefaultChain, BeaconDice),
		Minimum:      t.minimum("minimum"),
	}
	c.Audit.EVRA, _ = t.text("ev_ra", "none")
	t.close()
}

// MaxFloor bounds floors well above any population, so that arithmetic with
// them cannot overflow.
const MaxFloor = 1_000_000_000

func (c *Config) readDrand(top *table) {
	c.Drand.Relays = DefaultRelays()
	t := top.sub("drand")
	if t == nil {
		return
	}
	if relays, ok := t.texts("relays", "https://api.drand.sh"); ok {
		for i, relay := range relays {
			clean, err := httpURL(relay)
			if err != nil {
				t.problem("relays", "relays: %s", err)
			}
			relays[i] = clean
		}
		c.Drand.Relays = relays
	}
	t.close()
}
