package scheduling

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"net/http"
	"strconv"
	"time"

	ics "github.com/arran4/golang-ical"
	"github.com/pocketbase/dbx"
	validation "github.com/pocketbase/ozzo-validation/v4"
	"github.com/pocketbase/pocketbase/core"

	"anteroom/collections"
	"anteroom/hooks/audit"
	"anteroom/hooks/kernel"
)

// A feed is an address that a calendar program reads every so often, without anybody signing in: whoever has the
// address has what it shows. So it is a capability of its own. It shows little: when and where, never the reason, and
// what and with whom only when the clinic names them in mails; to clinicians it names no client. It is listed in the
// settings of who made it and revoked there. A new password or the end of all sessions leaves it alone, because a
// calendar program knows neither; but it is dead with whatever it rests on: the access to the client, the login, the
// member of staff. A dead one, a wrong one and none at all answer the same.

const feedPath = kernel.Portal + "/calendar.ics"

func bindFeeds(app core.App) {
	kernel.WrittenByPortalAlone(app, collections.CalendarFeeds)
	app.OnRecordCreateExecute(collections.CalendarFeeds).BindFunc(refuseOneFeedTooMany)
	app.OnRecordUpdate(collections.CalendarFeeds).BindFunc(refuseRewritingFeed)
	const mine, staffs = kernel.Portal + "/calendar/feeds", kernel.Desk + "/calendar-feeds"
	kernel.Handle(app,
		kernel.Route{Method: http.MethodGet, Path: feedPath, Access: kernel.Public, Limit: collections.LimitPublicForms, Do: readFeed},
		kernel.Route{Method: http.MethodGet, Path: mine, Access: kernel.ForClient, Area: kernel.AreaVisits, Do: listFeeds},
		kernel.Route{Method: http.MethodPost, Path: mine, Access: kernel.ForClient, Area: kernel.AreaVisits, Do: makeFeed},
		kernel.Route{Method: http.MethodDelete, Path: mine + "/{id}", Access: kernel.SignedIn, Owns: collections.CalendarFeeds, Do: revokeFeed},
		kernel.Route{Method: http.MethodGet, Path: staffs, Access: kernel.Staff, Do: listFeeds},
		kernel.Route{Method: http.MethodPost, Path: staffs, Access: kernel.Staff, Do: makeFeed},
		kernel.Route{Method: http.MethodDelete, Path: staffs + "/{id}", Access: kernel.Staff, Owns: collections.CalendarFeeds, Do: revokeFeed},
	)
}

// refuseOneFeedTooMany counts inside the write, so that two at once are counted too. And a feed is made by the person
// who reads it, about one client they may act for or about their own visits.
func refuseOneFeedTooMany(e *core.RecordEvent) error {
	return kernel.InTransaction(e, func(tx core.App) error {
		f, by := collections.AsCalendarFeed(e.Record), kernel.ActorOf(e.Record)
		var live []*collections.CalendarFeed
		var err error
		switch {
		case f.Client() != "" && f.Login() != "" && f.Staff() == "" && f.Clinician() == "":
			if by.Kind == kernel.KindClient && by.ID != f.Login() || by.IsStaff() {
				return validation.Errors{"portal_user": problem("read_only", "A feed is made by who reads it.")}
			}
			live, err = collections.LiveClientFeeds(tx, f.Client(), f.Login())
		case f.Staff() != "" && f.Clinician() != "" && f.Client() == "" && f.Login() == "":
			if by.Kind != kernel.KindSystem && (by.Kind != kernel.KindStaff || by.ID != f.Staff()) {
				return validation.Errors{"staff": problem("read_only", "A feed is made by who reads it.")}
			}
			live, err = collections.LiveStaffFeeds(tx, f.Staff())
		default:
			return validation.Errors{"client": problem("required", "A feed is of a login about a client, or of a clinician.")}
		}
		if err != nil {
			return err
		}
		if len(live) >= collections.MaxCalendarFeeds {
			return validation.Errors{"token_hash": problem(codeTooManyFeeds, tooManyFeeds)}
		}
		return e.Next()
	})
}

const (
	codeTooManyFeeds = "too_many_feeds"
	tooManyFeeds     = "There are 5 calendar feeds already. End one of them first."
)

// refuseRewritingFeed: whose it is and its secret stay as they were made, and what was revoked stays so.
func refuseRewritingFeed(e *core.RecordEvent) error {
	was, err := e.App.FindRecordById(collections.CalendarFeeds, e.Record.Id)
	if err != nil {
		return err
	}
	for _, field := range []string{"client", "portal_user", "clinician", "staff", "token_hash"} {
		if was.GetString(field) != e.Record.GetString(field) {
			return validation.Errors{field: problem("read_only", "A calendar feed stays what it was made for.")}
		}
	}
	if at := was.GetString("revoked_at"); at != "" && at != e.Record.GetString("revoked_at") {
		return validation.Errors{"revoked_at": problem("read_only", "A feed that was ended stays so.")}
	}
	return e.Next()
}

