package collections

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"
	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// Clients is the name of the collection.
const Clients = "clients"

// States of a client's record.
const (
	ClientActive   = "active"
	ClientInactive = "inactive"
)

// Client is the person cared for.
type Client struct{ core.BaseRecordProxy }

// AsClient wraps a record of the collection.
func AsClient(r *core.Record) *Client {
	c := &Client{}
	c.SetProxyRecord(r)
	return c
}

func (c *Client) FirstName() string   { return c.GetString("first_name") }
func (c *Client) LastName() string    { return c.GetString("last_name") }
func (c *Client) DateOfBirth() string { return c.GetString("date_of_birth") } // YYYY-MM-DD
func (c *Client) Language() string    { return c.GetString("language") }
func (c *Client) Active() bool        { return c.GetString("status") != ClientInactive }
func (c *Client) Phone() string       { return c.GetString("phone") }
func (c *Client) PhoneVerified() bool { return c.GetBool("phone_verified") }

// provenPhoneKey rides on the record. A request body cannot set it: PocketBase loads only fields that exist.
const provenPhoneKey = "@provenPhone"

// ProvePhone sets a number, in E.164, that a code has just proven. A number that is set in any other way is unproven
// (judgeClient in hooks/identity).
func (c *Client) ProvePhone(e164 string) {
	c.Set("phone", e164)
	c.Set("phone_verified", true)
	c.SetRaw(provenPhoneKey, e164)
}

// PhoneJustProven tells whether ProvePhone set the number that the record carries.
func (c *Client) PhoneJustProven() bool {
	proven, _ := c.GetRaw(provenPhoneKey).(string)
	return proven != "" && proven == c.Phone()
}

// MatchKey is what registration compares: one value out of address, birth date and both names, so that a single
// look at an index decides over all four and nothing tells which of them was wrong. Names are compared as people
// write them: compatibility forms, case and spaces do not count. It answers "" when any part is missing.
//
// The hash carries no key on purpose: the four values stand readable in the same row (the desk searches by them),
// so a key would protect nothing and its loss would shut every client out.
func MatchKey(email, dateOfBirth, firstName, lastName string) string {
	parts := []string{NormalEmail(email), strings.TrimSpace(dateOfBirth), foldName(firstName), foldName(lastName)}
	h := sha256.New()
	h.Write([]byte("anteroom client match 1"))
	for _, p := range parts {
		if p == "" {
			return ""
		}
		h.Write([]byte{0})
		h.Write([]byte(p))
	}
	return hex.EncodeToString(h.Sum(nil))
}

func foldName(s string) string {
	folded := cases.Fold().String(norm.NFKC.String(s))
	return norm.NFKC.String(strings.Join(strings.Fields(folded), " "))
}

// ClientsByMatchKey lists the clients with this key: two at most, because one is a match and two are a question for
// the clinic.
func ClientsByMatchKey(app core.App, key string) ([]*Client, error) {
	rows := []*core.Record{}
	err := app.RecordQuery(Clients).AndWhere(dbx.HashExp{"match_key": key}).AndWhere(dbx.NewExp("match_key != ''")).Limit(2).All(&rows)
	if err != nil {
		return nil, err
	}
	out := make([]*Client, len(rows))
	for i, r := range rows {
		out[i] = AsClient(r)
	}
	return out, nil
}
