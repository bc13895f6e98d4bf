package dataset

import (
	"cmp"
	"context"
	"fmt"
	"io/fs"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
)

func init() {
	Register(Format{
		Name:   "wav",
		About:  "a folder with one folder of WAV clips for each class, or train, val and test folders of that, or testing_list.txt beside; rows are log-mel spectrograms",
		Detect: wavFiles.detect,
		Open:   openWAV,
		Splits: splitsWAV,
	})
}

var wavFiles = fileKind{"a WAV clip", "WAV clips", []string{".wav", ".wave"}}

// The lists of clips that are not for training, one CLASS/FILE a line, and the
// folder of noise, as in the Speech Commands data set.
var wavLists = map[string]string{"val": "validation_list.txt", "test": "testing_list.txt"}

const (
	noiseFolder = "_background_noise_"
	maxWAVList  = 256 << 20 // bytes of a list
)

// splitsWAV lists the splits: folders, else those of lists.
func splitsWAV(dir string) []string {
	if splits := splitsOfTree(dir); len(splits) > 0 {
		return splits
	}
	var splits []string
	for split, list := range wavLists {
		if isFile(path.Join(dir, list)) {
			splits = append(splits, split)
		}
	}
	if len(splits) > 0 {
		splits = append(splits, "train")
	}
	slices.Sort(splits)
	return splits
}

// wavTree is a Source of log-mel spectrograms of clips, (mels, frames, 1).
type wavTree struct {
	*tree
	spec Spec
	rate int
	mel  *logMel
}

func openWAV(dir string, o Options) (Source, error) {
	t, err := openTree(dir, wavFiles, o, func(folder string) bool { return folder == noiseFolder })
	if err != nil {
		return nil, err
	}
	s := &wavTree{tree: t}
	if err := s.open(o); err != nil {
		t.Close()
		return nil, err
	}
	return s, nil
}

func (s *wavTree) open(o Options) error {
	if len(splitsOfTree(s.dir)) == 0 {
		if splits := splitsWAV(s.dir); len(splits) > 0 {
			if err := s.keepListed(pickSplit(o.Split, splits)); err != nil {
				return err
			}
		}
	}
	mels, frames := cmp.Or(o.Mels, defaultMels), cmp.Or(o.Frames, defaultFrames)
	heads, err := survey(s.tree, o.SkipBad, func(name string) (wavHead, error) {
		h, err := s.head(name)
		if err == nil && o.SkipBad {
			window, hop := melFrames(h.rate)
			_, _, err = s.samples(name, window+(frames-1)*hop)
		}
		return h, err
	})
	if err != nil {
		return err
	}
	s.rate = heads[0].rate
	if s.mel, err = newLogMel(s.rate, mels, frames); err != nil {
		return at(s.show(s.files[0].name), err)
	}
	s.spec = Spec{Shape: []int{mels, frames, 1}, Image: true, DType: Float32, Classes: s.classes}
	if err := s.checkRates(heads); err != nil {
		return err
	}
	s.describe(heads)
	return nil
}

// keepListed leaves the clips of one split: those of its list, or those of no
// list for train.
func (s *wavTree) keepListed(split string) error {
	rows := make(map[string]int, len(s.files))
	for i, f := range s.files {
		rows[f.name] = i
	}
	in := make([]string, len(s.files)) // the split of each clip
	for _, name := range []string{"val", "test"} {
		list := wavLists[name]
		if !isFile(path.Join(s.dir, list)) {
			continue
		}
		data, size, err := s.bytes(list, maxWAVList)
		if err != nil {
			return err
		}
		if size > maxWAVList {
			return inputFault(s.show(list), "", "file of %d bytes, limit %d", size, maxWAVList)
		}
		line := 0
		for text := range strings.Lines(string(data)) {
			line++
			clip := strings.TrimSpace(text)
			if clip == "" {
				continue
			}
			i, ok := rows[path.Clean(clip)]
			if !ok {
				return inputFault(s.show(list), "line "+strconv.Itoa(line), "%q is no clip of the folder, expected CLASS/FILE.wav", clip)
			}
			if in[i] != "" && in[i] != name {
				return inputFault(s.show(list), "line "+strconv.Itoa(line), "%q is in %s too", clip, wavLists[in[i]])
			}
			in[i] = name
		}
	}
	kept := s.files[:0]
	for i, f := range s.files {
		if in[i] == split || in[i] == "" && split == "train" {
			kept = append(kept, f)
		}
	}
	if s.files = kept; len(kept) == 0 {
		return inputFault(s.dir, "", "the lists leave no clips for split %s", split)
	}
	return nil
}

