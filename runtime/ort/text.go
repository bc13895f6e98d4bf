package ort

import (
	"regexp"
	"strings"
)

var (
	// sourceLine is a place in ONNX Runtime's own source, useless to a reader:
	// "/onnxruntime_src/onnxruntime/core/framework/x.cc:12 ".
	sourceLine = regexp.MustCompile(`\S*/\S+\.(?:cc|cpp|h|hpp|cu|cuh):\d+\s*`)
	// signature is the C++ function that failed: "virtual OrtValue*
	// onnxruntime::OpKernelContext::OutputMLValue(int, const X&) ".
	signature = regexp.MustCompile(`(?:virtual |static |const |void |bool |\w+[*&]+ |\w+::[\w:<>]+[*&]* )*onnxruntime::[\w:<>~]+\([^()]*\)\s*(?:const\s+)?`)
	// wrapping are the prefixes that every layer puts before the reason.
	wrapping = regexp.MustCompile(`^(?:Error running network|Error creating C session from file|Error creating C session|Error loading temporary session|Error creating temporary session|Error creating tensor from ort)\s*:\s*`)
)

// maxText bounds a message of native code.
const maxText = 300

// cleanText makes one line of a message of native code: white space collapsed,
// source places, C++ signatures and the wrapper's prefixes removed, cut at maxText bytes.
func cleanText(s string) string {
	s = sourceLine.ReplaceAllString(s, "")
	s = strings.Join(strings.Fields(s), " ")
	s = signature.ReplaceAllString(s, "")
	for {
		t := wrapping.ReplaceAllString(s, "")
		if t == s {
			break
		}
		s = t
	}
	if len(s) > maxText {
		s = strings.ToValidUTF8(s[:maxText], "") + "…"
	}
	return s
}
