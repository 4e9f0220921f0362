package api

// Summary says in short what a session was about. It is made of the summary before
// it, if there is one, and of the conversation events from FromSeq to ToSeq, so the
// newest one covers the whole session up to there; every event is read for one
// summary, and none for two.
type Summary struct {
	SessionID string `json:"session_id" jsonschema:"the session that it is about"`
	FromSeq   int64  `json:"from_seq" jsonschema:"the first conversation event that was read for it; what came before is in the summary before it"`
	ToSeq     int64  `json:"to_seq" jsonschema:"the last one; what comes behind it is for the next summary"`
	SummaryText
	Model                    string  `json:"model,omitempty" jsonschema:"the model that wrote it"`
	CostUSD                  float64 `json:"cost_usd" jsonschema:"what it has cost in US dollars, without attempts that failed"`
	InputTokens              int64   `json:"input_tokens" jsonschema:"tokens that were read for it"`
	OutputTokens             int64   `json:"output_tokens" jsonschema:"tokens that were written for it"`
	CacheCreationInputTokens int64   `json:"cache_creation_input_tokens" jsonschema:"tokens that were written to the cache"`
	CacheReadInputTokens     int64   `json:"cache_read_input_tokens" jsonschema:"tokens that were read from the cache"`
	JobID                    string  `json:"job_id" jsonschema:"the job that made it"`
	CreatedAt                Time    `json:"created_at" jsonschema:"when it was stored"`
}

// SummaryText is what a summary says: the form that the summariser has to fill in.
// All but the title may be empty.
type SummaryText struct {
	Title        string `json:"title" jsonschema:"a name for the session, in a few words"`
	Request      string `json:"request" jsonschema:"what the user wants"`
	Investigated string `json:"investigated" jsonschema:"what was looked at"`
	Learned      string `json:"learned" jsonschema:"what was found out"`
	Completed    string `json:"completed" jsonschema:"what was done"`
	NextSteps    string `json:"next_steps" jsonschema:"what is left to do"`
}

// SummaryNote is what a session object tells of its newest summary; getSummary has
// all of it.
type SummaryNote struct {
	Title     string `json:"title" jsonschema:"the summary's title"`
	ToSeq     int64  `json:"to_seq" jsonschema:"the last conversation event that it covers"`
	CreatedAt Time   `json:"created_at" jsonschema:"when it was stored"`
}

// GetSummaryParams are the params of getSummary.
type GetSummaryParams struct {
	SessionID string `json:"session_id" jsonschema:"UUID of the session"`
	BeforeSeq *int64 `json:"before_seq,omitempty" jsonschema:"the newest summary that ends before this seq, such as the from_seq of another; default the newest"`
}

// GetSummaryResult holds a summary, if there is one.
type GetSummaryResult struct {
	Summary *Summary `json:"summary,omitempty" jsonschema:"absent if there is none"`
}

// SummarizeSessionResult says what becomes of a wish for a summary.
type SummarizeSessionResult struct {
	Job     *Job     `json:"job,omitempty" jsonschema:"the job that makes the summary; absent if there is nothing new to be read"`
	Summary *Summary `json:"summary,omitempty" jsonschema:"the newest summary so far; absent if there is none"`
}
