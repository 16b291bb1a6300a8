package main

import "golang.org/x/sys/windows"

// freeDisk returns how many bytes this user can still write on the disk of a folder.
func freeDisk(folder string) (uint64, error) {
	path, err := windows.UTF16PtrFromString(folder)
	if err != nil {
		return 0, err
	}
	var free uint64
	err = windows.GetDiskFreeSpaceEx(path, &free, nil, nil)
	return free, err
}
