package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/sessiond/sessiond/daemon/service"
)

// file is a file of a release.
type file struct {
	content []byte
	mode    fs.FileMode
}

// tree is files by their paths, with slashes, below a prefix such as /usr.
type tree map[string]file

func readTree(dir string) (tree, error) {
	files := tree{}
	err := filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		content, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(dir, name)
		files[filepath.ToSlash(rel)] = file{content, 0o644}
		return err
	})
	return files, err
}

// stage puts together what archives and packages have in common.
func (r *release) stage(programs, manual tree, bills map[string][]byte, licences []byte) (tree, error) {
	files := maps.Clone(programs)
	for name, f := range manual {
		if strings.HasPrefix(name, "share/man/") {
			zipped, err := zip(f.content)
			if err != nil {
				return nil, err
			}
			name, f = name+".gz", file{zipped, f.mode}
		}
		files[name] = f
	}
	for _, name := range []string{"LICENSE", "README.md"} {
		content, err := os.ReadFile(filepath.Join(r.root, name))
		if err != nil {
			return nil, err
		}
		files["share/doc/sessiond/"+name] = file{content, 0o644}
	}
	zipped, err := zip(licences)
	if err != nil {
		return nil, err
	}
	files["share/doc/sessiond/third-party.txt.gz"] = file{zipped, 0o644}
	for name, content := range bills {
		files["share/doc/sessiond/"+name+".cdx.json"] = file{content, 0o644}
	}
	return files, nil
}

// withUnits adds the units that run the program below a prefix.
func (t tree) withUnits(prefix string) tree {
	files := maps.Clone(t)
	for name, content := range service.PackageUnits(prefix + "/bin/sessiond") {
		files["lib/systemd/user/"+name] = file{[]byte(content), 0o644}
	}
	return files
}

// archived is what an archive has, which is unpacked into /usr/local.
func (t tree) archived() tree { return t.withUnits("/usr/local") }

// packaged is what a Debian package has below /usr. Every Debian system has the text
// of the licence already.
func (t tree) packaged() tree {
	files := t.withUnits("/usr")
	const zsh = "share/zsh/site-functions/_sessiond"
	files["share/zsh/vendor-completions/_sessiond"] = files[zsh]
	delete(files, zsh)
	delete(files, "share/doc/sessiond/LICENSE")
	files["share/doc/sessiond/copyright"] = file{[]byte(debCopyright), 0o644}
	return files
}

const debCopyright = `Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/
Upstream-Name: sessiond
Source: https://github.com/sessiond/sessiond
Comment: The programs have parts of other authors in them: see third-party.txt.gz
 beside this file, and the bills of materials (*.cdx.json).

Files: *
Copyright: The sessiond authors
License: Apache-2.0
 On Debian systems, the full text of the Apache License, Version 2.0, can be found
 in /usr/share/common-licenses/Apache-2.0.
`

// zip compresses without a name and a time.
func zip(content []byte) ([]byte, error) {
	var b bytes.Buffer
	w, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(content); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil { // which writes the rest
		return nil, err
	}
	return b.Bytes(), nil
}

// archive writes a compressed tar whose bytes follow from the files and the commit's
// time alone.
func (r *release) archive(name, top string, files tree) error {
	var b bytes.Buffer
	if err := r.tar(&b, top, files); err != nil {
		return err
	}
	zipped, err := zip(b.Bytes())
	if err != nil {
		return err
	}
	return os.WriteFile(name, zipped, 0o644)
}

func (r *release) tar(to io.Writer, top string, files tree) error {
	w := tar.NewWriter(to)
	made := map[string]bool{}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		full := path.Join(top, name)
		for _, dir := range above(full) {
			if made[dir] {
				continue
			}
			made[dir] = true
			if err := w.WriteHeader(&tar.Header{Typeflag: tar.TypeDir, Name: dir + "/", Mode: 0o755, ModTime: r.date, Format: tar.FormatUSTAR}); err != nil {
				return err
			}
		}
		f := files[name]
		header := tar.Header{Typeflag: tar.TypeReg, Name: full, Mode: int64(f.mode), Size: int64(len(f.content)), ModTime: r.date, Format: tar.FormatUSTAR}
		if err := w.WriteHeader(&header); err != nil {
			return err
		}
		if _, err := w.Write(f.content); err != nil {
			return err
		}
	}
	return w.Close()
}

// above lists the directories above a file, the outermost first.
func above(name string) (dirs []string) {
	for dir := path.Dir(name); dir != "."; dir = path.Dir(dir) {
		dirs = append(dirs, dir)
	}
	slices.Reverse(dirs)
	return dirs
}

// checksums writes SHA256SUMS, as sha256sum does.
func (r *release) checksums() error {
	entries, err := os.ReadDir(r.out) // sorted
	if err != nil {
		return err
	}
	var sums strings.Builder
	for _, entry := range entries {
		content, err := os.ReadFile(filepath.Join(r.out, entry.Name()))
		if err != nil {
			return err
		}
		fmt.Fprintf(&sums, "%x  %s\n", sha256.Sum256(content), entry.Name())
	}
	fmt.Print(sums.String())
	return os.WriteFile(filepath.Join(r.out, "SHA256SUMS"), []byte(sums.String()), 0o644)
}
