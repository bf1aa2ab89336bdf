package ops

import (
	"cmp"
	"errors"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/pocketbase/pocketbase/apis"
	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/hook"
	"github.com/spf13/cobra"

	"anteroom/hooks/kernel"
)

// ReadsOnly marks a command that may run beside a server, because it changes nothing.
const ReadsOnly = "anteroom.reads-only"

// ServeCommand starts the web server. Its flags are PocketBase's, and --demo. welcome is called once it listens.
func ServeCommand(app core.App, welcome func(url string)) *cobra.Command {
	var httpAddr, httpsAddr string
	var origins []string
	c := &cobra.Command{
		Use:   "serve [domain...]",
		Short: "Start the portal (on 127.0.0.1:8090 unless told otherwise)",
		Args:  cobra.ArbitraryArgs,
		RunE: func(_ *cobra.Command, domains []string) error {
			switch {
			case len(domains) > 0:
				httpAddr, httpsAddr = cmp.Or(httpAddr, "0.0.0.0:80"), cmp.Or(httpsAddr, "0.0.0.0:443")
			case httpAddr == "":
				httpAddr = "127.0.0.1:8090"
			}
			kernel.SetPublicURL(app, publicURL(domains, httpAddr, httpsAddr))
			if len(origins) == 0 { // nobody else's page may call the API from a browser
				origins = []string{kernel.ConfigOf(app).PublicURL}
			}
			bindServer(app, welcome)
			err := apis.Serve(app, apis.ServeConfig{HttpAddr: httpAddr, HttpsAddr: httpsAddr, AllowedOrigins: origins, CertificateDomains: domains})
			if errors.Is(err, http.ErrServerClosed) {
				return nil
			}
			return err
		},
	}
	c.Flags().Bool("demo", false, "a furnished demo clinic in a data directory of its own")
	c.Flags().StringVar(&httpAddr, "http", "", "address of the HTTP server")
	c.Flags().StringVar(&httpsAddr, "https", "", "address of the HTTPS server; HTTP then redirects to it")
	c.Flags().StringSliceVar(&origins, "origins", nil, "other origins whose pages may call the API")
	return c
}

// bindServer sets the limits of the listening server and refuses to serve a clinic that was never set up.
func bindServer(app core.App, welcome func(url string)) {
	app.OnServe().Bind(&hook.Handler[*core.ServeEvent]{Id: "ops.server", Priority: -500, Func: func(se *core.ServeEvent) error {
		se.InstallerFunc = nil // would print a link that makes an owner; setup does that
		se.Server.ReadHeaderTimeout = 10 * time.Second
		se.Server.IdleTimeout = 2 * time.Minute
		se.Server.MaxHeaderBytes = 32 << 10
		if err := se.Next(); err != nil {
			return err
		}
		welcome(kernel.ConfigOf(se.App).PublicURL)
		return nil
	}})
	app.OnServe().Bind(&hook.Handler[*core.ServeEvent]{Id: "ops.refuseUnsetClinic", Priority: 500, Func: func(se *core.ServeEvent) error {
		if kernel.ConfigOf(se.App).Mode == kernel.Production {
			n, err := se.App.CountRecords("clinic_settings")
			if err != nil {
				return err
			}
			if n == 0 {
				return errors.New("no clinic has been set up in this data directory. Run: anteroom setup")
			}
		}
		return se.Next()
	}})
}

func publicURL(domains []string, httpAddr, httpsAddr string) string {
	if len(domains) > 0 {
		return "https://" + domains[0]
	}
	scheme, addr := "http://", httpAddr
	if httpsAddr != "" {
		scheme, addr = "https://", httpsAddr
	}
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return scheme + addr
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	return strings.TrimSuffix(strings.TrimSuffix(scheme+net.JoinHostPort(host, port), ":80"), ":443")
}
