//go:build linux || darwin

package main

import "syscall"

// freeDisk returns how many bytes this user can still write on the disk of a folder.
func freeDisk(folder string) (uint64, error) {
	var s syscall.Statfs_t
	if err := syscall.Statfs(folder, &s); err != nil {
		return 0, err
	}
	return s.Bavail * uint64(s.Bsize), nil
}
