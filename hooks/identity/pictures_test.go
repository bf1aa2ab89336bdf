package identity

import (
	"testing"

	"anteroom/collections"
	"anteroom/hooks/kernel"
)

// The session names a picture where it may be seen: scanned, not taken away, and within what the login may see.
func TestSessionNamesPicturesThatMayBeSeen(t *testing.T) {
	c := newClinic(t)
	picture := func(client string, scan collections.Scan) string {
		t.Helper()
		u := newRecord(c, collections.Uploads, m{"client": client, "purpose": "avatar", "uploaded_by": "client:" + adaLogin, "mime": "image/jpeg", "scan": string(scan)})
		ok(t, c.app.Save(u))
		r := c.find("clients", client)
		r.Set("avatar", u.Id)
		ok(t, c.app.Save(r))
		return u.Id
	}
	seen := func() map[string]string {
		t.Helper()
		got := map[string]string{}
		for _, one := range c.in(ada).Session.Clients {
			got[one.ClientID] = one.AvatarURL
		}
		return got
	}
	if got := seen(); got[adaClient] != "" {
		t.Error("a picture from nowhere:", got)
	}
	own := picture(adaClient, collections.ScanClean)
	picture(cleo, collections.ScanClean) // Ada's access to Cleo does not cover the record
	if got := seen(); got[adaClient] != kernel.Portal+"/profile/avatar?v="+own || got[cleo] != "" {
		t.Error(got)
	}
	picture(adaClient, collections.ScanPending)
	if got := seen(); got[adaClient] != "" {
		t.Error("a picture that nobody has scanned:", got)
	}
}
