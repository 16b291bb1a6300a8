package main

import (
	"errors"
	"io/fs"
	"path/filepath"

	"selfaudit/internal/config"
)

// configPath is where the workspace keeps its configuration.
func (e *env) configPath() string { return filepath.Join(e.Workspace, config.FileName) }

// auditsPath is the folder of the workspace's audits, one folder per audit.
func (e *env) auditsPath() string { return filepath.Join(e.Workspace, auditsFolder) }

const auditsFolder = "audits"

// loadConfig reads the workspace's configuration; a folder that is no
// workspace is a usage error that says how to make one.
func (e *env) loadConfig() (*config.Config, error) {
	c, err := config.Load(e.configPath())
	if errors.Is(err, fs.ErrNotExist) {
		return nil, &exitError{
			code: exitUsage, id: "no_workspace", err: err,
			hint: "start a workspace with `selfaudit init`, or name one with -C",
		}
	}
	var broken config.Errors
	if err != nil && !errors.As(err, &broken) {
		return nil, &exitError{code: exitUsage, id: "configuration", err: err}
	}
	if c != nil {
		e.contact = c.CA.Contact
	}
	return c, err
}
