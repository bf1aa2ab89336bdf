package ops

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/fatih/color"
	"github.com/pocketbase/pocketbase/core"

	"anteroom/hooks/audit"
	"anteroom/hooks/kernel"
)

// One process holds the data directory. A command that is called while a server does is run by that server: the
// caller sends its arguments through a socket in the data directory, and gets what the command writes and how it
// ended. Only the user that the server runs as gets there: the socket's directory is theirs alone, and where the
// system tells who calls (Linux), it is asked.

// Alone marks a command that needs the data directory for itself and never runs inside a server.
const Alone = "anteroom.alone"

// Invocation is a command as somebody called it.
type Invocation struct {
	Args    []string
	Dir     string // the caller's working directory
	In      io.Reader
	Out     io.Writer
	Err     io.Writer
	Context context.Context // ends when the caller interrupts or goes away, and when the server stops
}

// frame is what travels, as JSON: the call and then input from the caller; output and the end from the server.
type frame struct {
	Args []string `json:"args,omitempty"`
	Dir  string   `json:"dir,omitempty"`

	In        []byte `json:"in,omitempty"`
	InEnded   bool   `json:"inEnded,omitempty"`
	Interrupt bool   `json:"interrupt,omitempty"`

	Out  []byte `json:"out,omitempty"`
	Err  []byte `json:"err,omitempty"`
	Exit *int   `json:"exit,omitempty"`
}

// link is one end of a connection. Its writers may be used at the same time.
type link struct {
	net.Conn
	in *json.Decoder
	mu sync.Mutex
}

func newLink(c net.Conn) *link { return &link{Conn: c, in: json.NewDecoder(c)} }

func (l *link) send(f frame) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return json.NewEncoder(l.Conn).Encode(f)
}

// writer sends what is written as frames.
type writer func(p []byte) error

func (w writer) Write(p []byte) (int, error) {
	if err := w(p); err != nil {
		return 0, err
	}
	return len(p), nil
}

// socketDir is nobody else's, so that the socket in it is never reachable, not even while it is being made.
func socketDir(dataDir string) string { return filepath.Join(dataDir, ".command") }

const socketName = "socket"

// AcceptCommands lets other processes of this user run commands here, one after another, until stop is called. What
// an ended server left behind is replaced: the caller holds the data directory.
func AcceptCommands(dataDir string, run func(Invocation) int) (stop func(), err error) {
	dir := socketDir(dataDir)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	if err := os.Chmod(dir, 0o700); err != nil {
		return nil, err
	}
	if err := os.Remove(filepath.Join(dir, socketName)); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	address, done, err := shortPath(dir)
	if err != nil {
		return nil, err
	}
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: address + "/" + socketName, Net: "unix"})
	done()
	if err != nil {
		return nil, err
	}
	l.SetUnlinkOnClose(false) // by then its address may be somebody else's; we remove it by its real name
	if err := os.Chmod(filepath.Join(dir, socketName), 0o600); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	var turn sync.Mutex
	running.Go(func() {
		for {
			c, err := l.AcceptUnix()
			if err != nil {
				return
			}
			running.Go(func() {
				defer func() { _ = c.Close() }()
				if sameUser(c) {
					answerCommand(ctx, newLink(c), &turn, run)
				}
			})
		}
	})
	return func() {
		cancel()
		_ = l.Close()
		_ = os.Remove(filepath.Join(dir, socketName))
		running.Wait()
	}, nil
}

// answerCommand runs one command when its turn comes.
func answerCommand(ctx context.Context, l *link, turn *sync.Mutex, run func(Invocation) int) {
	var call frame
	_ = l.SetReadDeadline(time.Now().Add(10 * time.Second))
	if err := l.in.Decode(&call); err != nil {
		return
	}
	_ = l.SetReadDeadline(time.Time{})

	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	input, typed := io.Pipe()
	defer func() { _ = input.Close() }()
	stopped := context.AfterFunc(ctx, func() { _ = typed.CloseWithError(context.Canceled) })
	defer stopped()
	go func() {
		defer cancel() // who went away does not wait for the end
		for {
			var f frame
			if err := l.in.Decode(&f); err != nil || f.Interrupt {
				return
			}
			if len(f.In) > 0 {
				_, _ = typed.Write(f.In) // a command that reads no more loses it, as at a terminal
			}
			if f.InEnded {
				_ = typed.Close()
			}
		}
	}()

	turn.Lock()
	defer turn.Unlock()
	code := 1
	if ctx.Err() == nil {
		code = run(Invocation{Args: call.Args, Dir: call.Dir, In: input, Context: ctx,
			Out: writer(func(p []byte) error { return l.send(frame{Out: p}) }),
			Err: writer(func(p []byte) error { return l.send(frame{Err: p}) })})
	}
	_ = l.send(frame{Exit: &code})
}

// RunThere runs a command in the server that holds the data directory, and gives its exit code. It is ErrRunning when
// whoever holds the directory takes no commands. When ctx ends, the command is interrupted; its end is awaited.
func RunThere(ctx context.Context, dataDir string, call Invocation) (int, error) {
	address, done, err := shortPath(socketDir(dataDir))
	if err != nil {
		return 0, ErrRunning
	}
	c, err := net.Dial("unix", address+"/"+socketName)
	done()
	if err != nil {
		return 0, ErrRunning
	}
	defer func() { _ = c.Close() }()
	l := newLink(c)
	if err := l.send(frame{Args: call.Args, Dir: call.Dir}); err != nil {
		return 0, fmt.Errorf("send the command to the running server: %w", err)
	}
	stopped := context.AfterFunc(ctx, func() { _ = l.send(frame{Interrupt: true}) })
	defer stopped()
	go func() { // ends with the process: reading from a terminal cannot be broken off
		_, err := io.Copy(writer(func(p []byte) error { return l.send(frame{In: p}) }), call.In)
		if err == nil {
			_ = l.send(frame{InEnded: true})
		}
	}()
	for {
		var f frame
		if err := l.in.Decode(&f); err != nil {
			return 0, errors.New("the server ended before the command did: look at what was done before you run it again")
		}
		if _, err := call.Out.Write(f.Out); err != nil {
			return 0, err
		}
		if _, err := call.Err.Write(f.Err); err != nil {
			return 0, err
		}
		if f.Exit != nil {
			return *f.Exit, nil
		}
	}
}

// Ran is the end of a command that ran in the server, which has said everything already.
type Ran struct{ Code int }

func (r *Ran) Error() string { return fmt.Sprintf("the command ended with %d in the server", r.Code) }

// NoteCommand leaves the audit line of a command that ran, wherever it did. Arguments are left out: they hold passwords,
// addresses and names of people.
func NoteCommand(app core.App, path string, failure error) error {
	line := audit.EntryFor(kernel.System(), audit.RunCommand, audit.CommandRun, "")
	line.Result = audit.ResultOK
	if failure != nil {
		line.Result = audit.ResultFailed
	}
	line.Details = audit.Details{"command": path, "result": string(line.Result)}
	return audit.Read(app, line)
}

// colored is where PocketBase's own commands write, past cobra: to the terminal, or to who called from elsewhere.
type colored struct{ to atomic.Pointer[io.Writer] }

var terminal = &colored{}

func init() { color.Output = terminal }

func (c *colored) Write(p []byte) (int, error) {
	if to := c.to.Load(); to != nil {
		return (*to).Write(p)
	}
	return os.Stdout.Write(p)
}

// SayTo sends what PocketBase's commands say to w until the returned function is called.
func SayTo(w io.Writer) (back func()) {
	terminal.to.Store(&w)
	return func() { terminal.to.Store(nil) }
}
