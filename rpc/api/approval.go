package api

import "encoding/json"

// ApprovalKind says what sort of question an approval is.
type ApprovalKind string

// The kinds of approvals.
const (
	ApprovalTool     ApprovalKind = "tool"     // may this tool run?
	ApprovalQuestion ApprovalKind = "question" // AskUserQuestion: the answer is in updated_input
)

// ApprovalStatus is where an approval stands.
type ApprovalStatus string

// The statuses of an approval; all but pending are final.
const (
	ApprovalPending   ApprovalStatus = "pending"
	ApprovalApproved  ApprovalStatus = "approved"
	ApprovalDenied    ApprovalStatus = "denied"
	ApprovalCancelled ApprovalStatus = "cancelled" // void: nobody can answer it any more
)

// Approval is a question of Claude Code's to the user.
type Approval struct {
	ID          string            `json:"id" jsonschema:"UUID of the approval"`
	SessionID   string            `json:"session_id" jsonschema:"the session that asks"`
	Kind        ApprovalKind      `json:"kind" jsonschema:"tool or question"`
	ToolUseID   string            `json:"tool_use_id,omitempty" jsonschema:"the tool_call that waits for the answer"`
	ToolName    string            `json:"tool_name" jsonschema:"name of the tool"`
	ToolInput   json.RawMessage   `json:"tool_input" jsonschema:"the whole input"`
	Suggestions []json.RawMessage `json:"suggestions" jsonschema:"permission updates that can be remembered with the answer"`
	Status      ApprovalStatus    `json:"status" jsonschema:"pending, approved, denied or cancelled"`
	Comment     string            `json:"comment,omitempty" jsonschema:"what was said with the answer"`
	ResolvedBy  string            `json:"resolved_by,omitempty" jsonschema:"the client that answered, or what voided it"`
	CreatedAt   Time              `json:"created_at" jsonschema:"when it was asked"`
	ResolvedAt  Time              `json:"resolved_at,omitzero" jsonschema:"when it was answered or became void"`
}

// FetchApprovalsParams are the params of fetchApprovals.
type FetchApprovalsParams struct {
	SessionID string           `json:"session_id,omitempty" jsonschema:"only this session's"`
	Status    []ApprovalStatus `json:"status,omitempty" jsonschema:"any of these; default pending"`
}

// FetchApprovalsResult holds approvals, oldest first.
type FetchApprovalsResult struct {
	Approvals []Approval `json:"approvals" jsonschema:"oldest first"`
}

// ApprovalParams name one approval.
type ApprovalParams struct {
	ApprovalID string `json:"approval_id" jsonschema:"UUID of the approval"`
}

// ApprovalResult holds one approval.
type ApprovalResult struct {
	Approval Approval `json:"approval" jsonschema:"the approval as it is now"`
}

// Decision is an answer to an approval.
type Decision string

// The decisions.
const (
	DecisionApprove Decision = "approve"
	DecisionDeny    Decision = "deny"
)

// SendDecisionParams are the params of sendDecision.
type SendDecisionParams struct {
	ApprovalID   string          `json:"approval_id" jsonschema:"UUID of the approval"`
	Decision     Decision        `json:"decision" jsonschema:"approve or deny"`
	Comment      string          `json:"comment,omitempty" jsonschema:"why; needed to deny, Claude Code reads it"`
	UpdatedInput json.RawMessage `json:"updated_input,omitempty" jsonschema:"with approve: the whole input to run instead"`
	Remember     []int           `json:"remember,omitempty" jsonschema:"with approve: indexes into suggestions that shall hold from now on"`
}
