package phi

import (
	"encoding/base64"
	"strconv"
	"strings"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/hook"
)

// BindGuards keeps two triggers on every encrypted column, so that plaintext enters it by no door, raw SQL
// included. They are made in the transaction that creates or changes the collection.
func BindGuards(app core.App) {
	app.OnCollectionCreateExecute().Bind(&hook.Handler[*core.CollectionEvent]{Id: "phiGuards", Func: guardColumns})
	app.OnCollectionUpdateExecute().Bind(&hook.Handler[*core.CollectionEvent]{Id: "phiGuards", Func: guardColumns})
}

// guardColumns takes the triggers away before PocketBase changes the table, because a column that a trigger names
// cannot be dropped, and makes them for the columns there are afterwards.
func guardColumns(e *core.CollectionEvent) error {
	if e.Collection.IsView() {
		return e.Next()
	}
	outer := e.App
	defer func() { e.App = outer }() // hooks after the commit must not see a finished transaction
	return outer.RunInTransaction(func(tx core.App) error {
		e.App = tx
		var names []string
		err := tx.NonconcurrentDB().Select("name").From("sqlite_master").
			Where(dbx.HashExp{"type": "trigger"}).
			AndWhere(dbx.NewExp("substr(name, 1, length({:p})) = {:p}", dbx.Params{"p": guardPrefix(e.Collection)})).
			Column(&names)
		if err != nil {
			return err
		}
		for _, name := range names {
			if _, err := tx.NonconcurrentDB().NewQuery("DROP TRIGGER {{" + name + "}}").Execute(); err != nil {
				return err
			}
		}
		if err := e.Next(); err != nil {
			return err
		}
		for _, f := range encryptedFields(e.Collection) {
			for _, op := range []string{"INSERT", "UPDATE"} {
				if _, err := tx.NonconcurrentDB().NewQuery(guardSQL(e.Collection, f, op)).Execute(); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

func guardPrefix(c *core.Collection) string { return "sealed_" + c.Id + "_" }

// guardSQL is DDL, which takes no parameters; PocketBase has checked the names in it against ^\w+$.
// The shape asked for leaves no room for words: a key id, then nothing but base64 of at least nonce and tag.
func guardSQL(c *core.Collection, f *EncryptedField, op string) string {
	head := len(sealedPrefix) + keyIDLength + len(".")
	return strings.NewReplacer(
		"$trigger", guardPrefix(c)+f.Id+"_"+strings.ToLower(op),
		"$table", c.Name,
		"$column", f.Name,
		"$op", op,
		"$form", sealedPrefix+strings.Repeat("[a-z2-7]", keyIDLength)+".*",
		"$least", strconv.Itoa(head+base64.RawStdEncoding.EncodedLen(gcmNonceSize+gcmTagSize)),
		"$body", strconv.Itoa(head+1),
	).Replace(`CREATE TRIGGER {{$trigger}} BEFORE $op ON {{$table}}
		WHEN NEW.[[$column]] <> '' AND (
			NEW.[[$column]] NOT GLOB '$form'
			OR length(NEW.[[$column]]) < $least
			OR substr(NEW.[[$column]], $body) GLOB '*[^A-Za-z0-9+/]*')
		BEGIN SELECT RAISE(ABORT, 'plaintext in an encrypted column'); END`)
}
