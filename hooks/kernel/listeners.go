package kernel

import (
	"context"
	"net/http"
)

type privateKey struct{}

// OnPrivateListener marks everything that comes through the private listener. It belongs to the listener's own base
// context: nothing that a request says can set it.
func OnPrivateListener(ctx context.Context) context.Context {
	return context.WithValue(ctx, privateKey{}, true)
}

// CameInPrivately tells whether a request came through the private listener.
func CameInPrivately(r *http.Request) bool {
	private, _ := r.Context().Value(privateKey{}).(bool)
	return private
}

// PrivateOnly is what owners are told on the public listener.
func PrivateOnly() *Error {
	return Forbidden("PRIVATE_ONLY", "The owner signs in at the clinic's private address only.")
}
