package identity

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/pocketbase/pocketbase/core"

	"anteroom/collections"
	"anteroom/hooks/kernel"
)

// target is an account under attack, with the forms in which its address may be typed.
type target struct {
	collection string
	forms      []string
}

var targets = []target{
	{collections.PortalUsers, []string{ada, "ADA@mail.example", " Ada@Mail.Example ", "ａｄａ@mail.example", "ada@mail．example", "ⓐda@MAIL.example", "ada@mail.example\u3000"}},
	{collections.PortalUsers, []string{bo, "BO@MAIL.EXAMPLE", "ｂo@mail.example", "\u00a0bo@mail.example", "𝐛o@mail.example"}},
	{collections.Staff, []string{dee, "Dee@Clinic.example", "ｄee@clinic.example", "dｅe@clinic.example "}},
	{core.CollectionNameSuperusers, []string{owner, "OWNER@clinic.example", " owner@Clinic.example"}},
}

// guess is one try: at whom, from which network, and when it was evaluated.
type guessed struct {
	account, network string
	at               time.Time
}

// attacker tries passwords from a thousand addresses and a few busy ones, and lies about where they come from.
type attacker struct {
	*clinic
	r         *rand.Rand
	tries     int
	evaluated []guessed
}

func (a *attacker) pick() (t target, form, address string) {
	if a.r.IntN(10) < 4 {
		t = targets[a.r.IntN(len(targets))]
		form = t.forms[a.r.IntN(len(t.forms))]
	} else {
		t, form = target{collection: collections.PortalUsers}, fmt.Sprintf("guess%d@mail.example", a.r.IntN(400))
	}
	switch n := a.r.IntN(10); {
	case n < 2:
		address = fmt.Sprintf("203.0.113.%d", n) // busy
	case n < 4:
		address = fmt.Sprintf("[2001:db8:0:%d:%x::1]", a.r.IntN(3), a.r.IntN(1<<16)) // one customer, as many as they like
	default:
		address = fmt.Sprintf("198.18.%d.%d", a.r.IntN(4), a.r.IntN(250))
	}
	return t, form, address
}

// try makes one guess and notes it when it was evaluated, as the hash queue counts.
func (a *attacker) try(t target, form, address, lie string) (evaluated bool) {
	headers := []string{"address", address, "X-Forwarded-For", lie + ", 10.0.0.1", "X-Real-IP", lie, "Forwarded", "for=" + lie, "CF-Connecting-IP", lie, "True-Client-IP", lie, "X-Client-IP", lie}
	var got answer
	if t.collection == collections.PortalUsers {
		got = a.login(form, wrong, headers...)
	} else {
		got = a.sdk(t.collection, form, wrong, headers...)
	}
	switch {
	case got.Status == 401 && got.reason() == "INVALID_CREDENTIALS":
		return true
	case got.Status == 403 && got.reason() == "ACCOUNT_LOCKED", got.Status == 429 && got.reason() == "SIGN_IN_LIMIT":
		if got.Header.Get("Retry-After") == "" {
			a.Error("refused without saying when to come back")
		}
		return false
	}
	a.Errorf("%d %s", got.Status, got.Body)
	return false
}

func (a *attacker) guess(n int, pause time.Duration) {
	a.Helper()
	for range n {
		t, form, address := a.pick()
		before := a.door.hashing.compared.Load()
		said := a.try(t, form, address, fmt.Sprintf("10.%d.%d.%d", a.r.IntN(250), a.r.IntN(250), a.r.IntN(250)))
		a.tries++
		if really := a.door.hashing.compared.Load() - before; (really == 1) != said || really > 1 {
			a.Fatalf("evaluated %d, and the answer says %v", really, said)
		}
		if said {
			a.evaluated = append(a.evaluated, guessed{t.collection + "/" + collections.NormalEmail(form), networkOf(address), kernel.Now(a.app)})
		}
		a.advance(pause)
	}
}

func networkOf(address string) string {
	if address[0] == '[' {
		address = address[1 : len(address)-1]
	}
	return kernel.Network(address)
}

// most is the highest number of evaluated guesses of one kind in any window.
func (a *attacker) most(window time.Duration, kind func(g guessed) string) (most int, of string) {
	last := map[string][]time.Time{}
	for _, g := range a.evaluated {
		k := kind(g)
		if k == "" {
			continue
		}
		at := append(last[k], g.at)
		for !at[0].After(g.at.Add(-window)) {
			at = at[1:]
		}
		if last[k] = at; len(at) > most {
			most, of = len(at), k
		}
	}
	return most, of
}

