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

// Verify walks the chain from the first line and returns its head. The error names the first line that is wrong,
// wrapping ErrBroken. A log cut off at its end is a shorter, intact chain: to find that, pass a head that was noted
// earlier, which must then be part of the chain.
func Verify(ctx context.Context, db Queryer, noted ...Head) (Head, error) {
	var head Head
	missing := map[int64]Head{}
	for _, h := range noted {
		missing[h.Seq] = h
	}
	err := eachLine(ctx, db, func(l line) error {
		if l.seq != head.Seq+1 {
			return fmt.Errorf("%w: line %d is missing", ErrBroken, head.Seq+1)
		}
		next := head.next(l.texts)
		if !bytes.Equal(l.prev, head.Hash[:]) || !bytes.Equal(l.hash, next.Hash[:]) {
			return fmt.Errorf("%w: line %d does not match its hash", ErrBroken, l.seq)
		}
		head = next
		if h, ok := missing[head.Seq]; ok {
			if h != head {
				return fmt.Errorf("%w: line %d is not the one that was noted", ErrBroken, l.seq)
			}
			delete(missing, head.Seq)
		}
		return nil
	})
	for seq := range missing {
		if err == nil && seq > 0 {
			err = fmt.Errorf("%w: it ends at line %d, but line %d was noted", ErrBroken, head.Seq, seq)
		}
	}
	return head, err
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
