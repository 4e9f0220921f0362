package rpc

import (
	"reflect"

	"github.com/sessiond/sessiond/rpc/api"
)

// enums holds the words of each of the protocol's string types that has a fixed
// set of them: params with other words are refused, and schemas list them.
var enums = func() map[reflect.Type][]string {
	m := map[reflect.Type][]string{}
	addEnum(m, api.Statuses...)
	addEnum(m, api.Origins...)
	addEnum(m, api.ImportOutcomes...)
	addEnum(m, api.ImportReasons...)
	addEnum(m, api.WaitingForApproval, api.WaitingForMessage)
	addEnum(m, api.QueuedKeep, api.QueuedCancel)
	addEnum(m, api.DeliveryQueue, api.DeliveryNow)
	addEnum(m, api.MessageStates...)
	addEnum(m, api.ApprovalTool, api.ApprovalQuestion)
	addEnum(m, api.ApprovalPending, api.ApprovalApproved, api.ApprovalDenied, api.ApprovalCancelled)
	addEnum(m, api.DecisionApprove, api.DecisionDeny)
	addEnum(m, api.EventTypes...)
	addEnum(m, api.DeletedBys...)
	addEnum(m, api.ConversationMessage, api.ConversationThinking, api.ConversationToolCall,
		api.ConversationToolResult, api.ConversationSystem, api.ConversationResult, api.ConversationUnparsed)
	addEnum(m, api.RoleUser, api.RoleAssistant, api.RoleTool, api.RoleSystem)
	addEnum(m, api.OrderRank, api.OrderNewest)
	addEnum(m, api.JobKinds...)
	addEnum(m, api.JobStates...)
	addEnum(m, api.UsageBys...)
	addEnum(m, api.HealthOK, api.HealthDegraded)
	addEnum(m, api.WorkKinds...)
	for _, k := range errorTable {
		addEnum(m, k.reason)
	}
	return m
}()

func addEnum[T ~string](m map[reflect.Type][]string, words ...T) {
	t := reflect.TypeFor[T]()
	for _, w := range words {
		m[t] = append(m[t], string(w))
	}
}
