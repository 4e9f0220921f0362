package rpc

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	if count, socket, ok := strings.Cut(os.Getenv(crowdEnv), " "); ok {
		n, err := strconv.Atoi(count)
		if err == nil {
			err = crowdMain(socket, n)
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	goleak.VerifyTestMain(m)
}
