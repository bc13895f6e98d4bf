package export

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/kdonnx/kdonnx/models"
	"github.com/kdonnx/kdonnx/runtime/onnx"
)

// checkAll runs ONNX's own checker, shape inference included, on the files it
// is given, and reads the metadata through its types.
const checkAll = `
import sys, onnx
bad = 0
for path in sys.argv[1:]:
    try:
        onnx.checker.check_model(path, full_check=True)
        m = onnx.load(path)
        for p in m.metadata_props:
            p.key + p.value
        assert m.graph.input[0].type.tensor_type.shape.dim[0].dim_param == "batch"
    except Exception as e:
        bad += 1
        print(path, repr(e))
sys.exit(bad > 0)
`

// TestOfficialChecker has every export checked by the onnx package of Python,
// where there is one.
func TestOfficialChecker(t *testing.T) {
	python := "/usr/bin/python3"
	version, err := exec.Command(python, "-c", "import onnx; print(onnx.__version__)").Output()
	if err != nil {
		t.Skip("Python's onnx package is not installed: the official checker cannot be asked")
	}
	t.Logf("onnx %s", version)
	dir := t.TempDir()
	args := []string{"-c", checkAll}
	put := func(data []byte) {
		path := filepath.Join(dir, strconv.Itoa(len(args))+".onnx")
		if err := os.WriteFile(path, data, 0o644); err != nil {
			t.Fatal(err)
		}
		args = append(args, path)
	}
	for _, c := range zoo() {
		put(mustBytes(t, ofZoo(t, c), onnx.Entry{Key: ClassesKey, Value: JoinClasses([]string{"a\x00", "\xff", "ä\n", "", "e"})}))
	}
	strange := models.Input{Name: "Eingabe ß 木", Shape: []int{3}}
	put(mustBytes(t, trained(t, zooCase{"strange", "mlp:2", strange})))
	if out, err := exec.Command(python, args...).CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, out)
	}

	m, err := onnx.Parse("", mustBytes(t, trained(t, small)), onnx.ReadOptions{Weights: true})
	if err != nil {
		t.Fatal(err)
	}
	find(t, m.Graph, "Gemm").Attr("transB").Name = "transC"
	broken, err := onnx.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	args = []string{"-c", checkAll}
	put(broken)
	if out, err := exec.Command(python, args...).CombinedOutput(); err == nil {
		t.Errorf("the checker takes an attribute that Gemm does not have: %s", out)
	}
}
