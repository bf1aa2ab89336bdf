package files

import (
	"github.com/pocketbase/pocketbase/core"

	"anteroom/collections"
	"anteroom/hooks/audit"
	"anteroom/hooks/kernel"
)

const (
	maxAvatarBytes = 10 << 20
	avatarEdge     = 512
)

// AvatarURL is where a client's picture is fetched with a token, or "" when there is none to be seen.
func AvatarURL(app core.App, client *core.Record) string {
	id := client.GetString("avatar")
	if id == "" {
		return ""
	}
	r, err := app.FindRecordById(collections.Uploads, id)
	if err != nil || !collections.AsUpload(r).MayBeFetched() {
		return ""
	}
	return avatarURL(id)
}

func avatarURL(upload string) string { return kernel.Portal + "/profile/avatar?v=" + upload }

func sendAvatar(c *kernel.Call) (*kernel.Reply, error) {
	form, err := FileOf(c)
	if err != nil {
		return nil, err
	}
	u, err := Accept(c.App, c.Actor, Offer{Client: c.Client(), Purpose: PurposeAvatar, Name: form.Name, Reader: form, Kinds: Images,
		MaxBytes: maxAvatarBytes, Square: avatarEdge, Action: audit.UploadPhoto,
		With: func(tx core.App, u *collections.Upload) error { return setAvatar(tx, c.Actor, u.Client(), u.Id) }})
	if err != nil {
		return nil, err
	}
	return kernel.Created(map[string]any{"avatarUrl": avatarURL(u.Id), "scan": u.Scan()}).Say("Your picture was saved."), nil
}

// setAvatar gives a client another picture, or none, and takes the bytes of the one before away.
func setAvatar(tx core.App, actor kernel.Actor, client, upload string) error {
	r, err := tx.FindRecordById(collections.Clients, client)
	if err != nil {
		return err
	}
	before := r.GetString("avatar")
	r.Set("avatar", upload)
	if err := kernel.SaveAs(tx, actor, r); err != nil || before == "" {
		return err
	}
	return remove(tx, actor, before, audit.RemovePhoto)
}

func dropAvatar(c *kernel.Call) (*kernel.Reply, error) {
	var id string
	err := c.App.RunInTransaction(func(tx core.App) error {
		r, err := tx.FindRecordById(collections.Clients, c.Client())
		if err != nil {
			return err
		}
		if id = r.GetString("avatar"); id == "" {
			return kernel.NotFound()
		}
		return setAvatar(tx, c.Actor, r.Id, "")
	})
	if err != nil {
		return nil, err
	}
	return kernel.OK(map[string]string{"id": id}), nil
}

func showAvatar(c *kernel.Call) (*kernel.Reply, error) {
	r, err := c.App.FindRecordById(collections.Clients, c.Client())
	if err != nil {
		return nil, err
	}
	if r.GetString("avatar") == "" {
		return nil, kernel.NotFound()
	}
	row, err := c.App.FindRecordById(collections.Uploads, r.GetString("avatar"))
	if err != nil {
		return nil, err
	}
	return serve(c, collections.AsUpload(row), audit.DownloadPhoto, "inline")
}
