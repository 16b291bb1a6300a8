package auditdir

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// LockFile is the workspace's lock. The operating system releases it when its holder
// ends, however it ends; the file itself stays.
const LockFile = ".selfaudit.lock"

// Holder says who has the workspace; it is written into the lock file for the others.
type Holder struct {
	PID     int    `json:"pid"`
	Host    string `json:"host"`
	Command string `json:"command"`
	Since   string `json:"since"`
}

// LockedError is returned when another process has the workspace.
type LockedError struct {
	Workspace string
	Holder    Holder
}

// Error names the holder.
func (e *LockedError) Error() string {
	if e.Holder.PID == 0 {
		return fmt.Sprintf("workspace %s is in use by another selfaudit process", e.Workspace)
	}
	return fmt.Sprintf("workspace %s is in use: selfaudit %s, process %d on %s, since %s",
		e.Workspace, e.Holder.Command, e.Holder.PID, e.Holder.Host, e.Holder.Since)
}

// errLocked is what lockFile returns when somebody else has the lock.
var errLocked = errors.New("locked")

// Lock takes the workspace for this process, or returns a *LockedError at once. The
// returned function gives it back.
func Lock(workspace string, h Holder) (release func(), err error) {
	path := filepath.Join(workspace, LockFile)
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o666)
	if err != nil {
		return nil, fmt.Errorf("locking the workspace: %w", err)
	}
	if err := lockFile(f); err != nil {
		defer f.Close()
		if !errors.Is(err, errLocked) {
			return nil, fmt.Errorf("locking %s: %w", path, err)
		}
		var other Holder
		raw, _ := io.ReadAll(io.LimitReader(f, 4096))
		_ = json.Unmarshal(raw, &other) // the holder may be writing it just now: then it stays unnamed
		return nil, &LockedError{Workspace: workspace, Holder: other}
	}
	raw, err := json.Marshal(h)
	if err == nil {
		if err = f.Truncate(0); err == nil {
			_, err = f.WriteAt(append(raw, '\n'), 0)
		}
	}
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("writing %s: %w", path, err)
	}
	return func() { f.Close() }, nil
}