func (a *attacker) withinPolicy(clinic int) {
	a.Helper()
	for _, x := range []struct {
		name   string
		window time.Duration
		limit  int
		kind   func(g guessed) string
	}{
		{"an account, by its lock", 15 * time.Minute, 5, func(g guessed) string { return g.account }},
		{"an account, from anywhere", 5 * time.Minute, 5, func(g guessed) string { return g.account }},
		{"an account from one network", 15 * time.Minute, 5, func(g guessed) string { return g.account + " from " + g.network }},
		{"one network", 15 * time.Minute, 50, func(g guessed) string { return g.network }},
		{"the clinic but its owners", 15 * time.Minute, clinic, func(g guessed) string {
			if g.account == core.CollectionNameSuperusers+"/"+owner {
				return ""
			}
			return "clinic"
		}},
	} {
		most, of := a.most(x.window, x.kind)
		if most > x.limit {
			a.Errorf("%s: %d evaluated in %v (%s), policy %d", x.name, most, x.window, of, x.limit)
		}
		a.Logf("%s: at most %d in %v, policy %d", x.name, most, x.window, x.limit)
	}
	a.Logf("%d tries, %d evaluated", a.tries, len(a.evaluated))
}

// Ten thousand guesses from many addresses, with forged headers, in every form of an address, and with restarts: no
// more are evaluated than the policy allows, and the victims get in nevertheless.
func TestTenThousandGuesses(t *testing.T) {
	for _, x := range []struct {
		name     string
		settings m
		clinic   int
		tries    int
		within   time.Duration
	}{
		{"as installed", m{}, 300, 9000, 24 * time.Minute},
		{"with the clinic's limit at its widest", m{"limits": m{collections.LimitSignInClinic: m{"max": 2000, "seconds": 900}}}, 2000, 1000, 16 * time.Minute},
	} {
		t.Run(x.name, func(t *testing.T) {
			a := &attacker{clinic: newClinic(t), r: rand.New(rand.NewPCG(7, 7))}
			a.settings(x.settings)
			home := []string{"address", "192.0.2.8"}
			a.want(a.login(ada, password, home...), 200, "")
			for range 4 {
				a.guess(x.tries/4, x.within/time.Duration(x.tries))
				a.restart()
			}
			a.withinPolicy(x.clinic)
			if most, _ := a.most(15*time.Minute, func(g guessed) string { return g.account }); most != 5 || len(a.evaluated) < 500 {
				t.Error("the limits were not reached", most, len(a.evaluated))
			}
			for _, way := range []struct {
				name string
				in   func() answer
			}{
				{"a mailed link that sets a password, used at home", func() answer {
					a.want(a.do("POST", auth+"forgot-password", "", m{"email": ada}, home...), 200, "")
					_, link := a.letter(ada)
					a.want(a.do("POST", auth+"reset-password", "", m{"token": link, "password": "Another-Harbour-43"}, home...), 200, "")
					return a.login(ada, "Another-Harbour-43", home...)
				}},
				{"a mailed link that signs in", func() answer {
					a.askLink(ada)
					_, link := a.letter(ada)
					return a.useLink(m{"token": link})
				}},
			} {
				for n := 0; n < 5; n++ { // her password is locked
					a.login(ada, wrong, "address", "192.0.2.9")
				}
				for n := 0; n < 5; n++ {
					a.login(ada, wrong, home...)
				}
				a.want(a.login(ada, password, home...), 403, "ACCOUNT_LOCKED")
				if got := way.in(); got.Status != 200 {
					t.Errorf("%s: %d %s", way.name, got.Status, got.Body)
				}
			}
		})
	}
}

// Guesses that come together are counted one by one about an account. A network's count may be passed by those that are
// being evaluated at that moment.
func TestGuessesAtOnce(t *testing.T) {
	c := newClinic(t)
	const workers = 8
	var wg sync.WaitGroup
	var mu sync.Mutex
	accounts, networks := map[string]int{}, map[string]int{}
	for w := range workers {
		wg.Go(func() {
			a := &attacker{clinic: c, r: rand.New(rand.NewPCG(3, uint64(w)))}
			for range 150 {
				t, form, address := a.pick()
				if a.try(t, form, address, "10.0.0.9") {
					mu.Lock()
					accounts[t.collection+collections.NormalEmail(form)]++
					networks[networkOf(address)]++
					mu.Unlock()
				}
			}
		})
	}
	wg.Wait()
	all := 0
	for k, n := range accounts {
		if all += n; n > 5 {
			t.Errorf("%s: %d evaluated", k, n)
		}
	}
	for k, n := range networks {
		if n > 50+workers {
			t.Errorf("%s: %d evaluated", k, n)
		}
	}
	if got := c.door.hashing.compared.Load(); got != int64(all) || all > 300+workers+5 {
		t.Errorf("%d evaluated, %d said so", got, all)
	}
}
