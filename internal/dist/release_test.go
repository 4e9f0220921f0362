package main

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// release is for `make dist-check`: it takes minutes, and needs tools that the tests
// do without.
var checkRelease = flag.Bool("release", false, "build releases of the committed state, and look at them")

// TestRelease builds the committed state twice, in two places and from nothing but
// modules: the results are equal byte for byte. What is in them runs.
func TestRelease(t *testing.T) {
	if !*checkRelease {
		t.Skip("make dist-check does it")
	}
	root := strings.TrimSpace(output(t, "", nil, "git", "rev-parse", "--show-toplevel"))
	short, long := filepath.Join(t.TempDir(), "a"), filepath.Join(t.TempDir(), "a", "much", "longer", "place")
	for _, place := range []string{short, long} { // the state may go on meanwhile
		output(t, "", nil, "git", "clone", "--quiet", root, place)
	}
	output(t, long, nil, "git", "reset", "--quiet", "--hard", strings.TrimSpace(output(t, short, nil, "git", "rev-parse", "HEAD")))
	for place, cache := range map[string]string{short: "", long: t.TempDir()} {
		if err := os.Symlink(filepath.Join(root, ".cache"), filepath.Join(place, ".cache")); err != nil {
			t.Fatal(err)
		}
		env := os.Environ()
		if cache != "" { // nothing that the other build has left counts
			env = append(env, "GOCACHE="+cache)
		}
		t.Logf("%s:\n%s", place, output(t, place, env, "make", "--no-print-directory", "dist"))
	}
	one, other := filepath.Join(short, "dist"), filepath.Join(long, "dist")
	same(t, one, other)
	output(t, one, nil, "sha256sum", "--check", "--quiet", "SHA256SUMS")
	commit := strings.TrimSpace(output(t, short, nil, "git", "rev-parse", "HEAD"))
	for _, dir := range []string{unpackArchive(t, one, runtime.GOARCH), unpackDeb(t, one)} {
		if dir != "" {
			checkInstalled(t, dir, commit, root)
		}
	}
	checkForeign(t, one, commit)
	checkBills(t, one)
}

// output runs a command, and returns what it has printed.
func output(t *testing.T, dir string, env []string, name string, args ...string) string {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Dir, cmd.Env = dir, env
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return string(out)
}

// same compares two directories.
func same(t *testing.T, one, other string) {
	t.Helper()
	entries, err := os.ReadDir(one)
	if err != nil {
		t.Fatal(err)
	}
	others, err := os.ReadDir(other)
	if err != nil || len(entries) != len(others) || len(entries) < 4 {
		t.Fatalf("%d and %d files: %v", len(entries), len(others), err)
	}
	for _, entry := range entries {
		a, err := os.ReadFile(filepath.Join(one, entry.Name()))
		if err != nil {
			t.Fatal(err)
		}
		if b, err := os.ReadFile(filepath.Join(other, entry.Name())); err != nil || !bytes.Equal(a, b) {
			t.Errorf("%s differs between the two builds: %v", entry.Name(), err)
		}
	}
}

func onlyFile(t *testing.T, pattern string) string {
	t.Helper()
	found, err := filepath.Glob(pattern)
	if err != nil || len(found) != 1 {
		t.Fatalf("%s: %q, %v", pattern, found, err)
	}
	return found[0]
}

func unpackArchive(t *testing.T, dist, arch string) string {
	t.Helper()
	dir := t.TempDir()
	output(t, dir, nil, "tar", "-xzf", onlyFile(t, filepath.Join(dist, "*_"+runtime.GOOS+"_"+arch+".tar.gz")), "--strip-components=1")
	return dir
}

