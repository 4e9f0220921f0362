package session

import "golang.org/x/sys/unix"

const awakeClock = unix.CLOCK_UPTIME_RAW
