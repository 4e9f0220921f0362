package service

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// ChangedError says that files of the service were changed by hand, or written by
// somebody else.
type ChangedError struct{ Paths []string }

func (e *ChangedError) Error() string {
	return fmt.Sprintf("%s was changed by hand, and is left alone: move your changes into a drop-in ('systemctl --user edit'), or use --force", strings.Join(e.Paths, " and "))
}

// Plan is what Install or Uninstall is about to do.
type Plan struct {
	Write    []File     `json:"write,omitempty"`    // those that are not there yet as they should be
	Same     []string   `json:"same,omitempty"`     // files that are
	Remove   []string   `json:"remove,omitempty"`   // files
	Commands [][]string `json:"commands,omitempty"` // of the service manager, in their order

	host   Host
	forget [][]string // behind the removal
}

// PlanInstall says what has to be done to have the service as spec says. Whoever
// says force has files overwritten that were changed; else it is a *ChangedError.
func (h Host) PlanInstall(spec Spec, force bool) (Plan, error) {
	p := Plan{host: h}
	if err := spec.check(); err != nil {
		return p, err
	}
	if !filepath.IsAbs(h.Home) {
		return p, errors.New("HOME is not set: the service's files lie below it")
	}
	var changed []string
	for _, f := range h.manager().files(spec) {
		present, condition, err := read(f.Path)
		switch {
		case err != nil:
			return p, err
		case condition == Changed && !force:
			changed = append(changed, f.Path)
		case condition != Absent && present == f.Content:
			p.Same = append(p.Same, f.Path)
		default:
			p.Write = append(p.Write, f)
		}
	}
	if len(changed) > 0 {
		return p, &ChangedError{changed}
	}
	p.Commands = h.manager().activate(len(p.Write) > 0)
	return p, nil
}

// PlanUninstall says what has to be done to have no service; nothing, where none is
// installed. Files that were changed go only with force; else it is a *ChangedError.
func (h Host) PlanUninstall(force bool) (Plan, error) {
	p := Plan{host: h, forget: h.manager().forget()}
	if !filepath.IsAbs(h.Home) {
		return p, nil
	}
	var changed []string
	for _, f := range h.manager().files(Spec{}) {
		_, condition, err := read(f.Path)
		switch {
		case err != nil:
			return p, err
		case condition == Changed && !force:
			changed = append(changed, f.Path)
		case condition != Absent:
			p.Remove = append(p.Remove, f.Path)
		}
	}
	if len(changed) > 0 {
		return p, &ChangedError{changed}
	}
	if len(p.Remove) > 0 {
		p.Commands = h.manager().deactivate()
	}
	return p, nil
}

// Do carries a plan out. Nothing is written or removed where the manager cannot be
// reached, which is an *AbsentError.
func (p Plan) Do(ctx context.Context) error {
	if len(p.Write)+len(p.Commands) == 0 {
		return nil
	}
	if err := p.host.reach(ctx); err != nil {
		return err
	}
	for _, f := range p.Write {
		if err := f.write(); err != nil {
			return err
		}
	}
	if err := p.host.run(ctx, p.Commands); err != nil {
		return err
	}
	if len(p.Remove) == 0 {
		return nil
	}
	var err error
	for _, path := range p.Remove {
		err = errors.Join(err, os.Remove(path))
	}
	return errors.Join(err, p.host.run(ctx, p.forget))
}

// Start has the manager start what is installed.
func (h Host) Start(ctx context.Context) error { return h.run(ctx, h.manager().start()) }
