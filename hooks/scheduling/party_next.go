package scheduling

import (
	"errors"
	"time"

	"github.com/pocketbase/pocketbase/core"

	"anteroom/collections"
	"anteroom/hooks/kernel"
)

const (
	partyAhead = 14 * 24 * time.Hour // how far ahead another time for everybody is looked for
	partyTries = 12                  // how many starts are tried, each in a transaction that is undone
)

// errOnlyTried undoes a party that was booked to see whether it could be.
var errOnlyTried = errors.New("only tried")

// next is the first time after the one that was refused at which the whole party can be seen, as the slot of its first
// member; nil when none of the nearest is. Whether everybody finds a clinician, a room and the time is what booking finds
// out, so each start that suits the first is booked and undone.
func (p *party) next(c *kernel.Call) (*Slot, error) {
	first := p.wish(p.wanted[0])
	found, err := openings(c.App, first, p.start.Add(time.Second), p.start.Add(partyAhead))
	if err != nil {
		return nil, err
	}
	if p.mode == collections.Parallel {
		if found, err = p.sharedBy(c.App, found); err != nil {
			return nil, err
		}
	}
	for _, o := range found[:min(len(found), partyTries)] {
		try := *p
		try.id, try.start = core.GenerateDefaultRandomId(), o.start
		try.members = copies(p.wanted)
		err := c.App.RunInTransaction(func(tx core.App) error {
			if err := try.book(tx); err != nil {
				return err
			}
			return errOnlyTried
		})
		if errors.Is(err, errOnlyTried) {
			slot, err := newSlot(c.App, first, languageOf(c.Request.Header.Get("Accept-Language")), o)
			return &slot, err
		}
		if _, taken := slotConflict(err); !taken {
			return nil, nil // what else is wrong with the party, no other time mends
		}
	}
	return nil, nil
}

// sharedBy keeps the starts that suit each member alone.
func (p *party) sharedBy(app core.App, starts []opening) ([]opening, error) {
	for _, m := range p.wanted[1:] {
		if len(starts) == 0 {
			return nil, nil
		}
		theirs, err := openings(app, p.wish(m), starts[0].start, starts[len(starts)-1].start.Add(time.Second))
		if err != nil {
			return nil, err
		}
		free := map[int64]bool{}
		for _, o := range theirs {
			free[o.start.Unix()] = true
		}
		kept := starts[:0]
		for _, o := range starts {
			if free[o.start.Unix()] {
				kept = append(kept, o)
			}
		}
		starts = kept
	}
	return starts, nil
}

// copies are the members as they were asked for, before anybody was assigned to them.
func copies(members []*member) []*member {
	out := make([]*member, len(members))
	for i, m := range members {
		one := *m
		out[i] = &one
	}
	return out
}
