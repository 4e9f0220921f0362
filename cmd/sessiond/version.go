package main

import (
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"

	"github.com/sessiond/sessiond/rpc/api"
)

// stamped is the version that `make build` sets with -ldflags.
var stamped string

// version is what was stamped, else what the go command knows of the build.
func version() string {
	if stamped != "" {
		return stamped
	}
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "unknown"
}

// versionInfo is what `sessiond version --json` prints.
type versionInfo struct {
	Version         string `json:"version"`
	ProtocolVersion int    `json:"protocol_version"`
	Go              string `json:"go"`
	Platform        string `json:"platform"`
}

func newVersion(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "version",
		Short: "Print the version of this program",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			v := versionInfo{version(), api.ProtocolVersion, runtime.Version(), runtime.GOOS + "/" + runtime.GOARCH}
			if a.json {
				return a.out.object(v)
			}
			a.out.printf("sessiond %s (protocol %d, %s, %s)\n", v.Version, v.ProtocolVersion, v.Go, v.Platform)
			return nil
		},
	}
	a.jsonFlag(cmd, "print JSON")
	return cmd
}