// checkRates refuses clips of two sample rates, whose bands would not be of
// the same frequencies. Of other splits it looks at the first clip.
func (s *wavTree) checkRates(heads []wavHead) error {
	for i, h := range heads {
		if h.rate != s.rate {
			return s.twoRates(s.files[i].name, h.rate)
		}
	}
	folders, err := splitFoldersOf(s.dir)
	if err != nil {
		return err
	}
	for _, split := range splitsOfTree(s.dir) {
		name := s.firstOf(folders[split])
		if name == "" {
			continue
		}
		if h, err := s.head(name); err == nil && h.rate != s.rate {
			return s.twoRates(name, h.rate)
		}
	}
	return nil
}

func (s *wavTree) twoRates(name string, rate int) error {
	return inputFault(s.show(name), "", "sample rate %d Hz, but %s has %d Hz: resample them to one rate", rate, s.show(s.files[0].name), s.rate)
}

// firstOf is the first clip of a folder, or empty.
func (s *wavTree) firstOf(folder string) (first string) {
	fs.WalkDir(s.root.FS(), folder, func(name string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() && s.kind.named(e.Name()) {
			first = name
			return fs.SkipAll
		}
		return nil
	})
	return first
}

// describe notes what rows are made of, and what is cut and padded.
func (s *wavTree) describe(heads []wavHead) {
	longest, cut, padded := 0, 0, 0
	for _, h := range heads {
		longest = max(longest, h.n)
		if h.n > s.mel.samples() {
			cut++
		} else if h.n < s.mel.samples() {
			padded++
		}
	}
	s.spec.Notes = append(s.notes, fmt.Sprintf("log-mel spectrograms of clips at %d Hz: %d bands (HTK), %d frames of %d samples each %d",
		s.rate, s.mel.mels, s.mel.frames, s.mel.window, s.mel.hop))
	if cut > 0 {
		s.spec.Notes = append(s.spec.Notes, fmt.Sprintf("%d of %d clips are cut to %.3g s; the longest, of %.3g s, takes frames=%d",
			cut, len(heads), float64(s.mel.samples())/float64(s.rate), float64(longest)/float64(s.rate), s.mel.framesFor(longest)))
	}
	if padded > 0 {
		s.spec.Notes = append(s.spec.Notes, fmt.Sprintf("%d of %d clips are padded with silence", padded, len(heads)))
	}
}

// head reads what a clip says of its samples.
func (s *wavTree) head(name string) (wavHead, error) {
	f, h, err := s.openClip(name)
	if err != nil {
		return h, err
	}
	return h, f.Close()
}

func (s *wavTree) openClip(name string) (*os.File, wavHead, error) {
	f, size, err := s.openFile(name)
	if err != nil {
		return nil, wavHead{}, err
	}
	h, err := parseWAV(f, size)
	if err != nil {
		f.Close()
		return nil, h, s.bad(name, err)
	}
	return f, h, nil
}

// samples reads at most n samples of a clip, as they are stored.
func (s *wavTree) samples(name string, n int) ([]byte, wavHead, error) {
	f, h, err := s.openClip(name)
	if err != nil {
		return nil, h, err
	}
	defer f.Close()
	raw := make([]byte, min(h.n, n)*h.block())
	if _, err := f.ReadAt(raw, h.offset); err != nil {
		return nil, h, ioFault(s.show(name), err)
	}
	if i := h.firstNotFinite(raw); i >= 0 {
		return nil, h, inputFault(s.show(name), "sample "+strconv.Itoa(i), "is NaN or infinite, expected a finite number")
	}
	return raw, h, nil
}

// Spec describes the rows.
func (s *wavTree) Spec() Spec { return s.spec }

// Read decodes the clips of the rows and makes their spectrograms.
func (s *wavTree) Read(ctx context.Context, rows []int, b *Batch) error {
	if err := checkRows(rows, len(s.files)); err != nil {
		return at(s.dir, err)
	}
	size := s.spec.Size()
	b.Reset(len(rows), size)
	for i, r := range rows {
		if err := ctx.Err(); err != nil {
			return err
		}
		f := s.files[r]
		raw, h, err := s.samples(f.name, s.mel.samples())
		if err != nil {
			return err
		}
		if h.rate != s.rate {
			return s.twoRates(f.name, h.rate)
		}
		s.mel.apply(b.X[i*size:(i+1)*size], len(raw)/h.block(), func(x []float64, from int) {
			h.decode(x, raw[from*h.block():])
		})
		b.Y[i] = f.label
	}
	return ctx.Err()
}
