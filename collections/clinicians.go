package collections

import "github.com/pocketbase/pocketbase/core"

// Clinicians is the name of the collection.
const Clinicians = "clinicians"

// Clinician is who treats. Most are also staff; some have no login.
type Clinician struct{ core.BaseRecordProxy }

// AsClinician wraps a record of the collection.
func AsClinician(r *core.Record) *Clinician {
	c := &Clinician{}
	c.SetProxyRecord(r)
	return c
}

func (c *Clinician) FirstName() string { return c.GetString("first_name") }
func (c *Clinician) LastName() string  { return c.GetString("last_name") }
func (c *Clinician) Title() string     { return c.GetString("title") }
func (c *Clinician) Staff() string     { return c.GetString("staff") } // empty: has no login
func (c *Clinician) Active() bool      { return c.GetBool("is_active") }
