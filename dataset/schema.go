package dataset

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/kdonnx/kdonnx/internal/fault"
)

// ColumnKind is how a column of a table becomes features.
type ColumnKind string

// The kinds. A cell that is missing is NaN in Numeric, Boolean and Ordinal
// columns, no level of a Categorical one, and the empty text.
const (
	Numeric     ColumnKind = "numeric"     // one feature: the number
	Boolean     ColumnKind = "boolean"     // one feature: true or yes is 1, false or no is 0
	Categorical ColumnKind = "categorical" // a feature for each level: 1 where the cell is it, else 0; all 0 for another
	Ordinal     ColumnKind = "ordinal"     // one feature: the position of the level, from 0
	Text        ColumnKind = "text"        // words and their parts hashed into Size features, see HashText
	Drop        ColumnKind = "drop"        // none
)

// Bounds of the kinds.
const (
	defaultLevels   = 64   // levels of a column that is found to be categorical
	maxLevels       = 4096 // levels that may be asked for
	maxLevel        = 256  // bytes of a level
	defaultTextSize = 256  // features of a text
	maxTextSize     = 1 << 16
)

// Column says how one column of a table is encoded, or is to be.
type Column struct {
	Name    string     `json:"name"`
	Kind    ColumnKind `json:"kind"`
	Levels  []string   `json:"levels,omitempty"`  // of Categorical and Ordinal, in the order of their features or ranks
	Size    int        `json:"size,omitempty"`    // of Text: features; of Categorical that is asked for: most levels
	Missing bool       `json:"missing,omitempty"` // of Numeric, Boolean and Ordinal: whether cells may be missing
}

// Schema is how the columns of a table became features: what rows of another
// file must be encoded by to mean the same. The zero value is that of rows
// that no table gave.
type Schema struct {
	Columns []Column `json:"columns"`           // all but the label, in the order of the file
	Label   string   `json:"label,omitempty"`   // name of the label column
	Unnamed bool     `json:"unnamed,omitempty"` // whether the file has no header: columns go by position
	At      int      `json:"at,omitempty"`      // of Unnamed: where the label stands among the columns, from 0
}

// IsZero tells whether s says nothing.
func (s Schema) IsZero() bool { return len(s.Columns) == 0 }

// Plain tells whether s adds nothing to a list of numbers: every column is a
// number, none is left out, and none has a name.
func (s Schema) Plain() bool {
	return s.Unnamed && !slices.ContainsFunc(s.Columns, func(c Column) bool { return c.Kind != Numeric || c.Missing })
}

// JSON is s as ParseSchema reads it.
func (s Schema) JSON() string {
	text, err := json.Marshal(s)
	if err != nil {
		panic("dataset: a schema that JSON cannot say: " + err.Error())
	}
	return string(text)
}

