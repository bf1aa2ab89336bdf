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
	return AsRoom(r), nil
}

// AsRoom wraps a record of the collection.
func AsRoom(r *core.Record) *Room {
	room := &Room{}
	room.SetProxyRecord(r)
	return room
}

func (r *Room) Location() string { return r.GetString("location") }
func (r *Room) IsActive() bool   { return r.GetBool("is_active") }

// IsEquipment tells a thing that visits use from a room they take place in.
func (r *Room) IsEquipment() bool { return r.GetString("kind") == "equipment" }
