//go:build !windows

package main

import "syscall"

// noSpace are the system's errors for a full disk, a quota and a limit on file sizes.
var noSpace = []error{syscall.ENOSPC, syscall.EDQUOT, syscall.EFBIG}
