package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"
)

// findPrograms lists what is released: every command of the repository.
func findPrograms(root string) ([]string, error) {
	found, err := filepath.Glob(filepath.Join(root, "cmd", "*", "main.go")) // sorted
	if err != nil {
		return nil, err
	}
	var names []string
	for _, file := range found {
		names = append(names, filepath.Base(filepath.Dir(file)))
	}
	if !slices.Contains(names, "sessiond") {
		return nil, fmt.Errorf("%s is not the repository: it has no cmd/sessiond", root)
	}
	return names, nil
}

// platform is one to build for, with its C compiler, which SQLite needs.
type platform struct{ os, arch, cc string }

func (p platform) String() string { return p.os + "/" + p.arch }

// compilers are the C compilers that Debian has for other architectures of Linux.
var compilers = map[string]string{"amd64": "x86_64-linux-gnu-gcc", "arm64": "aarch64-linux-gnu-gcc"}

// platforms lists this machine's, and those of Linux for which a C compiler is there;
// left says which are not, and why.
func (r *release) platforms() (list []platform, left []string) {
	list = append(list, platform{runtime.GOOS, runtime.GOARCH, "cc"})
	if runtime.GOOS != "linux" {
		return list, []string{"linux: it is built on Linux"}
	}
	for _, arch := range []string{"amd64", "arm64"} {
		if arch == runtime.GOARCH {
			continue
		}
		if _, err := exec.LookPath(compilers[arch]); err != nil {
			left = append(left, fmt.Sprintf("linux/%s: there is no %s", arch, compilers[arch]))
			continue
		}
		list = append(list, platform{"linux", arch, compilers[arch]})
	}
	return list, append(left, "darwin: it is built on macOS, whose C library is not here")
}

// environ is that of a build: what changes its result and is not said here is the
// project's own, such as GOFLAGS with the tags.
func (r *release) environ(p platform) []string {
	return append(os.Environ(), "CGO_ENABLED=1", "GOOS="+p.os, "GOARCH="+p.arch, "CC="+p.cc, "CGO_CFLAGS=-O2 -g",
		"GOAMD64=v1", "GOARM64=v8.0", "GOTOOLCHAIN=local", fmt.Sprint("SOURCE_DATE_EPOCH=", r.date.Unix()))
}

// compile builds the programs, without what names this machine or this build.
func (r *release) compile(ctx context.Context, p platform) (tree, error) {
	dir, err := os.MkdirTemp("", "dist")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	stamps := fmt.Sprintf("-X main.stamped=%s -X main.stampedCommit=%s -X main.stampedDate=%s", r.version, r.commit, r.date.Format(time.RFC3339))
	args := []string{"build", "-trimpath", "-buildvcs=false", "-o", dir + string(filepath.Separator),
		"-ldflags", "-s -w -buildid= -extldflags=" + extldflags(p) + " " + stamps}
	for _, name := range r.programs {
		args = append(args, "./cmd/"+name)
	}
	if _, err := r.run(ctx, r.environ(p), r.goTool, args...); err != nil {
		return nil, err
	}
	files := tree{}
	for _, name := range r.programs {
		content, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			return nil, err
		}
		files["bin/"+name] = file{content, 0o755}
	}
	return files, nil
}

// extldflags has the C linker add no id of its own.
func extldflags(p platform) string {
	if p.os == "linux" {
		return "-Wl,--build-id=none"
	}
	return "-Wl,-no_uuid"
}

// manual has the command line's own test make man pages and completions.
func (r *release) manual(ctx context.Context) (tree, error) {
	dir, err := os.MkdirTemp("", "dist")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	env := append(os.Environ(), fmt.Sprint("SOURCE_DATE_EPOCH=", r.date.Unix()))
	if _, err := r.run(ctx, env, r.goTool, "test", "-count=1", "-run=^TestManual$", "./cmd/sessiond", "-manual="+dir, "-manual-version="+r.version); err != nil {
		return nil, err
	}
	return readTree(dir)
}

// bills makes a bill of materials of each program, by its name.
func (r *release) bills(ctx context.Context, p platform) (map[string][]byte, error) {
	bills := map[string][]byte{}
	for _, name := range r.programs {
		args := []string{"app", "-json", "-noserial", "-notimestamp", fmt.Sprintf("-licenses=%v", r.licences), "-main", "cmd/" + name, "."}
		out, err := r.run(ctx, r.environ(p), r.cyclone, args...)
		if err != nil {
			return nil, err
		}
		bills[name] = out
	}
	return bills, nil
}

// run runs a program in the repository, and says what it has complained of.
func (r *release) run(ctx context.Context, env []string, name string, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir, cmd.Env = r.root, env
	var out, complaint bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &complaint
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("%s %s: %w\n%s%s", filepath.Base(name), strings.Join(args, " "), err, &out, &complaint)
	}
	return out.Bytes(), nil
}
