package collections

import "github.com/pocketbase/pocketbase/core"

// Staff is the name of the collection.
const Staff = "staff"

// StaffMember is anyone who works at the clinic and signs in to the dashboard.
type StaffMember struct{ core.BaseRecordProxy }

// AsStaff wraps a record of the collection.
func AsStaff(r *core.Record) *StaffMember {
	s := &StaffMember{}
	s.SetProxyRecord(r)
	return s
}

func (s *StaffMember) FirstName() string { return s.GetString("first_name") }
func (s *StaffMember) LastName() string  { return s.GetString("last_name") }
func (s *StaffMember) Role() string      { return s.GetString("role") }
func (s *StaffMember) Active() bool      { return s.GetBool("is_active") }
