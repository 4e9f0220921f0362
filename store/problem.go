package store

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// lasting is for how long a commit that failed counts where only smaller
	// ones have succeeded since: on a full disk there is often room for those.
	lasting = 5 * time.Second
	// maxDamage bounds how many damaged places are remembered.
	maxDamage = 64
)

// trouble knows what goes wrong with the database, and has not gone right since.
type trouble struct {
	path   string
	logger *slog.Logger
	lasts  time.Duration // lasting

	mu         sync.Mutex
	commit     error
	size       int       // of the commit that failed
	failed     time.Time // when it did
	checkpoint error
	damage     map[string]error // by the place that is damaged
	hurt       atomic.Bool      // whether there is any
}

// Problem returns nil while all is well with the database: the last commit and
// the last checkpoint succeeded, and nothing that is damaged was met. Otherwise
// it says in one line what is wrong with which file and what to do about it, and
// wraps ErrFull, ErrReadOnly, ErrIO, ErrCorrupt or ErrBusy. While there is a
// problem a commit is tried every second, so that it goes away when its cause
// does. Damage that was read counts until the record is written anew or deleted, or
// the store is closed.
func (s *Store) Problem() error {
	t := s.trouble
	t.mu.Lock()
	defer t.mu.Unlock()
	err := cmp.Or(t.commit, t.checkpoint)
	if err == nil && len(t.damage) > 0 {
		first := slices.Min(slices.Collect(maps.Keys(t.damage)))
		if err = t.damage[first]; len(t.damage) > 1 {
			err = fmt.Errorf("%w (and %d others)", err, len(t.damage)-1)
		}
	}
	if err == nil {
		return nil
	}
	return fmt.Errorf("database %s: %w; %s", t.path, err, nextStep(err))
}

// commitFailed notes that a commit of this size did not go to disk.
func (t *trouble) commitFailed(err error, size int) {
	if faultOf(err) == nil {
		return // of another kind: the batch's, or the program's own
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.commit == nil {
		t.logger.Error("the database cannot be written", "error", err, "next", nextStep(err))
	}
	t.commit, t.size, t.failed = err, max(size, t.size), time.Now()
}

// committed notes that one did. It returns whether there is a problem still.
func (t *trouble) committed(size int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.commit == nil || size < t.size && time.Since(t.failed) < t.lasts {
		return
	}
	t.logger.Info("the database can be written again")
	t.commit, t.size = nil, 0
}

// writing returns whether commits fail.
func (t *trouble) writing() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.commit != nil
}

// checkpointed notes how a checkpoint ended.
func (t *trouble) checkpointed(err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case err != nil && t.checkpoint == nil:
		t.logger.Error("the write-ahead log cannot be folded in", "error", err, "next", nextStep(err))
	case err == nil && t.checkpoint != nil:
		t.logger.Info("the write-ahead log can be folded in again")
	}
	t.checkpoint = err
}

// touched notes whether what b is about can be written.
func (t *trouble) touched(b *Batch, err error) {
	if errors.Is(err, ErrCorrupt) {
		_ = t.damaged(b.about(), err) // the batch has the error
	} else if err == nil && t.hurt.Load() {
		t.mended(b)
	}
}

// mended notes that b could be written, and which records are new with it, or gone.
func (t *trouble) mended(b *Batch) {
	places, deleted := b.records(), b.deleted()
	t.mu.Lock()
	defer t.mu.Unlock()
	maps.DeleteFunc(t.damage, func(place string, err error) bool {
		damage, ok := errors.AsType[*RecordError](err)
		well := slices.Contains(places, place) || ok && deleted != "" && damage.SessionID == deleted
		if well {
			t.logger.Info("a part of the database is well again", "place", place)
		}
		return well
	})
	t.hurt.Store(len(t.damage) > 0)
}

// knows returns whether damage to a place was noted.
func (t *trouble) knows(place string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.damage[place] != nil
}

// damaged notes that a place in the database cannot be read, or not be written,
// for what stands there. It returns the error that names it.
func (t *trouble) damaged(place string, err error) error {
	if _, named := errors.AsType[*RecordError](err); !named {
		err = fmt.Errorf("%s: %w", place, err)
	}
	if !errors.Is(err, ErrCorrupt) {
		err = fmt.Errorf("%w: %w", ErrCorrupt, err)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if _, known := t.damage[place]; known || len(t.damage) == maxDamage {
		return err
	}
	t.logger.Error("a part of the database is damaged", "error", err, "next", nextStep(err))
	if t.damage == nil {
		t.damage = map[string]error{}
	}
	t.damage[place] = err
	t.hurt.Store(true)
	return err
}
