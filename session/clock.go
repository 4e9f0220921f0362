package session

import (
	"time"

	"golang.org/x/sys/unix"
)

// monotonic is the time since the machine was started, on a clock that nobody
// sets, that is the same for all processes, and that stands still while the
// machine sleeps.
func monotonic() time.Duration {
	var ts unix.Timespec
	if err := unix.ClockGettime(awakeClock, &ts); err != nil {
		panic("session: " + err.Error()) // the system has had it for decades
	}
	return time.Duration(ts.Nano())
}
