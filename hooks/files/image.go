package files

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"io"
	"math"

	"golang.org/x/image/draw"
	"golang.org/x/image/math/f64"
	"golang.org/x/image/riff"
	"golang.org/x/image/vp8"
	"golang.org/x/image/vp8l"
	"golang.org/x/image/webp"

	"anteroom/hooks/kernel"
)

// Limits of pictures. A picture of 31 kB can claim 256 megapixels and take 1.3 GB to decode, so what it claims is looked
// at first, and what decoding would take is worked out from the decoders' own buffers.
const (
	maxPixels      = 40_000_000
	maxDecodeBytes = 120 << 20
	maxEdge        = 4096 // longer pictures are made smaller
	jpegQuality    = 88
)

// picture is what a decoder says before it decodes: the size, bytes of memory a pixel takes, and how the camera was held
// (EXIF orientation, 1 to 8).
type picture struct {
	width, height int
	perPixel      int
	orientation   int
	decode        func(io.Reader) (image.Image, error)
}

// drawn is a picture that the portal drew anew: nothing of the sent file is in it but its pixels.
type drawn struct {
	bytes         []byte
	kind          Kind
	width, height int
}

// redraw decodes a picture and encodes it again, turned upright: as JPEG, or as PNG where it is transparent or where
// asPNG says so. square cuts the middle out and makes it square pixels wide and high; 0 leaves its shape.
func redraw(data []byte, kind Kind, square int, asPNG bool) (out drawn, err error) {
	defer func() {
		if p := recover(); p != nil { // a decoder that stumbles over a crafted file
			err = brokenFile().Because(fmt.Errorf("decoder: %v", p))
		}
	}()
	p, err := claims(data, kind)
	if err != nil {
		return out, brokenFile().Because(err)
	}
	if p.width < 1 || p.height < 1 {
		return out, brokenFile()
	}
	if pixels := int64(p.width) * int64(p.height); pixels > maxPixels || pixels*int64(p.perPixel) > maxDecodeBytes {
		return out, imageTooLarge()
	}
	source, err := p.decode(bytes.NewReader(data))
	if err != nil {
		return out, brokenFile().Because(err)
	}
	upright := turn(source, p.orientation, square)
	out.width, out.height = upright.Rect.Dx(), upright.Rect.Dy()
	var file bytes.Buffer
	if out.kind = JPEG; asPNG || !upright.Opaque() {
		out.kind = PNG
		err = (&png.Encoder{CompressionLevel: png.BestSpeed}).Encode(&file, upright)
	} else {
		err = jpeg.Encode(&file, upright, &jpeg.Options{Quality: jpegQuality})
	}
	out.bytes = file.Bytes()
	return out, err
}

// claims reads the headers. The decoders are named, not looked up: packages elsewhere in the program register more formats
// with package image.
func claims(data []byte, kind Kind) (picture, error) {
	switch kind {
	case JPEG:
		return claimsJPEG(data)
	case PNG:
		c, err := png.DecodeConfig(bytes.NewReader(data))
		p := picture{c.Width, c.Height, 4, 1, png.Decode}
		switch c.ColorModel {
		case color.RGBA64Model, color.NRGBA64Model, color.Gray16Model:
			p.perPixel = 8
		}
		if len(data) > 28 && data[28] != 0 { // interlaced: the passes are pictures of their own
			p.perPixel *= 2
		}
		return p, err
	case GIF:
		c, err := gif.DecodeConfig(bytes.NewReader(data))
		return picture{c.Width, c.Height, 2, 1, gif.Decode}, err // gif.Decode stops after the first frame
	case WebP:
		return claimsWebP(data)
	}
	return picture{}, errors.New("not a picture")
}

// claimsJPEG walks the segments (ITU T.81, B.1.1) to the frame header.
func claimsJPEG(data []byte) (picture, error) {
	c, err := jpeg.DecodeConfig(bytes.NewReader(data))
	p := picture{c.Width, c.Height, 3, 1, jpeg.Decode}
	if err != nil {
		return p, err
	}
	if c.ColorModel == color.CMYKModel {
		p.perPixel = 8 // four parts, and a copy
	}
	for rest := data[2:]; len(rest) >= 4; {
		if rest[0] != 0xff {
			rest = rest[1:]
			continue
		}
		marker := rest[1]
		if marker == 0xff || marker == 0 || marker >= 0xd0 && marker <= 0xd8 {
			rest = rest[1:]
			continue
		}
		length := int(binary.BigEndian.Uint16(rest[2:])) + 2
		if length < 4 || length > len(rest) {
			break
		}
		switch marker {
		case 0xe1:
			if exif, ok := bytes.CutPrefix(rest[4:length], []byte("Exif\x00\x00")); ok {
				p.orientation = orientation(exif)
			}
		case 0xc2: // progressive: every coefficient is kept, four bytes each
			p.perPixel *= 5
			return p, nil
		case 0xc0, 0xc1, 0xda:
			return p, nil
		}
		rest = rest[length:]
	}
	return p, nil
}

