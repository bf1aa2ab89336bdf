package kernel

import (
	"database/sql"
	"errors"
	"fmt"
	"net/http"
	"testing"

	validation "github.com/pocketbase/ozzo-validation/v4"
	"github.com/pocketbase/pocketbase/tools/router"
)

func TestEveryErrorBecomesOneOfTheEightCodes(t *testing.T) {
	for _, c := range []struct {
		err    error
		status int
		code   string
	}{
		{Conflict("SLOT_UNAVAILABLE", "x"), 409, CodeConflict},
		{fmt.Errorf("wrapped: %w", Forbidden("ROLE", "x")), 403, CodeForbidden},
		{validation.Errors{"start_time": validation.NewError("validation_past", "That time has passed.")}, 400, CodeValidation},
		{sql.ErrNoRows, 404, CodeNotFound},
		{router.NewUnauthorizedError("", nil), 401, CodeUnauthorized},
		{router.NewTooManyRequestsError("", nil), 429, CodeRateLimited},
		{router.NewApiError(413, "", nil), 413, CodeValidation},
		{&http.MaxBytesError{}, 413, CodeValidation},
		{errors.New("disk I/O error: patient Ada"), 500, CodeInternal},
	} {
		got := AsError(c.err)
		if got.Status != c.status || got.Code != c.code || got.Message == "" {
			t.Errorf("%v became %d %s %q", c.err, got.Status, got.Code, got.Message)
		}
	}
	if m := AsError(errors.New("secret")).Message; m == "secret" {
		t.Error("a cause reached the person")
	}
}

func TestFieldErrorsAreNamedAsInTheRequest(t *testing.T) {
	e := AsError(validation.Errors{"start_time": validation.NewError("validation_past", "That time has passed."),
		"preferences": validation.Errors{"0": validation.NewError("validation_day", "Not a day.")}})
	if e.Fields["startTime"].Code != "past" || e.Fields["preferences.0"].Code != "day" {
		t.Fatalf("%+v", e.Fields)
	}
}
