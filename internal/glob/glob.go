// Package glob matches shell patterns with the names of parameters.
package glob

import (
	"path"
	"strings"
)

// Match tells whether pattern, of *, ? and [a-z], matches the whole name. A *
// takes slashes too: they mean nothing in the names of parameters.
func Match(pattern, name string) (bool, error) { return path.Match(flat(pattern), flat(name)) }

func flat(s string) string { return strings.ReplaceAll(s, "/", "\x00") }
