package teacher

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/kdonnx/kdonnx/internal/fault"
)

// String is the information for people.
func (i *Info) String() string {
	var b strings.Builder
	row := func(name, format string, args ...any) {
		fmt.Fprintf(&b, "%-11s %s\n", name, fmt.Sprintf(format, args...))
	}
	row("model", "%s", fault.Printable(i.Path))
	row("sha256", "%s", i.SHA256)
	row("size", "%d bytes, %d parameters, %d bytes of weights", i.Bytes, i.Parameters, i.Weights)
	row("format", "IR %d, %s", i.IRVersion, listText(i.Opsets, ", "))
	if i.Producer != "" {
		row("producer", "%s", quoteText(i.Producer))
	}
	ports := func(name string, list []Port) {
		for n, p := range list {
			if n == mostShown {
				row(name, "and %d more", len(list)-n)
				return
			}
			row(name, "%s", p.text())
		}
	}
	ports("input", i.Inputs)
	ports("output", i.Outputs)
	ops := make([]string, len(i.Ops))
	for n, op := range i.Ops {
		ops[n] = fmt.Sprintf("%s×%d", op.Name, op.Count)
	}
	row("nodes", "%d: %s", i.Nodes, listText(ops, " "))
	for n, m := range i.Metadata {
		if n == mostShown {
			row("metadata", "and %d more", len(i.Metadata)-n)
			break
		}
		row("metadata", "%s: %s", quoteText(m.Key), quoteText(m.Value))
	}
	for _, w := range i.Warnings {
		row("warning", "%s", fault.Printable(w))
	}
	return b.String()
}

// listText joins the first entries of a list.
func listText(list []string, between string) string {
	shown := make([]string, 0, mostShown)
	for _, s := range list[:min(len(list), mostShown)] {
		shown = append(shown, fault.Printable(fault.Clip(s, longestText)))
	}
	if more := len(list) - len(shown); more > 0 {
		shown = append(shown, fmt.Sprintf("and %d more", more))
	}
	return strings.Join(shown, between)
}

// quoteText is a text in quotes.
func quoteText(s string) string {
	if clipped := fault.Clip(s, longestText); clipped != s {
		return strconv.Quote(strings.TrimSuffix(clipped, "…")) + "…"
	}
	return strconv.Quote(s)
}

func (p Port) text() string {
	s := quoteText(p.Name) + " " + p.Type
	if p.Shape != "" {
		s += " " + fault.Printable(fault.Clip(p.Shape, longestText))
	}
	if p.Guess != "" {
		s += ", probably " + p.Guess
	}
	return s
}