// claimsWebP looks at the frame itself too: its size may be another than that of the canvas around it.
func claimsWebP(data []byte) (picture, error) {
	c, err := webp.DecodeConfig(bytes.NewReader(data))
	p := picture{c.Width, c.Height, 8, 1, webp.Decode}
	if err != nil {
		return p, err
	}
	_, chunks, err := riff.NewReader(bytes.NewReader(data))
	if err != nil {
		return p, err
	}
	for {
		id, length, chunk, err := chunks.Next()
		if err != nil { // the end, or a file cut short, which the decoder will say
			return p, nil //nolint:nilerr // see above
		}
		width, height := 0, 0
		switch string(id[:]) {
		case "VP8 ":
			d := vp8.NewDecoder()
			d.Init(chunk, int(length))
			h, err := d.DecodeFrameHeader()
			if err != nil {
				return p, err
			}
			width, height = h.Width, h.Height
		case "VP8L":
			c, err := vp8l.DecodeConfig(chunk)
			if err != nil {
				return p, err
			}
			width, height = c.Width, c.Height
		case "EXIF":
			exif, _ := io.ReadAll(io.LimitReader(chunk, 64<<10))
			p.orientation = orientation(bytes.TrimPrefix(exif, []byte("Exif\x00\x00")))
		}
		if width*height > p.width*p.height {
			p.width, p.height = width, height
		}
	}
}

// orientation finds tag 0x0112 in the first directory of an EXIF block (TIFF 6.0, section 2); 1 when there is none.
func orientation(exif []byte) int {
	var order binary.ByteOrder = binary.LittleEndian
	if bytes.HasPrefix(exif, []byte("MM")) {
		order = binary.BigEndian
	}
	if len(exif) < 8 {
		return 1
	}
	at := int64(order.Uint32(exif[4:]))
	if at+2 > int64(len(exif)) {
		return 1
	}
	entries := exif[at+2:]
	for range order.Uint16(exif[at:]) {
		if len(entries) < 12 {
			return 1
		}
		if order.Uint16(entries) == 0x0112 {
			if o := int(order.Uint16(entries[8:])); o >= 1 && o <= 8 {
				return o
			}
			return 1
		}
		entries = entries[12:]
	}
	return 1
}

// turn draws the picture upright, not larger than maxEdge, or cut to a square.
func turn(source image.Image, orientation, square int) *image.RGBA {
	from := source.Bounds()
	if square > 0 {
		edge := min(from.Dx(), from.Dy())
		x, y := from.Min.X+(from.Dx()-edge)/2, from.Min.Y+(from.Dy()-edge)/2
		from = image.Rect(x, y, x+edge, y+edge)
	}
	sw, sh := float64(from.Dx()), float64(from.Dy())
	scale := 1.0
	if square > 0 {
		scale = float64(square) / sw
	} else if long := math.Max(sw, sh); long > maxEdge {
		scale = maxEdge / long
	}
	w, h := max(1, int(math.Round(sw*scale))), max(1, int(math.Round(sh*scale)))
	if orientation >= 5 { // lying on its side
		w, h = h, w
	}
	out := image.NewRGBA(image.Rect(0, 0, w, h))
	if orientation == 1 && scale == 1 {
		draw.Draw(out, out.Rect, source, from.Min, draw.Src)
		return out
	}
	// from the picture, moved to the origin, to the upright one: EXIF 2.32, table of tag 0x0112
	fw, fh := float64(w), float64(h)
	m := [...]f64.Aff3{
		1: {scale, 0, 0, 0, scale, 0},
		2: {-scale, 0, fw, 0, scale, 0},
		3: {-scale, 0, fw, 0, -scale, fh},
		4: {scale, 0, 0, 0, -scale, fh},
		5: {0, scale, 0, scale, 0, 0},
		6: {0, -scale, fw, scale, 0, 0},
		7: {0, -scale, fw, -scale, 0, fh},
		8: {0, scale, 0, -scale, 0, fh},
	}[orientation]
	x, y := float64(from.Min.X), float64(from.Min.Y)
	m[2] -= m[0]*x + m[1]*y
	m[5] -= m[3]*x + m[4]*y
	draw.BiLinear.Transform(out, m, source, from, draw.Src, nil)
	return out
}

func brokenFile() *kernel.Error {
	return kernel.Invalid("FILE_BROKEN", "This file is damaged, or not what it says it is. Try to save it again, or send another one.")
}

func imageTooLarge() *kernel.Error {
	return kernel.Invalid("IMAGE_TOO_LARGE", "This picture has too many pixels: at most 40 megapixels. Make it smaller and try again.")
}
