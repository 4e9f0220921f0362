# Generated from the OpenRPC document by internal/clientgen: `make generate` renews it.
"""An exception for each reason for which a call may fail."""

from __future__ import annotations

from typing import NotRequired, TypedDict

from ._errors import SessiondError
from .types import Approval, JobState, MessageState, Status


class ParseError(SessiondError):
    """The line is not UTF-8 JSON, or too long; the connection is closed."""

    reason = "parse_error"
    code = -32700


class InvalidRequest(SessiondError):
    """The line is JSON, but not a request."""

    reason = "invalid_request"
    code = -32600


class MethodNotFoundData(TypedDict):
    """What `data` of `method_not_found` holds."""

    reason: str
    """the word of this error"""
    method: str
    """the name that was called"""


class MethodNotFound(SessiondError):
    """There is no such method."""

    reason = "method_not_found"
    code = -32601
    data: MethodNotFoundData


class InvalidParamsData(TypedDict):
    """What `data` of `invalid_params` holds."""

    reason: str
    """the word of this error"""
    field: str
    """the param that is wrong"""
    at: NotRequired[int]
    """with a query: the character that is wrong, from 1"""


class InvalidParams(SessiondError):
    """A param is unknown, missing, or wrong."""

    reason = "invalid_params"
    code = -32602
    data: InvalidParamsData


class InternalErrorData(TypedDict):
    """What `data` of `internal_error` holds."""

    reason: str
    """the word of this error"""
    hint: NotRequired[str]
    """what to do, where one record of the database is damaged, which the message names"""


class InternalError(SessiondError):
    """The daemon's fault; its log has the details."""

    reason = "internal_error"
    code = -32603
    data: InternalErrorData


class SessionNotFoundData(TypedDict):
    """What `data` of `session_not_found` holds."""

    reason: str
    """the word of this error"""
    id: str
    """the id that was given"""


class SessionNotFound(SessiondError):
    """No session has this id."""

    reason = "session_not_found"
    code = -32001
    data: SessionNotFoundData


class ApprovalNotFoundData(TypedDict):
    """What `data` of `approval_not_found` holds."""

    reason: str
    """the word of this error"""
    id: str
    """the id that was given"""


class ApprovalNotFound(SessiondError):
    """No approval has this id."""

    reason = "approval_not_found"
    code = -32001
    data: ApprovalNotFoundData


class MessageNotFoundData(TypedDict):
    """What `data` of `message_not_found` holds."""

    reason: str
    """the word of this error"""
    id: str
    """the id that was given"""


class MessageNotFound(SessiondError):
    """No message has this id."""

    reason = "message_not_found"
    code = -32001
    data: MessageNotFoundData


class SubscriptionNotFoundData(TypedDict):
    """What `data` of `subscription_not_found` holds."""

    reason: str
    """the word of this error"""
    id: str
    """the id that was given"""


class SubscriptionNotFound(SessiondError):
    """This connection has no subscription with this id."""

    reason = "subscription_not_found"
    code = -32001
    data: SubscriptionNotFoundData


class JobNotFoundData(TypedDict):
    """What `data` of `job_not_found` holds."""

    reason: str
    """the word of this error"""
    id: str
    """the id that was given"""


class JobNotFound(SessiondError):
    """No job has this id."""

    reason = "job_not_found"
    code = -32001
    data: JobNotFoundData


class InvalidStateData(TypedDict):
    """What `data` of `invalid_state` holds."""

    reason: str
    """the word of this error"""
    status: NotRequired[Status]
    """the session's status"""
    hint: str
    """what would fit"""
    session_id: NotRequired[str]
    """the session to turn to, where it is another"""
    message_state: NotRequired[MessageState]
    """of cancelMessage: the message's state"""
    job_state: NotRequired[JobState]
    """of retryJob and cancelJob: the job's state"""


class InvalidState(SessiondError):
    """The call does not fit the session's status, or the job's state."""

    reason = "invalid_state"
    code = -32002
    data: InvalidStateData


class CursorExpiredData(TypedDict):
    """What `data` of `cursor_expired` holds."""

    reason: str
    """the word of this error"""
    oldest_seq: int
    """from here on the log is whole"""


class CursorExpired(SessiondError):
    """Events after the cursor are gone, or the cursor is ahead of the log."""

    reason = "cursor_expired"
    code = -32003
    data: CursorExpiredData


class LimitExceededData(TypedDict):
    """What `data` of `limit_exceeded` holds."""

    reason: str
    """the word of this error"""
    limit: float
    """its value"""
    setting: NotRequired[str]
    """its name, where the daemon's configuration sets it"""
    hint: NotRequired[str]
    """how to raise it"""


class LimitExceeded(SessiondError):
    """A configured limit is reached."""

    reason = "limit_exceeded"
    code = -32004
    data: LimitExceededData


class AlreadyResolvedData(TypedDict):
    """What `data` of `already_resolved` holds."""

    reason: str
    """the word of this error"""
    approval: Approval
    """how, when and by whom it was answered"""


class AlreadyResolved(SessiondError):
    """The approval has been answered."""

    reason = "already_resolved"
    code = -32005
    data: AlreadyResolvedData


class ClaudeUnavailableData(TypedDict):
    """What `data` of `claude_unavailable` holds."""

    reason: str
    """the word of this error"""
    hint: str
    """how to get it"""


class ClaudeUnavailable(SessiondError):
    """There is no usable `claude`."""

    reason = "claude_unavailable"
    code = -32006
    data: ClaudeUnavailableData


class ConflictData(TypedDict):
    """What `data` of `conflict` holds."""

    reason: str
    """the word of this error"""
    session_id: NotRequired[str]
    """the session that has the idempotency key"""
    message_id: NotRequired[str]
    """the message that has the id"""


class Conflict(SessiondError):
    """An idempotency key or a message id came again with other params."""

    reason = "conflict"
    code = -32007
    data: ConflictData


class ShuttingDown(SessiondError):
    """The daemon is stopping; ask its successor."""

    reason = "shutting_down"
    code = -32008


class SearchUnavailableData(TypedDict):
    """What `data` of `search_unavailable` holds."""

    reason: str
    """the word of this error"""
    hint: str
    """what to do"""


class SearchUnavailable(SessiondError):
    """There is no index of texts: the daemon was built without, or it is being made anew."""

    reason = "search_unavailable"
    code = -32009
    data: SearchUnavailableData


BY_REASON: dict[str, type[SessiondError]] = {
    "parse_error": ParseError,
    "invalid_request": InvalidRequest,
    "method_not_found": MethodNotFound,
    "invalid_params": InvalidParams,
    "internal_error": InternalError,
    "session_not_found": SessionNotFound,
    "approval_not_found": ApprovalNotFound,
    "message_not_found": MessageNotFound,
    "subscription_not_found": SubscriptionNotFound,
    "job_not_found": JobNotFound,
    "invalid_state": InvalidState,
    "cursor_expired": CursorExpired,
    "limit_exceeded": LimitExceeded,
    "already_resolved": AlreadyResolved,
    "claude_unavailable": ClaudeUnavailable,
    "conflict": Conflict,
    "shutting_down": ShuttingDown,
    "search_unavailable": SearchUnavailable,
}
