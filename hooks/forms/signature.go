package forms

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"image"
	"image/color"
	"image/draw"
	"image/jpeg"
	"image/png"
	"strings"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"

	"anteroom/hooks/kernel"
)

// Limits of a drawn signature.
const (
	maxSignatureBytes  = 512 << 10
	maxSignatureWidth  = 2000
	maxSignatureHeight = 1000
	// A photograph grows when it is stored without loss; as base64 this still fits its encrypted column.
	maxCleanBytes = 700 << 10

	// Ink is what differs from the paper by more than inkContrast in any channel (0..255).
	inkContrast  = 48
	minInkPixels = 40
	// A tap leaves a dot; a signature reaches further: this many pixels, and a fortieth of the picture's width.
	minInkReach      = 16
	minInkReachShare = 40
)

// Reasons of a refused signature.
const (
	reasonBlank     = "SIGNATURE_BLANK" // also when there is none and the form needs one
	reasonNotImage  = "SIGNATURE_NOT_IMAGE"
	reasonTooLarge  = "SIGNATURE_TOO_LARGE"
	reasonOtherName = "SIGNATURE_NAME_DIFFERS"
)

// Signature is either drawn (a clean PNG, dark on white) or typed.
type Signature struct {
	PNG   []byte
	Typed string
}

// Hash is the SHA-256 of the PNG, or of the typed name, in hex.
func (s Signature) Hash() string {
	content := s.PNG
	if content == nil {
		content = []byte(s.Typed)
	}
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:])
}

// ReadSignature reads what the API calls signature: a data URL or bare base64 of a PNG or JPEG, or {"typed": name}.
// The typed name must be the signer's. Nothing of the sent file is kept but its pixels. A refusal is a *kernel.Error.
func ReadSignature(raw json.RawMessage, signer string) (Signature, error) {
	var drawn string
	if json.Unmarshal(raw, &drawn) == nil {
		if strings.TrimSpace(drawn) == "" {
			return Signature{}, noSignature()
		}
		clean, err := readDrawn(drawn)
		return Signature{PNG: clean}, err
	}
	var typed struct {
		Typed *string `json:"typed"`
	}
	if json.Unmarshal(raw, &typed) != nil || typed.Typed == nil {
		return Signature{}, kernel.Invalid(reasonNotImage, "The signature is neither a picture nor a typed name.")
	}
	name := strings.Join(strings.Fields(*typed.Typed), " ")
	if name == "" {
		return Signature{}, noSignature()
	}
	if len(name) > 400 || foldName(name) != foldName(signer) {
		return Signature{}, kernel.Invalid(reasonOtherName, "Type your name as it stands in your record: "+signer+".")
	}
	return Signature{Typed: name}, nil
}

// foldName makes names comparable: compatibility composition, case folded, one space between words, and the
// apostrophes and hyphens that phones substitute made plain.
func foldName(s string) string {
	plain := strings.NewReplacer("’", "'", "‘", "'", "ʼ", "'", "`", "'", "‐", "-", "‑", "-", "–", "-")
	s = cases.Fold().String(norm.NFKC.String(plain.Replace(s)))
	return strings.Join(strings.Fields(norm.NFKC.String(s)), " ")
}

func readDrawn(s string) ([]byte, error) {
	if strings.HasPrefix(s, "data:") {
		// The media type it claims is not read: the bytes decide.
		meta, data, found := strings.Cut(s, ",")
		if !found || !strings.HasSuffix(meta, ";base64") {
			return nil, notAnImage()
		}
		s = data
	}
	if base64.StdEncoding.DecodedLen(len(s)) > maxSignatureBytes+2 {
		return nil, tooLarge()
	}
	file, err := base64.StdEncoding.DecodeString(s)
	if err != nil {
		if file, err = base64.RawStdEncoding.DecodeString(s); err != nil {
			return nil, notAnImage().Because(err)
		}
	}
	if len(file) > maxSignatureBytes {
		return nil, tooLarge()
	}
	picture, err := decodePicture(file)
	if err != nil {
		return nil, err
	}
	clean := onWhite(picture)
	if !hasInk(clean) {
		return nil, noSignature()
	}
	var out bytes.Buffer
	if err := png.Encode(&out, clean); err != nil {
		return nil, kernel.Internal(err)
	}
	if out.Len() > maxCleanBytes {
		return nil, tooLarge()
	}
	return out.Bytes(), nil
}

