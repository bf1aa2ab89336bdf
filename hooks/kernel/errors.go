package kernel

import (
	"database/sql"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"

	validation "github.com/pocketbase/ozzo-validation/v4"
	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/router"
)

// The eight codes of the clinic backend specification, Appendix C. Finer ones travel as details.reason.
const (
	CodeUnauthorized = "UNAUTHORIZED"
	CodeForbidden    = "FORBIDDEN"
	CodeNotFound     = "NOT_FOUND"
	CodeValidation   = "VALIDATION_ERROR"
	CodeConflict     = "CONFLICT"
	CodeRateLimited  = "RATE_LIMITED"
	CodeInternal     = "INTERNAL_ERROR"
	CodeUnavailable  = "SERVICE_UNAVAILABLE"
)

// Error is a refusal with two audiences: Message and Reason go to the person, the cause goes to the operator's
// log and nowhere else.
type Error struct {
	Status     int
	Code       string
	Reason     string
	Message    string
	Fields     map[string]FieldError
	Details    map[string]any
	RetryAfter time.Duration
	cause      error
}

// FieldError is what is wrong with one field, named as in the request.
type FieldError struct {
	Code    string `json:"code"`
	Message string `json:"message"`
}

func (e *Error) Error() string {
	s := e.Code
	if e.Reason != "" {
		s += "/" + e.Reason
	}
	s += ": " + e.Message
	if e.cause != nil {
		s += ": " + e.cause.Error()
	}
	return s
}

func (e *Error) Unwrap() error { return e.cause }

// As lets PocketBase's own record API, which the dashboard speaks, find an error it can show: the sentence and the
// status of a rule that refused there.
func (e *Error) As(target any) bool {
	if api, ok := target.(**router.ApiError); ok {
		*api = router.NewApiError(e.Status, e.Message, nil)
		return true
	}
	return false
}

// Because attaches the operator's cause.
func (e *Error) Because(err error) *Error { e.cause = err; return e }

// With adds a detail the caller may use. Never PHI of anybody but the caller.
func (e *Error) With(key string, value any) *Error {
	if e.Details == nil {
		e.Details = map[string]any{}
	}
	e.Details[key] = value
	return e
}

// Field adds one field's error.
func (e *Error) Field(name, code, message string) *Error {
	if e.Fields == nil {
		e.Fields = map[string]FieldError{}
	}
	e.Fields[name] = FieldError{code, message}
	return e
}

// HasFields tells whether any Field was added: validators collect first and refuse once.
func (e *Error) HasFields() bool { return len(e.Fields) > 0 }

func Invalid(reason, message string) *Error {
	return &Error{Status: http.StatusBadRequest, Code: CodeValidation, Reason: reason, Message: message}
}

func Unauthorized(reason, message string) *Error {
	return &Error{Status: http.StatusUnauthorized, Code: CodeUnauthorized, Reason: reason, Message: message}
}

func Forbidden(reason, message string) *Error {
	return &Error{Status: http.StatusForbidden, Code: CodeForbidden, Reason: reason, Message: message}
}

// NotFound is also the answer for what exists and is somebody else's.
func NotFound() *Error {
	return &Error{Status: http.StatusNotFound, Code: CodeNotFound, Message: "We can't find that, or it isn't shared with you."}
}

func Conflict(reason, message string) *Error {
	return &Error{Status: http.StatusConflict, Code: CodeConflict, Reason: reason, Message: message}
}

func RateLimited(reason string, retry time.Duration) *Error {
	return &Error{Status: http.StatusTooManyRequests, Code: CodeRateLimited, Reason: reason,
		Message: "That was a lot of tries in a short time. Please wait a little and try again.", RetryAfter: retry}
}

func Unavailable(reason, message string) *Error {
	return &Error{Status: http.StatusServiceUnavailable, Code: CodeUnavailable, Reason: reason, Message: message, RetryAfter: 5 * time.Second}
}

// Internal hides the cause from the caller and keeps it for the log.
func Internal(cause error) *Error {
	return &Error{Status: http.StatusInternalServerError, Code: CodeInternal,
		Message: "Something went wrong on our side. Nothing was changed. Try again in a moment.", cause: cause}
}

