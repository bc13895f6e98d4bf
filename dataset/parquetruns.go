package dataset

import (
	"encoding/binary"
	"fmt"
	"io"

	"github.com/parquet-go/parquet-go/format"
)

// checkValues refuses values whose encoding claims more than values of them.
func checkValues(data []byte, e format.Encoding, values int64) error {
	switch e {
	case format.Plain, format.ByteStreamSplit:
		return nil
	case format.PlainDictionary, format.RLEDictionary:
		if len(data) == 0 {
			return nil
		}
		if data[0] > 32 {
			return fmt.Errorf("positions in a dictionary of %d bits", data[0])
		}
		return checkRuns(data[1:], int(data[0]), values)
	case format.RLE:
		_, err := checkSizedRuns(data, 1, values)
		return err
	case format.DeltaBinaryPacked, format.DeltaLengthByteArray:
		if len(data) == 0 {
			return nil
		}
		var v uint64
		for range 3 { // size of blocks, parts of a block, values
			n := 0
			if v, n = binary.Uvarint(data); n <= 0 {
				return io.ErrUnexpectedEOF
			}
			data = data[n:]
		}
		if v > uint64(values) {
			return fmt.Errorf("differences of %d values, expected %d", v, values)
		}
		return nil
	}
	return fmt.Errorf("encoding %v is not read, expected PLAIN, dictionary, RLE, BYTE_STREAM_SPLIT, DELTA_BINARY_PACKED or DELTA_LENGTH_BYTE_ARRAY", e)
}

// checkSizedRuns is checkRuns of runs after four bytes that tell how many
// bytes they take, and gives what follows them.
func checkSizedRuns(data []byte, width int, values int64) ([]byte, error) {
	if len(data) < 4 || int64(binary.LittleEndian.Uint32(data)) > int64(len(data)-4) {
		return nil, io.ErrUnexpectedEOF
	}
	n := 4 + int(binary.LittleEndian.Uint32(data))
	return data[n:], checkRuns(data[4:n], width, values)
}

// maxPadding is how many values too many the last run of a page may have.
const maxPadding = 512

// checkRuns goes over a hybrid of runs and packed values of width bits.
func checkRuns(data []byte, width int, values int64) error {
	for seen := int64(0); len(data) > 0; {
		head, n := binary.Uvarint(data)
		if n <= 0 {
			return io.ErrUnexpectedEOF
		}
		data = data[n:]
		count, size := int64(head>>1), int64(width+7)/8
		if count < 0 || count > maxPageValues {
			return fmt.Errorf("a run of %d values, expected %d", uint64(count), values)
		}
		if head&1 != 0 {
			count, size = 8*count, count*int64(width)
		}
		if seen += count; seen > values+maxPadding {
			return fmt.Errorf("runs of %d values, expected %d", seen, values)
		}
		data = data[min(size, int64(len(data))):]
	}
	return nil
}
