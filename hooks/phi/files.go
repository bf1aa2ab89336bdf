package phi

import (
	"bytes"
	"context"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"io"
	"strings"

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
	_, err = io.Copy(w, &sealing{key: key, place: place, plain: r})
	return err
}

// sealing is the sealed form of what plain gives, made while it is read: two chunks are in memory, whatever the size.
type sealing struct {
	key   *dataKey
	place string
	plain io.Reader

	stream      *stream
	next, ahead []byte // the chunk to be sealed, and the one after it, which tells whether it is the last
	ready       []byte // sealed and not yet read
	buf         []byte
	done        bool
}

func (s *sealing) Read(p []byte) (int, error) {
	for len(s.ready) == 0 {
		if s.done {
			return 0, io.EOF
		}
		if err := s.advance(); err != nil {
			return 0, err
		}
	}
	n := copy(p, s.ready)
	s.ready = s.ready[n:]
	return n, nil
}

// advance makes the header, then one chunk after the other.
func (s *sealing) advance() (err error) {
	if s.stream == nil {
		header := make([]byte, headerSize)
		n := copy(header, fileMagic)
		n += copy(header[n:], s.key.id)
		rand.Read(header[n:])
		if s.stream, err = newStream(s.key, header, s.place); err != nil {
			return err
		}
		s.ready = header
		if s.buf == nil {
			s.buf, s.next, s.ahead = make([]byte, 0, chunkSize+gcmTagSize), make([]byte, chunkSize), make([]byte, chunkSize)
		}
		s.next, err = fill(s.plain, s.next)
		return err
	}
	s.ahead = s.ahead[:0]
	if len(s.next) == chunkSize {
		if s.ahead, err = fill(s.plain, s.ahead); err != nil {
			return err
		}
	}
	s.done = len(s.ahead) == 0
	s.ready = s.stream.aead.Seal(s.buf, s.stream.next(s.done), s.next, s.stream.bound)
	s.next, s.ahead = s.ahead, s.next
	return nil
}

// fill reads a whole chunk, or what is left.
func fill(r io.Reader, chunk []byte) ([]byte, error) {
	n, err := io.ReadFull(r, chunk[:chunkSize])
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		err = nil
	}
	return chunk[:n], err
}

// OpenFile opens into w what SealFile sealed with the same subject and place. Only authentic bytes are written,
// but a file that was cut short is recognised at its end: discard what was written when an error comes back.
func (k *Keyring) OpenFile(subject, place string, r io.Reader, w io.Writer) error {
	s, err := k.openStream(subject, place, r)
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

// openStream reads the header.
func (k *Keyring) openStream(subject, place string, r io.Reader) (*stream, error) {
	header := make([]byte, headerSize)
	if _, err := io.ReadFull(r, header); err != nil {
		return nil, damagedAtEnd(err)
	}
	rest, ok := bytes.CutPrefix(header, []byte(fileMagic))
	if !ok {
		return nil, ErrDamaged
	}
	key, err := k.known(string(rest[:keyIDLength]), subject)
	if err != nil {
		return nil, err
	}
	return newStream(key, header, place)
}

// Opened reads a sealed file from anywhere in it (io.ReadSeeker, for http.ServeContent). That nothing was cut off is
// known before the first byte is given, because its last chunk was opened; every byte given is authentic.
type Opened struct {
	sealed io.ReadSeeker
	at     int64 // where sealed stands
	stream *stream
	chunks int64
	size   int64 // of the plaintext
	pos    int64
	held   int64 // which chunk is in plain; -1: none
	plain  []byte
	buf    []byte
	close  []io.Closer
}

// OpenAt opens what SealFile sealed with the same subject and place, for reading from the middle.
func (k *Keyring) OpenAt(subject, place string, sealed io.ReadSeeker) (*Opened, error) {
	total, err := sealed.Seek(0, io.SeekEnd)
	if err != nil {
		return nil, err
	}
	if _, err := sealed.Seek(0, io.SeekStart); err != nil {
		return nil, err
	}
	const step = chunkSize + gcmTagSize
	body := total - int64(headerSize)
	chunks := (body + step - 1) / step
	last := body - (chunks-1)*step
	if chunks < 1 || last < gcmTagSize || last == gcmTagSize && chunks > 1 { // only an empty file has an empty chunk
		return nil, ErrDamaged
	}
	s, err := k.openStream(subject, place, sealed)
	if err != nil {
		return nil, err
	}
	o := &Opened{sealed: sealed, at: int64(headerSize), stream: s, chunks: chunks, size: body - chunks*gcmTagSize, held: -1,
		plain: make([]byte, 0, chunkSize), buf: make([]byte, step)}
	return o, o.load(chunks - 1)
}

// Size is the length of the plaintext in bytes.
func (o *Opened) Size() int64 { return o.size }

func (o *Opened) Read(p []byte) (int, error) {
	if o.pos >= o.size {
		return 0, io.EOF
	}
	if i := o.pos / chunkSize; i != o.held {
		if err := o.load(i); err != nil {
			return 0, err
		}
	}
	n := copy(p, o.plain[o.pos%chunkSize:])
	o.pos += int64(n)
	return n, nil
}

// load opens one chunk.
func (o *Opened) load(i int64) error {
	const step = chunkSize + gcmTagSize
	o.held = -1
	from := int64(headerSize) + i*step
	if from != o.at {
		if _, err := o.sealed.Seek(from, io.SeekStart); err != nil {
			return err
		}
		o.at = from
	}
	length := min(step, o.size+o.chunks*gcmTagSize-i*step)
	n, err := io.ReadFull(o.sealed, o.buf[:length])
	o.at += int64(n)
	if err != nil {
		return damagedAtEnd(err)
	}
	last := i == o.chunks-1
	plain, err := o.stream.aead.Open(o.plain[:0], o.stream.nonceOf(uint64(i), last), o.buf[:length], o.stream.bound) //nolint:gosec // chunks are counted from 0
	if err != nil {
		return ErrDamaged
	}
	o.plain, o.held = plain, i
	return nil
}

// Seek sets where the next Read begins (io.Seeker).
func (o *Opened) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekCurrent:
		offset += o.pos
	case io.SeekEnd:
		offset += o.size
	}
	if offset < 0 {
		return 0, errors.New("phi: seek before the start of a file")
	}
	o.pos = offset
	return offset, nil
}

