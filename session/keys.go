package session

import "sync"

// keys are locks by name: who holds one keeps only those waiting who want the
// same. The zero keys hold none.
type keys struct {
	mu   sync.Mutex
	held map[string]*key
}

type key struct {
	sync.Mutex
	users int // who hold it or wait for it
}

// lock takes the lock of a name, and returns what gives it back.
func (k *keys) lock(name string) (unlock func()) {
	k.mu.Lock()
	if k.held == nil {
		k.held = map[string]*key{}
	}
	l := k.held[name]
	if l == nil {
		l = &key{}
		k.held[name] = l
	}
	l.users++
	k.mu.Unlock()
	l.Lock()
	return func() {
		l.Unlock()
		k.mu.Lock()
		defer k.mu.Unlock()
		if l.users--; l.users == 0 {
			delete(k.held, name)
		}
	}
}
