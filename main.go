// Anteroom is the client portal that a small clinic runs by itself: one program on PocketBase. This file only
// wires: configuration, keys, hooks, migrations, commands and the embedded web app.
package main

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/signal"
	"runtime/debug"
	"strconv"
	"strings"
	"syscall"
	_ "time/tzdata" // zones on machines that have none

	"github.com/pocketbase/pocketbase"
	"github.com/pocketbase/pocketbase/core"
	"github.com/spf13/cobra"

	"anteroom/hooks"
	"anteroom/hooks/audit"
	"anteroom/hooks/demo"
	"anteroom/hooks/forms"
	"anteroom/hooks/identity"
	"anteroom/hooks/kernel"
	"anteroom/hooks/ops"
	"anteroom/hooks/outbox"
	_ "anteroom/pb_migrations"
)

//go:embed all:pb_public
var public embed.FS

// version is set by the release build.
var version = ""

func main() { os.Exit(run(os.Args[1:])) }

// run returns the exit code: 0 done, 1 refused or failed, 2 wrong usage.
func run(args []string) int {
	p := newProgram(args)
	err := p.execute(args)
	switch {
	case err == nil:
		return 0
	case !p.started:
		fmt.Fprintf(os.Stderr, "%v\nRun \"anteroom --help\" for the commands.\n", err)
		return 2
	default:
		fmt.Fprintln(os.Stderr, "anteroom:", err)
		return 1
	}
}

type program struct {
	*pocketbase.PocketBase
	demo    bool
	started bool // a command was understood; what fails from here on is no mistake of usage
	release func()
}

func newProgram(args []string) *program {
	p := &program{demo: wantsDemo(args), release: func() {}}
	dir := "pb_data"
	if p.demo {
		dir = demo.DefaultDir
	}
	p.PocketBase = pocketbase.NewWithConfig(pocketbase.Config{
		HideStartBanner:  true,
		DefaultDataDir:   dir,
		DBConnect:        kernel.DBConnect,
		DataMaxOpenConns: kernel.MaxConnections,
		DataMaxIdleConns: kernel.MaxConnections,
	})
	root := p.RootCmd
	root.Use, root.Short, root.Version = "anteroom", "The client portal a small clinic runs by itself", buildVersion()
	root.SilenceErrors, root.SilenceUsage = true, true
	root.FParseErrWhitelist.UnknownFlags = false
	root.PersistentPreRunE = func(c *cobra.Command, _ []string) error { return p.open(c) }
	root.AddCommand(
		ops.ServeCommand(p, p.welcome),
		ops.SetupCommand(p, func(tx core.App) error { _, err := forms.ImportBuiltIn(tx); return err }),
		audit.Command(p),
		forms.Command(p),
		identity.OwnersCommand(p),
	)
	readsOnly(root, "audit verify", "audit export", "forms export")
	for _, group := range root.Commands() {
		if group.HasSubCommands() { // "audit verfiy" is a mistake and no request for help
			group.Args = cobra.NoArgs
			group.RunE = func(c *cobra.Command, _ []string) error { return c.Help() }
		}
	}
	return p
}

// wantsDemo is asked before flags are read, because the demo has a data directory of its own.
func wantsDemo(args []string) bool {
	for _, a := range args {
		if a == "--demo" {
			return true
		}
		if value, ok := strings.CutPrefix(a, "--demo="); ok {
			yes, err := strconv.ParseBool(value)
			return err == nil && yes
		}
	}
	return false
}

// readsOnly marks the commands that may run beside a server.
func readsOnly(root *cobra.Command, paths ...string) {
	for _, path := range paths {
		c, _, err := root.Find(strings.Fields(path))
		if err != nil {
			panic(err) // a fault of this file
		}
		c.Annotations = map[string]string{ops.ReadsOnly: "yes"}
	}
}

// open readies the data directory for the command that was understood: lock, keys, hooks, database.
func (p *program) open(c *cobra.Command) error {
	p.started = true
	if c.HasSubCommands() {
		return nil // a group only shows its help
	}
	readsOnly := c.Annotations[ops.ReadsOnly] != ""
	if !readsOnly {
		release, err := ops.Lock(p.DataDir())
		if err != nil {
			return err
		}
		p.release = release
	}
	mode := kernel.Production
	switch {
	case p.demo:
		mode = kernel.Demo
	case p.IsDev():
		mode = kernel.Dev
		if err := ops.ClaimForDevelopment(p.DataDir()); err != nil {
			return err
		}
	}
	cfg, err := kernel.LoadConfig(os.Getenv, mode)
	if err != nil {
		return err
	}
	cfg.Version = buildVersion()
	if p.demo {
		if err := demo.Prepare(p, &cfg); err != nil {
			return err
		}
	}
	keys, err := ops.OpenKeys(cfg, p.DataDir(), c.Name() == "setup")
	if err != nil {
		return err
	}
	pages, err := fs.Sub(public, "pb_public")
	if err != nil {
		return err
	}
	hooks.Register(p, hooks.Options{Config: cfg, Keyring: keys, Public: pages})
	if p.demo {
		demo.Bind(p)
	}
	if err := p.Bootstrap(); err != nil || readsOnly {
		return err // whoever reads beside a running server must not change its schema
	}
	return p.RunAllMigrations()
}

// execute runs the command and ends everything it started, on a signal too. PocketBase's own Execute would lose
// the command's error.
func (p *program) execute(args []string) error {
	p.RootCmd.SetArgs(args)
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	done := make(chan error, 1)
	go func() { done <- p.RootCmd.Execute() }()

	var err error
	select {
	case err = <-done:
	case <-signals:
	}
	if p.IsBootstrapped() {
		err = errors.Join(err, p.OnTerminate().Trigger(&core.TerminateEvent{App: p}, func(e *core.TerminateEvent) error {
			return e.App.ResetBootstrapState()
		}))
	}
	p.release()
	return err
}

// welcome tells the person at the terminal where everything is.
func (p *program) welcome(url string) {
	fmt.Printf("Anteroom %s\n\n  Portal      %s/\n  Dashboard   %s/_/\n", buildVersion(), url, url)
	if kernel.ConfigOf(p).IsLocal() {
		fmt.Printf("  Mail        %s/dev/mail\n", url)
	}
	if p.demo {
		demo.Welcome(p, os.Stdout)
	}
	if w := outbox.Warning(kernel.ConfigOf(p)); w != "" {
		fmt.Fprintln(os.Stderr, "\nWARNING:", w)
	}
	fmt.Println("\nStop with Ctrl+C.")
}

func buildVersion() string {
	if version != "" {
		return version
	}
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" && info.Main.Version != "(devel)" {
		return info.Main.Version
	}
	return "dev"
}
