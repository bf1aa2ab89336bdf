package scheduling

import (
	"time"

	"github.com/pocketbase/pocketbase/core"

	"anteroom/collections"
	"anteroom/hooks/kernel"
)

// WishFor is a wish as tests outside the package name it.
type WishFor struct {
	Client, Service, Location, Clinician, Except, Entry string
	Place                                               collections.ServicePlace
	By                                                  kernel.Actor
	Length                                              time.Duration
	Outside                                             bool
}

func (f WishFor) wish(app core.App) (wish, error) {
	s, err := collections.FindService(app, f.Service)
	if err != nil {
		return wish{}, err
	}
	l, err := collections.FindLocation(app, f.Location)
	if f.Place == "" {
		f.Place = collections.InOffice
	}
	return wish{client: f.Client, service: s, location: l, place: f.Place, clinician: f.Clinician, except: f.Except, length: f.Length,
		by: f.By, entry: f.Entry, outside: f.Outside}, err
}

// OpeningOf is an opening for tests outside the package.
type OpeningOf struct {
	Start      time.Time
	Clinicians []string
}

// Openings is openings.
func Openings(app core.App, f WishFor, from, to time.Time) ([]OpeningOf, error) {
	w, err := f.wish(app)
	if err != nil {
		return nil, err
	}
	found, err := openings(app, w, from, to)
	out := make([]OpeningOf, len(found))
	for i, o := range found {
		out[i] = OpeningOf{o.start, o.clinicians}
	}
	return out, err
}

// RefuseUnopened is refuseUnopened.
func RefuseUnopened(app core.App, f WishFor, start time.Time) error {
	w, err := f.wish(app)
	if err != nil {
		return err
	}
	return refuseUnopened(app, w, start)
}

// NextOpening is nextOpening.
func NextOpening(app core.App, f WishFor, lang string, after time.Time) (*Slot, error) {
	w, err := f.wish(app)
	if err != nil {
		return nil, err
	}
	return nextOpening(app, w, lang, after)
}

// Enforced is enforced.
var Enforced = enforced
