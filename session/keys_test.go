package session

import (
	"sync"
	"testing"
)

func TestKeysAreEachTheirOwn(t *testing.T) {
	t.Parallel()
	var k keys
	unlock := k.lock("a")
	k.lock("b")() // hangs if "a" holds it up
	const users = 50
	var wg sync.WaitGroup
	n := 0
	for range users {
		wg.Go(func() {
			defer k.lock("a")()
			n++ // the race detector sees who is not alone
		})
	}
	n++
	unlock()
	wg.Wait()
	if n != users+1 || len(k.held) != 0 {
		t.Errorf("%d have had it, %d locks are left", n, len(k.held))
	}
}
