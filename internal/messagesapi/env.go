package messagesapi

import (
	"os"
	"path/filepath"
)

// Env returns the whole environment of a real claude that talks to nobody but
// the server at url, and lives in home, a directory of its own. Nothing of this
// process's environment reaches it but PATH.
func Env(home, url string) []string {
	return []string{
		"PATH=" + os.Getenv("PATH"),
		"HOME=" + home,
		"CLAUDE_CODE_TMPDIR=" + filepath.Join(home, "tmp"),
		"ANTHROPIC_BASE_URL=" + url,
		"ANTHROPIC_API_KEY=sk-ant-stand-in",
		"CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC=1",
		"DISABLE_AUTOUPDATER=1",
		"DISABLE_TELEMETRY=1",
		"DISABLE_ERROR_REPORTING=1",
	}
}
