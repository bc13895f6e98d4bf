package dataset

import (
	"encoding/binary"
	"io"
	"math"
	"strconv"
)

// Limits of a WAV file.
const (
	maxChunks = 4096 // before the samples
	minRate   = 1000 // samples a second
	maxRate   = 768_000
)

// The formats of samples, and the mark of those that say it further on.
const (
	wavPCM        = 1
	wavFloat      = 3
	wavExtensible = 0xfffe
)

// wavBase is what follows the format in the GUID of an extensible header.
const wavBase = "\x00\x00\x00\x00\x10\x00\x80\x00\x00\xaa\x00\x38\x9b\x71"

// wavHead is what a WAV file says of its samples.
type wavHead struct {
	rate     int // samples a second
	channels int // 1 or 2
	bits     int // of one value
	float    bool
	offset   int64 // of the first sample
	n        int   // samples of each channel
}

// block is the bytes of one sample of all channels.
func (h wavHead) block() int { return h.channels * h.bits / 8 }

// parseWAV reads the chunks of a RIFF/WAVE file of size bytes up to its
// samples. Faults name no path.
func parseWAV(r io.ReaderAt, size int64) (h wavHead, err error) {
	var head [12]byte
	if n, err := r.ReadAt(head[:], 0); n < len(head) {
		if err != io.EOF {
			return h, ioFault("", err)
		}
		return h, inputFault("", "", "truncated: %d bytes, expected a RIFF/WAVE header of 12", n)
	}
	if string(head[:4]) != "RIFF" || string(head[8:]) != "WAVE" {
		return h, inputFault("", "", "starts with %q, expected RIFF and WAVE", head[:])
	}
	at := int64(len(head))
	for range maxChunks {
		var chunk [8]byte
		if n, err := r.ReadAt(chunk[:], at); n < len(chunk) {
			if err != io.EOF {
				return h, ioFault("", err)
			}
			return h, inputFault("", "offset "+strconv.FormatInt(at, 10), "ends without a chunk of samples (data)")
		}
		length := int64(binary.LittleEndian.Uint32(chunk[4:]))
		at += int64(len(chunk))
		switch string(chunk[:4]) {
		case "fmt ":
			if h.rate != 0 {
				return h, inputFault("", "offset "+strconv.FormatInt(at, 10), "a second chunk of format")
			}
			if err := h.format(r, at, length); err != nil {
				return h, err
			}
		case "data":
			if riff := binary.LittleEndian.Uint32(head[4:]); length == 0 && riff == 0 {
				length = math.MaxUint32
			}
			return h.data(at, length, size)
		}
		at += length + length&1
	}
	return h, inputFault("", "", "more than %d chunks before the samples", maxChunks)
}

// format reads the chunk that tells how samples are stored.
func (h *wavHead) format(r io.ReaderAt, at, length int64) error {
	field := "offset " + strconv.FormatInt(at, 10)
	if length < 16 {
		return inputFault("", field, "chunk of format of %d bytes, expected at least 16", length)
	}
	b := make([]byte, min(length, 40))
	if n, err := r.ReadAt(b, at); n < len(b) {
		if err != io.EOF {
			return ioFault("", err)
		}
		return inputFault("", field, "truncated: %d of %d bytes of the chunk of format", n, length)
	}
	format := int(binary.LittleEndian.Uint16(b))
	h.channels = int(binary.LittleEndian.Uint16(b[2:]))
	rate := binary.LittleEndian.Uint32(b[4:])
	block := int(binary.LittleEndian.Uint16(b[12:]))
	h.bits = int(binary.LittleEndian.Uint16(b[14:]))
	if format == wavExtensible {
		if len(b) < 40 || string(b[26:]) != wavBase {
			return inputFault("", field, "an extensible format that is none of PCM and float")
		}
		format = int(binary.LittleEndian.Uint16(b[24:]))
	}
	switch {
	case format == wavPCM && (h.bits == 8 || h.bits == 16 || h.bits == 24 || h.bits == 32):
	case format == wavFloat && h.bits == 32:
		h.float = true
	case format == wavPCM || format == wavFloat:
		return inputFault("", field, "samples of %d bits, expected PCM of 8, 16, 24 or 32, or float of 32", h.bits)
	default:
		return inputFault("", field, "format 0x%04x, expected PCM (0x0001) or float (0x0003)", format)
	}
	if h.channels != 1 && h.channels != 2 {
		return inputFault("", field, "%d channels, expected 1 or 2", h.channels)
	}
	if rate < minRate || rate > maxRate {
		return inputFault("", field, "sample rate %d Hz, expected from %d to %d", rate, minRate, maxRate)
	}
	if block != h.block() {
		return inputFault("", field, "samples of %d bytes, but %d channels of %d bits take %d", block, h.channels, h.bits, h.block())
	}
	h.rate = int(rate)
	return nil
}

// data settles where the samples are and how many. A writer to a pipe, which
// cannot know the length, says 0xFFFFFFFF or leaves that of the file 0 too: all
// that follows is samples.
func (h wavHead) data(at, length, size int64) (wavHead, error) {
	field := "offset " + strconv.FormatInt(at, 10)
	if h.rate == 0 {
		return h, inputFault("", field, "samples before the chunk of format")
	}
	if length == math.MaxUint32 {
		length = max(0, size-at)
	}
	if at+length > size {
		return h, inputFault("", field, "truncated: %d bytes of samples, but the file has %d", length, max(0, size-at))
	}
	h.offset, h.n = at, int(length)/h.block()
	if h.n == 0 {
		return h, inputFault("", field, "holds no samples")
	}
	return h, nil
}

// decode puts the samples of raw, of whole blocks, into dst: the mean of the
// channels, full scale from −1 to 1.
func (h wavHead) decode(dst []float64, raw []byte) {
	for i := range dst {
		sum := 0.0
		for range h.channels {
			switch {
			case h.float:
				sum += float64(math.Float32frombits(binary.LittleEndian.Uint32(raw)))
			case h.bits == 8:
				sum += (float64(raw[0]) - 128) / (1 << 7)
			case h.bits == 16:
				sum += float64(int16(binary.LittleEndian.Uint16(raw))) / (1 << 15)
			case h.bits == 24:
				sum += float64(int32(raw[0])<<8|int32(raw[1])<<16|int32(raw[2])<<24) / (1 << 31)
			default:
				sum += float64(int32(binary.LittleEndian.Uint32(raw))) / (1 << 31)
			}
			raw = raw[h.bits/8:]
		}
		dst[i] = sum / float64(h.channels)
	}
}

// firstNotFinite is the first sample of raw that is NaN or infinite, -1 when
// there is none.
func (h wavHead) firstNotFinite(raw []byte) int {
	if !h.float {
		return -1
	}
	for i := 0; i+4 <= len(raw); i += 4 {
		if v := math.Float32frombits(binary.LittleEndian.Uint32(raw[i:])); v-v != 0 {
			return i / h.block()
		}
	}
	return -1
}
