package ops

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/hook"
	"github.com/pocketbase/pocketbase/tools/router"

	"anteroom/hooks/kernel"
)

// pace bounds how slow a client may be. Tests change it before the first request.
type pace struct {
	body     time.Duration // a body of at most 1 MiB
	perChunk time.Duration // what each further bodyChunk adds
	answer   time.Duration // until somebody reads the next answerChunk
}

const (
	bodyChunk   = 64 << 10
	answerChunk = 64 << 10
	paceKey     = "anteroom.pace"
)

func paceOf(app core.App) *pace {
	return app.Store().GetOrSet(paceKey, func() any {
		return &pace{body: time.Minute, perChunk: time.Second, answer: 30 * time.Second}
	}).(*pace)
}

func (p *pace) bodyOf(most int64) time.Duration {
	return p.body + time.Duration(max(0, most-1<<20)/bodyChunk)*p.perChunk
}

// bindPace hangs before everything that reads or answers.
func bindPace(app core.App) {
	app.OnServe().BindFunc(func(se *core.ServeEvent) error {
		p := paceOf(se.App)
		se.Router.Bind(&hook.Handler[*core.RequestEvent]{Id: "ops.pace", Priority: -99500, Func: func(e *core.RequestEvent) error {
			socket := http.NewResponseController(e.Response)
			p.holdBody(e, socket)
			if e.Request.Pattern == "GET /api/realtime" { // a stream sets a deadline for each of its writes
				return e.Next()
			}
			outer := e.Response
			e.Response = &pacedAnswer{ResponseWriter: outer, socket: socket, each: p.answer}
			err := e.Next()
			e.Response = outer // PocketBase writes an error there
			_ = socket.SetWriteDeadline(time.Now().Add(p.answer))
			return err
		}})
		return se.Next()
	})
}

// holdBody wants a body within its time and its size. The deadline goes when the body is there: net/http watches an
// idle connection with it, and would end the request's context.
func (p *pace) holdBody(e *core.RequestEvent, socket *http.ResponseController) {
	if e.Request.ContentLength == 0 {
		_ = socket.SetReadDeadline(time.Time{})
		return
	}
	most := mostBody(e)
	_ = socket.SetReadDeadline(time.Now().Add(p.bodyOf(most)))
	if again, ok := e.Request.Body.(*router.RereadableReadCloser); ok { // below it, because it is asked for by its type
		again.ReadCloser = &heldBody{ReadCloser: http.MaxBytesReader(e.Response, again.ReadCloser, most), socket: socket, answer: e.Response.Header()}
	}
}

type heldBody struct {
	io.ReadCloser
	socket *http.ResponseController
	answer http.Header
}

func (b *heldBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	switch {
	case errors.Is(err, io.EOF):
		_ = b.socket.SetReadDeadline(time.Time{})
	case err != nil: // PocketBase closes the body itself, after which net/http would keep a half-read connection
		b.answer.Set("Connection", "close")
	}
	return n, err
}

// Bodies of PocketBase's own routes, in bytes. Ours declare theirs (kernel.Route).
const (
	mostSignIn   = 64 << 10
	mostRecord   = 4 << 20
	mostUpload   = 30 << 20
	mostOther    = 1 << 20
	mostOfRoutes = 1 << 20 // when a route of ours says nothing
)

func mostBody(e *core.RequestEvent) int64 {
	if r, ours := kernel.RouteOf(e); ours {
		if r.MaxBody > mostOfRoutes {
			return r.MaxBody
		}
		return mostOfRoutes
	}
	_, path, _ := strings.Cut(e.Request.Pattern, " ")
	switch {
	case strings.HasPrefix(path, "/api/collections/{collection}/records"):
		if kind := mediaType(e.Request); kind == "multipart/form-data" {
			return mostUpload
		}
		return mostRecord
	case strings.HasPrefix(path, "/api/collections/{collection}/"):
		return mostSignIn
	}
	return mostOther
}

// refuseTooLarge says so before a byte of the body is read, where the request tells its length.
func refuseTooLarge(e *core.RequestEvent) error {
	if e.Request.ContentLength > mostBody(e) {
		return kernel.Refuse(e, kernel.BodyTooLarge())
	}
	return e.Next()
}

// pacedAnswer gives every chunk of an answer its own deadline: a slow reader is waited for as long as something
// arrives, one that reads nothing is dropped. It has no ReadFrom on purpose: a file is then written in chunks too.
type pacedAnswer struct {
	http.ResponseWriter
	socket *http.ResponseController
	each   time.Duration
}

func (w *pacedAnswer) Write(p []byte) (int, error) {
	written := 0
	for {
		chunk := p[written:min(written+answerChunk, len(p))]
		if !w.isStream() {
			_ = w.socket.SetWriteDeadline(time.Now().Add(w.each))
		}
		n, err := w.ResponseWriter.Write(chunk)
		written += n
		if err != nil || written >= len(p) {
			return written, err
		}
	}
}

func (w *pacedAnswer) isStream() bool {
	return strings.HasPrefix(w.Header().Get("Content-Type"), "text/event-stream")
}

func (w *pacedAnswer) Unwrap() http.ResponseWriter { return w.ResponseWriter }
