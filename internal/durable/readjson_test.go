package durable

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kdonnx/kdonnx/internal/fault"
)

// TestReadJSON reads what people write, and says of the rest where it is wrong.
func TestReadJSON(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.json")
	type part struct {
		File string `json:"file"`
	}
	for _, c := range []struct{ text, says string }{
		{"\uFEFF{\r\n\"n\": 1, \"list\": [{\"file\": \"ü\"}, {}]}\r\n", ""},
		{"", "the file is empty, expected a test"},
		{"\xff\xfe{\x00", "is text in UTF-16, expected a test in UTF-8"},
		{`{"list": [{"file": "` + "\xc3" + `"}]}`, "byte 20: got 0xc3, which is no UTF-8"},
		{`{"n": 1, "N": 2}`, "N: is given twice"},
		{`{"list": [{}, {"file": "a", "file": "b"}]}`, "list[1].file: is given twice"},
		{`{"list": [{}, {"file": null}]}`, "list[1].file: got null"},
		{`{"list": [null]}`, "list[0]: got null"},
		{`{"m": 1}`, `unknown field "m"`},
		{`{"n": 1.5}`, "n: got number 1.5, expected a whole number"},
		{`{"n": 1} 2`, "byte 8: got more"},
		{`{"n": `, "ends early, after 6 bytes"},
		{`{"n": 1` + strings.Repeat(" ", 100) + "}", "more than the limit of 100 bytes, expected a test"},
	} {
		if err := os.WriteFile(path, []byte(c.text), 0o644); err != nil {
			t.Fatal(err)
		}
		var to struct {
			N    int    `json:"n"`
			List []part `json:"list"`
		}
		err := ReadJSON(path, 100, "a test", &to)
		if c.says == "" {
			if err != nil || to.N != 1 || len(to.List) != 2 || to.List[0].File != "ü" {
				t.Errorf("%q: %+v, %v", c.text, to, err)
			}
		} else if fault.KindOf(err) != fault.Input || !strings.Contains(err.Error(), c.says) || !strings.Contains(err.Error(), "a.json: ") {
			t.Errorf("%.40q: got %v, expected %s", c.text, err, c.says)
		}
	}
}
