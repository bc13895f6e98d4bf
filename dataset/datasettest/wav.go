package datasettest

import (
	"bytes"
	"encoding/binary"
	"math"
)

// Chunk is one chunk of a RIFF file.
func Chunk(id string, body []byte) []byte {
	b := binary.LittleEndian.AppendUint32([]byte(id), uint32(len(body)))
	b = append(b, body...)
	if len(body)%2 == 1 {
		b = append(b, 0)
	}
	return b
}

// RIFF is a WAVE file of chunks.
func RIFF(chunks ...[]byte) []byte {
	body := append([]byte("WAVE"), bytes.Join(chunks, nil)...)
	return Chunk("RIFF", body)
}

// WAVFormat is the chunk of format; extensible where format is above 0xffff.
func WAVFormat(format, channels, rate, bits int) []byte {
	b := binary.LittleEndian.AppendUint16(nil, uint16(format))
	if format > 0xffff {
		b = []byte{0xfe, 0xff}
	}
	b = binary.LittleEndian.AppendUint16(b, uint16(channels))
	b = binary.LittleEndian.AppendUint32(b, uint32(rate))
	b = binary.LittleEndian.AppendUint32(b, uint32(rate*channels*bits/8))
	b = binary.LittleEndian.AppendUint16(b, uint16(channels*bits/8))
	b = binary.LittleEndian.AppendUint16(b, uint16(bits))
	if format > 0xffff {
		b = append(b, 22, 0, byte(bits), 0, 3, 0, 0, 0, byte(format), 0)
		b = append(b, "\x00\x00\x00\x00\x10\x00\x80\x00\x00\xaa\x00\x38\x9b\x71"...)
	}
	return Chunk("fmt ", b)
}

// WAVData stores one value a sample in each channel.
func WAVData(format, channels, bits int, x []float64) []byte {
	var b []byte
	for _, v := range x {
		for range channels {
			switch {
			case format&0xffff == 3:
				b = binary.LittleEndian.AppendUint32(b, math.Float32bits(float32(v)))
			case bits == 8:
				b = append(b, byte(math.Round(v*127)+128))
			default:
				k := binary.LittleEndian.AppendUint32(nil, uint32(int32(math.Round(v*float64(int64(1)<<(bits-1)-1))))<<(32-bits))
				b = append(b, k[4-bits/8:]...)
			}
		}
	}
	return b
}

// WAVExtensible is added to a format that an extensible header is to say.
const WAVExtensible = 1 << 16

// WAV is a file of one value a sample in each channel.
func WAV(format, channels, rate, bits int, x []float64) []byte {
	return RIFF(WAVFormat(format, channels, rate, bits), Chunk("LIST", []byte("INFOx")), Chunk("data", WAVData(format, channels, bits, x)))
}

// Sine is seconds of a tone.
func Sine(rate int, hz, seconds float64) []float64 {
	x := make([]float64, int(float64(rate)*seconds))
	for i := range x {
		x[i] = 0.5 * math.Sin(2*math.Pi*hz*float64(i)/float64(rate))
	}
	return x
}