// Feed is a calendar feed as its owner sees it in the settings.
type Feed struct {
	ID        string `json:"id"`
	ClientID  string `json:"clientId,omitempty"`
	CreatedAt string `json:"createdAt"`
	LastUsed  string `json:"lastUsed,omitempty"` // to the hour
}

// feedsOf lists the live feeds of whoever asks: of the client they act for, or of their own visits.
func feedsOf(c *kernel.Call) ([]*collections.CalendarFeed, error) {
	if c.Route.Access == kernel.ForClient {
		return collections.LiveClientFeeds(c.App, c.Client(), c.Actor.ID)
	}
	return collections.LiveStaffFeeds(c.App, c.Actor.ID)
}

func listFeeds(c *kernel.Call) (*kernel.Reply, error) {
	feeds, err := feedsOf(c)
	if err != nil {
		return nil, err
	}
	items := make([]Feed, 0, len(feeds))
	for _, f := range feeds {
		items = append(items, Feed{ID: f.Id, ClientID: f.Client(), CreatedAt: instant(f.GetString("created")), LastUsed: instant(f.GetString("last_used"))})
	}
	if err := audit.Read(c.App, audit.EntryFor(c.Actor, audit.ListCalendarFeeds, audit.CalendarFeed, "")); err != nil {
		return nil, err
	}
	return kernel.OK(map[string]any{"feeds": items}), nil
}

// makeFeed makes a feed and shows its address, this once.
func makeFeed(c *kernel.Call) (*kernel.Reply, error) {
	if err := c.Bind(&struct{}{}); err != nil {
		return nil, err
	}
	token := newFeedToken()
	var f *collections.CalendarFeed
	var err error
	if c.Route.Access == kernel.ForClient {
		f, err = collections.NewClientFeed(c.App, c.Client(), c.Actor.ID, hashOfFeed(token))
	} else {
		var clinician *core.Record
		clinician, err = clinicianOf(c.App, c.Actor)
		if err == nil {
			f, err = collections.NewClinicianFeed(c.App, clinician.Id, c.Actor.ID, hashOfFeed(token))
		}
	}
	if err != nil {
		return nil, err
	}
	audit.As(f.Record, audit.CreateCalendarFeed)
	if err := kernel.SaveAs(c.App, c.Actor, f.Record); err != nil {
		if codeOf(err, "token_hash") == codeTooManyFeeds {
			return nil, kernel.Conflict("TOO_MANY_FEEDS", tooManyFeeds)
		}
		return nil, err
	}
	return kernel.Created(map[string]string{"id": f.Id, "url": kernel.ConfigOf(c.App).PublicURL + feedPath + "?token=" + token}), nil
}

// clinicianOf finds the clinician that a member of staff is.
func clinicianOf(app core.App, a kernel.Actor) (*core.Record, error) {
	nobody := kernel.Forbidden("NOT_A_CLINICIAN", "Calendar feeds show a clinician's own visits, and your account is no clinician's.")
	if a.Kind != kernel.KindStaff {
		return nil, nobody
	}
	r, err := app.FindFirstRecordByFilter("clinicians", "staff = {:s} && is_active = true", dbx.Params{"s": a.ID})
	if isNoRows(err) {
		return nil, nobody
	}
	return r, err
}

func revokeFeed(c *kernel.Call) (*kernel.Reply, error) {
	err := c.App.RunInTransaction(func(tx core.App) error {
		r, err := tx.FindRecordById(collections.CalendarFeeds, c.ID())
		if isNoRows(err) {
			return kernel.NotFound()
		}
		if err != nil {
			return err
		}
		f := collections.AsCalendarFeed(r)
		own := c.Actor.Kind == kernel.KindClient && f.Login() == c.Actor.ID || c.Actor.Kind == kernel.KindStaff && f.Staff() == c.Actor.ID
		if !own || !f.Live() {
			return kernel.NotFound()
		}
		f.Revoke(kernel.Now(tx), c.Actor.Kind+":"+c.Actor.ID)
		audit.As(r, audit.RevokeCalendarFeed)
		return kernel.SaveAs(tx, c.Actor, r)
	})
	if err != nil {
		return nil, err
	}
	return kernel.OK(map[string]string{"id": c.ID()}), nil
}

const feedTokenBytes = 32

func newFeedToken() string {
	raw := make([]byte, feedTokenBytes)
	_, _ = rand.Read(raw) // it never fails: it ends the program instead
	return base64.RawURLEncoding.EncodeToString(raw)
}

