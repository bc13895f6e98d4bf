package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// documents are the texts for people, from the root of the repository.
var documents = []string{"README.md", "docs/guide.md", "docs/formats.md", "docs/design.md", "recipes/README.md"}

func readDocument(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestDocumentedCommands holds every command in a fence of the documents to
// flags and arguments that the program takes.
func TestDocumentedCommands(t *testing.T) {
	fence := regexp.MustCompile("(?ms)^```\\w*\\n(.*?)^```")
	n := 0
	for _, name := range documents {
		for _, f := range fence.FindAllStringSubmatch(readDocument(t, name), -1) {
			for _, line := range strings.Split(strings.ReplaceAll(f[1], "\\\n", " "), "\n") {
				if line = strings.TrimPrefix(line, "$ "); strings.HasPrefix(line, "kdonnx ") {
					commandsOf(t, name, line)
					n++
				}
			}
		}
	}
	if n < 30 {
		t.Errorf("only %d commands were found", n)
	}
}

// TestLinks follows every relative link of the documents to a file, and to a
// heading of it.
func TestLinks(t *testing.T) {
	link := regexp.MustCompile(`\]\(([^)\s]+)\)`)
	heading := regexp.MustCompile("(?m)^#+ (.*)$")
	dropped := regexp.MustCompile(`[^\p{L}\p{N} _-]`)
	n := 0
	for _, name := range documents {
		for _, l := range link.FindAllStringSubmatch(readDocument(t, name), -1) {
			if strings.Contains(l[1], "://") {
				continue
			}
			n++
			file, anchor, _ := strings.Cut(l[1], "#")
			if file = filepath.Join(filepath.Dir(name), file); strings.HasPrefix(l[1], "#") {
				file = name
			}
			if _, err := os.Stat(filepath.Join("..", "..", file)); err != nil {
				t.Errorf("%s: the link %s leads nowhere", name, l[1])
				continue
			}
			there := anchor == ""
			if !there {
				for _, h := range heading.FindAllStringSubmatch(readDocument(t, file), -1) {
					slug := strings.ReplaceAll(dropped.ReplaceAllString(strings.ToLower(h[1]), ""), " ", "-")
					there = there || slug == anchor
				}
			}
			if !there {
				t.Errorf("%s: the link %s leads to no heading", name, l[1])
			}
		}
	}
	if n < 20 {
		t.Errorf("only %d links were found", n)
	}
}
