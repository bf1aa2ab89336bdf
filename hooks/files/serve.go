package files

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"path"
	"strings"
	"time"

	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/filesystem"

	"anteroom/collections"
	"anteroom/hooks/audit"
	"anteroom/hooks/kernel"
	"anteroom/hooks/phi"
)

// Serve answers with a file's bytes as an attachment, whole or in ranges, if anybody may have them (409 NOT_RELEASED
// otherwise). Whether the caller may have this client's file is decided before. Every request leaves its line before
// the first byte.
func Serve(c *kernel.Call, u *collections.Upload, action audit.Action) (*kernel.Reply, error) {
	name, err := phi.Text(u.Record, "name")
	if err != nil {
		return nil, erased(err)
	}
	return serve(c, u, action, "attachment; "+fileName(name, Kind(u.MIME())))
}

func serve(c *kernel.Call, u *collections.Upload, action audit.Action, disposition string) (*kernel.Reply, error) {
	if !u.MayBeFetched() {
		return nil, kernel.Conflict("NOT_RELEASED", "This file cannot be opened: it still waits to be checked, or was turned away.")
	}
	content, err := opened(c.Request.Context(), c.App, u)
	if err != nil {
		return nil, err
	}
	entry := audit.EntryFor(c.Actor, action, audit.File, u.Id)
	entry.Client = u.Client()
	if part := c.Request.Header.Get("Range"); part != "" {
		entry.Details = audit.Details{"range": part[:min(len(part), 64)]}
	}
	if err := audit.Read(c.App, entry); err != nil {
		_ = content.Close()
		return nil, err
	}
	return kernel.Stream(func(e *core.RequestEvent) error {
		defer func() { _ = content.Close() }()
		h := e.Response.Header()
		h.Set("Content-Type", u.MIME())
		h.Set("Content-Disposition", disposition)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Content-Security-Policy", "sandbox; default-src 'none'")
		h.Set("Cache-Control", "private, no-store")
		h.Set("ETag", `"`+u.Id+`"`)
		http.ServeContent(e.Response, e.Request, "", time.Time{}, content)
		return nil
	}), nil
}

// opened gives the bytes. A storage that cannot be reached is no reason to say that there is no file.
func opened(ctx context.Context, app core.App, u *collections.Upload) (*phi.Opened, error) {
	content, err := phi.OpenStored(ctx, app, u.Client(), Place(u.Record), fileKey(u.Record))
	switch {
	case err == nil:
		return content, nil
	case errors.Is(err, phi.ErrErased):
		return nil, erased(err)
	case errors.Is(err, phi.ErrDamaged), errors.Is(err, filesystem.ErrNotFound):
		return nil, kernel.Internal(err)
	}
	return nil, storageDown(err)
}

func erased(err error) error {
	if errors.Is(err, phi.ErrErased) {
		return kernel.NotFound().Because(err)
	}
	return err
}

// fileName is the parameter of Content-Disposition (RFC 6266, RFC 8187): the name with the ending of what the file is, in
// letters that every browser reads, and as it is.
func fileName(name string, kind Kind) string {
	if end := endings[kind]; !strings.EqualFold(path.Ext(name), end) {
		name += end
	}
	plain := strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' || strings.ContainsRune(`"\%/`, r) {
			return '_'
		}
		return r
	}, name)
	return `filename="` + plain + `"; filename*=UTF-8''` + strings.ReplaceAll(url.QueryEscape(name), "+", "%20")
}

var endings = map[Kind]string{JPEG: ".jpg", PNG: ".png", PDF: ".pdf"}
