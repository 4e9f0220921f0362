package claude

import "strings"

// TestedVersions are those that everything is tested with, the oldest first.
// Others may work as well: what an older one lacks, or a newer one says anew, is
// met as far as it is known.
var TestedVersions = []string{"2.1.197", "2.1.329"}

// Tested reports whether v lies in the range of the versions that were tested.
func (v Version) Tested() bool {
	return compareVersions(string(v), TestedVersions[0]) >= 0 &&
		compareVersions(string(v), TestedVersions[len(TestedVersions)-1]) <= 0
}

// compareVersions compares numbers that are joined by dots.
func compareVersions(a, b string) int {
	as, bs := strings.Split(a, "."), strings.Split(b, ".")
	for i := range min(len(as), len(bs)) {
		if len(as[i]) != len(bs[i]) {
			return len(as[i]) - len(bs[i])
		}
		if c := strings.Compare(as[i], bs[i]); c != 0 {
			return c
		}
	}
	return len(as) - len(bs)
}