// AsError turns whatever a handler or a model hook returned into an Error. Model hooks speak validation.Errors
// (field by field) or *Error; PocketBase speaks router.ApiError.
func AsError(err error) *Error {
	var ours *Error
	if errors.As(err, &ours) {
		return ours
	}
	var fields validation.Errors
	if errors.As(err, &fields) {
		out := Invalid("", "Some of what was sent cannot be accepted.")
		for name, fe := range fields {
			out.addValidation(name, fe)
		}
		if len(out.Fields) == 1 { // one thing to fix: say it at once
			for _, f := range out.Fields {
				out.Message = f.Message
			}
		}
		return out.Because(err)
	}
	if errors.Is(err, sql.ErrNoRows) {
		return NotFound().Because(err)
	}
	var tooBig *http.MaxBytesError
	if errors.As(err, &tooBig) {
		return BodyTooLarge()
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return &Error{Status: http.StatusRequestTimeout, Code: CodeValidation, Reason: "BODY_TOO_SLOW", Message: "That took too long to arrive. Try again."}
	}
	var api *router.ApiError
	if errors.As(err, &api) {
		return fromAPIError(api)
	}
	return Internal(err)
}

func (e *Error) addValidation(name string, err error) {
	var nested validation.Errors
	if errors.As(err, &nested) {
		for k, v := range nested {
			e.addValidation(name+"."+k, v)
		}
		return
	}
	var v validation.Error
	if errors.As(err, &v) {
		_ = e.Field(camel(name), strings.TrimPrefix(v.Code(), "validation_"), v.Error())
		return
	}
	_ = e.Field(camel(name), "invalid", "This value cannot be accepted.")
}

func fromAPIError(a *router.ApiError) *Error {
	switch a.Status {
	case http.StatusUnauthorized:
		return Unauthorized("SIGN_IN_REQUIRED", "Sign in to go on.").Because(a)
	case http.StatusForbidden:
		return Forbidden("", "You are not allowed to do that.").Because(a)
	case http.StatusNotFound:
		return NotFound().Because(a)
	case http.StatusRequestEntityTooLarge:
		return BodyTooLarge().Because(a)
	case http.StatusTooManyRequests:
		return RateLimited("", time.Minute).Because(a)
	case http.StatusBadRequest:
		return Invalid("", "Some of what was sent cannot be accepted.").Because(a)
	}
	return Internal(a)
}

// BodyTooLarge is 413.
func BodyTooLarge() *Error {
	return &Error{Status: http.StatusRequestEntityTooLarge, Code: CodeValidation, Reason: "BODY_TOO_LARGE", Message: "That is too large to send."}
}

// Write sends the envelope. It logs the cause of what is our fault, with the route and never with the body.
func (e *Error) Write(ev *core.RequestEvent) error {
	if e.Status >= 500 && e.cause != nil {
		ev.App.Logger().Error("request failed", "route", ev.Request.Pattern, "error", e.cause)
	}
	details := map[string]any{}
	for k, v := range e.Details {
		details[k] = v
	}
	if e.Reason != "" {
		details["reason"] = e.Reason
	}
	if len(e.Fields) > 0 {
		details["fields"] = e.Fields
	}
	h := ev.Response.Header()
	if e.RetryAfter > 0 {
		seconds := int(e.RetryAfter.Round(time.Second) / time.Second)
		seconds = max(seconds, 1)
		details["retryAfter"] = seconds
		if e.Status == http.StatusTooManyRequests || e.Status == http.StatusServiceUnavailable || e.Status == http.StatusForbidden {
			h.Set("Retry-After", strconv.Itoa(seconds))
		}
	}
	h.Set("Cache-Control", "no-store")
	body := map[string]any{"code": e.Code, "message": e.Message}
	if len(details) > 0 {
		body["details"] = details
	}
	return ev.JSON(e.Status, map[string]any{"success": false, "message": e.Message, "error": body})
}

// Refuse writes the envelope AND returns an error, for middlewares and PocketBase hooks: those around it must see
// a failure, and PocketBase's own error handler leaves an answer alone that is already written.
func Refuse(ev *core.RequestEvent, e *Error) error {
	if err := e.Write(ev); err != nil {
		return err
	}
	return fmt.Errorf("refused: %w", e)
}

// camel turns a column name into the name of the API: "start_time" is startTime.
func camel(s string) string {
	parts := strings.Split(s, "_")
	for i := 1; i < len(parts); i++ {
		if parts[i] != "" {
			parts[i] = strings.ToUpper(parts[i][:1]) + parts[i][1:]
		}
	}
	return strings.Join(parts, "")
}
