package store

import (
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/kdonnx/kdonnx/internal/durable"
)

// A writer of the whole store holds "lock" to its end. A writer of a part
// holds "lock" only while it reads or writes the plan, and then its own
// "lock-I-of-N", so that parts write side by side and never beside a writer of
// the whole.

// patience is how long a part waits for "lock", which others hold for moments.
const patience = 10 * time.Second

// lockWhole takes "lock". Unless it is for a part, no part may be writing.
func lockWhole(dir string, forPart bool) (*durable.Lock, error) {
	l, err := durable.TryLock(lockPath(dir))
	for end := time.Now().Add(patience); forPart && err != nil && time.Now().Before(end); {
		time.Sleep(20 * time.Millisecond)
		l, err = durable.TryLock(lockPath(dir))
	}
	if err != nil || forPart {
		return l, err
	}
	parts, _ := filepath.Glob(filepath.Join(globQuote(dir), "lock-*-of-*"))
	for _, path := range parts {
		p, err := durable.TryLock(path)
		if err != nil {
			l.Unlock()
			return nil, err
		}
		p.Unlock()
	}
	return l, nil
}

// globQuote makes dir match itself in a pattern.
func globQuote(dir string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(dir)
}

// lockPart trades "lock" for that of the part and removes the temporaries of
// the part's shards.
func (w *Writer) lockPart(part, parts int) error {
	own, err := durable.TryLock(filepath.Join(w.dir, fmt.Sprintf("lock-%d-of-%d", part, parts)))
	if err != nil {
		return err
	}
	w.lock.Unlock()
	w.lock = own
	return durable.Clean(w.dir, func(name string) bool { return w.inPart(name, part, parts) })
}

// inPart tells whether name is a file of one of the part's shards.
func (w *Writer) inPart(name string, part, parts int) bool {
	for i := part; i < w.plan.shards(); i += parts {
		for _, p := range []string{targetsPath("", i), idsPath("", i), sidecarPath("", i)} {
			if p == name {
				return true
			}
		}
	}
	return false
}
