package distill

import (
	"slices"

	"github.com/kdonnx/kdonnx/models"
	"github.com/kdonnx/kdonnx/runtime/onnx"
	"github.com/kdonnx/kdonnx/teacher"
)

// size looks how large the models that teach are.
func (t *TeacherRecipe) size(cache string) (s teacherSize, err error) {
	members, err := t.members()
	if err != nil {
		return s, err
	}
	known := true
	for _, m := range members {
		r := m.over(t.ModelRecipe)
		for _, path := range append(slices.Clone(r.Before), r.Model) {
			if path, err = ModelFile(path, cache); err != nil {
				return s, err
			}
			info, err := teacher.Inspect(path)
			if err != nil {
				return s, err
			}
			s.params, s.bytes = s.params+info.Parameters, s.bytes+info.Bytes
			flops, ok := flopsOf(path, info.Bytes)
			s.flops, known = s.flops+flops, known && ok
		}
	}
	if !known {
		s.flops = 0
	}
	return s, nil
}

// teacherSize is how large the models of a teacher are together.
type teacherSize struct {
	params int64
	bytes  int64 // of their files
	flops  int64 // of one row; 0 where an op of one is not known to students
}

// countedBytes is the largest file whose operations are counted, which takes
// reading its weights.
const countedBytes = 512 << 20

// flopsOf counts the operations of a model of known ops.
func flopsOf(path string, bytes int64) (flops int64, ok bool) {
	if bytes > countedBytes {
		return 0, false
	}
	m, err := onnx.Read(path, onnx.ReadOptions{})
	if err != nil {
		return 0, false
	}
	flops, err = models.FLOPs(m)
	return flops, err == nil
}
