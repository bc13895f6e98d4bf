package main

import (
	"io"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/kdonnx/kdonnx/distill"
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

// shownFlag is the name of a flag at the beginning of a line of help.
var shownFlag = regexp.MustCompile(`(?m)^ +(?:-\w, +)?--([a-z0-9-]+)`)

// TestFlagGroups holds the help of every command to all of its flags, each
// once; long ones to groups, and short ones to one list.
func TestFlagGroups(t *testing.T) {
	grouped := 0
	for _, c := range allBelow(newRoot(io.Discard, io.Discard)) {
		c.InitDefaultHelpFlag()
		want := map[string]int{}
		for _, flag := range shownFlags(c) {
			want[flag.Name] = 1
		}
		usage, headings := strings.ReplaceAll(c.UsageString(), c.Example, ""), []string{ownFlags}
		if len(want) > mostFlat {
			grouped++
			headings = []string{groupRows.title, furtherFlags}
		}
		for _, heading := range headings {
			if !strings.Contains(usage, "\n\n"+heading) {
				t.Errorf("%s: no heading %q in a help of %d flags", c.CommandPath(), heading, len(want))
			}
		}
		got := map[string]int{}
		for _, match := range shownFlag.FindAllStringSubmatch(usage, -1) {
			got[match[1]]++
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: flags in the help (-want +got):\n%s", c.CommandPath(), diff)
		}
	}
	if grouped < 10 {
		t.Errorf("got %d commands with groups of flags, expected those that train, ask a teacher or join specialists", grouped)
	}
}

// TestGroupsAreSections holds the group of each flag that sets a recipe's key to the
// key's section.
func TestGroupsAreSections(t *testing.T) {
	probe := distill.Default()
	w := &recipeWriter{}
	for _, bind := range []func(*pflag.FlagSet, *distill.Recipe){recipeFlags, sweepFlags, studyFlags, specialistFlags, backFlags, rivalsFlags} {
		f := pflag.NewFlagSet("recipe", pflag.ContinueOnError)
		bind(f, &probe)
		w.flags = []*pflag.FlagSet{f}
		v := reflect.ValueOf(&probe).Elem()
		for i := range v.NumField() {
			section, _, _ := strings.Cut(v.Type().Field(i).Tag.Get("yaml"), ",")
			for _, key := range reflect.VisibleFields(v.Field(i).Type()) {
				if key.Anonymous {
					continue
				}
				if flag := w.flagOf(v.Field(i).FieldByIndex(key.Index)); flag != nil && groupOf(flag).section != section {
					t.Errorf("--%s: sets a key of section %q, and is in group %+v", flag.Name, section, groupOf(flag))
				}
			}
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
