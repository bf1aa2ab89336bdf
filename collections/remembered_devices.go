package collections

import (
	"time"

	"github.com/pocketbase/pocketbase/core"
)

// RememberedDevices is the name of the collection.
const RememberedDevices = "remembered_devices"

// RememberedDevice is a browser that has shown an account's second factor and need not show it again for some days.
type RememberedDevice struct{ core.BaseRecordProxy }

// AsRememberedDevice wraps a record of the collection.
func AsRememberedDevice(r *core.Record) *RememberedDevice {
	d := &RememberedDevice{}
	d.SetProxyRecord(r)
	return d
}

// NewRememberedDevice makes an unsaved row of an account.
func NewRememberedDevice(app core.App, owner *core.Record, tokenHash string, until time.Time) (*RememberedDevice, error) {
	r, err := ownedRecord(app, RememberedDevices, owner)
	if err != nil {
		return nil, err
	}
	r.Set("token_hash", tokenHash)
	r.Set("expires_at", until)
	return AsRememberedDevice(r), nil
}

func (d *RememberedDevice) OwnerCollection() string { return d.GetString("owner_collection") }
func (d *RememberedDevice) Owner() string           { return d.GetString("owner") }
func (d *RememberedDevice) Counts(now time.Time) bool {
	return d.GetDateTime("revoked_at").IsZero() && now.Before(d.GetDateTime("expires_at").Time())
}

// RememberedDevicesOf lists an account's devices, oldest first, revoked and expired ones too.
func RememberedDevicesOf(app core.App, owner *core.Record) ([]*RememberedDevice, error) {
	rows, err := OwnedRecords(app, RememberedDevices, owner)
	if err != nil {
		return nil, err
	}
	out := make([]*RememberedDevice, len(rows))
	for i, r := range rows {
		out[i] = AsRememberedDevice(r)
	}
	return out, nil
}
