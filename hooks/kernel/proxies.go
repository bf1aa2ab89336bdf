package kernel

import (
	"net/http"
	"net/netip"
	"strings"

	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/hook"
)

const forwardedFor = "X-Forwarded-For"

// clientAddress walks X-Forwarded-For from the right and stops at the first hop that is not one of ours. A header
// from a peer that is no trusted proxy is worth nothing: anybody can write one.
func clientAddress(r *http.Request, trusted []netip.Prefix) (addr string, viaProxy bool) {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil || !within(trusted, peer.Addr()) {
		return "", false
	}
	hops := strings.Split(strings.Join(r.Header.Values(forwardedFor), ","), ",")
	for i := len(hops) - 1; i >= 0; i-- {
		a, err := netip.ParseAddr(strings.TrimSpace(hops[i]))
		if err != nil {
			break // whatever stands left of garbage is not to be believed
		}
		addr = a.Unmap().String()
		if !within(trusted, a) {
			break
		}
	}
	return addr, addr != ""
}

func within(list []netip.Prefix, a netip.Addr) bool {
	for _, p := range list {
		if p.Contains(a.Unmap()) {
			return true
		}
	}
	return false
}

// bindProxies leaves exactly one believable address in the header, or none, before anything reads it. PocketBase's
// RealIP (which its limits, its log and our own code use) then needs to know nothing of proxies.
func bindProxies(app core.App, trusted []netip.Prefix) {
	app.OnServe().BindFunc(func(se *core.ServeEvent) error {
		se.Router.Bind(&hook.Handler[*core.RequestEvent]{Id: "kernel.proxies", Priority: -100000, Func: func(e *core.RequestEvent) error {
			addr, ok := clientAddress(e.Request, trusted)
			e.Request.Header.Del(forwardedFor)
			if ok {
				e.Request.Header.Set(forwardedFor, addr)
			}
			return e.Next()
		}})
		return se.Next()
	})
	app.OnBootstrap().BindFunc(func(e *core.BootstrapEvent) error {
		if err := e.Next(); err != nil {
			return err
		}
		// in memory only: what the environment says must not be edited in the dashboard
		e.App.Settings().TrustedProxy.Headers = []string{forwardedFor}
		e.App.Settings().TrustedProxy.UseLeftmostIP = false
		return nil
	})
	app.OnSettingsReload().BindFunc(func(e *core.SettingsReloadEvent) error {
		if err := e.Next(); err != nil {
			return err
		}
		e.App.Settings().TrustedProxy.Headers = []string{forwardedFor}
		e.App.Settings().TrustedProxy.UseLeftmostIP = false
		return nil
	})
}
