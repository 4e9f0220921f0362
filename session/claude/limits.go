package claude

import (
	"time"

	"github.com/go-json-experiment/json"

	"github.com/sessiond/sessiond/rpc/api"
)

// parseRateLimit reads a rate_limit_event; its form is that of Anthropic's Agent
// SDK (SDKRateLimitEvent), the time in seconds since the Unix epoch.
func parseRateLimit(b []byte) *api.RateLimit {
	var r struct {
		Info struct {
			Status   string  `json:"status"`
			Type     string  `json:"rateLimitType"`
			ResetsAt float64 `json:"resetsAt"`
		} `json:"rate_limit_info"`
	}
	if json.Unmarshal(b, &r, lenient) != nil || r.Info.Status == "" {
		return nil
	}
	limit := &api.RateLimit{Status: r.Info.Status, Type: r.Info.Type}
	if r.Info.ResetsAt > 0 {
		limit.ResetsAt = api.At(time.Unix(int64(r.Info.ResetsAt), 0))
	}
	return limit
}

// parseRetry reads a system line of subtype api_retry.
func parseRetry(b []byte) *api.Retry {
	var r struct {
		Attempt     int     `json:"attempt"`
		MaxRetries  int     `json:"max_retries"`
		DelayMS     float64 `json:"retry_delay_ms"`
		ErrorStatus int     `json:"error_status"`
	}
	if json.Unmarshal(b, &r, lenient) != nil {
		return nil
	}
	return &api.Retry{Attempt: r.Attempt, MaxRetries: r.MaxRetries, RetryDelayMS: int64(r.DelayMS), ErrorStatus: r.ErrorStatus}
}
