package main

import (
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// flagGroup is a heading of a long help, and the section of a recipe that its
// flags fill in.
type flagGroup struct{ title, section string }

// Groups of flags.
var (
	groupTeacher     = flagGroup{"Teacher", "teacher"}
	groupRunning     = flagGroup{"Running the teacher", "teacher"}
	groupRows        = flagGroup{"Rows", "data"}
	groupTransfer    = flagGroup{"Transfer set", "data"}
	groupStudent     = flagGroup{"Student", "student"}
	groupLoss        = flagGroup{"Loss", "loss"}
	groupTraining    = flagGroup{"Training", "train"}
	groupEvidence    = flagGroup{"Evidence", "train"}
	groupOutput      = flagGroup{"Output", "output"}
	groupSweep       = flagGroup{"Sweep", "sweep"}
	groupSpecialists = flagGroup{"Specialists", "specialist"}
	groupRecipe      = flagGroup{"Recipe", ""}
)

// Headings of the flags that are in no group: those before the first that is,
// and those after.
const (
	ownFlags     = "Flags"
	furtherFlags = "Further flags"
)

// mostFlat is how many flags a help shows in one list.
const mostFlat = 15

// inGroup is the annotation of a flag with title and section of its group.
const inGroup = "group"

// under begins a group: the flags that f gets from here until end is called are
// in it, but for those that are in one by then.
func under(f *pflag.FlagSet, g flagGroup) (end func()) {
	before := map[string]bool{}
	f.VisitAll(func(flag *pflag.Flag) { before[flag.Name] = true })
	return func() {
		f.VisitAll(func(flag *pflag.Flag) {
			if before[flag.Name] || groupOf(flag) != (flagGroup{}) {
				return
			}
			if flag.Annotations == nil {
				flag.Annotations = map[string][]string{}
			}
			flag.Annotations[inGroup] = []string{g.title, g.section}
		})
	}
}

// groupOf is the group of a flag; the zero group where it is in none.
func groupOf(flag *pflag.Flag) flagGroup {
	if g := flag.Annotations[inGroup]; g != nil {
		return flagGroup{title: g[0], section: g[1]}
	}
	return flagGroup{}
}

func init() { cobra.AddTemplateFunc("flagUsages", flagUsages) }

// withGroups is the template of a help whose flags are in groups.
func withGroups(usage string) string {
	return strings.Replace(usage, "Flags:\n{{.LocalFlags.FlagUsages | trimTrailingWhitespaces}}", "{{flagUsages .}}", 1)
}

// flagUsages is the help of a command's flags: one list of few, else a list
// for each group, in the order in which the command has them.
func flagUsages(c *cobra.Command) string {
	var titles []string
	lists := map[string]*pflag.FlagSet{}
	add := func(title string, flag *pflag.Flag) {
		if lists[title] == nil {
			lists[title] = pflag.NewFlagSet(title, pflag.ContinueOnError)
			lists[title].SortFlags = false
			titles = append(titles, title)
		}
		lists[title].AddFlag(flag)
	}
	var last []*pflag.Flag
	shown := shownFlags(c)
	for _, flag := range shown {
		g := groupOf(flag)
		switch {
		case len(shown) <= mostFlat, g == flagGroup{} && (len(titles) == 0 || titles[len(titles)-1] == ownFlags):
			add(ownFlags, flag)
		case g == flagGroup{}:
			last = append(last, flag)
		case g.section != "" && c.Flag("recipe") != nil && !strings.EqualFold(g.title, g.section):
			add(g.title+" (recipe: "+g.section+")", flag)
		default:
			add(g.title, flag)
		}
	}
	for _, flag := range last {
		add(furtherFlags, flag)
	}
	var parts []string
	for _, title := range titles {
		parts = append(parts, title+":\n"+strings.TrimRight(lists[title].FlagUsages(), " \n"))
	}
	return strings.Join(parts, "\n\n")
}

// shownFlags are the flags that the help of a command shows, in their order.
func shownFlags(c *cobra.Command) (shown []*pflag.Flag) {
	c.LocalFlags().VisitAll(func(flag *pflag.Flag) {
		if !flag.Hidden && flag.Deprecated == "" {
			shown = append(shown, flag)
		}
	})
	return shown
}
