package main

import (
	"fmt"
	"os"
	"syscall"
)

// warmth is as much memory as a flood uses: its journal, the write-ahead log, the
// database, the daemon's own.
const warmth = 512 << 20

// warm sees to it that so much memory, which a measurement is going to use, is the machine's. A
// virtual machine may give what is free back to its host, and to get a page again
// then takes several times as long: what had filled the memory before, such as five
// million events, would be measured with whatever comes next.
func warm(bytes int) error {
	memory, err := syscall.Mmap(-1, 0, bytes, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err != nil {
		return fmt.Errorf("get %d bytes of memory: %w", bytes, err)
	}
	for i := 0; i < len(memory); i += os.Getpagesize() {
		memory[i] = 1
	}
	return syscall.Munmap(memory)
}
