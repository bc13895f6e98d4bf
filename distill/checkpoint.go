package distill

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/kdonnx/kdonnx/internal/durable"
	"github.com/kdonnx/kdonnx/internal/fault"
)

// checkpointMagic begins every checkpoint; its number is the layout's version.
const checkpointMagic = "kdonnx checkpoint 2\n"

// checkpoint is everything that a training loop needs to go on: a header, the
// trainer's state, and the weights of the best epoch so far.
//
// On disk: magic, SHA-256 of the rest, then the three sections, each a length
// in decimal and a line feed before its bytes.
type checkpoint struct {
	Header  loopState
	Trainer []byte
	Best    []byte
}

// loopState is where a training loop stands.
type loopState struct {
	Run      map[string]string `json:"run"`  // what the run depends on, by name
	Role     string            `json:"role"` // student or baseline
	Epoch    int               `json:"epoch"`
	Step     int               `json:"step"`           // steps done in Epoch
	Sum      termSums          `json:"sum"`            // of the steps done in Epoch
	Hint     float64           `json:"hint,omitempty"` // sum of the hint's term in Epoch
	History  []EpochRecord     `json:"history"`
	BestAt   int               `json:"best_at"` // epoch of the best weights, -1 when none
	BestAcc  float64           `json:"best_acc"`
	BestLoss float64           `json:"best_loss"`
	Done     bool              `json:"done"`
}

// checkpointFile keeps the two newest checkpoints of one role: the newer is
// read, the older is there in case the newer is damaged.
type checkpointFile struct{ dir, role string }

func (c checkpointFile) path() string     { return filepath.Join(c.dir, c.role+".ckpt") }
func (c checkpointFile) previous() string { return filepath.Join(c.dir, c.role+".previous.ckpt") }

// save writes ck; what was the newest becomes the previous one.
func (c checkpointFile) save(ck *checkpoint) error {
	head, err := json.Marshal(ck.Header)
	if err != nil {
		return fault.New(fault.IO, c.path(), "", "cannot encode: %w", err)
	}
	var body bytes.Buffer
	for _, section := range [][]byte{head, ck.Trainer, ck.Best} {
		fmt.Fprintf(&body, "%d\n", len(section))
		body.Write(section)
	}
	sum := sha256.Sum256(body.Bytes())
	if err := os.Rename(c.path(), c.previous()); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fault.New(fault.IO, c.path(), "", "cannot keep the previous checkpoint: %w", err)
	}
	return durable.Write(c.path(), append(append([]byte(checkpointMagic), sum[:]...), body.Bytes()...))
}

// newest reads the newest sound checkpoint and says where it lies; nil when there
// is none. Notes tell of damaged ones before it.
func (c checkpointFile) newest() (path string, ck *checkpoint, notes []string, err error) {
	for _, path := range []string{c.path(), c.previous()} {
		data, err := os.ReadFile(path)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return path, nil, notes, fault.New(fault.IO, path, "", "cannot read checkpoint: %w", err)
		}
		ck, err := parseCheckpoint(path, data)
		if err == nil {
			return path, ck, notes, nil
		}
		notes = append(notes, err.Error()+": falling back to the checkpoint before it")
	}
	return "", nil, notes, nil
}

// load reads the newest sound checkpoint of the run, or nil when there is
// none. Notes tell of damaged ones. A checkpoint of another run is an
// Integrity fault that names the first differing field.
func (c checkpointFile) load(run map[string]string) (*checkpoint, []string, error) {
	path, ck, notes, err := c.newest()
	switch {
	case err != nil:
		return nil, notes, err
	case ck == nil && len(notes) > 0:
		return nil, notes, fault.New(fault.Integrity, c.path(), "", "no sound checkpoint is left (%s): --restart begins anew", strings.Join(notes, "; "))
	case ck == nil:
		return nil, nil, nil
	}
	if err := sameRun(path, ck.Header.Run, run); err != nil {
		return nil, notes, err
	}
	if len(notes) > 0 { // the next save must not keep it as the previous one
		os.Remove(c.path())
	}
	return ck, notes, nil
}

// remove deletes the checkpoints of a role whose work is done.
func (c checkpointFile) remove() {
	os.Remove(c.path())
	os.Remove(c.previous())
}

func parseCheckpoint(path string, data []byte) (*checkpoint, error) {
	bad := func(format string, args ...any) error {
		return fault.New(fault.Integrity, path, "", format, args...)
	}
	rest, ok := bytes.CutPrefix(data, []byte(checkpointMagic))
	if !ok {
		return nil, bad("not a checkpoint of this version: expected it to begin with %q", strings.TrimSpace(checkpointMagic))
	}
	if len(rest) < sha256.Size {
		return nil, bad("truncated: got %d bytes", len(data))
	}
	want, body := rest[:sha256.Size], rest[sha256.Size:]
	if got := sha256.Sum256(body); !bytes.Equal(got[:], want) {
		return nil, bad("digest mismatch: got %x, expected %x", got[:6], want[:6])
	}
	var sections [3][]byte
	for i := range sections {
		line, after, ok := bytes.Cut(body, []byte("\n"))
		n := 0
		if _, err := fmt.Sscanf(string(line), "%d", &n); !ok || err != nil || n < 0 || n > len(after) {
			return nil, bad("section %d: length %q does not fit the file", i, line)
		}
		sections[i], body = after[:n], after[n:]
	}
	ck := &checkpoint{Trainer: sections[1], Best: sections[2]}
	if err := json.Unmarshal(sections[0], &ck.Header); err != nil {
		return nil, bad("header: %w", err)
	}
	return ck, nil
}

// sameRun compares what a checkpoint was made from with what this run has.
func sameRun(path string, got, want map[string]string) error {
	all := maps.Clone(got)
	maps.Copy(all, want)
	for _, k := range slices.Sorted(maps.Keys(all)) {
		if got[k] != want[k] {
			return fault.New(fault.Integrity, path, k, "the checkpoint is of another run: got %q, expected %q; --restart begins anew", got[k], want[k])
		}
	}
	return nil
}
