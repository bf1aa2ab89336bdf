package outbox

import "github.com/pocketbase/pocketbase/core"

type Text struct{ Topic, To, Language, Body, Code, Cause string }

func SMS(tx core.App, m Text) error { return nil }
