package identity

import (
	"database/sql"
	"errors"
	"net/netip"
	"time"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"

	"anteroom/collections"
	"anteroom/hooks/audit"
	"anteroom/hooks/kernel"
)

// Where somebody is signed in, and which browsers are remembered: one's own alone.

// SessionEntry is a live session of the caller's account. Instants are UTC; Device is mobile, tablet, desktop or empty.
type SessionEntry struct {
	ID           string    `json:"id"`
	Current      bool      `json:"current"`
	Device       string    `json:"device"`
	OS           string    `json:"os"`
	Browser      string    `json:"browser"`
	IPAddress    string    `json:"ipAddress"`
	Place        string    `json:"place"` // this_network or other_network, as seen from the caller
	Method       string    `json:"method"`
	Remembered   bool      `json:"remembered"`
	CreatedAt    time.Time `json:"createdAt"`
	LastActivity time.Time `json:"lastActivity"`
}

// DeviceEntry is a browser that need not show the second factor until ExpiresAt.
type DeviceEntry struct {
	ID         string     `json:"id"`
	Current    bool       `json:"current"`
	Device     string     `json:"device"`
	OS         string     `json:"os"`
	Browser    string     `json:"browser"`
	CreatedAt  time.Time  `json:"createdAt"`
	LastUsedAt *time.Time `json:"lastUsedAt,omitempty"`
	ExpiresAt  time.Time  `json:"expiresAt"`
}

func deviceRoutes(d *door) []kernel.Route {
	const base = kernel.Portal + "/auth/"
	return []kernel.Route{
		{Method: "GET", Path: base + "sessions", Access: kernel.AnySignIn, Do: d.listSessions},
		{Method: "DELETE", Path: base + "sessions/{id}", Access: kernel.AnySignIn, Owns: collections.PortalSessions, Do: d.endSession},
		{Method: "DELETE", Path: base + "devices/{id}", Access: kernel.AnySignIn, Owns: collections.RememberedDevices, Do: d.forgetDevice},
	}
}

func (d *door) listSessions(c *kernel.Call) (*kernel.Reply, error) {
	answer := struct {
		Sessions []SessionEntry `json:"sessions"`
		Devices  []DeviceEntry  `json:"devices"`
	}{[]SessionEntry{}, []DeviceEntry{}}
	rows, err := c.App.FindAllRecords(collections.PortalSessions,
		dbx.HashExp{"owner_collection": c.Auth.Collection().Name, "owner": c.Auth.Id, "revoked_at": 0})
	if err != nil {
		return nil, err
	}
	here := "" // the device of the caller's session
	for _, r := range rows {
		x := d.sessionFor(r.Id, c.Auth)
		if x == nil { // its time is over, and nobody has noted it yet
			continue
		}
		current := r.Id == c.Actor.Session
		if current {
			here = r.GetString("device")
		}
		answer.Sessions = append(answer.Sessions, SessionEntry{ID: r.Id, Current: current, Device: r.GetString("device_type"),
			OS: r.GetString("device_os"), Browser: r.GetString("browser"), IPAddress: r.GetString("ip_address"),
			Place: placeOf(r.GetString("ip_address"), c.RealIP()), Method: r.GetString("method"), Remembered: x.remembered,
			CreatedAt: time.Unix(int64(r.GetInt("started_at")), 0).UTC(), LastActivity: time.Unix(x.last.Load(), 0).UTC()})
	}
	devices, err := collections.RememberedDevicesOf(c.App, c.Auth)
	if err != nil {
		return nil, err
	}
	for _, x := range devices {
		if !x.Counts(kernel.Now(c.App)) {
			continue
		}
		carried := deviceToken(c.RequestEvent)
		answer.Devices = append(answer.Devices, DeviceEntry{ID: x.Id,
			Current: x.Id == here || carried != "" && sameHash(x.GetString("token_hash"), deviceHash(c.Auth, carried)),
			Device:  x.GetString("device_type"), OS: x.GetString("device_os"), Browser: x.GetString("browser"),
			CreatedAt:  x.GetDateTime("created").Time().UTC(),
			LastUsedAt: orNever(x.GetDateTime("last_used").Time()), ExpiresAt: x.GetDateTime("expires_at").Time().UTC()})
	}
	if err := audit.Read(c.App, lineAbout(c, audit.ListSessions)); err != nil {
		return nil, err
	}
	return kernel.OK(answer), nil
}

// placeOf tells whether two addresses are of one network: 24 bits of IPv4 or 48 of IPv6, about a household or an office.
// It names no town: that would need a table of who owns which address.
func placeOf(address, seenFrom string) string {
	network := func(s string) netip.Prefix {
		a, err := netip.ParseAddr(s)
		if err != nil {
			return netip.Prefix{}
		}
		bits := 48
		if a = a.Unmap().WithZone(""); a.Is4() {
			bits = 24
		}
		return netip.PrefixFrom(a, bits).Masked()
	}
	if n := network(address); n.IsValid() && n == network(seenFrom) {
		return "this_network"
	}
	return "other_network"
}

// endSession ends one session of the caller's account, or all but the caller's own: then every other browser shows its
// second factor again as well.
func (d *door) endSession(c *kernel.Call) (*kernel.Reply, error) {
	id := c.ID()
	err := c.App.RunInTransaction(func(tx core.App) error {
		account, err := stillSignedIn(tx, c.RequestEvent)
		if err != nil {
			return err
		}
		if id == "others" {
			return d.endSignInsElsewhere(tx, c.Actor, account, collections.EndedLogout, c.Actor.Session)
		}
		row, err := ownRow(tx, collections.PortalSessions, id, account)
		if err != nil {
			return err
		}
		if collections.AsPortalSession(row).Revoked() {
			return kernel.NotFound()
		}
		return revokeRow(tx, c.Actor, audit.RevokeSession, row, collections.EndedLogout)
	})
	if err != nil {
		return nil, err
	}
	return kernel.OK(map[string]string{"id": id}), nil
}

func (d *door) forgetDevice(c *kernel.Call) (*kernel.Reply, error) {
	id := c.ID()
	err := c.App.RunInTransaction(func(tx core.App) error {
		account, err := stillSignedIn(tx, c.RequestEvent)
		if err != nil {
			return err
		}
		if id == "all" {
			return forgetDevices(tx, c.Actor, account, "")
		}
		r, err := ownRow(tx, collections.RememberedDevices, id, account)
		if err != nil {
			return err
		}
		if !collections.AsRememberedDevice(r).Counts(kernel.Now(tx)) {
			return kernel.NotFound()
		}
		r.Set("revoked_at", kernel.Now(tx))
		audit.As(r, audit.ForgetDevice)
		return kernel.SaveAs(tx, c.Actor, r)
	})
	if err != nil {
		return nil, err
	}
	return kernel.OK(map[string]string{"id": id}), nil
}

// ownRow finds a row of the account's; anybody else's is as absent as one that does not exist.
func ownRow(tx core.App, collection, id string, account *core.Record) (*core.Record, error) {
	r, err := tx.FindRecordById(collection, id)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, kernel.NotFound()
	}
	if err != nil {
		return nil, err
	}
	if r.GetString("owner") != account.Id || r.GetString("owner_collection") != account.Collection().Name {
		return nil, kernel.NotFound()
	}
	return r, nil
}
