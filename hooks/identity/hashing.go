package identity

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pocketbase/pocketbase/core"
	"golang.org/x/crypto/bcrypt"

	"anteroom/hooks/kernel"
)

// hashQueue is the only place where bcrypt runs on behalf of a request. A hash is some 60 ms of a whole core: left
// alone, a storm of sign-ins would take the machine from everybody who is signed in. Half the cores may hash, and
// while others wait a slot rests half as long as it worked.
type hashQueue struct {
	slots    chan struct{}
	compared atomic.Int64 // passwords that were compared with a hash, somebody's or nobody's: guesses that were evaluated

	mu      sync.Mutex
	waiting int
	from    map[string]int // of those who wait, by network
}

// maxWaiting is how many may wait: about ten seconds' worth per slot. Who comes later is told to try again. One address
// has a quarter of the places, so that nobody can fill them alone.
const (
	maxWaiting     = 128
	maxFromAddress = maxWaiting / 4
)

func newHashQueue(slots int) *hashQueue {
	return &hashQueue{slots: make(chan struct{}, slots), from: map[string]int{}}
}

// do runs work when its turn comes, or not at all: 503 when too many wait or the caller is gone.
func (q *hashQueue) do(ctx context.Context, address string, work func()) error {
	address = kernel.Network(address)
	if !q.join(address) {
		return tooBusy(errors.New("the queue for hashing is full"))
	}
	select {
	case q.slots <- struct{}{}:
		q.leave(address)
	case <-ctx.Done():
		q.leave(address)
		return tooBusy(ctx.Err())
	}
	start := time.Now()
	defer func() {
		release := func() { <-q.slots }
		if q.nobodyWaits() {
			release()
			return
		}
		time.AfterFunc(time.Since(start)/2, release) // the caller does not wait for the rest
	}()
	work()
	return nil
}

// join takes a place among those who wait, if there is one for the address.
func (q *hashQueue) join(address string) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.waiting >= maxWaiting || q.from[address] >= maxFromAddress {
		return false
	}
	q.waiting++
	q.from[address]++
	return true
}

func (q *hashQueue) leave(address string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.waiting--
	if q.from[address]--; q.from[address] == 0 {
		delete(q.from, address)
	}
}

func (q *hashQueue) nobodyWaits() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.waiting == 0
}

func tooBusy(cause error) error {
	return kernel.Unavailable("SIGN_IN_BUSY", "A lot of people are signing in right now. Try again in a moment.").Because(cause)
}

// nobodysHash is what a password is compared with when there is no account: the bcrypt of random bytes that were
// thrown away, without its cost, which is that of the collection's real hashes.
const nobodysHash = "$/R0ZLiTT3.YLC0nxoVUS3upNL9oPu0EG8noTO.VnYPDQSjWcNQJyu"

// fits tells whether a password belongs to a hash (empty: to nobody's), at the price of one bcrypt in any case.
func (q *hashQueue) fits(ctx context.Context, address string, c *core.Collection, hash, password string) (bool, error) {
	known := hash != ""
	if !known {
		hash = hashOfNobody(c)
	}
	var err error
	busy := q.do(ctx, address, func() {
		q.compared.Add(1)
		err = bcrypt.CompareHashAndPassword([]byte(hash), []byte(password))
	})
	if busy != nil {
		return false, busy
	}
	return known && err == nil, nil
}

func hashOfNobody(c *core.Collection) string {
	return fmt.Sprintf("$2a$%02d%s", costOf(c), nobodysHash)
}

func costOf(c *core.Collection) int {
	if f, ok := c.Fields.GetByName(core.FieldNamePassword).(*core.PasswordField); ok && f.Cost > 0 {
		return f.Cost
	}
	return bcrypt.DefaultCost
}

// turns lets one guess at a time be made about one account. Guesses that arrive together would otherwise all pass
// the gate before the first of them is counted.
type turns struct {
	mu   sync.Mutex
	held map[string]*turn
}

type turn struct {
	token chan struct{}
	users int
}

// take waits for the account's turn. The caller gives it back with the function it gets.
func (t *turns) take(ctx context.Context, account string) (back func(), err error) {
	t.mu.Lock()
	x := t.held[account]
	if x == nil {
		x = &turn{token: make(chan struct{}, 1)}
		t.held[account] = x
	}
	x.users++
	t.mu.Unlock()
	leave := func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		if x.users--; x.users == 0 {
			delete(t.held, account)
		}
	}
	select {
	case x.token <- struct{}{}:
		return func() { <-x.token; leave() }, nil
	case <-ctx.Done():
		leave()
		return nil, tooBusy(ctx.Err())
	}
}
