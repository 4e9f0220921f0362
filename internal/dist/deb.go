package main

import (
	"bytes"
	"context"
	"debug/elf"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// described is what git says of a commit behind a tag.
var described = regexp.MustCompile(`^(.*)-(\d+)-g([0-9a-f]+)$`)

// debVersion is a version that dpkg sorts as it should: a commit behind a tag is
// newer than that and older than the next, v1.0.0-rc1 is older than v1.0.0, and what
// has no tag is older than whatever has one, and sorted by its day.
func (r *release) debVersion() string {
	version, dirty := strings.CutSuffix(r.version, "-dirty")
	suffix := ""
	if m := described.FindStringSubmatch(version); m != nil {
		version, suffix = m[1], "+"+m[2]+".g"+m[3]
	} else if dirty {
		suffix = "+0"
	}
	if dirty {
		suffix += ".dirty"
	}
	version = strings.TrimPrefix(version, "v")
	if !regexp.MustCompile(`^\d+\.\d`).MatchString(version) {
		return "0~" + r.date.Format("20060102.150405") + "." + strings.ReplaceAll(version, "-", ".") + suffix
	}
	return strings.ReplaceAll(version, "-", "~") + suffix
}

// deb makes a Debian package.
func (r *release) deb(ctx context.Context, p platform, files tree) error {
	dir, err := os.MkdirTemp("", "dist")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	var programs [][]byte
	for _, name := range r.programs {
		programs = append(programs, files["bin/"+name].content)
	}
	libc, err := libcOf(programs...)
	if err != nil {
		return err
	}
	var config strings.Builder
	fmt.Fprintf(&config, debConfig, p.arch, r.debVersion(), libc, r.date.Format(time.RFC3339))
	for _, name := range slices.Sorted(maps.Keys(files)) {
		f := files[name]
		source := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(source), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(source, f.content, f.mode); err != nil {
			return err
		}
		fmt.Fprintf(&config, "  - src: %q\n    dst: %q\n    file_info: {mode: %#o, owner: root, group: root, mtime: %s}\n",
			source, "/usr/"+name, f.mode, r.date.Format(time.RFC3339))
	}
	file := filepath.Join(dir, "nfpm.yaml")
	if err := os.WriteFile(file, []byte(config.String()), 0o600); err != nil {
		return err
	}
	target := filepath.Join(r.out, fmt.Sprintf("sessiond_%s_%s.deb", r.debVersion(), p.arch))
	_, err = r.run(ctx, r.environ(p), r.nfpm, "package", "--packager", "deb", "--config", file, "--target", target)
	return err
}

// debConfig is what nfpm needs to know besides the files.
const debConfig = `name: sessiond
arch: %s
platform: linux
version: %q
version_schema: none
section: utils
priority: optional
maintainer: sessiond maintainers <maintainers@sessiond.invalid>
description: |-
  Claude Code sessions that outlive you, your terminal and the daemon
  A daemon that launches Claude Code sessions, keeps them running while
  clients come and go, records every line they print in SQLite, and tells
  every client what happens.
  .
  With the terminal UI, completions, man pages, and units for 'systemctl --user'.
homepage: https://github.com/sessiond/sessiond
depends:
  - libc6 (>= %s)
suggests:
  - bash-completion
mtime: %s
deb:
  compression: xz
contents:
`

// libcOf is the oldest version of the C library that has all that the programs use.
func libcOf(programs ...[]byte) (string, error) {
	newest := []int{2, 17}
	for _, program := range programs {
		f, err := elf.NewFile(bytes.NewReader(program))
		if err != nil {
			return "", err
		}
		symbols, err := f.ImportedSymbols()
		if err != nil && len(program) > 0 {
			symbols = nil // it is linked statically
		}
		for _, s := range symbols {
			if version, ok := strings.CutPrefix(s.Version, "GLIBC_"); ok {
				if v := numbers(version); slices.Compare(v, newest) > 0 {
					newest = v
				}
			}
		}
	}
	return strings.Trim(strings.ReplaceAll(fmt.Sprint(newest), " ", "."), "[]"), nil
}

func numbers(version string) (list []int) {
	for part := range strings.SplitSeq(version, ".") {
		n, err := strconv.Atoi(part)
		if err != nil {
			return nil // such as GLIBC_PRIVATE
		}
		list = append(list, n)
	}
	return list
}
