//go:build !windows

package auditdir

import (
	"errors"
	"syscall"
)

// isUnsupportedSync recognises file systems that cannot sync a folder.
func isUnsupportedSync(err error) bool {
	return errors.Is(err, syscall.EINVAL) || errors.Is(err, syscall.ENOTSUP)
}
