package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
)

func example() *release {
	return &release{version: "v1.2.3", commit: "c0ffee", date: time.Unix(1_700_000_000, 0).UTC()}
}

func unzip(t *testing.T, b []byte) []byte {
	t.Helper()
	r, err := gzip.NewReader(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	out, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// TestArchive: an archive is the same each time, in order, of the commit's time, and
// has what was put in.
func TestArchive(t *testing.T) {
	t.Parallel()
	files := tree{"bin/b": {[]byte("program"), 0o755}, "bin/a": {[]byte("other"), 0o755}, "share/doc/x": {bytes.Repeat([]byte("text"), 10_000), 0o644}}
	var made [][]byte
	for range 2 {
		path := filepath.Join(t.TempDir(), "a.tar.gz")
		if err := example().archive(path, "top", files); err != nil {
			t.Fatal(err)
		}
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		made = append(made, b)
	}
	if !bytes.Equal(made[0], made[1]) {
		t.Error("two archives differ")
	}
	var names []string
	for r := tar.NewReader(bytes.NewReader(unzip(t, made[0]))); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, h.Name)
		content, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		if f, isFile := files[strings.TrimPrefix(h.Name, "top/")]; isFile && (!bytes.Equal(content, f.content) || h.Mode != int64(f.mode)) {
			t.Errorf("%s: mode %o, %d bytes", h.Name, h.Mode, len(content))
		}
		if !h.ModTime.Equal(example().date) || h.Uid != 0 || h.Uname != "" {
			t.Errorf("%s is of %v and %d", h.Name, h.ModTime, h.Uid)
		}
	}
	if want := []string{"top/", "top/bin/", "top/bin/a", "top/bin/b", "top/share/", "top/share/doc/", "top/share/doc/x"}; !slices.Equal(names, want) {
		t.Errorf("it has %q, want %q", names, want)
	}
}

// TestStage: where everything lies that comes with the programs.
func TestStage(t *testing.T) {
	t.Parallel()
	r := example()
	r.root = "../.."
	manual := tree{"share/man/man1/sessiond.1": {[]byte("page"), 0o644}, "share/zsh/site-functions/_sessiond": {[]byte("zsh"), 0o644}}
	files, err := r.stage(tree{"bin/sessiond": {[]byte("program"), 0o755}}, manual, map[string][]byte{"sessiond": []byte("{}")}, []byte("terms"))
	if err != nil {
		t.Fatal(err)
	}
	for what, tc := range map[string]struct {
		files tree
		units string
		want  []string
	}{
		"archive": {files.archived(), "/usr/local/bin/sessiond", []string{"share/zsh/site-functions/_sessiond", "share/doc/sessiond/LICENSE"}},
		"package": {files.packaged(), "/usr/bin/sessiond", []string{"share/zsh/vendor-completions/_sessiond", "share/doc/sessiond/copyright"}},
	} {
		for _, name := range append(tc.want, "bin/sessiond", "share/man/man1/sessiond.1.gz", "share/doc/sessiond/sessiond.cdx.json",
			"share/doc/sessiond/third-party.txt.gz", "lib/systemd/user/sessiond.socket", "lib/systemd/user/sessiond.service") {
			if len(tc.files[name].content) == 0 {
				t.Errorf("%s: no %s", what, name)
			}
		}
		if unit := string(tc.files["lib/systemd/user/sessiond.service"].content); !strings.Contains(unit, `ExecStart="`+tc.units+`" serve`) {
			t.Errorf("%s: its unit is %s", what, unit)
		}
	}
	if page := unzip(t, files["share/man/man1/sessiond.1.gz"].content); string(page) != "page" {
		t.Errorf("the page says %q", page)
	}
}

// TestDebVersion: dpkg has to sort versions as they came about. Where dpkg is there it
// is asked.
func TestDebVersion(t *testing.T) {
	t.Parallel()
	day := time.Date(2026, 11, 28, 15, 0, 0, 0, time.UTC)
	ordered := []struct{ version, want string }{
		{"8540da9", "0~20261128.150000.8540da9"},
		{"v0.1.0-rc.1", "0.1.0~rc.1"},
		{"v0.1.0-rc.1-3-gabcdef0", "0.1.0~rc.1+3.gabcdef0"},
		{"v0.1.0", "0.1.0"},
		{"v0.1.0-dirty", "0.1.0+0.dirty"},
		{"v0.1.0-9-gabcdef0", "0.1.0+9.gabcdef0"},
		{"v0.1.0-12-gabcdef0-dirty", "0.1.0+12.gabcdef0.dirty"},
		{"v0.1.1", "0.1.1"},
	}
	dpkg, err := exec.LookPath("dpkg")
	before := ""
	for _, tc := range ordered {
		r := &release{version: tc.version, date: day}
		got := r.debVersion()
		if got != tc.want {
			t.Errorf("%s: %s, want %s", tc.version, got, tc.want)
		}
		if err == nil && before != "" {
			if out, err := exec.Command(dpkg, "--compare-versions", before, "lt", got).CombinedOutput(); err != nil {
				t.Errorf("%s is not older than %s: %v: %s", before, got, err, out)
			}
		}
		before = got
	}
}

