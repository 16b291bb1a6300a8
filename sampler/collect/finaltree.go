package collect

import (
	"fmt"

	"selfaudit/sampler/ct"
	"selfaudit/sampler/ctlog"
)

// FinalTree is the tree of a log that takes no more entries, as a log list states it
// (final_tree_head of a readonly log, log list v3).
type FinalTree struct {
	Size uint64
	Root ct.Hash
}

// check compares a tree head that the log serves with the final one. A larger or another tree
// contradicts the list; a smaller one is an old front end's, and lacks entries.
func (f *FinalTree) check(log string, head ct.TreeHead) error {
	if f == nil || head.Size == f.Size && head.Root == f.Root {
		return nil
	}
	out := &ctlog.Error{Log: log, Kind: ctlog.Invalid, Where: "tree head",
		Err: fmt.Errorf("the log list says that the log ended with %d entries and root %s; it serves a tree of %d entries with root %s", f.Size, f.Root, head.Size, head.Root)}
	if head.Size < f.Size {
		out.Kind = ctlog.Unreachable
		out.Err = fmt.Errorf("it serves a tree of %d entries, but by the log list it ended with %d: run collect again later", head.Size, f.Size)
	}
	return out
}
