package claude

import "path/filepath"

// ConfigDir is the directory in which a claude with this environment keeps its
// settings: CLAUDE_CONFIG_DIR, else .claude in HOME; "" where neither is set. getenv
// is like os.Getenv. What it says of its processes is in sessions therein.
//
// Seen with 2.1.329 and 2.1.197.
func ConfigDir(getenv func(name string) string) string {
	if dir := getenv("CLAUDE_CONFIG_DIR"); dir != "" {
		return dir
	}
	if home := getenv("HOME"); home != "" {
		return filepath.Join(home, ".claude")
	}
	return ""
}

// ProjectsDir is the directory in which a claude with this environment keeps its
// transcripts; "" where ConfigDir is.
func ProjectsDir(getenv func(name string) string) string {
	if dir := ConfigDir(getenv); dir != "" {
		return filepath.Join(dir, "projects")
	}
	return ""
}
