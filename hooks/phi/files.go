package phi

import (
	"bytes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"io"

	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/filesystem"
)

// A sealed file is a header and chunks, after the STREAM construction (Hoang, Reyhanitabar, Rogaway, Vizár,
// "Online Authenticated-Encryption and its Nonce-Reuse Misuse-Resistance", 2015):
//
//	"APHI" | version 1 | key id (16) | salt (32) | chunk ...
//
// Each chunk is AES-256-GCM of 64 KiB of plaintext (the last one of what is left), under a key that HKDF-SHA256
// derives from the data key and the salt for this file alone. The nonce is the chunk's number and, in its last
// byte, 1 for the last chunk: so chunks cannot be cut off, reordered, repeated or taken from another file. Every
// chunk is bound to the header and to the place. Chunk i starts at headerSize + i*(chunkSize+16), which allows
// reading from the middle.
const (
	fileMagic = "APHI\x01"
	saltSize  = 32
	chunkSize = 64 << 10
)

var headerSize = len(fileMagic) + keyIDLength + saltSize

// SealFile seals r into w for a subject (a client id or Clinic) and a place, any text that names where the file is
// kept. ErrErased when the subject's key was destroyed.
func (k *Keyring) SealFile(subject, place string, r io.Reader, w io.Writer) error {
	key, err := k.forWriting(subject)
	if err != nil {
		return err
	}
	header := make([]byte, headerSize)
	n := copy(header, fileMagic)
	n += copy(header[n:], key.id)
	rand.Read(header[n:])
	s, err := newStream(key, header, place)
	if err != nil {
		return err
	}
	if _, err := w.Write(header); err != nil {
		return err
	}
	plain, sealed := make([]byte, chunkSize), make([]byte, 0, chunkSize+gcmTagSize)
	return eachChunk(r, plain, func(chunk []byte, last bool) error {
		_, err := w.Write(s.aead.Seal(sealed, s.next(last), chunk, s.bound))
		return err
	})
}

// OpenFile opens into w what SealFile sealed with the same subject and place. Only authentic bytes are written,
// but a file that was cut short is recognised at its end: discard what was written when an error comes back.
func (k *Keyring) OpenFile(subject, place string, r io.Reader, w io.Writer) error {
	header := make([]byte, headerSize)
	if _, err := io.ReadFull(r, header); err != nil {
		return damagedAtEnd(err)
	}
	rest, ok := bytes.CutPrefix(header, []byte(fileMagic))
	if !ok {
		return ErrDamaged
	}
	key, err := k.known(string(rest[:keyIDLength]), subject)
	if err != nil {
		return err
	}
	s, err := newStream(key, header, place)
	if err != nil {
		return err
	}
	sealed, plain := make([]byte, chunkSize+gcmTagSize), make([]byte, 0, chunkSize)
	return eachChunk(r, sealed, func(chunk []byte, last bool) error {
		opened, err := s.aead.Open(plain, s.next(last), chunk, s.bound)
		if err != nil || len(opened) == 0 && s.count > 1 { // only an empty file has an empty chunk
			return ErrDamaged
		}
		_, err = w.Write(opened)
		return err
	})
}

type stream struct {
	aead  cipher.AEAD
	bound []byte
	count uint64
	nonce [gcmNonceSize]byte
}

func newStream(key *dataKey, header []byte, place string) (*stream, error) {
	fileKey, err := hkdf.Key(sha256.New, key.raw, header[len(header)-saltSize:], "anteroom v1 file", keySize)
	if err != nil {
		return nil, err
	}
	aead, err := gcm(fileKey)
	return &stream{aead: aead, bound: bind("file", string(header), place)}, err
}

// next is the nonce of the next chunk.
func (s *stream) next(last bool) []byte {
	binary.BigEndian.PutUint64(s.nonce[3:11], s.count)
	s.count++
	if last {
		s.nonce[11] = 1
	}
	return s.nonce[:]
}

// eachChunk reads r in pieces of len(buf) and says which is the last, which it learns by reading one piece ahead.
// An empty r is one empty, last piece.
func eachChunk(r io.Reader, buf []byte, do func(chunk []byte, last bool) error) error {
	read := func(into []byte) (int, error) {
		n, err := io.ReadFull(r, into)
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			err = nil
		}
		return n, err
	}
	ahead := make([]byte, len(buf))
	n, err := read(buf)
	for err == nil {
		m := 0
		if n == len(buf) {
			if m, err = read(ahead); err != nil {
				break
			}
		}
		if err = do(buf[:n], m == 0); m == 0 {
			break
		}
		buf, ahead, n = ahead, buf, m
	}
	return err
}

func damagedAtEnd(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return ErrDamaged
	}
	return err
}

// NewSealedFile seals data into a file that can be set on a PocketBase file field. PocketBase keeps name, and a
// random part it adds, in clear: it must say nothing about the client. The place must be known again at opening,
// so it names the record and not the stored file.
func NewSealedFile(k *Keyring, subject, place, name string, data []byte) (*filesystem.File, error) {
	var sealed bytes.Buffer
	if err := k.SealFile(subject, place, bytes.NewReader(data), &sealed); err != nil {
		return nil, err
	}
	return filesystem.NewFileFromBytes(sealed.Bytes(), name)
}

// OpenSealedFile reads what NewSealedFile sealed. fileKey is the file's key in PocketBase's storage, for example
// record.BaseFilesPath() + "/" + record.GetString("pdf").
func OpenSealedFile(app core.App, subject, place, fileKey string) ([]byte, error) {
	ring, err := KeyringOf(app)
	if err != nil {
		return nil, err
	}
	storage, err := app.NewFilesystem()
	if err != nil {
		return nil, err
	}
	defer storage.Close()
	r, err := storage.GetReader(fileKey)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	var plain bytes.Buffer
	if err := ring.OpenFile(subject, place, r, &plain); err != nil {
		return nil, err
	}
	return plain.Bytes(), nil
}
