package main

import (
	"context"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"

	"github.com/sessiond/sessiond/daemon"
	"github.com/sessiond/sessiond/rpc/api"
)

// What `make build` sets with -ldflags: version, commit, and the commit's time.
var stamped, stampedCommit, stampedDate string

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

// source is the commit of which the program was built and its time: what was stamped,
// else what the go command knows; "": it is not known.
func source() (commit, date string) {
	info, _ := debug.ReadBuildInfo()
	return sourceOf(stampedCommit, stampedDate, info)
}

func sourceOf(commit, date string, info *debug.BuildInfo) (string, string) {
	if commit != "" || info == nil {
		return commit, date
	}
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			commit = s.Value
		case "vcs.time":
			date = s.Value
		}
	}
	return commit, date
}

// versionInfo is what `sessiond version --json` prints.
type versionInfo struct {
	Version         string         `json:"version"`
	Commit          string         `json:"commit,omitempty"` // of which it was built; absent: not known
	Date            string         `json:"date,omitempty"`   // of the commit, so that builds are reproducible
	ProtocolVersion int            `json:"protocol_version"`
	Go              string         `json:"go"`
	Platform        string         `json:"platform"`
	Daemon          *daemonVersion `json:"daemon,omitempty"` // absent: none runs
}

// daemonVersion is that of the daemon that runs.
type daemonVersion struct {
	Version         string `json:"version"`
	ProtocolVersion int    `json:"protocol_version"`
	PID             int    `json:"pid"`
}

func newVersion(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "version",
		Short: "Print the version of this program, and of the daemon if one runs",
		Long: `Print the version of this program, the commit that it was built of and its date,
and the version of the daemon if one runs.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			v := versionInfo{Version: version(), ProtocolVersion: api.ProtocolVersion, Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH}
			v.Commit, v.Date = source()
			if config, err := a.config(cmd); err == nil { // what is wrong with it is no matter here
				v.Daemon = a.runningVersion(cmd.Context(), config)
			}
			if a.json {
				return a.out.object(v)
			}
			a.out.printf("sessiond %s (protocol %d, %s, %s)\n", v.Version, v.ProtocolVersion, v.Go, v.Platform)
			if v.Commit != "" {
				a.out.printf("commit   %s of %s\n", v.Commit, v.Date)
			}
			if d := v.Daemon; d != nil {
				a.out.printf("daemon   %s (protocol %d, pid %d)\n", cleanLine(d.Version), d.ProtocolVersion, d.PID)
				a.warnOfVersion(d.Version, d.ProtocolVersion)
			}
			return nil
		},
	}
	a.jsonFlag(cmd, "print JSON")
	return cmd
}

// runningVersion asks the daemon, if one answers.
func (a *app) runningVersion(ctx context.Context, config daemon.Config) *daemonVersion {
	c, err := a.connectRunning(ctx, config)
	if err != nil {
		return nil
	}
	defer c.Close()
	h, err := c.Health(ctx)
	if err != nil {
		return nil
	}
	return &daemonVersion{h.Version, h.ProtocolVersion, h.PID}
}

// warnOfVersion says, on standard error, that the daemon is of another version
// than this program, and what to do about it.
func (a *app) warnOfVersion(theirs string, protocol int) {
	switch {
	case protocol != api.ProtocolVersion:
		a.errs.printf("%s\n", a.errs.style(styleYellow, cleanLine("the daemon is "+theirs+", this program is "+version()+
			", and they speak different versions of the protocol: "+upgradeHint)))
	case theirs != version():
		a.errs.printf("%s\n", a.errs.style(styleYellow, cleanLine("the daemon is "+theirs+", this program is "+version()+": "+upgradeHint)))
	}
	_ = a.errs.Flush()
}

// upgradeHint is how a daemon of this program's version comes to run.
const upgradeHint = "'sessiond stop', and the next command starts a daemon of its own version; sessions go on"
