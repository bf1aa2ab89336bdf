package identity

import (
	"crypto/rand"
	"database/sql"
	"encoding/base64"
	"errors"
	"net/http"
	"time"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"

	"anteroom/collections"
	"anteroom/hooks/audit"
	"anteroom/hooks/kernel"
)

// A browser is remembered by a cookie that no script can read. It proves nothing alone: it only stands for the second
// factor that this browser has shown before, for one account, for the clinic's days. Its row holds a hash over token
// and account, so that two people who share a browser share no proof.

// deviceCookie is the cookie's name. Over https the prefix keeps other hosts of the same domain from planting one.
func deviceCookie(e *core.RequestEvent) string {
	if overTLS(e) {
		return "__Host-anteroom_device"
	}
	return "anteroom_device"
}

// overTLS tells whether the browser came over https, as the clinic's public address says: a proxy may end TLS.
func overTLS(e *core.RequestEvent) bool {
	return e.IsTLS() || len(kernel.ConfigOf(e.App).PublicURL) > 8 && kernel.ConfigOf(e.App).PublicURL[:8] == "https://"
}

// deviceToken is what the caller's browser carries.
func deviceToken(e *core.RequestEvent) string {
	c, err := e.Request.Cookie(deviceCookie(e))
	if err != nil || len(c.Value) > 100 {
		return ""
	}
	return c.Value
}

func setDeviceCookie(e *core.RequestEvent, token string, days int) {
	e.SetCookie(&http.Cookie{Name: deviceCookie(e), Value: token, Path: "/", MaxAge: days * 24 * 3600,
		HttpOnly: true, Secure: overTLS(e), SameSite: http.SameSiteStrictMode})
}

func deviceHash(account *core.Record, token string) string {
	return hashOf("remembered device", []byte(account.Collection().Name), []byte(account.Id), []byte(token))
}

// rememberedDevice finds the device of a token that counts for this account now, or nil.
func rememberedDevice(app core.App, account *core.Record, token string) (*collections.RememberedDevice, error) {
	if token == "" {
		return nil, nil
	}
	r, err := app.FindFirstRecordByData(collections.RememberedDevices, "token_hash", deviceHash(account, token))
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	d := collections.AsRememberedDevice(r)
	if d.Owner() != account.Id || d.OwnerCollection() != account.Collection().Name || !d.Counts(kernel.Now(app)) {
		return nil, nil
	}
	return d, nil
}

// useRememberedDevice lets a remembered device stand for the second factor. Its time does not grow by that.
func useRememberedDevice(tx core.App, a *Attempt, now *core.Record) (bool, error) {
	d, err := rememberedDevice(tx, now, a.Device)
	if err != nil || d == nil {
		return false, err
	}
	a.device = d
	return true, nil
}

// rememberDevice notes on a new session which remembered device it is on, and remembers the device when that was
// wished and everything has been shown that the clinic asks for: never on the word of a device that is remembered.
func rememberDevice(tx core.App, a *Attempt, who kernel.Actor, account *core.Record, session *collections.PortalSession) (token string, err error) {
	at := kernel.Now(tx)
	if a.device != nil {
		session.Set("device", a.device.Id)
		session.Set("remembered", true)
		a.device.Set("last_used", at)
		return "", kernel.SaveAs(tx, who, a.device.Record)
	}
	if !a.Remember {
		return "", nil
	}
	secret := make([]byte, 32)
	rand.Read(secret)
	token = base64.RawURLEncoding.EncodeToString(secret)
	d, err := collections.NewRememberedDevice(tx, account, deviceHash(account, token), at.Add(time.Duration(collections.Settings(tx).RememberDays)*24*time.Hour))
	if err != nil {
		return "", err
	}
	if err := dateByClock(tx, d.ProxyRecord()); err != nil {
		return "", err
	}
	d.Set("device_type", session.GetString("device_type"))
	d.Set("device_os", session.GetString("device_os"))
	d.Set("browser", session.GetString("browser"))
	d.Set("last_used", at)
	audit.As(d.Record, audit.RememberDevice)
	if err := kernel.SaveAs(tx, who, d.Record); err != nil {
		return "", err
	}
	session.Set("device", d.Id)
	session.Set("remembered", true)
	return token, nil
}

// forgetDevices makes every remembered device of an account show its second factor again, but the one to keep.
func forgetDevices(tx core.App, by kernel.Actor, account *core.Record, keep string) error {
	rows, err := collections.RememberedDevicesOf(tx, account)
	if err != nil {
		return err
	}
	for _, d := range rows {
		if d.Id == keep || !d.Counts(kernel.Now(tx)) {
			continue
		}
		d.Set("revoked_at", kernel.Now(tx))
		audit.As(d.Record, audit.ForgetDevice)
		if err := kernel.SaveAs(tx, by, d.Record); err != nil {
			return err
		}
	}
	return nil
}

// followPolicy: where the clinic begins to require a second factor, a browser that was remembered by an account without
// one has never shown it, and shows it now.
func followPolicy(e *core.RecordEvent) error {
	return kernel.InTransaction(e, func(tx core.App) error {
		was := collections.Settings(tx)
		if err := e.Next(); err != nil {
			return err
		}
		is := collections.Settings(tx) // in a transaction they are read from the row
		if was.MFAClients != is.MFAClients && is.MFAClients == collections.MFARequired {
			if err := forgetUnproven(tx, collections.PortalUsers); err != nil {
				return err
			}
		}
		if was.MFAStaff != is.MFAStaff && is.MFAStaff == collections.MFARequired {
			return errors.Join(forgetUnproven(tx, collections.Staff), forgetUnproven(tx, collections.Owners))
		}
		return nil
	})
}

// forgetUnproven forgets the remembered devices of a collection's accounts that have no second factor.
func forgetUnproven(tx core.App, collection string) error {
	rows := []*core.Record{}
	err := tx.RecordQuery(collections.RememberedDevices).AndWhere(dbx.HashExp{"owner_collection": collection, "revoked_at": ""}).
		AndWhere(dbx.NewExp(`NOT EXISTS (SELECT 1 FROM mfa_factors f WHERE f.owner_collection = remembered_devices.owner_collection
			AND f.owner = remembered_devices.owner AND f.enabled_at <> '')`)).All(&rows)
	if err != nil {
		return err
	}
	for _, r := range rows {
		r.Set("revoked_at", kernel.Now(tx))
		audit.As(r, audit.ForgetDevice)
		if err := kernel.SaveAs(tx, kernel.System(), r); err != nil {
			return err
		}
	}
	return nil
}
