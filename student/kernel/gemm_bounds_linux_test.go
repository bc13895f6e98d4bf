package kernel

import (
	"math/rand/v2"
	"runtime/debug"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

// fenced gives n float32 that end where readable memory ends, or begin where
// it begins.
func fenced(t *testing.T, n int, atEnd bool) []float32 {
	page := unix.Getpagesize()
	size := (4*n + page - 1) / page * page
	mem, err := unix.Mmap(-1, 0, size+2*page, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_ANON|unix.MAP_PRIVATE)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := unix.Munmap(mem); err != nil {
			t.Error(err)
		}
	})
	for _, fence := range [][]byte{mem[:page], mem[page+size:]} {
		if err := unix.Mprotect(fence, unix.PROT_NONE); err != nil {
			t.Fatal(err)
		}
	}
	at := page
	if atEnd {
		at = page + size - 4*n
	}
	return unsafe.Slice((*float32)(unsafe.Pointer(&mem[at])), n)
}

// TestGemmFences gives Gemm matrices without a readable byte beside them: the
// assembly must not touch what Go's own checks would forbid.
func TestGemmFences(t *testing.T) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	rng := rand.New(rand.NewPCG(31, 32))
	for i := range 120 {
		p := random(rng)
		want := p.solve(portable)
		c := want[p.ldc : (p.m-1)*p.ldc+p.ldc+p.n]
		atEnd := i%2 == 0
		ar, ac, br, bc := p.m, p.k, p.k, p.n
		if p.transA {
			ar, ac = ac, ar
		}
		if p.transB {
			br, bc = bc, br
		}
		put := func(x []float32) []float32 {
			y := fenced(t, len(x), atEnd)
			copy(y, x)
			return y
		}
		a, b := put(p.a[:(ar-1)*p.lda+ac]), put(p.b[:(br-1)*p.ldb+bc])
		for _, v := range variants {
			got := put(p.c[p.ldc : p.ldc+len(c)])
			func() {
				defer func() {
					if err := recover(); err != nil {
						t.Fatalf("%s: %v: %v", v.name, p, err)
					}
				}()
				// On this goroutine, where a fault is a panic.
				defer serial()()
				gemm(v, p.transA, p.transB, p.m, p.n, p.k, p.alpha, a, p.lda, b, p.ldb, p.beta, got, p.ldc)
			}()
			if err := sameBits(got, c); err != nil {
				t.Fatalf("%s: %v: %v", v.name, p, err)
			}
		}
	}
}
