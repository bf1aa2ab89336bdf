package audit

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// Queryer is *sql.DB or *sql.Tx.
type Queryer interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// ErrBroken is wrapped by every finding of Verify.
var ErrBroken = errors.New("the audit log was changed")

// String is the form that ParseHead reads: "<line>:<hash in hexadecimal>".
func (h Head) String() string {
	return strconv.FormatInt(h.Seq, 10) + ":" + hex.EncodeToString(h.Hash[:])
}

// ParseHead reads what String wrote.
func ParseHead(s string) (Head, error) {
	number, hash, _ := strings.Cut(s, ":")
	seq, err := strconv.ParseInt(number, 10, 64)
	raw, hexErr := hex.DecodeString(hash)
	if err != nil || hexErr != nil || seq < 0 || len(raw) != sha256.Size {
		return Head{}, errors.New("a head is a line number, a colon and 64 hexadecimal characters")
	}
	return Head{Seq: seq, Hash: [sha256.Size]byte(raw)}, nil
}

// Broken is what Verify found: the first line that is wrong, and whether the others hang together.
type Broken struct {
	Line int64 // the first that is wrong, or that is missing
	What string
	More int   // further places that are wrong
	Next int64 // the first of them
}

func (b *Broken) Error() string { return ErrBroken.Error() + ": " + b.Sentence() }

// Sentence says it to whoever asked.
func (b *Broken) Sentence() string {
	switch b.More {
	case 0:
		return b.What + "; everything else hangs together"
	case 1:
		return fmt.Sprintf("%s; one more place is wrong, line %d", b.What, b.Next)
	}
	return fmt.Sprintf("%s; %d more places are wrong, the next is line %d", b.What, b.More, b.Next)
}

// Is makes every finding an ErrBroken.
func (b *Broken) Is(target error) bool { return target == ErrBroken }

// Verify walks the chain from the first line to the last and returns its head. The error is a *Broken and names the first
// line that is wrong; the walk goes on from there with what is stored, so that it also tells how far the damage goes. A
// log cut off at its end is a shorter, intact chain, and so is one that was written anew from some line on with hashes to
// match: to find those, pass a head that was noted earlier, which must then be part of the chain.
func Verify(ctx context.Context, db Queryer, noted ...Head) (Head, error) {
	return VerifyTelling(ctx, db, nil, noted...)
}

// tellEvery is after how many lines a verification says how far it is.
const tellEvery = 1000

// VerifyTelling is Verify that says from time to time how many lines it has checked.
func VerifyTelling(ctx context.Context, db Queryer, tell func(checked int64), noted ...Head) (Head, error) {
	var broken *Broken
	wrong := func(line int64, format string, args ...any) {
		if broken == nil {
			broken = &Broken{Line: line, What: fmt.Sprintf(format, args...)}
			return
		}
		if broken.More++; broken.More == 1 {
			broken.Next = line
		}
	}
	missing := map[int64][]Head{}
	for _, h := range noted {
		missing[h.Seq] = append(missing[h.Seq], h)
	}
	delete(missing, 0)
	var last Head
	var checked int64
	err := eachLine(ctx, db, func(l line) error {
		before := Head{Seq: l.seq - 1}
		copy(before.Hash[:], l.prev)
		now := before.next(l.texts)
		gap := l.seq != last.Seq+1
		switch {
		case gap:
			wrong(last.Seq+1, "line %d is missing", last.Seq+1)
		case before.Hash != last.Hash || !bytes.Equal(l.hash, now.Hash[:]):
			wrong(l.seq, "line %d does not match its hash", l.seq)
		}
		if gap && !bytes.Equal(l.hash, now.Hash[:]) {
			wrong(l.seq, "line %d does not match its hash", l.seq)
		}
		last = Head{Seq: l.seq}
		copy(last.Hash[:], l.hash)
		for _, h := range missing[l.seq] {
			if h != last {
				wrong(l.seq, "line %d is not the one that was noted", l.seq)
				break
			}
		}
		delete(missing, l.seq)
		if checked++; tell != nil && checked%tellEvery == 0 {
			tell(checked)
		}
		return nil
	})
	if err != nil {
		return last, err
	}
	for _, seq := range slices.Sorted(maps.Keys(missing)) {
		if seq > last.Seq {
			wrong(last.Seq+1, "it ends at line %d, but line %d was noted", last.Seq, seq)
			break
		}
	}
	if broken != nil {
		return last, broken
	}
	return last, nil
}

// Export writes all lines as JSON, one object a line, and returns the last one. It writes what is there, intact or
// not: prev and hash are part of it.
func Export(ctx context.Context, db Queryer, w io.Writer) (Head, error) {
	out := bufio.NewWriter(w)
	var last Head
	err := eachLine(ctx, db, func(l line) error {
		last = Head{Seq: l.seq}
		copy(last.Hash[:], l.hash)
		text, err := l.json()
		if err != nil {
			return err
		}
		_, err = out.Write(text)
		return err
	})
	return last, errors.Join(err, out.Flush())
}

// json is the line as one object, in the order of the columns.
func (l line) json() ([]byte, error) {
	b := strconv.AppendInt([]byte(`{"seq":`), l.seq, 10)
	for i, column := range textColumns {
		value, err := json.Marshal(l.texts[i])
		if err != nil {
			return nil, err
		}
		if column == "details" && l.texts[i] != "" && json.Valid([]byte(l.texts[i])) {
			value = []byte(l.texts[i])
		}
		b = append(b, `,"`+column+`":`...)
		b = append(b, value...)
	}
	return fmt.Appendf(b, `,"prev":"%x","hash":"%x"}`+"\n", l.prev, l.hash), nil
}

// line is one row as it is stored.
type line struct {
	seq        int64
	texts      []string
	prev, hash []byte
}

// eachLine reads the log in one statement, so that it sees one moment of it while others append.
func eachLine(ctx context.Context, db Queryer, do func(line) error) error {
	rows, err := db.QueryContext(ctx, selectLines)
	if err != nil {
		return err
	}
	defer rows.Close()
	l := line{texts: make([]string, len(textColumns))}
	dest := []any{&l.seq}
	for i := range l.texts {
		dest = append(dest, &l.texts[i])
	}
	dest = append(dest, (*sql.RawBytes)(&l.prev), (*sql.RawBytes)(&l.hash))
	for rows.Next() {
		if err := rows.Scan(dest...); err != nil {
			return err
		}
		if err := do(l); err != nil {
			return err
		}
	}
	return rows.Err()
}
