package demo

import (
	"bytes"
	"image"
	"image/color"
	"image/png"

	"github.com/pocketbase/pocketbase/core"

	"anteroom/collections"
	"anteroom/hooks/files"
	"anteroom/hooks/kernel"
	"anteroom/hooks/pdfdoc"
)

// hangPictures gives the first client a picture, and the desk a letter that nobody has scanned and somebody must decide
// on. It runs after the furnishing is committed, because files are stored outside transactions.
func hangPictures(app core.App, d Details) error {
	c := d.Clients[0]
	who := kernel.Actor{Kind: kernel.KindClient, ID: c.PortalUserID, Client: c.ClientID}
	var face bytes.Buffer
	if err := png.Encode(&face, portrait()); err != nil {
		return err
	}
	_, err := files.Accept(app, who, files.Offer{Client: c.ClientID, Purpose: files.PurposeAvatar, Name: "me.png", Reader: &face, Kinds: files.Images,
		MaxBytes: 1 << 20, Square: 512, With: func(tx core.App, u *collections.Upload) error {
			r, err := tx.FindRecordById(collections.Clients, c.ClientID)
			if err != nil {
				return err
			}
			r.Set("avatar", u.Id)
			return kernel.SaveAs(tx, who, r)
		}})
	if err != nil {
		return err
	}
	letter, err := referral(app)
	if err != nil {
		return err
	}
	_, err = files.Accept(app, who, files.Offer{Client: c.ClientID, Purpose: files.PurposeDocument, Name: "Referral letter.pdf", Reader: bytes.NewReader(letter),
		Kinds: []files.Kind{files.PDF}, MaxBytes: 1 << 20})
	return err
}

// portrait is a head before a hill, in the clinic's colour.
func portrait() image.Image {
	m := image.NewRGBA(image.Rect(0, 0, 512, 512))
	within := func(x, y, cx, cy, r int) bool { return (x-cx)*(x-cx)+(y-cy)*(y-cy) < r*r }
	for y := range 512 {
		for x := range 512 {
			c := color.RGBA{0xdf, 0xec, 0xef, 255}
			switch {
			case within(x, y, 256, 200, 95):
				c = color.RGBA{0xc9, 0x9a, 0x74, 255}
			case within(x, y, 256, 520, 210):
				c = color.RGBA{0x1c, 0x5f, 0x73, 255}
			}
			m.SetRGBA(x, y, c)
		}
	}
	return m
}

// referral is one page of a letter.
func referral(app core.App) ([]byte, error) {
	pdf := pdfdoc.New("Referral letter", "en", kernel.Now(app))
	pdf.SetFont(pdfdoc.Font, "B", 16)
	pdf.MultiCell(0, 9, "Referral letter", "", "L", false)
	pdf.SetFont(pdfdoc.Font, "", 11)
	pdf.MultiCell(0, 7, "Thank you for seeing this client, who has slept badly since the summer. No medication so far.", "", "L", false)
	return pdfdoc.Bytes(pdf)
}
