// Package realtest runs the built program against real CT log servers and against
// servers that misbehave. It is a module of its own, because those servers bring heavy
// dependencies. See README.md.
package realtest