// checkForeign runs what was built for another architecture, where that is possible.
func checkForeign(t *testing.T, dist, commit string) {
	t.Helper()
	for arch, emulated := range map[string]struct{ program, libraries string }{
		"amd64": {"qemu-x86_64-static", "/usr/x86_64-linux-gnu"}, "arm64": {"qemu-aarch64-static", "/usr/aarch64-linux-gnu"},
	} {
		built, err := filepath.Glob(filepath.Join(dist, "*_linux_"+arch+".tar.gz"))
		if err != nil || arch == runtime.GOARCH || len(built) == 0 {
			continue
		}
		qemu, err := exec.LookPath(emulated.program)
		if err != nil {
			t.Logf("there is no %s: what was built for %s was not run", emulated.program, arch)
			continue
		}
		env := []string{"HOME=" + t.TempDir(), "PATH=/usr/bin:/bin", "QEMU_LD_PREFIX=" + emulated.libraries}
		said := output(t, "", env, qemu, filepath.Join(unpackArchive(t, dist, arch), "bin", "sessiond"), "version")
		if !strings.Contains(said, "linux/"+arch) || !strings.Contains(said, commit) {
			t.Errorf("what was built for %s says %s", arch, said)
		}
	}
}

func unpackDeb(t *testing.T, dist string) string {
	t.Helper()
	if _, err := exec.LookPath("dpkg-deb"); err != nil {
		t.Log("there is no dpkg-deb: the package was not looked at")
		return ""
	}
	deb, dir := onlyFile(t, filepath.Join(dist, "*_"+runtime.GOARCH+".deb")), t.TempDir()
	output(t, "", nil, "dpkg-deb", "-x", deb, dir)
	if fields := output(t, "", nil, "dpkg-deb", "-f", deb); !strings.Contains(fields, "Depends: libc6 (>= 2.") {
		t.Errorf("it says of itself:\n%s", fields)
	}
	for _, line := range strings.Split(strings.TrimSpace(output(t, "", nil, "dpkg-deb", "-c", deb)), "\n") {
		if !strings.Contains(line, " root/root ") {
			t.Errorf("not root's: %s", line)
		}
	}
	return filepath.Join(dir, "usr")
}

// checkInstalled runs what was unpacked below a prefix, where it is told nothing of
// the machine.
func checkInstalled(t *testing.T, prefix, commit, root string) {
	t.Helper()
	home := t.TempDir()
	env := []string{"HOME=" + home, "PATH=/usr/bin:/bin"}
	sessiond := filepath.Join(prefix, "bin", "sessiond")
	var v struct{ Version, Commit, Date string }
	if err := json.Unmarshal([]byte(output(t, "", env, sessiond, "version", "--json")), &v); err != nil {
		t.Fatal(err)
	}
	if v.Version == "" || v.Commit != commit || !strings.HasSuffix(v.Date, "Z") {
		t.Errorf("%s says %+v", sessiond, v)
	}
	output(t, "", env, sessiond, "list")
	output(t, "", env, sessiond, "stop")
	programs, err := findPrograms(root)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range programs {
		path := filepath.Join(prefix, "bin", name)
		output(t, "", env, path, "--help")
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(b, []byte(root)) {
			t.Errorf("%s names %s", name, root)
		}
	}
	for _, name := range []string{"share/man/man1/sessiond-launch.1.gz", "share/bash-completion/completions/sessiond", "lib/systemd/user/sessiond.socket"} {
		if _, err := os.Stat(filepath.Join(prefix, name)); err != nil {
			t.Error(err)
		}
	}
}

// checkBills: each names its program and what is in it, with licences.
func checkBills(t *testing.T, dist string) {
	t.Helper()
	for name, part := range map[string]string{"sessiond": "github.com/mattn/go-sqlite3", "sessiond-tui": "charm.land/bubbletea/v2"} {
		b, err := os.ReadFile(onlyFile(t, filepath.Join(dist, name+"_*_"+runtime.GOOS+"_"+runtime.GOARCH+".cdx.json")))
		if err != nil {
			t.Fatal(err)
		}
		var bill struct {
			BomFormat  string
			Components []struct {
				Name     string
				Evidence struct{ Licenses []any }
			}
		}
		if err := json.Unmarshal(b, &bill); err != nil || bill.BomFormat != "CycloneDX" {
			t.Errorf("%s: %q, %v", name, bill.BomFormat, err)
		}
		found := false
		for _, c := range bill.Components {
			found = found || c.Name == part && len(c.Evidence.Licenses) > 0
		}
		if !found {
			t.Errorf("%s: no %s with its licence among %d components", name, part, len(bill.Components))
		}
	}
}
