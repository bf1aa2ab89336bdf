package identity

import "github.com/pocketbase/pocketbase/core"

func secondFactorCounters(app core.App, collection, email, ip string) []counter { return nil }
