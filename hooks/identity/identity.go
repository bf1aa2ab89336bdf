// Package identity owns who somebody is: registration, proof of an address, passwords, sign-in, sessions, and the
// rules of accounts and of the people behind them. It owns portal_sessions, account_tokens, invitations and the table
// sign_in_failures, and the rules of portal_users, staff, owners (_superusers), clients, client_access and care_team; it
// gives access twice: when a registration's address is proven, and when an invitation is accepted. A login is told
// through notices when its client's details change, and when somebody else may act for that client or no longer may.
//
// What it promises, and through which layer:
//
//   - A token of any auth collection is worth something only while the session lives whose id it carries as the
//     claim "sid": idle and absolute limits, not ended, the account open. Router middleware, every request.
//   - A session is opened by SignIn and nothing else, whichever door somebody comes through. Every answer of
//     PocketBase that would carry an auth token passes OnRecordAuthRequest, which refuses what it does not know.
//   - A password, address or token key that changes, an account that is closed, another role: the sessions end in
//     the transaction of that change. Model hooks.
//   - A password is judged and hashed the same way through every door. Model hooks.
//   - A registration's password opens the account only while that registration is the only one: whoever knows a
//     client's data can register before them. Another full match with another password, or the wish for a new password,
//     makes the pending password and everything mailed for it void; from then on only a mailed link opens the account,
//     by setting a new password in the same transaction. Until then a single registration is confirmed by its code or
//     link, and the mail says that somebody chose a password, and to use it only if that was oneself.
//   - No answer and no time tells a stranger who is a client: one bcrypt, the same look-ups and the same body,
//     whether the address is known or not.
//
// What must never happen: a session without a proof, a session that outlives its account, a password or code in a
// log or a query string, a guess that is evaluated but not counted.
package identity

import (
	"runtime"
	"time"

	"github.com/pocketbase/pocketbase/core"

	"anteroom/collections"
	"anteroom/hooks/kernel"
	"anteroom/hooks/outbox"
)

// door is what the ways in share: one per app.
type door struct {
	app      core.App
	sessions *Sessions
	hashing  *hashQueue
	turns    turns
	pace     time.Duration // answers to strangers leave at a multiple of this after the question came
}

const doorKey = "anteroom.identity"

func doorOf(app core.App) *door {
	return app.Store().GetOrSet(doorKey, func() any {
		return &door{app: app, sessions: newSessions(app), hashing: newHashQueue(max(1, runtime.GOMAXPROCS(0)/2)), turns: turns{held: map[string]*turn{}},
			pace: 400 * time.Millisecond}
	}).(*door)
}

// SessionsOf gives the app's sessions.
func SessionsOf(app core.App) *Sessions { return doorOf(app).sessions }

// Bind binds hooks and declares routes. It starts nothing before the server starts.
func Bind(app core.App) {
	d := doorOf(app)
	d.sessions.bind()
	bindSessionCheck(d)
	bindPocketBaseDoors(d)
	bindOAuth(d)
	bindPausedGate(d)
	bindAccountRules(d)
	bindFactorRules(d)
	bindPeopleRules(app)
	bindMailLinks(d)
	bindEmailChange(d)
	bindClosing(d)
	outbox.OnJob(app, topicVerify, d.letter(collections.TokenVerifyEmail, sendVerification))
	outbox.OnJob(app, topicReset, d.letter(collections.TokenResetPassword, sendReset))
	bindPasskeys(d)
	bindAgeRules(app)
	bindInvitations(d)
	bindAccess(d)
	bindAccounts(d)

	post := func(path string, access kernel.Access, limit string, do func(*kernel.Call) (*kernel.Reply, error)) kernel.Route {
		return kernel.Route{Method: "POST", Path: kernel.Portal + "/auth/" + path, Access: access, Limit: limit, MaxBody: 16 << 10, Do: do}
	}
	const forms = collections.LimitPublicForms // login has none: only failures count, and hashing has its queue
	kernel.Handle(app,
		post("register", kernel.Public, forms, d.evenly(d.register)),
		post("verify-email", kernel.Public, forms, d.evenly(d.verifyEmail)),
		post("resend-verification", kernel.Public, forms, d.evenly(d.resendVerification)),
		post("forgot-password", kernel.Public, forms, d.evenly(d.forgotPassword)),
		post("reset-password", kernel.Public, forms, d.resetPassword),
		post("login", kernel.Public, "", d.login),
		post("refresh-token", kernel.Public, "", d.refresh),
		post("change-password", kernel.AnySignIn, "", d.changeOwnPassword),
		post("logout", kernel.AnySignIn, "", d.logout),
		post("mfa/challenge", kernel.Public, forms, d.sendFactorCode),
		post("reauthenticate", kernel.AnySignIn, "", d.reauthenticate),
		post("session/extend", kernel.AnySignIn, "", d.extend),
		kernel.Route{Method: "GET", Path: kernel.Portal + "/auth/session", Access: kernel.AnySignIn, Do: d.session},
	)
	kernel.Handle(app, factorRoutes(d)...)
	kernel.Handle(app, deviceRoutes(d)...)
	app.Cron().MustAdd("anteroom_forget_sign_in_traces", "23 * * * *", func() {
		if err := forgetTraces(app); err != nil {
			app.Logger().Error("forget old sign-in traces", "error", err)
		}
	})
}

// forgetTraces removes counters whose windows have passed and mailed codes that are long dead.
func forgetTraces(app core.App) error {
	now := kernel.Now(app)
	return app.RunInTransaction(func(tx core.App) error {
		if err := forgetFailures(tx, now); err != nil {
			return err
		}
		if err := forgetWaiting(tx, now); err != nil {
			return err
		}
		if err := forgetChallenges(tx, now); err != nil {
			return err
		}
		return forgetTokens(tx, now)
	})
}

// evenly lets an answer leave at a multiple of the pace after its question came, so that its time does not tell
// which of the possible answers was prepared.
func (d *door) evenly(do func(*kernel.Call) (*kernel.Reply, error)) func(*kernel.Call) (*kernel.Reply, error) {
	return func(c *kernel.Call) (*kernel.Reply, error) {
		start := time.Now()
		reply, err := do(c)
		rest := d.pace - time.Since(start)%d.pace
		select {
		case <-time.After(rest):
		case <-c.Request.Context().Done():
		}
		return reply, err
	}
}
