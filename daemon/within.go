package daemon

import "github.com/sessiond/sessiond/session"

// Within returns the id of the session in which a process with this environment
// runs; "" if it runs in none. A daemon that is started there would end with it.
func Within(env []string) string { return session.Within(env) }
