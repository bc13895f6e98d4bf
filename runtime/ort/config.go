package ort

import (
	"bytes"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/kdonnx/kdonnx/internal/fault"
)

// sessionAreas begin the names of ONNX Runtime's session configuration; any
// other name in Options.Config is an option of the execution provider.
var sessionAreas = []string{"session.", "optimization.", "ep.", "mlas."}

// splitConfig parts what configures the session from what configures the
// provider, both in the order of their names.
func splitConfig(config map[string]string) (session, provider []string) {
	for _, key := range slices.Sorted(maps.Keys(config)) {
		if slices.ContainsFunc(sessionAreas, func(area string) bool { return strings.HasPrefix(key, area) }) {
			session = append(session, key)
		} else {
			provider = append(provider, key)
		}
	}
	return session, provider
}

// checkConfig refuses names that would have no effect. ONNX Runtime takes any
// session entry without a word, so it is looked for among the library's texts;
// options of CUDA are checked by the provider itself, the CPU has none.
func checkConfig(lib Library, prov provider, config map[string]string) error {
	session, options := splitConfig(config)
	if !prov.cuda && len(options) > 0 {
		return fault.New(fault.Usage, "", "provider option "+options[0],
			"unknown on the CPU, which takes entries of the session such as session.intra_op.allow_spinning=0; other options go with --provider cuda")
	}
	if len(session) == 0 {
		return nil
	}
	texts, err := os.ReadFile(lib.Path)
	if err != nil {
		return fault.New(fault.IO, lib.Path, "", "cannot be read: %s", reason(err))
	}
	for _, key := range session {
		if strings.ContainsRune(key, 0) || !bytes.Contains(texts, []byte("\x00"+key+"\x00")) {
			return fault.New(fault.Usage, "", "provider option "+key, "unknown to %s", lib.Path)
		}
	}
	return nil
}
