package daemon

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"runtime/pprof"
	"syscall"
	"time"
)

// profileFor is how long the CPU is watched for a profile.
const profileFor = 10 * time.Second

// memoryProfileRate is Go's own default: a sample of the heap every so many bytes.
const memoryProfileRate = 512 << 10

// Nothing is noted of each allocation, and no memory is kept for it, unless
// profiles are wanted.
func init() { runtime.MemProfileRate = 0 }

// profile writes profiles into dir each time that the daemon is sent SIGUSR2,
// until stop, which waits. Without a directory the signal is only told of.
func profile(dir string, log *slog.Logger) (stop func()) {
	if dir != "" {
		runtime.MemProfileRate = memoryProfileRate
	}
	ctx, cancel := context.WithCancel(context.Background())
	signals, done := make(chan os.Signal, 1), make(chan struct{})
	signal.Notify(signals, syscall.SIGUSR2)
	go func() {
		defer close(done)
		for range signals {
			if dir == "" {
				log.Warn("SIGUSR2: no profile is written, for the setting profile_dir names no directory")
				continue
			}
			if files, err := writeProfiles(ctx, dir, profileFor); err != nil {
				log.Error("profiles not written", "error", err)
			} else {
				log.Info("profiles written", "files", files)
			}
		}
	}()
	return func() {
		cancel()
		signal.Stop(signals)
		close(signals)
		<-done
	}
}

// writeProfiles watches the CPU for a time, or until ctx ends, then looks at the
// memory and the goroutines, and writes a file of each, for go tool pprof.
func writeProfiles(ctx context.Context, dir string, span time.Duration) (files []string, err error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	at := time.Now().UTC().Format("20060102T150405.000")
	write := func(name string, fill func(*os.File) error) {
		path := filepath.Join(dir, fmt.Sprintf("%s-%s.pprof", name, at))
		f, openErr := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		if openErr != nil {
			err = errors.Join(err, openErr)
			return
		}
		err = errors.Join(err, fill(f), f.Close())
		files = append(files, path)
	}
	write("cpu", func(f *os.File) error {
		if err := pprof.StartCPUProfile(f); err != nil {
			return err
		}
		defer pprof.StopCPUProfile()
		over := time.NewTimer(span)
		defer over.Stop()
		select {
		case <-over.C:
		case <-ctx.Done():
		}
		return nil
	})
	for _, name := range []string{"heap", "goroutine"} {
		write(name, func(f *os.File) error {
			if name == "heap" {
				runtime.GC() // what is live is known only behind one
			}
			return pprof.Lookup(name).WriteTo(f, 0)
		})
	}
	return files, err
}
