package collections

import "github.com/pocketbase/pocketbase/core"

// Rooms is the name of the collection: rooms and equipment that a visit can hold.
const Rooms = "rooms"

// Room is one of them. The database counts how many visits it holds at once against its capacity.
type Room struct{ core.BaseRecordProxy }

// FindRoom gives one by id.
func FindRoom(app core.App, id string) (*Room, error) {
	r, err := app.FindRecordById(Rooms, id)
	if err != nil {
		return nil, err
	}
	room := &Room{}
	room.SetProxyRecord(r)
	return room, nil
}

func (r *Room) Location() string { return r.GetString("location") }
func (r *Room) IsActive() bool   { return r.GetBool("is_active") }
