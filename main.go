// Anteroom is the client portal that a small clinic runs by itself: one program on PocketBase. This file only
// wires: configuration, keys, hooks, migrations, commands and the embedded web app.
package main

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/signal"
	"runtime/debug"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"

	"github.com/pocketbase/pocketbase"
	"github.com/pocketbase/pocketbase/core"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

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
	return exitCode(err, p.ran.Load() != nil, os.Stderr)
}

// exitCode says what went wrong. A command that was understood is one that ran: what fails from there on is no mistake
// of usage.
func exitCode(err error, understood bool, stderr io.Writer) int {
	var there *ops.Ran
	switch {
	case err == nil:
		return 0
	case errors.As(err, &there):
		return there.Code
	case !understood:
		fmt.Fprintf(stderr, "%v\nRun \"anteroom --help\" for the commands.\n", err)
		return 2
	default:
		fmt.Fprintln(stderr, "anteroom:", err)
		return 1
	}
}

type program struct {
	*pocketbase.PocketBase
	args    []string
	demo    bool
	ran     atomic.Pointer[cobra.Command] // the command that was understood
	ready   bool                          // its data directory was opened
	release func()
}

func newProgram(args []string) *program {
	p := &program{args: args, demo: wantsDemo(args), release: func() {}}
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
	describe(root)
	root.PersistentPreRunE = func(c *cobra.Command, _ []string) error { return p.open(c) }
	serve := ops.ServeCommand(p, p.runHere, p.welcome)
	setup := ops.SetupCommand(p, func(tx core.App) error { _, err := forms.ImportBuiltIn(tx); return err })
	for _, c := range []*cobra.Command{serve, setup} {
		c.Annotations = map[string]string{ops.Alone: "yes"}
	}
	root.AddCommand(serve, setup)
	root.AddCommand(p.commands()...)
	readsOnly(root, "audit verify")
	helpGroups(root)
	return p
}

// commands are those that run by themselves, or in the server that holds the data directory.
func (p *program) commands() []*cobra.Command {
	return []*cobra.Command{
		audit.Command(p),
		forms.Command(p),
		identity.OwnersCommand(p),
		ops.KeysCommand(p),
	}
}

func describe(root *cobra.Command) {
	root.Use, root.Short, root.Version = "anteroom", "The client portal a small clinic runs by itself", buildVersion()
	root.SilenceErrors, root.SilenceUsage = true, true
	root.FParseErrWhitelist.UnknownFlags = false
}

func helpGroups(root *cobra.Command) {
	for _, group := range root.Commands() {
		if group.HasSubCommands() { // "audit verfiy" is a mistake and no request for help
			group.Args = cobra.NoArgs
			group.RunE = func(c *cobra.Command, _ []string) error { return c.Help() }
		}
	}
}

// runHere runs a command for another process, in the server: a tree of its own on the app that is open already. What
// says where the data lies was heeded by the caller.
func (p *program) runHere(call ops.Invocation) (code int) {
	defer func() {
		if r := recover(); r != nil {
			p.Logger().Error("a command panicked", "error", fmt.Sprint(r), "stack", string(debug.Stack()))
			fmt.Fprintln(call.Err, "anteroom: the command failed; the server's log says why")
			code = 1
		}
	}()
	root := &cobra.Command{}
	describe(root)
	root.CompletionOptions.DisableDefaultCmd = true
	root.SetHelpCommand(&cobra.Command{Hidden: true})
	p.RootCmd.PersistentFlags().VisitAll(func(f *pflag.Flag) {
		root.PersistentFlags().AddFlag(&pflag.Flag{Name: f.Name, Usage: f.Usage, Value: new(heeded), NoOptDefVal: f.NoOptDefVal, Hidden: true})
	})
	var ran *cobra.Command
	root.PersistentPreRun = func(c *cobra.Command, _ []string) { ran = c }
	root.AddCommand(p.commands()...)
	helpGroups(root)
	root.SetArgs(call.Args)
	root.SetIn(call.In)
	root.SetOut(call.Out)
	root.SetErr(call.Err)
	defer ops.SayTo(call.Out)()
	err := root.ExecuteContext(kernel.WithWorkDir(call.Context, call.Dir))
	return exitCode(p.note(ran, err), ran != nil, call.Err)
}

// heeded is a flag whose value no longer matters.
type heeded struct{}

func (heeded) String() string   { return "" }
func (heeded) Set(string) error { return nil }
func (heeded) Type() string     { return "" }

// note leaves the audit line of a command that ran. Looking leaves none: it writes nothing, so that it can be trusted
// beside a server, and serving is no command that ends.
func (p *program) note(c *cobra.Command, err error) error {
	var there *ops.Ran
	if c == nil || c.HasSubCommands() || c.Annotations[ops.ReadsOnly] != "" || c.Name() == "serve" || !p.ready || errors.As(err, &there) {
		return err
	}
	path := strings.TrimPrefix(c.CommandPath(), c.Root().Name()+" ")
	return errors.Join(err, ops.NoteCommand(p, path, err))
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
	p.ran.Store(c)
	if c.HasSubCommands() {
		return nil // a group only shows its help
	}
	readsOnly := c.Annotations[ops.ReadsOnly] != ""
	if !readsOnly {
		release, err := ops.Lock(p.DataDir())
		if errors.Is(err, ops.ErrRunning) && c.Annotations[ops.Alone] == "" {
			return p.runThere(c)
		}
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
	if err := audit.Migrate(p, p.RunAllMigrations); err != nil {
		return err
	}
	p.ready = true
	return nil
}

// runThere lets the server that holds the data directory run the command.
func (p *program) runThere(c *cobra.Command) error {
	dir, err := os.Getwd()
	if err != nil {
		return err
	}
	code, err := ops.RunThere(c.Context(), p.DataDir(), ops.Invocation{Args: p.args, Dir: dir, In: c.InOrStdin(), Out: c.OutOrStdout(), Err: os.Stderr})
	if err != nil {
		return err
	}
	return &ops.Ran{Code: code}
}

// execute runs the command and ends everything it started, on a signal too: a server lets requests in flight finish,
// another command is told by its context and ends in its own time. A second signal ends at once. PocketBase's own
// Execute would lose the command's error.
func (p *program) execute(args []string) error {
	p.RootCmd.SetArgs(args)
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	defer signal.Stop(signals)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- p.RootCmd.ExecuteContext(ctx) }()

	var err error
	select {
	case err = <-done:
		err = p.note(p.ran.Load(), err)
	case <-signals:
		go func() {
			<-signals
			os.Exit(1)
		}()
		cancel()
		if c := p.ran.Load(); c != nil && c.Annotations[ops.Alone] == "" {
			err = p.note(c, <-done)
		}
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
