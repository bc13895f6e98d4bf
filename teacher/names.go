package teacher

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/kdonnx/kdonnx/runtime/onnx"
)

// nameList is a list of class names and where it stands in the file.
type nameList struct {
	names []string
	where string
}

// mostNames bounds the class names that a list may give.
const mostNames = 1 << 20

// classNames finds the lists of class names in a model: those of scikit-learn's
// classifiers and ZipMaps, the constant "classes" that their converter writes,
// then metadata.
func classNames(m *onnx.Model) []nameList {
	var all []nameList
	add := func(names []string, where string) {
		if len(names) > 0 && len(names) <= mostNames && !slices.ContainsFunc(all, func(l nameList) bool { return slices.Equal(l.names, names) }) {
			all = append(all, nameList{names, where})
		}
	}
	for _, n := range m.Graph.Nodes {
		if n.Domain != "ai.onnx.ml" {
			continue
		}
		for _, a := range n.Attrs {
			if !strings.HasPrefix(a.Name, "classlabels_") {
				continue
			}
			var names []string
			for _, s := range a.Strings {
				names = append(names, string(s))
			}
			for _, i := range a.Ints {
				names = append(names, strconv.FormatInt(i, 10))
			}
			add(names, fmt.Sprintf("%s of the %s", a.Name, n.OpType))
		}
	}
	for _, t := range m.Graph.Initializers {
		if strings.HasPrefix(t.Name, "classes") && len(t.Dims) == 1 && t.External == nil {
			add(labelTexts(t), fmt.Sprintf("the constant %q", t.Name))
		}
	}
	for _, e := range m.Metadata {
		key := e.Key[strings.LastIndexAny(e.Key, ".:/")+1:]
		if slices.Contains(nameKeys, fold(key)) {
			add(parseNames(e.Value), fmt.Sprintf("the metadata %q", e.Key))
		}
	}
	return all
}

// labelTexts reads a constant of integers or strings.
func labelTexts(t *onnx.Tensor) []string {
	var out []string
	if t.DType == onnx.String {
		for _, s := range t.Strings {
			out = append(out, string(s))
		}
		return out
	}
	numbers, _ := t.Int64s() // none where they are no integers
	for _, i := range numbers {
		out = append(out, strconv.FormatInt(i, 10))
	}
	return out
}

// nameKeys are keys of metadata that exporters put class names under, as fold
// writes them.
var nameKeys = []string{
	"classes", "classnames", "classlabels", "classlist", "labels", "labelnames", "labelmap", "categories",
	"names", "id2label", "label2id", "idtolabel", "idx2label", "classtoidx", "class2idx", "config",
}

// fold writes a name without case, spaces, underscores and hyphens.
func fold(s string) string {
	return strings.Map(func(r rune) rune {
		if r == ' ' || r == '_' || r == '-' || r == '\t' {
			return -1
		}
		return r
	}, strings.ToLower(s))
}

// parseNames reads class names as exporters write them into metadata: a list
// or a dictionary of numbers and names in the notation of JSON or Python, a
// Hugging Face configuration with id2label, one name a line, or names with
// commas or semicolons between. It is nil for anything else.
func parseNames(s string) []string {
	s = strings.TrimSpace(s)
	if strings.HasPrefix(s, "{") {
		var config struct {
			ID2Label map[string]string `json:"id2label"`
			Label2ID map[string]int    `json:"label2id"`
		}
		if json.Unmarshal([]byte(s), &config) == nil {
			var keys, values []string
			for k, v := range config.ID2Label {
				keys, values = append(keys, k), append(values, v)
			}
			if len(keys) == 0 {
				for k, v := range config.Label2ID {
					keys, values = append(keys, k), append(values, strconv.Itoa(v))
				}
			}
			if len(keys) > 0 {
				return numbered(keys, values)
			}
		}
	}
	if strings.HasPrefix(s, "{") || strings.HasPrefix(s, "[") || strings.HasPrefix(s, "(") {
		return parseLiteral(s)
	}
	var parts []string
	switch {
	case strings.Contains(s, "\n"):
		parts = strings.Split(s, "\n")
	case strings.Contains(s, ";"):
		parts = strings.Split(s, ";")
	case strings.Contains(s, ","):
		parts = strings.Split(s, ",")
	default:
		return nil
	}
	for i, p := range parts {
		p = strings.TrimSpace(p)
		if q, err := strconv.Unquote(p); err == nil {
			p = q
		}
		parts[i] = p
	}
	return parts
}

// numbered orders names by their numbers 0 to n−1; either of the two lists may
// hold the numbers. It is nil when neither is such a list.
func numbered(a, b []string) []string {
	for range 2 {
		out := make([]string, len(a))
		seen := make([]bool, len(a))
		good := true
		for i, k := range a {
			at, err := strconv.Atoi(k)
			if good = err == nil && at >= 0 && at < len(a) && !seen[at]; !good {
				break
			}
			out[at], seen[at] = b[i], true
		}
		if good {
			return out
		}
		a, b = b, a
	}
	return nil
}

// parseLiteral reads a flat list of texts or numbers, or a flat dictionary of
// numbers and texts, in the notation of JSON or Python. It is nil for anything
// else.
func parseLiteral(s string) []string {
	closing := map[byte]byte{'[': ']', '(': ')', '{': '}'}[s[0]]
	dict := closing == '}'
	var keys, values []string
	rest := strings.TrimSpace(s[1:])
	for len(keys) <= mostNames {
		if rest == string(closing) {
			if dict {
				return numbered(keys, values)
			}
			return keys
		}
		var item string
		var ok bool
		if item, rest, ok = literal(rest); !ok {
			return nil
		}
		keys = append(keys, item)
		if dict {
			if rest, ok = strings.CutPrefix(rest, ":"); !ok {
				return nil
			}
			if item, rest, ok = literal(strings.TrimSpace(rest)); !ok {
				return nil
			}
			values = append(values, item)
		}
		if after, more := strings.CutPrefix(rest, ","); more {
			rest = strings.TrimSpace(after)
		} else if rest != string(closing) {
			return nil
		}
	}
	return nil
}

// literal takes one quoted text or number off s, and the spaces after it.
func literal(s string) (item, rest string, ok bool) {
	if s == "" {
		return "", "", false
	}
	quote := s[0]
	if quote != '"' && quote != '\'' {
		end := strings.IndexAny(s, ",:]}) \n\t")
		if end <= 0 {
			return "", "", false
		}
		if _, err := strconv.ParseInt(s[:end], 10, 64); err != nil {
			return "", "", false
		}
		return s[:end], strings.TrimSpace(s[end:]), true
	}
	var b strings.Builder
	for body := s[1:]; body != ""; {
		if body[0] == quote {
			return b.String(), strings.TrimSpace(body[1:]), true
		}
		if body[0] == '\\' && len(body) > 1 && (body[1] == '\'' || body[1] == '"' || body[1] == '/') {
			b.WriteByte(body[1])
			body = body[2:]
			continue
		}
		r, _, tail, err := strconv.UnquoteChar(body, 0)
		if err != nil {
			return "", "", false
		}
		b.WriteRune(r)
		body = tail
	}
	return "", "", false
}