func TestWhatIsNoReleaseIsRefused(t *testing.T) {
	t.Parallel()
	for want, args := range map[string][]string{
		"VERSION=":           {"-version", "", "-commit", "c", "-epoch", "1"},
		`"../x" is none`:     {"-version", "../x", "-commit", "c", "-epoch", "1"},
		"SOURCE_DATE_EPOCH=": {"-version", "v1", "-commit", "c", "-epoch", "0"},
		"COMMIT=":            {"-version", "v1", "-commit", "", "-epoch", "1"},
	} {
		if err := run(t.Context(), args); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: said %v, want %s", args, err, want)
		}
	}
}

// TestDeb makes two packages of one tree, where `make dist` has brought what makes them.
func TestDeb(t *testing.T) {
	t.Parallel()
	tools, err := filepath.Glob("../../.cache/bin/nfpm-*")
	if err != nil || len(tools) == 0 || runtime.GOOS != "linux" {
		t.Skip("there is no nfpm: make dist-check makes packages")
	}
	r := example()
	r.programs = []string{"sessiond"}
	if r.nfpm, err = filepath.Abs(tools[0]); err != nil {
		t.Fatal(err)
	}
	exe, err := exec.LookPath("true") // a small one
	if err != nil {
		t.Skipf("no small program: %v", err)
	}
	program, err := os.ReadFile(exe)
	if err != nil {
		t.Fatal(err)
	}
	var made [][]byte
	for range 2 {
		r.root, r.out = t.TempDir(), t.TempDir()
		files := tree{"bin/sessiond": {program, 0o755}, "share/doc/sessiond/README.md": {[]byte("read"), 0o644}}
		if err := r.deb(t.Context(), platform{"linux", runtime.GOARCH, "cc"}, files); err != nil {
			t.Fatal(err)
		}
		b, err := os.ReadFile(filepath.Join(r.out, "sessiond_1.2.3_"+runtime.GOARCH+".deb"))
		if err != nil {
			t.Fatal(err)
		}
		made = append(made, b)
	}
	if !bytes.Equal(made[0], made[1]) {
		t.Error("two packages differ")
	}
	dpkg, err := exec.LookPath("dpkg-deb")
	if err != nil {
		return
	}
	deb := filepath.Join(r.out, "sessiond_1.2.3_"+runtime.GOARCH+".deb")
	out, err := exec.Command(dpkg, "--info", deb).CombinedOutput()
	for _, want := range []string{"Version: 1.2.3\n", "Depends: libc6 (>= 2.", "Description: Claude Code sessions that outlive"} {
		if err != nil || !bytes.Contains(out, []byte(want)) {
			t.Errorf("no %q, %v:\n%s", want, err, out)
		}
	}
	out, err = exec.Command(dpkg, "--contents", deb).CombinedOutput()
	if err != nil || !bytes.Contains(out, []byte("-rwxr-xr-x root/root")) || !bytes.Contains(out, []byte("2023-11-14")) {
		t.Errorf("contents: %v\n%s", err, out)
	}
}

// TestLicences: there are terms for every module in the programs, and for Go.
func TestLicences(t *testing.T) {
	t.Parallel()
	r := example()
	r.root, r.goTool = "../..", "go"
	var err error
	if r.programs, err = findPrograms(r.root); err != nil || !slices.Contains(r.programs, "sessiond-tui") {
		t.Fatalf("programs: %q, %v", r.programs, err)
	}
	if _, err := findPrograms(t.TempDir()); err == nil {
		t.Error("programs are found where there are none")
	}
	list, _ := r.platforms()
	terms, err := r.licencesOf(t.Context(), list[0])
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"github.com/mattn/go-sqlite3 v", "charm.land/bubbletea/v2 v", "Go, its standard library and runtime (LICENSE)", "Permission is hereby granted"} {
		if !bytes.Contains(terms, []byte(want)) {
			t.Errorf("nothing of %s", want)
		}
	}
	if err := appendLicences(&bytes.Buffer{}, "x v1", t.TempDir()); err == nil || !strings.Contains(err.Error(), "x v1 has no file with its licence") {
		t.Errorf("without any: %v", err)
	}
}

// TestLibc: what a package depends on is read out of the programs.
func TestLibc(t *testing.T) {
	t.Parallel()
	for version, want := range map[string][]int{"2.34": {2, 34}, "2.2.5": {2, 2, 5}, "PRIVATE": nil} {
		if got := numbers(version); !slices.Equal(got, want) {
			t.Errorf("%s: %v", version, got)
		}
	}
	if _, err := libcOf([]byte("no program")); err == nil {
		t.Error("what is no program depends on nothing")
	}
}
