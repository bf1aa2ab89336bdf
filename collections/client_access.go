package collections

import "github.com/pocketbase/pocketbase/core"

// ClientAccess is the name of the collection that joins logins and the clients they may act for. Requests ask it
// through kernel.Grants and kernel.Audience.
const ClientAccess = "client_access"

// Relationships of a login to a client.
const (
	RelationshipSelf     = "self"
	RelationshipParent   = "parent"
	RelationshipGuardian = "guardian"
	RelationshipPartner  = "partner"
	RelationshipBilling  = "billing"
)

// NewClientAccess makes an unsaved row that never expires.
func NewClientAccess(app core.App, client, user, relationship, scope string) (*core.Record, error) {
	c, err := app.FindCachedCollectionByNameOrId(ClientAccess)
	if err != nil {
		return nil, err
	}
	r := core.NewRecord(c)
	r.Set("client", client)
	r.Set("portal_user", user)
	r.Set("relationship", relationship)
	r.Set("scope", scope)
	return r, nil
}
