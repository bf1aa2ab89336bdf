package ops

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/pocketbase/pocketbase/apis"
	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/hook"
	"github.com/spf13/cobra"

	"anteroom/hooks/kernel"
)

// ReadsOnly marks a command that may run beside a server without its help, because it changes nothing.
const ReadsOnly = "anteroom.reads-only"

// OpensNothing marks a command that looks at the files itself, and runs where no server could start.
const OpensNothing = "anteroom.opens-nothing"

// ServeCommand starts the web server. Its flags are PocketBase's, and --demo. run runs the commands of other processes;
// welcome is called once it listens.
func ServeCommand(app core.App, run func(Invocation) int, welcome func(url string)) *cobra.Command {
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
			app.Store().Set(originsKey, origins)
			if len(origins) == 0 { // nobody else's page may call the API from a browser
				origins = []string{kernel.ConfigOf(app).PublicURL}
			}
			s := &server{app: app, run: run, welcome: welcome}
			plain := httpAddr
			if httpsAddr != "" { // PocketBase's server for this has no limits of any kind
				plain, s.redirectFrom = "", httpAddr
			}
			s.bind()
			err := apis.Serve(app, apis.ServeConfig{HttpAddr: plain, HttpsAddr: httpsAddr, AllowedOrigins: origins, CertificateDomains: domains})
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

const (
	originsKey  = "anteroom.origins"
	drainingKey = "anteroom.draining"
)

// drainFor is how long requests in flight may take once the server was told to stop.
const drainFor = 30 * time.Second

// server is everything that listens: the public server, which PocketBase starts, the private one, the redirect to
// HTTPS, and the socket for commands.
type server struct {
	app          core.App
	run          func(Invocation) int
	welcome      func(url string)
	redirectFrom string

	context context.Context // of every request; it outlives the listeners, so that draining cancels nothing
	cancel  context.CancelFunc
	running []*http.Server
	stop    func() // the socket
}

// bind hangs the server into PocketBase's start and end, and refuses to serve a clinic that was never set up.
func (s *server) bind() {
	s.context, s.cancel = context.WithCancel(context.Background())
	s.app.OnServe().Bind(&hook.Handler[*core.ServeEvent]{Id: "ops.server", Priority: -500, Func: s.start})
	s.app.OnServe().Bind(&hook.Handler[*core.ServeEvent]{Id: "ops.refuseUnsetClinic", Priority: 500, Func: refuseUnsetClinic})
	// told at once; then the streams end (realtime, -11000), then this, then PocketBase's own end of one second (-9999)
	s.app.OnTerminate().Bind(&hook.Handler[*core.TerminateEvent]{Id: "ops.draining", Priority: -20000, Func: func(e *core.TerminateEvent) error {
		e.App.Store().Set(drainingKey, true)
		return e.Next()
	}})
	s.app.OnTerminate().Bind(&hook.Handler[*core.TerminateEvent]{Id: "ops.drain", Priority: -10000, Func: func(e *core.TerminateEvent) error {
		s.drain()
		return e.Next()
	}})
}

func (s *server) start(se *core.ServeEvent) error {
	se.InstallerFunc = nil // would print a link that makes an owner; setup does that
	harden(se.Server)
	se.Server.BaseContext = func(net.Listener) context.Context { return s.context }
	s.running = append(s.running, se.Server)

	var private, redirect net.Listener
	var err error
	address := kernel.ConfigOf(s.app).PrivateListen
	if address != "" {
		if private, err = net.Listen("tcp", address); err != nil {
			return fmt.Errorf("PRIVATE_LISTEN: %w", err)
		}
	}
	if s.redirectFrom != "" {
		if redirect, err = net.Listen("tcp", s.redirectFrom); err != nil {
			return err
		}
	}
	if err := se.Next(); err != nil {
		return err
	}
	if private != nil {
		s.alsoServe(private, se.Server.Handler, kernel.OnPrivateListener(s.context))
	}
	if redirect != nil {
		s.alsoServe(redirect, se.CertManager.HTTPHandler(nil), s.context)
	}
	if s.stop, err = AcceptCommands(s.app.DataDir(), s.run); err != nil {
		s.stop = nil
		fmt.Fprintf(os.Stderr, "\nWARNING: other commands cannot run while this server does: %v\n", err)
	}
	go checkIntegrityOf(s.context, s.app)
	s.welcome(kernel.ConfigOf(s.app).PublicURL)
	return nil
}

// harden sets the limits of a listening server. What a request's body and answer may take is in pace.go.
func harden(s *http.Server) {
	s.ReadHeaderTimeout = 10 * time.Second
	s.IdleTimeout = 2 * time.Minute
	s.MaxHeaderBytes = 32 << 10
	if s.TLSConfig != nil {
		s.TLSConfig.MinVersion = tls.VersionTLS13
	}
}

func (s *server) alsoServe(l net.Listener, handler http.Handler, base context.Context) {
	more := &http.Server{Handler: handler, BaseContext: func(net.Listener) context.Context { return base }, ReadTimeout: 5 * time.Minute,
		WriteTimeout: 5 * time.Minute, ErrorLog: s.running[0].ErrorLog}
	harden(more)
	s.running = append(s.running, more)
	go func() {
		if err := more.Serve(l); err != nil && !errors.Is(err, http.ErrServerClosed) {
			s.app.Logger().Error("a listener ended", "address", l.Addr().String(), "error", err)
		}
	}()
}

// drain takes no new connections, lets the requests in flight finish, and cuts what is left.
func (s *server) drain() {
	ctx, cancel := context.WithTimeout(context.Background(), drainFor)
	defer cancel()
	var ending sync.WaitGroup
	for _, one := range s.running {
		ending.Go(func() {
			if one.Shutdown(ctx) != nil {
				_ = one.Close()
			}
		})
	}
	if s.stop != nil {
		s.stop()
	}
	ending.Wait()
	s.cancel()
}

func refuseUnsetClinic(se *core.ServeEvent) error {
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
