package stream

import (
	"encoding/binary"
	"hash/crc32"
	"math"
)

// tfrecord appends one record as TensorFlow's record files have it: the
// length, 8 bytes, its masked CRC-32C, the data, its masked CRC-32C.
func tfrecord(dst, data []byte) []byte {
	at := len(dst)
	dst = binary.LittleEndian.AppendUint64(dst, uint64(len(data)))
	dst = binary.LittleEndian.AppendUint32(dst, masked(dst[at:]))
	dst = append(dst, data...)
	return binary.LittleEndian.AppendUint32(dst, masked(data))
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// masked is a CRC-32C turned right by 15 bits, plus a constant, so that the
// checksum of data that holds checksums is not weak.
func masked(data []byte) uint32 {
	c := crc32.Checksum(data, castagnoli)
	return (c>>15 | c<<17) + 0xa282ead8
}

// What an event file has of protobuf: fields by number and wire type, of
// tensorflow/core/util/event.proto and framework/summary.proto.
const (
	eventWallTime = 1<<3 | 1 // Event.wall_time, double
	eventStep     = 2<<3 | 0 // Event.step, int64
	eventVersion  = 3<<3 | 2 // Event.file_version, string
	eventSummary  = 5<<3 | 2 // Event.summary
	summaryValue  = 1<<3 | 2 // Summary.value, repeated
	valueTag      = 1<<3 | 2 // Summary.Value.tag, string
	valueSimple   = 2<<3 | 5 // Summary.Value.simple_value, float
)

func protoBytes(dst []byte, key byte, b []byte) []byte {
	dst = binary.AppendUvarint(append(dst, key), uint64(len(b)))
	return append(dst, b...)
}

// versionEvent begins every event file. wall is Unix time in seconds.
func versionEvent(wall float64) []byte {
	b := binary.LittleEndian.AppendUint64([]byte{eventWallTime}, math.Float64bits(wall))
	return protoBytes(b, eventVersion, []byte("brain.Event:2"))
}

// scalarEvent holds numbers of one step.
func scalarEvent(wall float64, step int, tags []string, values []float32) []byte {
	var summary []byte
	for i, tag := range tags {
		v := protoBytes(nil, valueTag, []byte(tag))
		v = binary.LittleEndian.AppendUint32(append(v, valueSimple), math.Float32bits(values[i]))
		summary = protoBytes(summary, summaryValue, v)
	}
	b := binary.LittleEndian.AppendUint64([]byte{eventWallTime}, math.Float64bits(wall))
	b = binary.AppendUvarint(append(b, eventStep), uint64(step))
	return protoBytes(b, eventSummary, summary)
}
