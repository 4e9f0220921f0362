//go:build !linux

package torture

import (
	"os"
	"testing"
)

// smallDisk is for Linux only.
func smallDisk(testing.TB, *world, int) bool { return false }

func takeAll(*os.File) {}
