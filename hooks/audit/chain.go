package audit

import (
	"crypto/sha256"
	"database/sql"
	"encoding/binary"
	"errors"
	"strings"
	"time"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"

	"anteroom/hooks/kernel"
)

const table = "portal_audit_log"

const selectHead = "SELECT seq, hash FROM " + table + " ORDER BY seq DESC LIMIT 1"

// Statements over all columns, made from the one list of them: positional for database/sql, named for dbx.
var (
	allColumns  = "seq, " + strings.Join(textColumns, ", ") + ", prev, hash"
	insertLine  = "INSERT INTO " + table + " (" + allColumns + ") VALUES (?" + strings.Repeat(", ?", len(textColumns)+2) + ")"
	insertNamed = "INSERT INTO " + table + " (" + allColumns + ") VALUES ({:seq}, {:" + strings.Join(textColumns, "}, {:") + "}, {:prev}, {:hash})"
	selectLines = "SELECT " + allColumns + " FROM " + table + " ORDER BY seq"
)

// Head is the last line of a chain: its number and its hash. Kept elsewhere, it proves later that nothing was cut
// off the end.
type Head struct {
	Seq  int64
	Hash [sha256.Size]byte // all zero before the first line
}

// next is the head after one more line. Lengths go into the hash, so that no two lines read alike.
func (h Head) next(texts []string) Head {
	buf := make([]byte, 0, 512)
	buf = append(buf, h.Hash[:]...)
	buf = binary.BigEndian.AppendUint64(buf, uint64(h.Seq+1))
	for _, s := range texts {
		buf = binary.BigEndian.AppendUint32(buf, uint32(len(s)))
		buf = append(buf, s...)
	}
	return Head{Seq: h.Seq + 1, Hash: sha256.Sum256(buf)}
}

// scanHead reads the answer to selectHead.
func scanHead(scan func(dest ...any) error) (Head, error) {
	var h Head
	var hash []byte
	err := scan(&h.Seq, &hash)
	if errors.Is(err, sql.ErrNoRows) {
		return h, nil
	}
	if err == nil && copy(h.Hash[:], hash) != sha256.Size {
		err = errors.New("audit: the last line has no hash")
	}
	return h, err
}

// Append writes lines in the caller's transaction: they are kept or lost with it. The head is read in that same
// transaction, because the command line may have written since.
func Append(tx core.App, entries ...Entry) error {
	db, ok := tx.NonconcurrentDB().(*dbx.Tx)
	if !ok {
		return errors.New("audit.Append needs a transaction of data.db")
	}
	entries, err := markBrokenGlass(tx, entries)
	if err != nil {
		return err
	}
	lines, err := textsOf(entries)
	if err != nil {
		return err
	}
	head, err := scanHead(db.NewQuery(selectHead).Row)
	if err != nil {
		return err
	}
	defer countLines(entries) // a transaction that is given up is a refusal, and has the line of one
	return appendLines(head, lines, kernel.Now(tx), func(seq int64, texts []string, prev, hash []byte) error {
		params := dbx.Params{"seq": seq, "prev": prev, "hash": hash}
		for i, column := range textColumns {
			params[column] = texts[i]
		}
		_, err := db.NewQuery(insertNamed).Bind(params).Execute()
		return err
	})
}

func appendLines(head Head, lines [][]string, at time.Time, insert func(seq int64, texts []string, prev, hash []byte) error) error {
	for _, texts := range lines {
		texts[0] = at.Format(timeForm)
		next := head.next(texts)
		if err := insert(next.Seq, texts, head.Hash[:], next.Hash[:]); err != nil {
			return err
		}
		head = next
	}
	return nil
}