// decodePicture looks at the size a picture claims before it spends memory on it. The decoders are named, not
// looked up: packages elsewhere in the program register more formats with package image.
func decodePicture(file []byte) (image.Image, error) {
	configOf, decode := png.DecodeConfig, png.Decode
	switch {
	case bytes.HasPrefix(file, []byte("\x89PNG\r\n\x1a\n")):
	case bytes.HasPrefix(file, []byte("\xff\xd8\xff")):
		configOf, decode = jpeg.DecodeConfig, jpeg.Decode
	default:
		return nil, notAnImage()
	}
	config, err := configOf(bytes.NewReader(file))
	if err != nil {
		return nil, notAnImage().Because(err)
	}
	if config.Width > maxSignatureWidth || config.Height > maxSignatureHeight {
		return nil, tooLarge()
	}
	picture, err := decode(bytes.NewReader(file))
	if err != nil {
		return nil, notAnImage().Because(err)
	}
	return picture, nil
}

// onWhite puts the picture on paper. What a reader of the signed document would not see (white on white, colour
// under full transparency) is gone afterwards.
func onWhite(picture image.Image) *image.RGBA {
	b := picture.Bounds()
	out := image.NewRGBA(image.Rect(0, 0, b.Dx(), b.Dy()))
	draw.Draw(out, out.Bounds(), image.NewUniform(color.White), image.Point{}, draw.Src)
	draw.Draw(out, out.Bounds(), picture, b.Min, draw.Over)
	return out
}

// hasInk tells a signature from an untouched pad: enough pixels that differ from the paper (the commonest colour,
// so that a photographed signature counts too), reaching far enough.
func hasInk(m *image.RGBA) bool {
	paper := commonestColour(m)
	b := m.Bounds()
	reach := image.Rectangle{Min: b.Max, Max: b.Min}
	count := 0
	for y := b.Min.Y; y < b.Max.Y; y++ {
		for x := b.Min.X; x < b.Max.X; x++ {
			if differs(m.RGBAAt(x, y), paper) {
				count++
				reach.Min.X, reach.Min.Y = min(reach.Min.X, x), min(reach.Min.Y, y)
				reach.Max.X, reach.Max.Y = max(reach.Max.X, x+1), max(reach.Max.Y, y+1)
			}
		}
	}
	return count >= minInkPixels && max(reach.Dx(), reach.Dy()) >= max(minInkReach, b.Dx()/minInkReachShare)
}

// commonestColour looks at four bits a channel: a photographed sheet is not one colour but a cloud of near ones.
func commonestColour(m *image.RGBA) color.RGBA {
	var counts [1 << 12]int
	best := 0
	for i := 0; i+3 < len(m.Pix); i += 4 {
		c := int(m.Pix[i]>>4)<<8 | int(m.Pix[i+1]>>4)<<4 | int(m.Pix[i+2]>>4)
		if counts[c]++; counts[c] > counts[best] {
			best = c
		}
	}
	middle := func(shift int) uint8 { return uint8(best>>shift&15)<<4 + 8 } //nolint:gosec // 15<<4+8 is 248
	return color.RGBA{middle(8), middle(4), middle(0), 255}
}

func differs(a, b color.RGBA) bool {
	return apart(a.R, b.R) || apart(a.G, b.G) || apart(a.B, b.B)
}

func apart(a, b uint8) bool { return max(a, b)-min(a, b) > inkContrast }

func noSignature() *kernel.Error {
	return kernel.Invalid(reasonBlank, "Sign in the box, or choose Type and write your name.")
}

func notAnImage() *kernel.Error {
	return kernel.Invalid(reasonNotImage, "The signature is not a PNG or JPEG picture.")
}

func tooLarge() *kernel.Error {
	return kernel.Invalid(reasonTooLarge, "The signature picture is too large: at most 512 kB and 2000 by 1000 pixels.")
}
