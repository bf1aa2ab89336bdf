package collections

import (
	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"
)

// CareTeam is the name of the collection that joins clients and clinicians.
const CareTeam = "care_team"

// CareTeamMember is one clinician's part in one client's care.
type CareTeamMember struct{ core.BaseRecordProxy }

// AsCareTeamMember wraps a record of the collection.
func AsCareTeamMember(r *core.Record) *CareTeamMember {
	m := &CareTeamMember{}
	m.SetProxyRecord(r)
	return m
}

func (m *CareTeamMember) Client() string     { return m.GetString("client") }
func (m *CareTeamMember) Clinician() string  { return m.GetString("clinician") }
func (m *CareTeamMember) Staff() string      { return m.GetString("staff") }
func (m *CareTeamMember) SetStaff(id string) { m.Set("staff", id) }

// CareTeamOfClinician lists a clinician's memberships, ended ones too.
func CareTeamOfClinician(app core.App, clinician string) ([]*CareTeamMember, error) {
	rows, err := app.FindAllRecords(CareTeam, dbx.HashExp{"clinician": clinician})
	if err != nil {
		return nil, err
	}
	out := make([]*CareTeamMember, len(rows))
	for i, r := range rows {
		out[i] = AsCareTeamMember(r)
	}
	return out, nil
}