// Close closes what the bytes come from.
func (o *Opened) Close() error {
	var failures []error
	for _, c := range o.close {
		failures = append(failures, c.Close())
	}
	return errors.Join(failures...)
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
	s.count++
	return s.nonceOf(s.count-1, last)
}

func (s *stream) nonceOf(chunk uint64, last bool) []byte {
	binary.BigEndian.PutUint64(s.nonce[3:11], chunk)
	s.nonce[11] = 0
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

// NewSealedFile makes a file that can be set on a PocketBase file field: what source gives (size bytes), sealed while it
// is stored. Its stored name is random and says nothing. The place must be known again at opening, so it names the record
// and not the stored file.
func NewSealedFile(k *Keyring, subject, place string, source filesystem.FileReader, size int64) *filesystem.File {
	name := strings.ToLower(rand.Text()) + ".bin"
	chunks := max(1, (size+chunkSize-1)/chunkSize)
	return &filesystem.File{Name: name, OriginalName: name, Size: int64(headerSize) + size + chunks*gcmTagSize,
		Reader: &sealedSource{k, subject, place, source}}
}

// IsSealed tells whether a file that is about to be stored comes from NewSealedFile.
func IsSealed(f *filesystem.File) bool {
	_, ok := f.Reader.(*sealedSource)
	return ok
}

type sealedSource struct {
	ring           *Keyring
	subject, place string
	source         filesystem.FileReader
}

// Open begins to seal. PocketBase calls it right before the row is written.
func (s *sealedSource) Open() (io.ReadSeekCloser, error) {
	key, err := s.ring.forWriting(s.subject)
	if err != nil {
		return nil, err
	}
	plain, err := s.source.Open()
	if err != nil {
		return nil, err
	}
	return &sealingFile{sealing: sealing{key: key, place: s.place, plain: plain}, plain: plain}, nil
}

type sealingFile struct {
	sealing
	plain io.ReadSeekCloser
}

// Seek goes back to the start alone, which is what PocketBase does once it has looked at the first bytes. The file is
// then sealed anew, under another salt.
func (s *sealingFile) Seek(offset int64, whence int) (int64, error) {
	if offset != 0 || whence != io.SeekStart {
		return 0, errors.New("phi: a file that is being sealed is read from its start")
	}
	s.sealing = sealing{key: s.key, place: s.place, plain: s.plain, buf: s.buf, next: s.next, ahead: s.ahead}
	return s.plain.Seek(0, io.SeekStart)
}

func (s *sealingFile) Close() error { return s.plain.Close() }

// OpenStored opens what NewSealedFile sealed, for reading from anywhere in it: on disk, or in S3, where each jump is one
// request for a range. fileKey is the file's key in PocketBase's storage, for example
// record.BaseFilesPath() + "/" + record.GetString("pdf"). Close it.
func OpenStored(ctx context.Context, app core.App, subject, place, fileKey string) (*Opened, error) {
	ring, err := KeyringOf(app)
	if err != nil {
		return nil, err
	}
	storage, err := app.NewFilesystem()
	if err != nil {
		return nil, err
	}
	storage.SetContext(ctx)
	r, err := storage.GetReader(fileKey)
	if err != nil {
		return nil, errors.Join(err, storage.Close())
	}
	o, err := ring.OpenAt(subject, place, r)
	if err != nil {
		return nil, errors.Join(err, r.Close(), storage.Close())
	}
	o.close = []io.Closer{r, storage}
	return o, nil
}

// OpenSealedFile reads the whole of a file that NewSealedFile sealed.
func OpenSealedFile(app core.App, subject, place, fileKey string) ([]byte, error) {
	o, err := OpenStored(context.Background(), app, subject, place, fileKey)
	if err != nil {
		return nil, err
	}
	defer func() { _ = o.Close() }()
	return io.ReadAll(o)
}
