package main

import (
	"github.com/spf13/cobra"

	"github.com/sessiond/sessiond/daemon"
)

// newRoot makes the tree of commands.
func newRoot(a *app) *cobra.Command {
	root := &cobra.Command{
		Use:   "sessiond",
		Short: "Run Claude Code sessions that outlive you, your terminal and the daemon itself",
		Long: `sessiond runs Claude Code sessions in the background, keeps every line they
print, and tells every client what happens.

  sessiond launch "fix the failing test"   start a session here and follow it
  sessiond list                            what runs, and what ran
  sessiond log SESSION                     read a conversation
  sessiond search WORDS                    find what was said, in all of them
  sessiond tui                             all of them on one screen, and all that can be done
  sessiond attach SESSION                  talk to one that lives, and answer what it asks
  sessiond continue SESSION "now commit"   go on from one that has ended
  sessiond wait SESSION                    for scripts: until it has ended
  sessiond notify                          tells you when a session needs you

A session is named by its id or the beginning of it. A daemon is started in the
background when one is needed. See 'sessiond help files' and 'sessiond help exit-codes'.`,
		Version:       version(),
		SilenceErrors: true,
		SilenceUsage:  true,
		PersistentPreRun: func(*cobra.Command, []string) {
			a.parsed = true
		},
	}
	flags := root.PersistentFlags()
	for _, s := range daemon.Settings() {
		if s.Key == "state_dir" || s.Key == "socket" { // the others matter only to the daemon itself
			a.settingFlag(flags, s)
		}
	}
	flags.StringVar(&a.configFile, "config", "", "configuration file (default $XDG_CONFIG_HOME/sessiond/config.toml)")
	flags.SortFlags = false

	root.AddGroup(
		&cobra.Group{ID: groupSessions, Title: "Sessions:"},
		&cobra.Group{ID: groupTalk, Title: "Talking to a session:"},
		&cobra.Group{ID: groupRead, Title: "Reading:"},
		&cobra.Group{ID: groupDaemon, Title: "The daemon:"},
	)
	add := func(group string, commands ...*cobra.Command) {
		for _, c := range commands {
			c.GroupID = group
			root.AddCommand(c)
		}
	}
	add(groupSessions, newLaunch(a), newContinue(a), newSet(a), newInterrupt(a), newEnd(a), newArchive(a), newDelete(a), newPrune(a), newImport(a))
	add(groupTalk, newTUI(a), newAttach(a), newSend(a), newInbox(a), newApprovals(a), newApprove(a), newDeny(a), newAnswer(a))
	add(groupRead, newList(a), newSearch(a), newShow(a), newLog(a), newExport(a), newWatch(a), newObservations(a))
	add(groupDaemon, newServe(a), newHooks(a), newHook(), newStatus(a), newStop(a), newBackup(a), newRestore(a), newDoctor(a), newService(a), newRPC(a), newVersion(a))
	add(groupRead, newWait(a), newNotify(a))
	add(groupRead, newSummarize(a), newUsage(a))
	add(groupDaemon, newJobs(a))
	root.SetHelpCommandGroupID(groupDaemon)
	root.SetCompletionCommandGroupID(groupDaemon)
	root.AddCommand(
		&cobra.Command{Use: "exit-codes", Short: "What the exit codes mean", Long: exitCodesHelp()},
		&cobra.Command{Use: "files", Short: "Files, settings and environment", Long: filesHelp()},
	)
	return root
}

// The groups of commands in the help.
const (
	groupSessions = "sessions"
	groupTalk     = "talk"
	groupRead     = "read"
	groupDaemon   = "daemon"
)
