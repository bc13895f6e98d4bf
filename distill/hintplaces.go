package distill

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/kdonnx/kdonnx/dataset"
	"github.com/kdonnx/kdonnx/internal/fault"
	"github.com/kdonnx/kdonnx/models"
	"github.com/kdonnx/kdonnx/student"
	"github.com/kdonnx/kdonnx/teacher"
)

// placeHint refuses places that teacher or student do not have before the
// teacher runs over any row.
func (d *run) placeHint(context.Context) error {
	from, to, ok := d.recipe.Loss.hintNames()
	if !ok {
		return nil
	}
	if d.recipe.Loss.HintTargets == "" {
		path, err := d.recipe.Teacher.modelWithin(d.env.Cache)
		if err != nil {
			return err
		}
		if err := hasInner(path, from); err != nil {
			return err
		}
	}
	values, err := d.likelyValues()
	if err != nil || values == nil {
		return err
	}
	return hasValue(d.recipe.Student.Arch, to, values)
}

// likelyValues are the values of the student as far as they are known before
// the teacher, which decides the layout and size of its input; nil where they
// are not.
func (d *run) likelyValues() ([]student.Value, error) {
	if d.spec.from != nil {
		return d.spec.from.net.Values(), nil
	}
	spec := d.data.Transfer.Spec()
	pre := dataset.Preprocess{Layout: dataset.Flat}
	if spec.Image {
		pre.Layout = dataset.NCHW
	}
	pipe, err := pre.Compile(spec)
	if err != nil {
		return nil, err
	}
	m, err := models.Build(d.recipe.Student.Arch, models.Input{Shape: pipe.OutShape()}, max(2, len(spec.Classes), len(spec.Targets)), 0)
	if err != nil {
		return nil, nil // it may be built for the size that the teacher takes
	}
	s, err := student.FromModel(m, d.recipe.Student.Arch)
	if err != nil {
		return nil, err
	}
	return s.Values(), nil
}

// modelWithin is the file of the one model that a hint is taken from.
func (t *TeacherRecipe) modelWithin(cache string) (string, error) {
	members, err := t.members()
	if err != nil {
		return "", err
	}
	if len(members) != 1 {
		return "", fault.New(fault.Usage, "", "--hint", "the teacher is an ensemble of %d, expected one model to take a hint from, or --hint-targets, a store of the values of one", len(members))
	}
	return ModelFile(members[0].Model, cache)
}

// hasInner refuses the name of a value that the model at path does not have.
func hasInner(path, name string) error {
	inners, err := teacher.Inners(path)
	if err != nil {
		return err
	}
	var names []string
	for _, v := range inners {
		if v.Name == name {
			return nil
		}
		names = append(names, v.Name)
	}
	return fault.New(fault.Usage, path, "--hint", "the teacher has no value %q, expected one such as %s; kdonnx inspect --values lists them", name, nearNames(name, names))
}

// hasValue refuses the name of a value that the student does not have.
func hasValue(arch, name string, values []student.Value) error {
	var names []string
	for _, v := range values {
		if v.Name == name {
			return nil
		}
		names = append(names, v.Name)
	}
	return fault.New(fault.Usage, "", "--hint", "the student has no value %q that is trained, expected one such as %s; kdonnx list values %s lists them", name, nearNames(name, names), arch)
}

// nearNames are the names that a mistyped one may stand for, nearest first.
func nearNames(name string, all []string) string {
	const most = 6
	all = slices.Clone(all)
	slices.SortStableFunc(all, func(a, b string) int { return distance(name, a) - distance(name, b) })
	shown := make([]string, min(most, len(all)))
	for i := range shown {
		shown[i] = strconv.Quote(all[i])
	}
	return strings.Join(shown, ", ")
}

// distance is Levenshtein's: the fewest changes of a letter from a to b.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := diagonal
			if a[i] != b[j] {
				change++
			}
			diagonal = row[j+1]
			row[j+1] = min(change, row[j]+1, diagonal+1)
		}
	}
	return row[len(b)]
}
