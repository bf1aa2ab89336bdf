package files_test

import (
	"bytes"
	"errors"
	"fmt"
	"image/jpeg"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/filesystem"

	"anteroom/collections"
	"anteroom/hooks/files"
	"anteroom/hooks/kernel"
	"anteroom/hooks/phi"
	"anteroom/hooks/testkit"
)

func TestMain(m *testing.M) { testkit.Main(m) }

var bo = kernel.Actor{Kind: kernel.KindClient, ID: testkit.BoLogin, Client: testkit.Bo}

// accept sends a document as Bo, past no route.
func accept(c *testkit.Clinic, name string, content []byte) (*collections.Upload, error) {
	return files.Accept(c.App, bo, files.Offer{Client: testkit.Bo, Purpose: files.PurposeDocument, Name: name, Reader: bytes.NewReader(content),
		Kinds: append([]files.Kind{files.PDF}, files.Images...), MaxBytes: 20 << 20})
}

func mustAccept(t testing.TB, c *testkit.Clinic, name string, content []byte) *collections.Upload {
	t.Helper()
	u, err := accept(c, name, content)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// stored lists what lies in the storage of uploads, and fails when any of it holds one of the texts.
func stored(t testing.TB, c *testkit.Clinic, never ...string) (found []string) {
	t.Helper()
	dir := filepath.Join(c.App.DataDir(), "storage")
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) || err == nil && d.IsDir() {
			return nil
		}
		if err != nil {
			return err
		}
		raw, err := os.ReadFile(path)
		for _, text := range never {
			if bytes.Contains(raw, []byte(text)) || strings.Contains(path, text) {
				t.Errorf("%q lies in %s", text, path)
			}
		}
		if !strings.HasSuffix(path, ".attrs") {
			found = append(found, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func desk(id, what string) string { return kernel.Desk + "/uploads/" + id + "/" + what }

func lines(t testing.TB, c *testkit.Clinic, action string) int {
	t.Helper()
	return c.Count(t, "portal_audit_log", "action = {:a}", dbx.Params{"a": action})
}

// TestAPicture goes its whole way: sent, drawn anew, sealed, shown, replaced, removed.
func TestAPicture(t *testing.T) {
	c := testkit.New(t)
	token := c.As(t, testkit.BoEmail)
	c.Do(t, "GET", avatar, token, nil).Refused(t, 404, "NOT_FOUND")
	c.Do(t, "DELETE", avatar, token, nil).Refused(t, 404, "NOT_FOUND")

	sent := withEXIF(jpegOf(900, 600), 6, "GPS 40.0150 -105.2705")
	got := sendPicture(t, c, token, "Bo at the lake.jpg", append(sent, "<script>alert(1)</script>"...))
	var saved struct{ AvatarURL, Scan string }
	got.Data(t, &saved)
	if got.Status != 201 || saved.Scan != "clean" {
		t.Fatalf("%d %s", got.Status, got.Body)
	}
	first := stored(t, c, "GPS", "script", "JFIF", "lake")
	if len(first) != 1 || !strings.HasSuffix(first[0], ".bin") {
		t.Fatal(first)
	}
	var profile struct{ AvatarURL string }
	c.Do(t, "GET", kernel.Portal+"/profile", token, nil).Data(t, &profile)
	if profile.AvatarURL != saved.AvatarURL {
		t.Errorf("%q, want %q", profile.AvatarURL, saved.AvatarURL)
	}
	before := lines(t, c, "DOWNLOAD_PHOTO")
	shown := c.Do(t, "GET", saved.AvatarURL, token, nil)
	if shown.Status != 200 || shown.Header.Get("Content-Type") != "image/jpeg" || shown.Header.Get("X-Content-Type-Options") != "nosniff" ||
		shown.Header.Get("Cache-Control") != "private, no-store" || shown.Header.Get("Content-Security-Policy") != "sandbox; default-src 'none'" ||
		shown.Header.Get("Content-Disposition") != "inline" {
		t.Fatalf("%d %v", shown.Status, shown.Header)
	}
	if lines(t, c, "DOWNLOAD_PHOTO") != before+1 {
		t.Error("shown without a line")
	}
	m, err := jpeg.Decode(bytes.NewReader(shown.Body))
	if err != nil || m.Bounds().Dx() != 512 || m.Bounds().Dy() != 512 {
		t.Fatal(err, m.Bounds())
	}

	// another one takes its place, and the first one's bytes go
	sendPicture(t, c, token, "x.png", pngOf(canvas(40, 40))).Data(t, &saved)
	c.Deliver()
	if now := stored(t, c); len(now) != 1 || now[0] == first[0] {
		t.Errorf("%v after %v", now, first)
	}
	if n := c.Count(t, "uploads", "", nil); n != 2 {
		t.Errorf("%d rows: what became of a picture stays on record", n)
	}
	// and is not to be had by anybody else
	c.Do(t, "GET", avatar, c.As(t, testkit.AdaEmail), nil, "X-Client-Id", testkit.Bo).Refused(t, 404, "NOT_FOUND")

	c.Do(t, "DELETE", avatar, token, nil).Data(t, &struct{}{})
	c.Deliver()
	if left := stored(t, c); len(left) != 0 {
		t.Error(left)
	}
	c.Do(t, "GET", avatar, token, nil).Refused(t, 404, "NOT_FOUND")
	for action, want := range map[string]int{"UPLOAD_PHOTO": 2, "REMOVE_PHOTO": 2, "REMOVE_FILE": 2} {
		if n := lines(t, c, action); n != want {
			t.Errorf("%d lines of %s, want %d", n, action, want)
		}
	}
}

// TestTurningPictures: all eight ways in which a camera is held give the same upright picture.
func TestTurningPictures(t *testing.T) {
	c := testkit.New(t)
	// red at the top left, as a person sees it; where it lies in the file follows from the orientation
	corner := map[int][2]int{1: {0, 0}, 2: {1, 0}, 3: {1, 1}, 4: {0, 1}, 5: {0, 0}, 6: {0, 1}, 7: {1, 1}, 8: {1, 0}}
	for o, at := range corner {
		m := canvas(64, 32)
		for y := range 32 {
			for x := range 64 {
				i := m.PixOffset(x, y)
				m.Pix[i], m.Pix[i+1], m.Pix[i+2] = 255, 255, 255
				if x/32 == at[0] && y/16 == at[1] {
					m.Pix[i], m.Pix[i+1], m.Pix[i+2] = 255, 0, 0
				}
			}
		}
		var b bytes.Buffer
		_ = jpeg.Encode(&b, m, &jpeg.Options{Quality: 95})
		u := mustAccept(t, c, "a.jpg", withEXIF(b.Bytes(), o, ""))
		w, h := 64, 32
		if o >= 5 {
			w, h = h, w
		}
		if u.GetInt("width") != w || u.GetInt("height") != h {
			t.Errorf("%d: %d by %d", o, u.GetInt("width"), u.GetInt("height"))
		}
		raw := content(t, c, u)
		out, err := jpeg.Decode(bytes.NewReader(raw))
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range []struct {
			x, y int
			red  bool
		}{{w / 4, h / 4, true}, {3 * w / 4, h / 4, false}, {w / 4, 3 * h / 4, false}, {3 * w / 4, 3 * h / 4, false}} {
			if _, g, _, _ := out.At(p.x, p.y).RGBA(); (g < 0x8000) != p.red {
				t.Errorf("orientation %d: at %d,%d", o, p.x, p.y)
			}
		}
	}
}

// content is what the desk downloads.
func content(t testing.TB, c *testkit.Clinic, u *collections.Upload) []byte {
	t.Helper()
	got := c.Do(t, "GET", desk(u.Id, "content"), c.As(t, testkit.DeskEmail), nil)
	if got.Status != 200 {
		t.Fatalf("%d %s", got.Status, got.Body)
	}
	return got.Body
}

// TestAFileWaitsForTheDesk: where there is no scanner, staff decide, with a reason, once.
func TestAFileWaitsForTheDesk(t *testing.T) {
	c := testkit.New(t)
	pdf := plainPDF("referral")
	u := mustAccept(t, c, "Überweisung 1.pdf", pdf)
	if u.Scan() != collections.ScanNotScanned || u.MayBeFetched() {
		t.Fatal(u.Scan())
	}
	clerk, doctor := c.As(t, testkit.DeskEmail), c.As(t, testkit.AnaEmail)
	c.Deliver()
	before := c.Snapshot(t)
	c.Do(t, "GET", desk(u.Id, "content"), clerk, nil).Refused(t, 409, "NOT_RELEASED")
	c.Do(t, "POST", desk(u.Id, "release"), clerk, map[string]string{"reason": "  "}).Refused(t, 400, "VALIDATION_ERROR")
	c.Do(t, "POST", desk(u.Id, "release"), clerk, map[string]string{"reason": strings.Repeat("x", 501)}).Refused(t, 400, "VALIDATION_ERROR")
	c.Do(t, "POST", desk(u.Id, "release"), c.As(t, testkit.BillingEmail), map[string]string{"reason": "x"}).Refused(t, 403, "ROLE")
	// Ana does not care for Bo: for her there is no such file
	c.Do(t, "GET", desk(u.Id, "content"), doctor, nil).Refused(t, 404, "NOT_FOUND")
	c.Do(t, "POST", desk(u.Id, "block"), doctor, map[string]string{"reason": "x"}).Refused(t, 404, "NOT_FOUND")
	if after := c.Snapshot(t); after != before {
		t.Fatal("a refusal changed something")
	}
	list := func(token, query string) (ids []string) {
		var out struct{ Uploads []struct{ ID, Name string } }
		c.Do(t, "GET", kernel.Desk+"/uploads"+query, token, nil).Data(t, &out)
		for _, i := range out.Uploads {
			ids = append(ids, i.ID+" "+i.Name)
		}
		return ids
	}
	if got := list(clerk, "?scan=not_scanned"); fmt.Sprint(got) != "["+u.Id+" Überweisung 1.pdf]" {
		t.Error(got)
	}
	if got := append(list(doctor, ""), list(clerk, "?scan=blocked")...); len(got) != 0 {
		t.Error(got)
	}
	c.Do(t, "GET", kernel.Desk+"/uploads?scan=clean", clerk, nil).Refused(t, 400, "VALIDATION_ERROR")

	c.Add(t, "care_team", map[string]any{"client": testkit.Bo, "clinician": testkit.Ana, "role": "member", "from": testkit.Monday.Add(-time.Hour)})
	var decided struct {
		Scan       string
		ReleasedAt *time.Time
	}
	c.Do(t, "POST", desk(u.Id, "release"), doctor, map[string]string{"reason": "Asked for it by phone"}).Data(t, &decided)
	if decided.ReleasedAt == nil || decided.Scan != "not_scanned" {
		t.Fatalf("%+v", decided)
	}
	c.Do(t, "POST", desk(u.Id, "release"), clerk, map[string]string{"reason": "again"}).Refused(t, 409, "ALREADY_DECIDED")
	row := c.Find(t, "uploads", u.Id)
	if why, err := phi.Text(row, "reason"); err != nil || why != "Asked for it by phone" || row.GetString("decided_by") != "staff:"+testkit.AnaStaff {
		t.Error(why, err, row.GetString("decided_by"))
	}
	got := c.Do(t, "GET", desk(u.Id, "content"), clerk, nil)
	if got.Status != 200 || !bytes.Equal(got.Body, pdf) || got.Header.Get("Content-Disposition") !=
		`attachment; filename="_berweisung 1.pdf"; filename*=UTF-8''%C3%9Cberweisung%201.pdf` {
		t.Errorf("%d %v", got.Status, got.Header)
	}
	for what, h := range map[string]struct {
		headers []string
		status  int
		body    string
	}{
		"a range":                 {[]string{"Range", "bytes=0-4"}, 206, "%PDF-"},
		"the end":                 {[]string{"Range", "bytes=-6"}, 206, "%%EOF\n"},
		"the same file":           {[]string{"Range", "bytes=0-4", "If-Range", `"` + u.Id + `"`}, 206, "%PDF-"},
		"another file":            {[]string{"Range", "bytes=0-4", "If-Range", `"other"`}, 200, string(pdf)},
		"a range that is not one": {[]string{"Range", "bytes=99999999-"}, 416, ""},
	} {
		got := c.Do(t, "GET", desk(u.Id, "content"), clerk, nil, h.headers...)
		if got.Status != h.status || h.body != "" && string(got.Body) != h.body {
			t.Errorf("%s: %d %q", what, got.Status, got.Body)
		}
	}
	if n := lines(t, c, "DOWNLOAD_FILE"); n != 6 {
		t.Errorf("%d lines for 6 requests", n)
	}

	// a released file can still be turned away, and then its bytes are gone for good
	c.Do(t, "POST", desk(u.Id, "block"), clerk, map[string]string{"reason": "Not hers"}).Data(t, &decided)
	c.Do(t, "GET", desk(u.Id, "content"), clerk, nil).Refused(t, 409, "NOT_RELEASED")
	c.Do(t, "POST", desk(u.Id, "block"), clerk, map[string]string{"reason": "again"}).Refused(t, 409, "ALREADY_DECIDED")
	c.Do(t, "POST", desk(u.Id, "release"), clerk, map[string]string{"reason": "again"}).Refused(t, 409, "ALREADY_DECIDED")
	c.Deliver()
	if left := stored(t, c); len(left) != 0 || c.Find(t, "uploads", u.Id).GetString("file") != "" {
		t.Error(left)
	}
	if lines(t, c, "RELEASE_FILE") != 1 || lines(t, c, "BLOCK_FILE") != 1 {
		t.Error("the decisions left no lines")
	}
}

// TestRulesOfUploads through the model: nobody claims what only the portal knows.
func TestRulesOfUploads(t *testing.T) {
	c := testkit.New(t)
	u := mustAccept(t, c, "a.pdf", plainPDF("a"))
	c.Deliver()
	before := c.Snapshot(t)
	clerk := kernel.Actor{Kind: kernel.KindStaff, ID: testkit.DeskStaff, Role: kernel.RoleFrontDesk}
	for name, try := range map[string]struct {
		actor  kernel.Actor
		change func(r *core.Record)
	}{
		"clean, says the desk":   {clerk, func(r *core.Record) { r.Set("scan", "clean") }},
		"clean, after all":       {kernel.System(), func(r *core.Record) { r.Set("scan", "clean") }},
		"pending again":          {kernel.System(), func(r *core.Record) { r.Set("scan", "pending") }},
		"released for no reason": {clerk, func(r *core.Record) { r.Set("released_at", testkit.Monday) }},
		"released by its sender": {bo, func(r *core.Record) { r.Set("released_at", testkit.Monday); r.Set("reason", "x") }},
		"released by the system": {kernel.System(), func(r *core.Record) { r.Set("released_at", testkit.Monday); r.Set("reason", "x") }},
		"another client's":       {clerk, func(r *core.Record) { r.Set("client", testkit.Ada) }},
		"another kind":           {clerk, func(r *core.Record) { r.Set("mime", "text/html") }},
		"another name":           {clerk, func(r *core.Record) { r.Set("name", "b.pdf") }},
		"its bytes forgotten":    {clerk, func(r *core.Record) { r.Set("file", "") }},
		"bytes in the clear": {clerk, func(r *core.Record) {
			f, _ := filesystem.NewFileFromBytes([]byte("x"), "x.pdf")
			r.Set("file", f)
		}},
	} {
		r := c.Find(t, "uploads", u.Id)
		try.change(r)
		if err := kernel.SaveAs(c.App, try.actor, r); err == nil {
			t.Errorf("%s: saved", name)
		}
	}
	if err := c.App.Delete(c.Find(t, "uploads", u.Id)); err == nil {
		t.Error("a row was deleted")
	}
	// neither another client's file nor a document becomes somebody's picture
	for _, client := range []string{testkit.Ada, testkit.Bo} {
		for _, actor := range []kernel.Actor{clerk, kernel.System()} {
			r := c.Find(t, "clients", client)
			r.Set("avatar", u.Id)
			if err := kernel.SaveAs(c.App, actor, r); err == nil {
				t.Errorf("%s makes Bo's document the picture of %s", actor.Kind, client)
			}
		}
	}
	plain, _ := filesystem.NewFileFromBytes(plainPDF("x"), "x.pdf")
	row, err := collections.NewUpload(c.App, testkit.Bo, "document")
	if err != nil {
		t.Fatal(err)
	}
	row.Set("file", plain)
	row.Set("scan", "clean")
	row.Set("mime", "application/pdf")
	row.Set("uploaded_by", "x")
	if err := c.App.Save(row.Record); err == nil {
		t.Error("a file came in unsealed")
	}
	if after := c.Snapshot(t); after != before {
		t.Error("a refusal changed something")
	}
	if n := len(stored(t, c)); n != 1 {
		t.Errorf("%d stored files", n)
	}
	// the record API, by staff and owner
	for _, email := range []string{testkit.AdminEmail, testkit.OwnerEmail} {
		for _, call := range [][2]string{{"POST", ""}, {"PATCH", "/" + u.Id}, {"DELETE", "/" + u.Id}} {
			if got := c.Do(t, call[0], "/api/collections/uploads/records"+call[1], c.As(t, email), map[string]any{"scan": "clean"}); got.Status != 403 {
				t.Errorf("%s %s: %d", email, call[0], got.Status)
			}
		}
	}
}

// TestPocketBaseServesNoSealedFile, to nobody.
func TestPocketBaseServesNoSealedFile(t *testing.T) {
	c := testkit.New(t)
	u := mustAccept(t, c, "a.jpg", jpegOf(50, 50))
	name := c.Find(t, "uploads", u.Id).GetString("file")
	col := c.Find(t, "uploads", u.Id).Collection()
	for _, email := range []string{"", testkit.AdminEmail, testkit.OwnerEmail, testkit.BoEmail} {
		token := ""
		query := []string{"", "?thumb=100x100"}
		if email != "" {
			token = c.As(t, email)
			var out struct{ Token string }
			if got := c.Do(t, "POST", "/api/files/token", token, nil); got.Status == 200 {
				got.Into(t, &out)
				query = append(query, "?token="+out.Token, "?thumb=100x100&token="+out.Token)
			}
		}
		for _, q := range query {
			for _, in := range []string{col.Name, col.Id} {
				if got := c.Do(t, "GET", "/api/files/"+in+"/"+u.Id+"/"+name+q, token, nil); got.Status != 404 {
					t.Errorf("%q gets %d with %q", email, got.Status, q)
				}
			}
		}
	}
	setLogo(t, c, pngOf(canvas(200, 100)))
	logo := c.Find(t, "clinic_settings", settings(t, c).Id)
	path := "/api/files/clinic_settings/" + logo.Id + "/" + logo.GetString("logo")
	if got := c.Do(t, "GET", path, "", nil); got.Status != 200 {
		t.Errorf("the logo: %d", got.Status)
	}
}

func settings(t testing.TB, c *testkit.Clinic) *core.Record {
	t.Helper()
	r, err := c.App.FindFirstRecordByFilter("clinic_settings", "id != ''")
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func setLogo(t testing.TB, c *testkit.Clinic, content []byte) {
	t.Helper()
	r := settings(t, c)
	f, err := filesystem.NewFileFromBytes(content, "logo.png")
	if err != nil {
		t.Fatal(err)
	}
	r.Set("logo", f)
	if err := c.App.Save(r); err != nil {
		t.Fatal(err)
	}
}

// TestOtherFileFields: the clinic's logo is drawn anew whoever sets it, and nothing but a picture passes.
func TestOtherFileFields(t *testing.T) {
	c := testkit.New(t)
	setLogo(t, c, append(pngOf(canvas(60, 30)), "<?php system($_GET['c']); ?>"...))
	if left := stored(t, c, "php"); len(left) != 1 {
		t.Fatal(left)
	}
	for name, content := range map[string][]byte{"a bomb": pngClaiming(16000, 16000, 8, 6), "a JPEG where PNG is wanted": jpegOf(20, 20),
		"HTML": []byte("<html><script>"), "SVG": []byte(`<svg xmlns="http://www.w3.org/2000/svg"/>`), "half a PNG": pngOf(canvas(60, 30))[:80]} {
		r := settings(t, c)
		f, err := filesystem.NewFileFromBytes(content, "logo.png")
		if err != nil {
			t.Fatal(err)
		}
		r.Set("logo", f)
		if err := c.App.Save(r); err == nil {
			t.Errorf("%s became the logo", name)
		}
	}
	if left := stored(t, c); len(left) != 1 {
		t.Error(left)
	}
	// through the record API, as the dashboard does it
	body, kind := form("logo.png", pngClaiming(16000, 16000, 8, 6))
	body = bytes.Replace(body, []byte(`name="file"`), []byte(`name="logo"`), 1)
	if got := c.Do(t, "PATCH", "/api/collections/clinic_settings/records/"+settings(t, c).Id, c.As(t, testkit.AdminEmail), body, "Content-Type", kind); got.Status != 400 {
		t.Errorf("%d %s", got.Status, got.Body)
	}
	// a field that is meant for no picture takes nothing
	col, err := c.App.FindCollectionByNameOrId("locations")
	if err != nil {
		t.Fatal(err)
	}
	col.Fields.Add(&core.FileField{Name: "paper", MaxSelect: 1})
	if err := c.App.Save(col); err != nil {
		t.Fatal(err)
	}
	r := c.Find(t, "locations", testkit.Location)
	f, _ := filesystem.NewFileFromBytes(jpegOf(5, 5), "x.jpg")
	r.Set("paper", f)
	if err := c.App.Save(r); err == nil {
		t.Error("a field without kinds took a file")
	}
}

// TestAFailedSaveLeavesNoBytes, and what a crash leaves is found a day later.
func TestAFailedSaveLeavesNoBytes(t *testing.T) {
	c := testkit.New(t)
	_, err := files.Accept(c.App, bo, files.Offer{Client: testkit.Bo, Purpose: "document", Name: "a", Reader: bytes.NewReader(jpegOf(9, 9)), Kinds: files.Images,
		MaxBytes: 1 << 20, With: func(core.App, *collections.Upload) error { return kernel.Conflict("NO", "No.") }})
	if err == nil || kernel.AsError(err).Reason != "NO" {
		t.Fatal(err)
	}
	_, err = files.Accept(c.App, bo, files.Offer{Client: "nobodynobody000", Purpose: "document", Name: "a", Reader: bytes.NewReader(jpegOf(9, 9)), Kinds: files.Images, MaxBytes: 1 << 20})
	if err == nil {
		t.Fatal("a file of nobody")
	}
	if left := stored(t, c); len(left) != 0 || c.Count(t, "uploads", "", nil) != 0 {
		t.Fatal(left)
	}
	err = c.App.RunInTransaction(func(tx core.App) error {
		_, err := files.Accept(tx, bo, files.Offer{})
		return err
	})
	if err == nil {
		t.Error("a file was accepted in a transaction")
	}

	u := mustAccept(t, c, "a.jpg", jpegOf(9, 9))
	storage, err := c.App.NewFilesystem()
	if err != nil {
		t.Fatal(err)
	}
	defer storage.Close()
	orphan := u.BaseFilesPath() + "x/orphan.bin"
	orphan = strings.Replace(orphan, u.Id+"x", "gonegonegonegon", 1)
	if err := storage.Upload([]byte("x"), orphan); err != nil {
		t.Fatal(err)
	}
	sweep := func() {
		for _, job := range c.App.Cron().Jobs() {
			if job.Id() == "anteroom_files_orphans" {
				job.Run()
			}
		}
	}
	kernel.SetNow(c.App, time.Now())
	if sweep(); len(stored(t, c)) != 2 {
		t.Error("young bytes were removed: their row may be on its way")
	}
	c.Advance(25 * time.Hour)
	if sweep(); len(stored(t, c)) != 1 {
		t.Error("bytes without a row stay")
	}
	if got := c.Do(t, "GET", desk(u.Id, "content"), c.Fresh(t, testkit.DeskEmail), nil); got.Status != http.StatusOK {
		t.Errorf("the sweep took bytes that have a row: %d", got.Status)
	}
}

func TestCleanName(t *testing.T) {
	for in, want := range map[string]string{
		"a.pdf": "a.pdf", "../../etc/passwd": "passwd", `C:\Users\Bo\scan.pdf`: "scan.pdf", "a\x00b\r\nc.pdf": "abc.pdf",
		"invoice\u202egpj.exe": "invoicegpj.exe", "": "file", "/": "file", "..": "file", "\xff\xfe.pdf": "pdf", " . ": "file",
		strings.Repeat("ä", 300) + ".pdf": strings.Repeat("ä", 125) + ".pdf", "e\u0301.pdf": "é.pdf", "a\u2028b": "ab",
	} {
		if got := files.CleanName(in); got != want || len(got) > 255 {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}
