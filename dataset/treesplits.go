package dataset

import (
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
)

// splitFolders are the names of folders that hold a split.
var splitFolders = map[string]string{
	"train": "train", "training": "train",
	"test": "test", "testing": "test",
	"val": "val", "valid": "val", "validation": "val",
}

func splitOf(folder string) string { return splitFolders[strings.ToLower(folder)] }

// fileKind is what the rows of a tree are.
type fileKind struct {
	noun       string   // one of them, for messages
	plural     string   // several of them
	extensions []string // lower case, with the dot
}

// named tells whether a file of that name is a row.
func (k fileKind) named(name string) bool {
	return slices.Contains(k.extensions, strings.ToLower(path.Ext(name))) && !strings.HasPrefix(name, ".")
}

// detect looks for a row in dir and below, in as many places as do not take
// long in a folder of a million files.
func (k fileKind) detect(dir string) bool {
	peeks := 0
	var look func(dir string, depth int) bool
	look = func(dir string, depth int) bool {
		if peeks++; peeks > maxPeeks {
			return false
		}
		entries := peek(dir)
		for _, e := range entries {
			if k.named(e.Name()) && !e.IsDir() {
				return true
			}
		}
		for _, e := range entries {
			if depth < maxDepth && e.IsDir() && !hidden(e) && look(dir+"/"+e.Name(), depth+1) {
				return true
			}
		}
		return false
	}
	return look(dir, 0)
}

// peek lists some of the entries of a folder, all when they are few; none when
// it is no folder or cannot be read.
func peek(dir string) []fs.DirEntry {
	if st, err := os.Stat(dir); err != nil || !st.IsDir() {
		return nil
	}
	f, err := os.Open(dir)
	if err != nil {
		return nil
	}
	defer f.Close()
	entries, _ := f.ReadDir(maxPeeked)
	slices.SortFunc(entries, func(a, b fs.DirEntry) int { return strings.Compare(a.Name(), b.Name()) })
	return entries
}

func hidden(e fs.DirEntry) bool { return strings.HasPrefix(e.Name(), ".") }

// splitFoldersOf maps split to folder, when the folders of dir are splits;
// empty when they are classes or there are none. Splits beside other folders
// are a fault, unless they hold no folders and so are classes of that name.
func splitFoldersOf(dir string) (map[string]string, error) {
	found := map[string]string{}
	other, twice := "", ""
	folders := foldersOf(dir)
	for _, name := range folders {
		switch s := splitOf(name); {
		case s == "":
			other = name
		case found[s] != "":
			twice = name
		default:
			found[s] = name
		}
	}
	if other != "" {
		for _, name := range folders {
			if splitOf(name) != "" && len(foldersOf(path.Join(dir, name))) > 0 {
				return nil, inputFault(path.Join(dir, other), "", "a folder beside %s, which is a split: expected folders of splits only, or of classes only", showPath(name))
			}
		}
		return nil, nil
	}
	if twice != "" {
		return nil, inputFault(path.Join(dir, twice), "", "a second folder for split %s, beside %s", splitOf(twice), found[splitOf(twice)])
	}
	return found, nil
}

// foldersOf lists the folders in dir that are not hidden; none when it cannot
// be read.
func foldersOf(dir string) []string {
	entries, _ := os.ReadDir(dir)
	var names []string
	for _, e := range entries {
		if e.IsDir() && !hidden(e) {
			names = append(names, e.Name())
		}
	}
	return names
}

// splitsOfTree lists the splits of dir.
func splitsOfTree(dir string) []string {
	found, _ := splitFoldersOf(dir)
	var splits []string
	for s := range found {
		splits = append(splits, s)
	}
	slices.Sort(splits)
	return splits
}
