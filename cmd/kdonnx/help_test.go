package main

import (
	"io"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// TestExamples holds every command to an example in its help, and every
// example to flags and arguments that the program takes.
func TestExamples(t *testing.T) {
	for _, c := range allBelow(newRoot(io.Discard, io.Discard)) {
		own := false
		for _, line := range strings.Split(strings.ReplaceAll(c.Example, "\\\n", " "), "\n") {
			if len(shellWords(line)) == 0 && c.Example == "" {
				continue
			}
			for _, found := range commandsOf(t, c.CommandPath(), line) {
				own = own || strings.HasPrefix(found, c.CommandPath()) // its own, or of a command below
			}
		}
		if !own {
			t.Errorf("%s: no example of its own", c.CommandPath())
		}
	}
}

// commandsOf are the commands of a line of shell, whose flags and arguments the
// program must take.
func commandsOf(t *testing.T, where, line string) (paths []string) {
	t.Helper()
	if _, inner, ok := strings.Cut(line, "$("); ok {
		line = strings.TrimSuffix(inner, ")")
	}
	for _, part := range strings.Split(line, " | ") {
		words := shellWords(part)
		if len(words) == 0 || words[0] != "kdonnx" {
			t.Errorf("%s: the example %q does not begin with kdonnx", where, part)
			continue
		}
		found, rest, err := newRoot(io.Discard, io.Discard).Find(words[1:])
		if err != nil {
			t.Errorf("%s: the example %q: %v", where, part, err)
			continue
		}
		paths = append(paths, found.CommandPath())
		if err := found.ParseFlags(rest); err != nil {
			t.Errorf("%s: the example %q: %v", where, part, err)
		} else if err := found.ValidateArgs(found.Flags().Args()); err != nil {
			t.Errorf("%s: the example %q: %v", where, part, err)
		}
	}
	return paths
}

// TestFlagTexts holds the help of every flag to names of values that say
// something, and to defaults that are some.
func TestFlagTexts(t *testing.T) {
	for _, c := range allBelow(newRoot(io.Discard, io.Discard)) {
		for _, line := range strings.Split(c.LocalFlags().FlagUsages(), "\n") {
			for _, ugly := range []string{"(default )", "stringArray", "float64Slice", "[])"} {
				if strings.Contains(line, ugly) {
					t.Errorf("%s: %q in the help %q", c.CommandPath(), ugly, line)
				}
			}
		}
	}
}

// TestGroups holds every command to a group of the help.
func TestGroups(t *testing.T) {
	for _, c := range newRoot(io.Discard, io.Discard).Commands() {
		if c.GroupID == "" {
			t.Errorf("%s is in no group", c.Name())
		}
	}
}

// allBelow lists the commands below c, at any depth.
func allBelow(c *cobra.Command) []*cobra.Command {
	var all []*cobra.Command
	for _, sub := range c.Commands() {
		all = append(append(all, sub), allBelow(sub)...)
	}
	return all
}

// shellWords cuts a line at its spaces, but for those in quotes, and drops a
// comment.
func shellWords(line string) []string {
	var words []string
	var word strings.Builder
	var quote rune
	begun := false
	flush := func() {
		if begun {
			words = append(words, word.String())
		}
		word.Reset()
		begun = false
	}
	for _, r := range line {
		switch {
		case quote != 0 && r == quote:
			quote = 0
		case quote == 0 && (r == '"' || r == '\''):
			quote, begun = r, true
		case quote == 0 && r == '#' && !begun:
			return words
		case quote == 0 && r == ' ':
			flush()
		default:
			word.WriteRune(r)
			begun = true
		}
	}
	flush()
	return words
}