// ParseSchema reads the JSON of a Schema.
func ParseSchema(text string) (Schema, error) {
	bad := func(format string, args ...any) (Schema, error) {
		return Schema{}, fault.New(fault.Input, "", "schema", format, args...)
	}
	var s Schema
	d := json.NewDecoder(strings.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(&s); err != nil {
		return bad("not readable: %w", err)
	}
	if s.IsZero() || s.size() > maxFeatures || s.At < 0 || s.At > len(s.Columns) {
		return bad("%d columns of %d features, label at %d, expected 1 to %d", len(s.Columns), s.size(), s.At, maxFeatures)
	}
	for _, c := range s.Columns {
		if err := c.check(); err != nil {
			return bad("column %q: %w", c.Name, err)
		}
		if (c.Kind == Categorical || c.Kind == Ordinal) && len(c.Levels) == 0 || c.Kind == Text && c.Size == 0 {
			return bad("column %q: %s without levels or size", c.Name, c.Kind)
		}
	}
	return s, nil
}

// headed are the names that a header of a like table has; nil where it has
// none or is not known.
func (s Schema) headed() []string {
	if s.Unnamed {
		return nil
	}
	var names []string
	for _, c := range s.Columns {
		if c.Kind != Drop {
			names = append(names, c.Name)
		}
	}
	return names
}

// check refuses what no column can be.
func (c Column) check() error {
	levels := c.Kind == Categorical || c.Kind == Ordinal
	switch {
	case !slices.Contains([]ColumnKind{Numeric, Boolean, Categorical, Ordinal, Text, Drop}, c.Kind):
		return fmt.Errorf("got kind %q, expected numeric, boolean, categorical, ordinal, text or drop", string(c.Kind))
	case c.Missing && c.Kind != Numeric && c.Kind != Boolean && c.Kind != Ordinal:
		return fmt.Errorf("got ? after %s, expected it after numeric, boolean or ordinal: in others cells may be missing anyway", c.Kind)
	case len(c.Levels) > 0 && !levels || len(c.Levels) > maxLevels:
		return fmt.Errorf("%d levels of a column that is %s, expected at most %d of one that is categorical or ordinal", len(c.Levels), c.Kind, maxLevels)
	case c.Size != 0 && c.Kind == Text && (c.Size < 1 || c.Size > maxTextSize):
		return fmt.Errorf("got %d features, expected 1 to %d", c.Size, maxTextSize)
	case c.Size != 0 && c.Kind == Categorical && (c.Size < 1 || c.Size > maxLevels):
		return fmt.Errorf("got %d levels, expected 1 to %d", c.Size, maxLevels)
	case c.Size != 0 && c.Kind != Text && c.Kind != Categorical:
		return fmt.Errorf("got a number after %s, expected it after categorical or text", c.Kind)
	}
	seen := map[string]bool{}
	for _, l := range c.Levels {
		if l == "" || len(l) > maxLevel || seen[l] {
			return fmt.Errorf("level %q is empty, given twice or longer than %d bytes", clip([]byte(l)), maxLevel)
		}
		seen[l] = true
	}
	return nil
}

// width is the number of features that c gives.
func (c Column) width() int {
	switch c.Kind {
	case Categorical:
		return len(c.Levels)
	case Text:
		return c.Size
	case Drop:
		return 0
	}
	return 1
}

func (s Schema) size() int {
	n := 0
	for _, c := range s.Columns {
		n += c.width()
	}
	return n
}

// features names the features of c.
func (c Column) features() []string {
	names := make([]string, c.width())
	for i := range names {
		switch c.Kind {
		case Categorical:
			names[i] = c.Name + "=" + c.Levels[i]
		case Text:
			names[i] = c.Name + "#" + strconv.Itoa(i)
		default:
			names[i] = c.Name
		}
	}
	return names
}

// isString tells whether the cells of c are kept as texts too.
func (c Column) isString() bool { return c.Kind == Categorical || c.Kind == Ordinal || c.Kind == Text }

// ParseColumns reads what columns are to be, such as
//
//	age=numeric?, sex=categorical, zip=categorical:500, note=text:512, grade=ordinal(low<mid<high), id=drop
//
// A column is named as in Options.Label: by its name, or by its position from
// 0, negative from the end; a name with a comma or an equals sign stands in
// double quotes. The question mark lets cells be missing even where the
// training rows lack none. The levels of an ordinal column without a list are
// sorted, numbers by value.
func ParseColumns(text string) ([]Column, error) {
	var columns []Column
	rest := strings.TrimSpace(text)
	for rest != "" {
		c, after, err := parseColumn(rest)
		if err != nil {
			return nil, fault.New(fault.Usage, "", "columns "+strconv.Quote(text), "%w", err)
		}
		if slices.ContainsFunc(columns, func(o Column) bool { return o.Name == c.Name }) {
			return nil, fault.New(fault.Usage, "", "columns "+strconv.Quote(text), "column %q named twice", c.Name)
		}
		columns = append(columns, c)
		rest = after
	}
	return columns, nil
}

// parseColumn reads the first column of text, and gives what follows its comma.
func parseColumn(text string) (c Column, rest string, err error) {
	kind := ""
	if quoted, err := strconv.QuotedPrefix(text); err == nil && text[0] == '"' {
		c.Name, _ = strconv.Unquote(quoted)
		kind = strings.TrimSpace(text[len(quoted):])
	} else if name, after, ok := strings.Cut(text, "="); ok {
		c.Name, kind = strings.TrimSpace(name), "="+after
	}
	if c.Name == "" || !strings.HasPrefix(kind, "=") {
		return c, "", fmt.Errorf("got %q, expected name=kind, such as age=numeric or note=text:512", clip([]byte(text)))
	}
	kind = strings.TrimSpace(kind[1:])
	end := strings.IndexByte(kind, ',')
	if open := strings.IndexByte(kind, '('); open >= 0 && (end < 0 || open < end) {
		shut := strings.IndexByte(kind, ')')
		if shut < open {
			return c, "", fmt.Errorf("column %q: a bracket without its other one", c.Name)
		}
		for l := range strings.SplitSeq(kind[open+1:shut], "<") {
			c.Levels = append(c.Levels, strings.TrimSpace(l))
		}
		if kind, rest = kind[:open]+kind[shut+1:], ""; strings.IndexByte(kind, ',') >= 0 {
			end = strings.IndexByte(kind, ',')
		} else {
			end = -1
		}
	}
	if end >= 0 {
		kind, rest = kind[:end], strings.TrimSpace(kind[end+1:])
	}
	kind = strings.TrimSpace(kind)
	kind, c.Missing = strings.CutSuffix(kind, "?")
	name, size, sized := strings.Cut(kind, ":")
	if sized {
		if c.Size, err = strconv.Atoi(size); err != nil || c.Size == 0 {
			return c, "", fmt.Errorf("column %q: got %q, expected a number above 0 after the colon", c.Name, size)
		}
	}
	c.Kind = ColumnKind(name)
	if err := c.check(); err != nil {
		return c, "", fmt.Errorf("column %q: %w", c.Name, err)
	}
	return c, rest, nil
}