// hashOfFeed is what is kept, and what is looked for: an index that compares hashes of 256 random bits tells by its time
// nothing about the secret.
func hashOfFeed(token string) string { return kernel.HashOf("calendar feed", []byte(token)) }

// readFeed answers a calendar program.
func readFeed(c *kernel.Call) (*kernel.Reply, error) {
	token := c.Request.URL.Query().Get("token")
	if raw, err := base64.RawURLEncoding.DecodeString(token); err != nil || len(raw) != feedTokenBytes {
		return nil, kernel.NotFound()
	}
	f, err := collections.CalendarFeedByHash(c.App, hashOfFeed(token))
	if err != nil {
		return nil, err
	}
	reader, err := readerOf(c.App, f)
	if err != nil {
		return nil, err
	}
	if err := c.CountFor(collections.LimitCalendarFeed, f.Id); err != nil {
		return nil, err
	}
	cal, changed, err := feedOf(c.App, f, reader)
	if err != nil {
		return nil, err
	}
	body := serialized(cal)
	sum := sha256.Sum256(body)
	tag := `"` + base64.RawURLEncoding.EncodeToString(sum[:16]) + `"`
	if err := noteFeedRead(c, f, reader); err != nil {
		return nil, err
	}
	return kernel.Stream(func(e *core.RequestEvent) error {
		h := e.Response.Header()
		h.Set("Cache-Control", "private, max-age="+strconv.Itoa(int(feedFresh/time.Second)))
		h.Set("ETag", tag)
		if !changed.IsZero() {
			h.Set("Last-Modified", changed.UTC().Format(http.TimeFormat))
		}
		if e.Request.Header.Get("If-None-Match") == tag {
			return e.NoContent(http.StatusNotModified)
		}
		return e.Blob(http.StatusOK, calendarType, body)
	}), nil
}

const feedFresh = 5 * time.Minute

// feedReader is on whose behalf a feed is read, and in which language.
type feedReader struct {
	actor    kernel.Actor
	language string
}

// readerOf tells on whose behalf a live feed is read; kernel.NotFound when there is none, it was revoked, or what it
// rests on has ended.
func readerOf(app core.App, f *collections.CalendarFeed) (*feedReader, error) {
	if f == nil || !f.Live() {
		return nil, kernel.NotFound()
	}
	if f.Staff() != "" {
		staff, err := app.FindRecordById("staff", f.Staff())
		if err != nil {
			return nil, absent(err)
		}
		clinician, err := app.FindRecordById("clinicians", f.Clinician())
		if err != nil {
			return nil, absent(err)
		}
		if !staff.GetBool("is_active") || !clinician.GetBool("is_active") || clinician.GetString("staff") != staff.Id {
			return nil, kernel.NotFound()
		}
		return &feedReader{kernel.Actor{Kind: kernel.KindStaff, ID: staff.Id, Role: staff.GetString("role")}, english}, nil
	}
	r, err := app.FindRecordById(collections.PortalUsers, f.Login())
	if err != nil {
		return nil, absent(err)
	}
	login := collections.AsPortalUser(r)
	if !login.MaySignIn() {
		return nil, kernel.NotFound()
	}
	grants, err := kernel.Audience(app, f.Client(), kernel.AreaVisits)
	if err != nil {
		return nil, err
	}
	for _, g := range grants {
		if g.User == login.Id {
			return &feedReader{kernel.Actor{Kind: kernel.KindClient, ID: login.Id, Client: f.Client()}, orEnglish(login.Language())}, nil
		}
	}
	return nil, kernel.NotFound()
}

func absent(err error) error {
	if isNoRows(err) {
		return kernel.NotFound()
	}
	return err
}

// noteFeedRead leaves one line an hour for each feed, together with when it was last used, before the answer leaves. A
// program that asks every few minutes would fill a log that is never shortened, and bury in it what people did.
func noteFeedRead(c *kernel.Call, f *collections.CalendarFeed, reader *feedReader) error {
	now := kernel.Now(c.App)
	if used := f.LastUsed(); !used.IsZero() && now.Sub(used) < time.Hour {
		return nil
	}
	actor := reader.actor
	actor.IP, actor.Agent, actor.Lines = c.Actor.IP, c.Actor.Agent, c.Actor.Lines
	line := audit.EntryFor(actor, audit.ListAppointments, audit.CalendarFeed, f.Id)
	line.Details = audit.Details{"as": "feed"}
	return c.App.RunInTransaction(func(tx core.App) error {
		_, err := tx.NonconcurrentDB().NewQuery("UPDATE calendar_feeds SET last_used = {:now} WHERE id = {:id}").
			Bind(dbx.Params{"now": now.Format(timeForm), "id": f.Id}).Execute()
		return errors.Join(err, audit.Read(tx, line))
	})
}

