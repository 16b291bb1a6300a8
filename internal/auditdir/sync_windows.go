package auditdir

// isUnsupportedSync is always true: Windows has no sync of folders.
func isUnsupportedSync(error) bool { return true }
