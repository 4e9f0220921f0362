# Generated from the OpenRPC document by internal/clientgen: `make generate` renews it.
"""The methods of the protocol."""

from __future__ import annotations

from typing import Any, Mapping

from . import types as t


class Methods:
    """One method for each of the protocol's, but for subscriptions: those are `events`.

    An argument that is None is left out.
    """

    async def call(self, method: str, params: Mapping[str, Any] | None = None) -> Any:
        """Calls a method by its name."""
        raise NotImplementedError

    async def health(
        self,
    ) -> t.HealthResult:
        """How the daemon is, which claude it would start, and how far the log reaches.

        Returns:
            How the daemon is.

        Raises:
            SessiondError: invalid_params, internal_error, shutting_down.
        """
        result: t.HealthResult = await self.call("health")
        return result

    async def launch_session(
        self,
        query: t.Content,
        *,
        working_dir: str | None = None,
        title: str | None = None,
        model: str | None = None,
        permission_mode: str | None = None,
        allowed_tools: list[str] | None = None,
        disallowed_tools: list[str] | None = None,
        additional_directories: list[str] | None = None,
        system_prompt: str | None = None,
        append_system_prompt: str | None = None,
        mcp_config: dict[str, Any] | None = None,
        max_turns: int | None = None,
        max_budget_usd: float | None = None,
        tags: list[str] | None = None,
        rules: list[t.Rule] | None = None,
        permission_mode_timeout_ms: int | None = None,
        interactive: bool | None = None,
        unattended: bool | None = None,
        include_partial_messages: bool | None = None,
        env: dict[str, str] | None = None,
        idempotency_key: str | None = None,
    ) -> t.LaunchSessionResult:
        """Starts Claude Code on a first prompt; a new session.

        Args:
            query: the first prompt: a text, or content blocks
            working_dir: absolute path of an existing directory; default: the user's home, or the parent's directory
            title: a name for lists
            model: model name or alias, passed to Claude Code
            permission_mode: default, manual, acceptEdits, plan, auto, dontAsk or bypassPermissions
            allowed_tools: tool rules that are allowed without asking
            disallowed_tools: tool rules that are refused without asking
            additional_directories: absolute paths of more directories that Claude Code may use
            system_prompt: replaces Claude Code's own system prompt
            append_system_prompt: is added to the system prompt
            mcp_config: {mcpServers: {name: {command, args, env} or {type, url, headers}}}
            max_turns: limit of agent turns for each prompt, 1 or more
            max_budget_usd: limit of the session's cost in US dollars, more than 0
            tags: labels
            rules: questions that the daemon answers itself; the first that matches counts
            permission_mode_timeout_ms: milliseconds after which permission_mode falls back to default; 1 or more
            interactive: stay alive between turns and wait for messages; default false
            unattended: nobody will answer: ask nothing, let Claude Code refuse; default false
            include_partial_messages: have Claude Code print deltas, for subscribers with include_partial; default false
            env: the child's whole environment; absent: the daemon's own. Never stored in the database, never answered
            idempotency_key: a second call with the same key and params answers what the first did

        Returns:
            The new session, which starts by itself.

        Raises:
            SessiondError: limit_exceeded, claude_unavailable, conflict, invalid_params, internal_error, shutting_down.
        """
        params = {
            "query": query,
            "working_dir": working_dir,
            "title": title,
            "model": model,
            "permission_mode": permission_mode,
            "allowed_tools": allowed_tools,
            "disallowed_tools": disallowed_tools,
            "additional_directories": additional_directories,
            "system_prompt": system_prompt,
            "append_system_prompt": append_system_prompt,
            "mcp_config": mcp_config,
            "max_turns": max_turns,
            "max_budget_usd": max_budget_usd,
            "tags": tags,
            "rules": rules,
            "permission_mode_timeout_ms": permission_mode_timeout_ms,
            "interactive": interactive,
            "unattended": unattended,
            "include_partial_messages": include_partial_messages,
            "env": env,
            "idempotency_key": idempotency_key,
        }
        result: t.LaunchSessionResult = await self.call("launchSession", params)
        return result

    async def continue_session(
        self,
        session_id: str,
        query: t.Content,
        *,
        fork: bool | None = None,
        at_seq: int | None = None,
        working_dir: str | None = None,
        title: str | None = None,
        model: str | None = None,
        permission_mode: str | None = None,
        allowed_tools: list[str] | None = None,
        disallowed_tools: list[str] | None = None,
        additional_directories: list[str] | None = None,
        system_prompt: str | None = None,
        append_system_prompt: str | None = None,
        mcp_config: dict[str, Any] | None = None,
        max_turns: int | None = None,
        max_budget_usd: float | None = None,
        tags: list[str] | None = None,
        rules: list[t.Rule] | None = None,
        permission_mode_timeout_ms: int | None = None,
        interactive: bool | None = None,
        unattended: bool | None = None,
        include_partial_messages: bool | None = None,
        env: dict[str, str] | None = None,
        idempotency_key: str | None = None,
    ) -> t.ContinueSessionResult:
        """Goes on from where a session's conversation is, or from a point of it, in a new session.

        Args:
            session_id: the session to continue
            query: the next prompt: a text, or content blocks
            fork: make a branch: a new conversation that begins as a copy
            at_seq: fork at this event of the conversation; implies fork
            working_dir: absolute path of an existing directory; default: the user's home, or the parent's directory
            title: a name for lists
            model: model name or alias, passed to Claude Code
            permission_mode: default, manual, acceptEdits, plan, auto, dontAsk or bypassPermissions
            allowed_tools: tool rules that are allowed without asking
            disallowed_tools: tool rules that are refused without asking
            additional_directories: absolute paths of more directories that Claude Code may use
            system_prompt: replaces Claude Code's own system prompt
            append_system_prompt: is added to the system prompt
            mcp_config: {mcpServers: {name: {command, args, env} or {type, url, headers}}}
            max_turns: limit of agent turns for each prompt, 1 or more
            max_budget_usd: limit of the session's cost in US dollars, more than 0
            tags: labels
            rules: questions that the daemon answers itself; the first that matches counts
            permission_mode_timeout_ms: milliseconds after which permission_mode falls back to default; 1 or more
            interactive: stay alive between turns and wait for messages; default false
            unattended: nobody will answer: ask nothing, let Claude Code refuse; default false
            include_partial_messages: have Claude Code print deltas, for subscribers with include_partial; default false
            env: the child's whole environment; absent: the daemon's own. Never stored in the database, never answered
            idempotency_key: a second call with the same key and params answers what the first did

        Returns:
            The new session, which starts by itself.

        Raises:
            SessiondError: session_not_found, invalid_state, limit_exceeded, claude_unavailable, conflict, invalid_params, internal_error, shutting_down.
        """
        params = {
            "session_id": session_id,
            "query": query,
            "fork": fork,
            "at_seq": at_seq,
            "working_dir": working_dir,
            "title": title,
            "model": model,
            "permission_mode": permission_mode,
            "allowed_tools": allowed_tools,
            "disallowed_tools": disallowed_tools,
            "additional_directories": additional_directories,
            "system_prompt": system_prompt,
            "append_system_prompt": append_system_prompt,
            "mcp_config": mcp_config,
            "max_turns": max_turns,
            "max_budget_usd": max_budget_usd,
            "tags": tags,
            "rules": rules,
            "permission_mode_timeout_ms": permission_mode_timeout_ms,
            "interactive": interactive,
            "unattended": unattended,
            "include_partial_messages": include_partial_messages,
            "env": env,
            "idempotency_key": idempotency_key,
        }
        result: t.ContinueSessionResult = await self.call("continueSession", params)
        return result

    async def list_sessions(
        self,
        *,
        status: list[t.Status] | None = None,
        working_dir: str | None = None,
        parent_session_id: str | None = None,
        tag: str | None = None,
        archived: bool | None = None,
        leaves_only: bool | None = None,
        text: str | None = None,
        limit: int | None = None,
        cursor: str | None = None,
    ) -> t.ListSessionsResult:
        """Sessions, those with the newest activity first, a page at a time.

        Args:
            status: any of these
            working_dir: exactly this directory
            parent_session_id: children of this session
            tag: has this tag
            archived: the archived ones instead of the others
            leaves_only: only sessions that nothing continues
            text: is in the title or the query, in any case
            limit: 1 to 500; default 50
            cursor: next_cursor of the page before

        Returns:
            A page of sessions.

        Raises:
            SessiondError: invalid_params, internal_error, shutting_down.
        """
        params = {
            "status": status,
            "working_dir": working_dir,
            "parent_session_id": parent_session_id,
            "tag": tag,
            "archived": archived,
            "leaves_only": leaves_only,
            "text": text,
            "limit": limit,
            "cursor": cursor,
        }
        result: t.ListSessionsResult = await self.call("listSessions", params)
        return result

    async def get_session_state(
        self,
        session_id: str,
    ) -> t.GetSessionStateResult:
        """One session as it is now.

        Args:
            session_id: UUID of the session

        Returns:
            The session.

        Raises:
            SessiondError: session_not_found, invalid_params, internal_error, shutting_down.
        """
        params = {
            "session_id": session_id,
        }
        result: t.GetSessionStateResult = await self.call("getSessionState", params)
        return result

    async def get_conversation(
        self,
        session_id: str,
        *,
        after_seq: int | None = None,
        limit: int | None = None,
        include_ancestors: bool | None = None,
        include_raw: bool | None = None,
    ) -> t.GetConversationResult:
        """What was said and done in a session, and in those that it continues, a page at a time.

        Args:
            session_id: UUID of the session
            after_seq: only events after this one; default 0
            limit: 1 to 10,000; default 1,000
            include_ancestors: begin with what this session continues; default true
            include_raw: add each line as Claude Code printed it

        Returns:
            A page of the conversation.

        Raises:
            SessiondError: session_not_found, invalid_params, internal_error, shutting_down.
        """
        params = {
            "session_id": session_id,
            "after_seq": after_seq,
            "limit": limit,
            "include_ancestors": include_ancestors,
            "include_raw": include_raw,
        }
        result: t.GetConversationResult = await self.call("getConversation", params)
        return result

    async def search_conversations(
        self,
        query: str,
        *,
        session_id: str | None = None,
        working_dir: str | None = None,
        tag: str | None = None,
        archived: bool | None = None,
        after: t.Time | None = None,
        before: t.Time | None = None,
        role: t.Role | None = None,
        tool_name: str | None = None,
        order: t.SearchOrder | None = None,
        limit: int | None = None,
        cursor: str | None = None,
    ) -> t.SearchConversationsResult:
        """Events of all conversations in which words are, the best first, a page at a time.

        Args:
            query: words, all of which an event has: "a phrase", the begin of a word*, -without, one OR another
            session_id: only events of this session; not of those that it continues
            working_dir: only sessions in this directory or below it; an absolute path
            tag: only sessions that have this tag
            archived: true: only archived sessions, false: only the others; default both
            after: only what was recorded at this time or later
            before: only what was recorded before this time
            role: only what user, assistant, tool or system said
            tool_name: only calls of this tool, and their results
            order: rank (default: the best first, among equals the newest) or newest
            limit: 1 to 100; default 20
            cursor: next_cursor of the page before, with the same params

        Returns:
            A page of what is found.

        Raises:
            SessiondError: search_unavailable, invalid_params, internal_error, shutting_down.
        """
        params = {
            "query": query,
            "session_id": session_id,
            "working_dir": working_dir,
            "tag": tag,
            "archived": archived,
            "after": after,
            "before": before,
            "role": role,
            "tool_name": tool_name,
            "order": order,
            "limit": limit,
            "cursor": cursor,
        }
        result: t.SearchConversationsResult = await self.call("searchConversations", params)
        return result

    async def update_session(
        self,
        session_id: str,
        *,
        title: str | None = None,
        archived: bool | None = None,
        tags: list[str] | None = None,
        model: str | None = None,
        permission_mode: str | None = None,
        permission_mode_timeout_ms: int | None = None,
        rules: list[t.Rule] | None = None,
    ) -> t.UpdateSessionResult:
        """Changes a session's title, tags or archived mark; model and permission mode of a live one.

        Args:
            session_id: UUID of the session
            title: new title
            archived: hide from lists, or show again
            tags: all tags from now on
            model: switch the live process to this model
            permission_mode: switch the live process to this mode
            permission_mode_timeout_ms: with permission_mode: milliseconds after which it falls back to default; 1 or more
            rules: all rules from now on

        Returns:
            The session, changed.

        Raises:
            SessiondError: session_not_found, invalid_state, invalid_params, internal_error, shutting_down.
        """
        params = {
            "session_id": session_id,
            "title": title,
            "archived": archived,
            "tags": tags,
            "model": model,
            "permission_mode": permission_mode,
            "permission_mode_timeout_ms": permission_mode_timeout_ms,
            "rules": rules,
        }
        result: t.UpdateSessionResult = await self.call("updateSession", params)
        return result

    async def archive_sessions(
        self,
        session_ids: list[str],
        archived: bool,
    ) -> t.ArchiveSessionsResult:
        """Hides sessions from lists, or shows them again.

        Args:
            session_ids: the sessions
            archived: true hides them from lists, false shows them again

        Returns:
            What became of each session.

        Raises:
            SessiondError: invalid_params, internal_error, shutting_down.
        """
        params = {
            "session_ids": session_ids,
            "archived": archived,
        }
        result: t.ArchiveSessionsResult = await self.call("archiveSessions", params)
        return result

    async def delete_session(
        self,
        session_id: str,
    ) -> t.DeleteSessionResult:
        """Deletes a final session, and its events with it.

        Args:
            session_id: UUID of the session

        Returns:
            That it is deleted.

        Raises:
            SessiondError: session_not_found, invalid_state, invalid_params, internal_error, shutting_down.
        """
        params = {
            "session_id": session_id,
        }
        result: t.DeleteSessionResult = await self.call("deleteSession", params)
        return result

    async def prune_sessions(
        self,
        before: t.Time,
        *,
        tag: str | None = None,
        archive_dir: str | None = None,
        dry_run: bool | None = None,
        limit: int | None = None,
        cursor: str | None = None,
    ) -> t.PruneSessionsResult:
        """Archives sessions that ended long ago, each to a file of its own, and deletes them, a page at a time.

        Args:
            before: prune final sessions in which nothing has happened since then, nor in one that continues them
            tag: only those that have this tag
            archive_dir: absolute path of the directory for the archives; default: the daemon's setting
            dry_run: change nothing, only say what would go; default false
            limit: 1 to 500; default 50
            cursor: next_cursor of the page before

        Returns:
            What this page of the work came to.

        Raises:
            SessiondError: invalid_params, internal_error, shutting_down.
        """
        params = {
            "before": before,
            "tag": tag,
            "archive_dir": archive_dir,
            "dry_run": dry_run,
            "limit": limit,
            "cursor": cursor,
        }
        result: t.PruneSessionsResult = await self.call("pruneSessions", params)
        return result

    async def import_transcripts(
        self,
        paths: list[str],
        *,
        since: t.Time | None = None,
        again: bool | None = None,
        dry_run: bool | None = None,
        cursor: str | None = None,
    ) -> t.ImportTranscriptsResult:
        """Takes in conversations that Claude Code itself has kept, as sessions, and what was added to them since, a page at a time.

        Args:
            paths: absolute paths: directories of Claude Code's projects, of one project, or transcripts
            since: leave out files that have not changed since then
            again: also conversations whose session was deleted; default false
            dry_run: change nothing, only say what would be imported; default false
            cursor: next_cursor of the page before

        Returns:
            What this page of the work came to.

        Raises:
            SessiondError: invalid_params, internal_error, shutting_down.
        """
        params = {
            "paths": paths,
            "since": since,
            "again": again,
            "dry_run": dry_run,
            "cursor": cursor,
        }
        result: t.ImportTranscriptsResult = await self.call("importTranscripts", params)
        return result

    async def list_observations(
        self,
        *,
        session_id: str | None = None,
        tool_name: str | None = None,
        since: t.Time | None = None,
        until: t.Time | None = None,
        unprocessed: bool | None = None,
        after_seq: int | None = None,
        limit: int | None = None,
    ) -> t.ListObservationsResult:
        """The uses of tools in all sessions, wherever they run, in the order of the log, a page at a time.

        Args:
            session_id: only this session
            tool_name: only this tool; * stands for any text
            since: only those that were called then or later
            until: only those that were called before
            unprocessed: only those behind what the newest summary of their session covers
            after_seq: only those after this seq; default 0
            limit: 1 to 1,000; default 100

        Returns:
            A page of observations.

        Raises:
            SessiondError: session_not_found, invalid_params, internal_error, shutting_down.
        """
        params = {
            "session_id": session_id,
            "tool_name": tool_name,
            "since": since,
            "until": until,
            "unprocessed": unprocessed,
            "after_seq": after_seq,
            "limit": limit,
        }
        result: t.ListObservationsResult = await self.call("listObservations", params)
        return result

    async def interrupt_session(
        self,
        session_id: str,
        *,
        queued: t.QueuedAfter | None = None,
    ) -> t.InterruptSessionResult:
        """Ends the turn, not the session: unless there is nothing left for it to do.

        Args:
            session_id: UUID of the session
            queued: what becomes of queued messages: keep (default) or cancel

        Returns:
            The status right after the call; events tell when the turn has ended.

        Raises:
            SessiondError: session_not_found, invalid_state, invalid_params, internal_error, shutting_down.
        """
        params = {
            "session_id": session_id,
            "queued": queued,
        }
        result: t.InterruptSessionResult = await self.call("interruptSession", params)
        return result

    async def end_session(
        self,
        session_id: str,
        *,
        force: bool | None = None,
    ) -> t.EndSessionResult:
        """Ends a session's process, gently at first.

        Args:
            session_id: UUID of the session
            force: kill at once instead of asking first

        Returns:
            The status right after the call; events tell when the session is final.

        Raises:
            SessiondError: session_not_found, invalid_state, invalid_params, internal_error, shutting_down.
        """
        params = {
            "session_id": session_id,
            "force": force,
        }
        result: t.EndSessionResult = await self.call("endSession", params)
        return result

    async def send_message(
        self,
        session_id: str,
        content: t.Content,
        *,
        message_id: str | None = None,
        delivery: t.Delivery | None = None,
    ) -> t.SendMessageResult:
        """Says something more to a live session.

        Args:
            session_id: UUID of the session
            content: a text, or content blocks
            message_id: UUID chosen by the caller; a second call with it changes nothing
            delivery: queue (default) or now

        Returns:
            The message.

        Raises:
            SessiondError: session_not_found, invalid_state, limit_exceeded, conflict, invalid_params, internal_error, shutting_down.
        """
        params = {
            "session_id": session_id,
            "content": content,
            "message_id": message_id,
            "delivery": delivery,
        }
        result: t.SendMessageResult = await self.call("sendMessage", params)
        return result

    async def list_messages(
        self,
        session_id: str,
        *,
        state: list[t.MessageState] | None = None,
        from_position: int | None = None,
    ) -> t.ListMessagesResult:
        """The messages of a session, in their order, a page at a time.

        Args:
            session_id: UUID of the session
            state: any of these; default all
            from_position: next_position of the page before; default 0

        Returns:
            A page of messages.

        Raises:
            SessiondError: session_not_found, invalid_params, internal_error, shutting_down.
        """
        params = {
            "session_id": session_id,
            "state": state,
            "from_position": from_position,
        }
        result: t.ListMessagesResult = await self.call("listMessages", params)
        return result

    async def cancel_message(
        self,
        message_id: str,
    ) -> t.CancelMessageResult:
        """Withdraws a message that has not started.

        Args:
            message_id: UUID of the message

        Returns:
            The message, cancelled.

        Raises:
            SessiondError: message_not_found, invalid_state, invalid_params, internal_error, shutting_down.
        """
        params = {
            "message_id": message_id,
        }
        result: t.CancelMessageResult = await self.call("cancelMessage", params)
        return result

    async def fetch_approvals(
        self,
        *,
        session_id: str | None = None,
        status: list[t.ApprovalStatus] | None = None,
    ) -> t.FetchApprovalsResult:
        """Claude Code's questions, oldest first.

        Args:
            session_id: only this session's
            status: any of these; default pending

        Returns:
            The approvals.

        Raises:
            SessiondError: session_not_found, invalid_params, internal_error, shutting_down.
        """
        params = {
            "session_id": session_id,
            "status": status,
        }
        result: t.FetchApprovalsResult = await self.call("fetchApprovals", params)
        return result

    async def get_approval(
        self,
        approval_id: str,
    ) -> t.GetApprovalResult:
        """One of Claude Code's questions.

        Args:
            approval_id: UUID of the approval

        Returns:
            The approval.

        Raises:
            SessiondError: approval_not_found, invalid_params, internal_error, shutting_down.
        """
        params = {
            "approval_id": approval_id,
        }
        result: t.GetApprovalResult = await self.call("getApproval", params)
        return result

    async def send_decision(
        self,
        approval_id: str,
        decision: t.Decision,
        *,
        comment: str | None = None,
        updated_input: dict[str, Any] | None = None,
        remember: list[int] | None = None,
    ) -> t.SendDecisionResult:
        """Answers one of Claude Code's questions; the first answer wins.

        Args:
            approval_id: UUID of the approval
            decision: approve or deny
            comment: why; needed to deny, Claude Code reads it
            updated_input: with approve: the whole input to run instead
            remember: with approve: indexes into suggestions that shall hold from now on

        Returns:
            The approval, resolved.

        Raises:
            SessiondError: approval_not_found, already_resolved, invalid_state, limit_exceeded, invalid_params, internal_error, shutting_down.
        """
        params = {
            "approval_id": approval_id,
            "decision": decision,
            "comment": comment,
            "updated_input": updated_input,
            "remember": remember,
        }
        result: t.SendDecisionResult = await self.call("sendDecision", params)
        return result

    async def summarize_session(
        self,
        session_id: str,
    ) -> t.SummarizeSessionResult:
        """Queues a summary of what is new in a session; asked again, it is the same job.

        Args:
            session_id: UUID of the session

        Returns:
            The job, whose end events tell, and the newest summary so far.

        Raises:
            SessiondError: session_not_found, invalid_params, internal_error, shutting_down.
        """
        params = {
            "session_id": session_id,
        }
        result: t.SummarizeSessionResult = await self.call("summarizeSession", params)
        return result

    async def get_summary(
        self,
        session_id: str,
        *,
        before_seq: int | None = None,
    ) -> t.GetSummaryResult:
        """What a session was about, in short: its newest summary, or one before it.

        Args:
            session_id: UUID of the session
            before_seq: the newest summary that ends before this seq, such as the from_seq of another; default the newest

        Returns:
            The summary, if there is one.

        Raises:
            SessiondError: session_not_found, invalid_params, internal_error, shutting_down.
        """
        params = {
            "session_id": session_id,
            "before_seq": before_seq,
        }
        result: t.GetSummaryResult = await self.call("getSummary", params)
        return result

    async def list_jobs(
        self,
        *,
        state: list[t.JobState] | None = None,
        kind: list[t.JobKind] | None = None,
        session_id: str | None = None,
        limit: int | None = None,
        cursor: str | None = None,
    ) -> t.ListJobsResult:
        """The work that the daemon does by itself, the newest first, a page at a time.

        Args:
            state: any of these; default all
            kind: any of these; default all
            session_id: only this session's
            limit: 1 to 500; default 50
            cursor: next_cursor of the page before

        Returns:
            A page of jobs.

        Raises:
            SessiondError: session_not_found, invalid_params, internal_error, shutting_down.
        """
        params = {
            "state": state,
            "kind": kind,
            "session_id": session_id,
            "limit": limit,
            "cursor": cursor,
        }
        result: t.ListJobsResult = await self.call("listJobs", params)
        return result

    async def retry_job(
        self,
        job_id: str,
    ) -> t.RetryJobResult:
        """Queues a job again that is dead or was cancelled; has one that waits begun as soon as may be.

        Args:
            job_id: UUID of the job

        Returns:
            The job, queued.

        Raises:
            SessiondError: job_not_found, invalid_state, invalid_params, internal_error, shutting_down.
        """
        params = {
            "job_id": job_id,
        }
        result: t.RetryJobResult = await self.call("retryJob", params)
        return result

    async def cancel_job(
        self,
        job_id: str,
    ) -> t.CancelJobResult:
        """Takes a job out of the queue, and breaks it off if it is at work; puts a dead one away.

        Args:
            job_id: UUID of the job

        Returns:
            The job, cancelled.

        Raises:
            SessiondError: job_not_found, invalid_state, invalid_params, internal_error, shutting_down.
        """
        params = {
            "job_id": job_id,
        }
        result: t.CancelJobResult = await self.call("cancelJob", params)
        return result

    async def get_usage(
        self,
        *,
        by: t.UsageBy | None = None,
        session_id: str | None = None,
        limit: int | None = None,
        cursor: str | None = None,
    ) -> t.GetUsageResult:
        """What was used, in tokens and US dollars: in all, and by session, directory or day, a page at a time.

        Args:
            by: what groups tell: session, directory or day; default: there are no groups
            session_id: with by session: only this one
            limit: 1 to 500; default 50
            cursor: next_cursor of the page before

        Returns:
            What was used, and what the daemon is at.

        Raises:
            SessiondError: session_not_found, invalid_params, internal_error, shutting_down.
        """
        params = {
            "by": by,
            "session_id": session_id,
            "limit": limit,
            "cursor": cursor,
        }
        result: t.GetUsageResult = await self.call("getUsage", params)
        return result

    async def backup(
        self,
        path: str,
    ) -> t.BackupResult:
        """Copies the database to a file, whole and checked, while everything goes on.

        Args:
            path: absolute path of a file that does not exist yet

        Returns:
            What the copy holds.

        Raises:
            SessiondError: invalid_params, internal_error, shutting_down.
        """
        params = {
            "path": path,
        }
        result: t.BackupResult = await self.call("backup", params)
        return result

    async def discover(
        self,
    ) -> t.DiscoverResult:
        """The OpenRPC document of this protocol.

        Returns:
            An OpenRPC document.

        Raises:
            SessiondError: invalid_params, internal_error, shutting_down.
        """
        result: t.DiscoverResult = await self.call("rpc.discover")
        return result
