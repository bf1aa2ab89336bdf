package identity

import (
	"encoding/json"

	"github.com/pocketbase/pocketbase/core"
)

// passkeyAnswer is what a browser's authenticator says to a challenge.
type passkeyAnswer struct {
	ChallengeID string
	Credential  json.RawMessage
}

func (d *door) provePasskey(e *core.RequestEvent, in passkeyAnswer) (*Attempt, error) {
	return nil, closedWay()
}
