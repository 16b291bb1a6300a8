package main

import "golang.org/x/sys/windows"

// noSpace are the system's errors for a full disk and a quota.
var noSpace = []error{windows.ERROR_DISK_FULL, windows.ERROR_HANDLE_DISK_FULL, windows.ERROR_DISK_QUOTA_EXCEEDED}
