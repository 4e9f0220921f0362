package claude

import (
	"slices"
	"testing"

	"github.com/sessiond/sessiond/internal/claudecli"
)

func TestTestedVersionsAreTheOnesThatAreTested(t *testing.T) {
	t.Parallel()
	want := claudecli.Versions()
	slices.Reverse(want)
	if !slices.Equal(TestedVersions, want) {
		t.Errorf("%v, and the tests run %v", TestedVersions, want)
	}
	for version, tested := range map[Version]bool{"2.1.197": true, "2.1.329": true, "2.1.200": true, "2.1.196": false, "2.1.330": false,
		"2.1.1000": false, "2.2.0": false, "1.9.300": false, "10.1.200": false} {
		if version.Tested() != tested {
			t.Errorf("%s: %v", version, !tested)
		}
	}
}
