package dataset

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// thriftWalker goes over a struct in Thrift's compact protocol without
// building anything, so that what lists and texts claim is known to be there
// before a decoder makes room for it.
type thriftWalker struct {
	data     []byte
	at       int
	elements int // structs in lists that may still come
	// number is called for each whole number and boolean, with the ids of the fields that
	// lead to it; an element of a list has its list's.
	number func(path []int16, v int64)
	begin  func(path []int16) // called where a struct begins
	path   []int16
}

// Types of the compact protocol.
const (
	thriftTrue = 1 + iota
	thriftFalse
	thriftByte
	thriftI16
	thriftI32
	thriftI64
	thriftDouble
	thriftBinary
	thriftList
	thriftSet
	thriftMap
	thriftStruct
)

const maxThriftDepth = 32

var errThriftEnd = errors.New("it ends too early")

func (w *thriftWalker) byte() (byte, error) {
	if w.at >= len(w.data) {
		return 0, errThriftEnd
	}
	w.at++
	return w.data[w.at-1], nil
}

func (w *thriftWalker) uvarint() (uint64, error) {
	v, n := binary.Uvarint(w.data[w.at:])
	if n <= 0 {
		return 0, errThriftEnd
	}
	w.at += n
	return v, nil
}

func (w *thriftWalker) skip(n uint64) error {
	if n > uint64(len(w.data)-w.at) {
		return errThriftEnd
	}
	w.at += int(n)
	return nil
}

// structure goes over the fields of a struct.
func (w *thriftWalker) structure() error {
	if len(w.path) > maxThriftDepth {
		return fmt.Errorf("it is nested deeper than %d", maxThriftDepth)
	}
	if w.begin != nil {
		w.begin(w.path)
	}
	id := int16(0)
	for {
		head, err := w.byte()
		if err != nil || head == 0 {
			return err
		}
		if delta := int16(head >> 4); delta != 0 {
			id += delta
		} else {
			v, err := w.uvarint()
			if err != nil {
				return err
			}
			id = int16(unzigzag(v))
		}
		w.path = append(w.path, id)
		switch kind := head & 15; {
		case kind != thriftTrue && kind != thriftFalse:
			if err := w.value(kind); err != nil {
				return err
			}
		case w.number != nil: // the value of a boolean is its type
			w.number(w.path, int64(thriftFalse-kind))
		}
		w.path = w.path[:len(w.path)-1]
	}
}

func (w *thriftWalker) value(kind byte) error {
	switch kind {
	case thriftTrue, thriftFalse, thriftByte:
		return w.skip(1)
	case thriftI16, thriftI32, thriftI64:
		v, err := w.uvarint()
		if err == nil && w.number != nil {
			w.number(w.path, unzigzag(v))
		}
		return err
	case thriftDouble:
		return w.skip(8)
	case thriftBinary:
		n, err := w.uvarint()
		if err != nil {
			return err
		}
		return w.skip(n)
	case thriftList, thriftSet:
		return w.list()
	case thriftStruct:
		return w.structure()
	}
	return fmt.Errorf("it holds a value of type %d", kind)
}

func (w *thriftWalker) list() error {
	head, err := w.byte()
	if err != nil {
		return err
	}
	n, kind := uint64(head>>4), head&15
	if n == 15 {
		if n, err = w.uvarint(); err != nil {
			return err
		}
	}
	if n > uint64(len(w.data)-w.at) { // each element takes a byte at least
		return errThriftEnd
	}
	if kind == thriftStruct || kind == thriftBinary || kind == thriftList {
		if w.elements -= int(n); w.elements < 0 {
			return errors.New("it holds too many elements")
		}
	}
	for range n {
		if err := w.value(kind); err != nil {
			return err
		}
	}
	return nil
}

func unzigzag(v uint64) int64 { return int64(v>>1) ^ -int64(v&1) }