const (
	feedPast   = 30 * 24 * time.Hour
	feedBreaks = 90 * 24 * time.Hour // how far ahead breaks are written out
	feedMost   = "1000"              // visits of one feed
)

const feedVisits = ` AND start_time > {:from} AND (status IN ('scheduled','confirmed','arrived','in_progress','completed','no_show')
	OR status = 'cancelled' AND ics_sequence > 0) ORDER BY start_time DESC, id LIMIT ` + feedMost

const (
	selectClientsFeed    = `SELECT id FROM appointments WHERE client = {:who}` + feedVisits
	selectCliniciansFeed = `SELECT id FROM appointments WHERE clinician = {:who}` + feedVisits
)

// feedOf makes the calendar: the visits of the last 30 days and those to come. It has no METHOD, because nobody sends it
// (RFC 5546 is about messages), and the events are those of the files that were mailed, so that whoever has both sees one.
func feedOf(app core.App, f *collections.CalendarFeed, reader *feedReader) (*ics.Calendar, time.Time, error) {
	now := kernel.Now(app)
	settings := collections.Settings(app)
	cal := newCalendar()
	cal.SetXWRCalName(settings.ClinicName)
	cal.SetRefreshInterval("PT1H") // RFC 7986, 5.7
	cal.SetXPublishedTTL("PT1H")
	query, who := selectClientsFeed, f.Client()
	if f.Staff() != "" {
		query, who = selectCliniciansFeed, f.Clinician()
	}
	var ids []string
	err := app.ConcurrentDB().NewQuery(query).Bind(dbx.Params{"who": who, "from": now.Add(-feedPast).Format(timeForm)}).Column(&ids)
	if err != nil {
		return nil, time.Time{}, err
	}
	changed := f.GetDateTime("created").Time()
	for _, id := range ids {
		a, err := collections.FindAppointment(app, id)
		if err != nil {
			return nil, changed, err
		}
		facts, err := factsOf(app, a, now, reader.language)
		if err != nil {
			return nil, changed, err
		}
		event := facts.event(app)
		if f.Staff() != "" {
			event = facts.deskEvent(event, kernel.ConfigOf(app))
		}
		event.addTo(cal)
		if event.changed.After(changed) {
			changed = event.changed
		}
	}
	if f.Staff() != "" {
		err = addBreaks(app, cal, f, now)
	}
	return cal, changed, err
}

// deskEvent is the visit for who gives it: it leads to the dashboard, which names the client to whoever is signed in.
func (f *visitFacts) deskEvent(e calendarEvent, cfg kernel.Config) calendarEvent {
	e.details, e.link = "", ""
	if f.settings.MailNamesDetails {
		e.details = f.service
	}
	if cfg.PublicURL != "" {
		e.link = cfg.PublicURL + "/_/" + deskPage
	}
	return e
}

// addBreaks writes a clinician's breaks as busy times, without their reasons.
func addBreaks(app core.App, cal *ics.Calendar, f *collections.CalendarFeed, now time.Time) error {
	places, err := app.FindRecordsByFilter(collections.Locations, "is_active = true", "@rowid", 0, 0)
	if err != nil {
		return err
	}
	clinician, err := app.FindRecordById("clinicians", f.Clinician())
	if err != nil {
		return err
	}
	works := map[string]bool{}
	for _, id := range clinician.GetStringSlice("locations") {
		works[id] = true
	}
	from, until := now.Add(-feedPast).Unix(), now.Add(feedBreaks).Unix()
	var busy []interval
	for _, r := range places {
		if len(works) > 0 && !works[r.Id] {
			continue
		}
		zone, err := collections.AsLocation(r).Zone()
		if err != nil {
			return err
		}
		found, err := calendarOf(app, selectBreaks, dbx.Params{"clinicians": idsJSON([]string{f.Clinician()}), "location": r.Id}, clockOf(zone, from, until), from, until)
		if err != nil {
			return err
		}
		busy = append(busy, found[f.Clinician()]...)
	}
	for _, b := range union(busy...) {
		v := cal.AddEvent("busy-" + f.Clinician() + "-" + strconv.FormatInt(b.from, 10) + "@anteroom")
		v.SetDtStampTime(f.GetDateTime("created").Time())
		v.SetStartAt(time.Unix(b.from, 0))
		v.SetEndAt(time.Unix(b.until, 0))
		v.SetClass(ics.ClassificationPrivate)
		v.SetSummary("Busy")
		v.SetTimeTransparency(ics.TransparencyOpaque)
	}
	return nil
}
