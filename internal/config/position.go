package config

import (
	"sort"
	"strconv"
	"strings"

	"github.com/pelletier/go-toml/v2/unstable"
)

// position is a place in the file; the zero value is "unknown".
type position struct{ line, column int }

// positions maps the path of every key to the place where it is written. A
// path is the key's parts joined by NUL; elements of an array of tables count
// as a part ("log", "0", "url").
type positions map[string]position

func joinPath(parts ...string) string { return strings.Join(parts, "\x00") }

// locate finds every key of a document that go-toml has already accepted. The
// decoder itself forgets where a value came from.
func locate(data []byte) positions {
	l := locator{at: positions{}, arrays: map[string]int{}}
	for i, c := range data {
		if c == '\n' {
			l.starts = append(l.starts, i+1)
		}
	}
	var p unstable.Parser
	p.Reset(data)
	var current []string
	for p.NextExpression() {
		node := p.Expression()
		switch node.Kind {
		case unstable.Table:
			current = l.header(node, false)
		case unstable.ArrayTable:
			current = l.header(node, true)
		case unstable.KeyValue:
			l.keyValue(node, current)
		}
	}
	return l.at
}

type locator struct {
	at     positions
	arrays map[string]int // path of an array of tables to its last index
	starts []int          // offsets of all lines but the first
}

func (l *locator) position(r unstable.Range) position {
	offset := int(r.Offset)
	line := sort.SearchInts(l.starts, offset+1)
	start := 0
	if line > 0 {
		start = l.starts[line-1]
	}
	return position{line: line + 1, column: offset - start + 1}
}

// note keeps the first place of a path.
func (l *locator) note(path string, r unstable.Range) {
	if _, ok := l.at[path]; !ok {
		l.at[path] = l.position(r)
	}
}

// header walks the key of [a.b] or [[a.b]] and returns the path it opens.
func (l *locator) header(node *unstable.Node, array bool) []string {
	var path []string
	keys := node.Key()
	for keys.Next() {
		part := keys.Node()
		path = append(path, string(part.Data))
		joined := joinPath(path...)
		l.note(joined, part.Raw)
		index, isArray := l.arrays[joined]
		if array && keys.IsLast() {
			if isArray {
				index++
			}
			l.arrays[joined] = index
			isArray = true
		}
		if isArray {
			path = append(path, strconv.Itoa(index))
			l.note(joinPath(path...), part.Raw)
		}
	}
	return path
}

// keyValue notes a key and, for inline tables, the keys inside.
func (l *locator) keyValue(node *unstable.Node, base []string) {
	path := append([]string(nil), base...)
	keys := node.Key()
	for keys.Next() {
		path = append(path, string(keys.Node().Data))
		l.note(joinPath(path...), keys.Node().Raw)
	}
	if value := node.Value(); value.Kind == unstable.InlineTable {
		inner := value.Children()
		for inner.Next() {
			if inner.Node().Kind == unstable.KeyValue {
				l.keyValue(inner.Node(), path)
			}
		}
	}
}
