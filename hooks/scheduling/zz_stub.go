package scheduling

import (
	"time"

	"github.com/pocketbase/pocketbase/core"

	"anteroom/collections"
	"anteroom/hooks/kernel"
)

type wish struct {
	client    string
	service   *collections.Service
	location  *collections.Location
	place     collections.ServicePlace
	clinician string
	except    string
	length    time.Duration
	by        kernel.Actor
	entry     string
}

func refuseUnopened(tx core.App, w wish, start time.Time) error { return nil }

type Slot struct{}

func nextOpening(app core.App, w wish, lang string, after time.Time) (*Slot, error) { return nil, nil }
