package hooks_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"anteroom/hooks/testkit"
)

// source is one file of the program, tests and test tools left out.
type source struct {
	path string // from the root of the repository
	file *ast.File
}

func program(t *testing.T) []source {
	t.Helper()
	var out []source
	for _, root := range []string{"../main.go", "../collections", "../hooks"} {
		err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") || strings.Contains(path, "/testkit/") {
				return err
			}
			file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
			out = append(out, source{strings.TrimPrefix(path, "../"), file})
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if len(out) < 80 {
		t.Fatalf("only %d files", len(out))
	}
	return out
}

// plainSQL are the only statements of the program that write past the model, and so past rules and audit lines:
// bookkeeping, and the log itself. A table with rules of its own must not come in here.
var plainSQL = []string{
	"hooks/audit/chain.go: INSERT INTO", // the log, whose triggers are its rules
	"hooks/audit/chain.go: INSERT INTO",
	"hooks/audit/heads.go: INSERT INTO audit_heads", // one a day, beside the log
	"hooks/identity/factors.go: UPDATE mfa_factors", // a code's use, beside the line of what it opens
	"hooks/identity/failures.go: DELETE FROM sign_in_failures",
	"hooks/identity/failures.go: DELETE FROM sign_in_failures",
	"hooks/identity/failures.go: INSERT INTO sign_in_failures",
	"hooks/identity/login.go: UPDATE portal_sessions",            // a refresh token is spent once: one statement decides
	"hooks/identity/mailbox.go: DELETE FROM account_tokens",      // long dead
	"hooks/identity/passkeys.go: DELETE FROM passkey_challenges", // a challenge is answered once
	"hooks/identity/passkeys.go: DELETE FROM passkey_challenges",
	"hooks/identity/passkeys.go: INSERT INTO passkey_challenges",
	"hooks/identity/passkeys.go: UPDATE passkey_credentials", // its counter, beside the line of what it opens
	"hooks/identity/proof.go: UPDATE portal_sessions",        // a fresh proof, beside its line
	"hooks/identity/sessions.go: UPDATE portal_sessions",     // activity
	"hooks/identity/signin.go: UPDATE portal_users",          // last sign-in, beside its line
	"hooks/identity/waiting.go: DELETE FROM sign_in_attempts",
	"hooks/identity/waiting.go: INSERT INTO sign_in_attempts",
	"hooks/identity/waiting.go: UPDATE sign_in_attempts", // spent, sent, tried, ended
	"hooks/identity/waiting.go: UPDATE sign_in_attempts",
	"hooks/identity/waiting.go: UPDATE sign_in_attempts",
	"hooks/identity/waiting.go: UPDATE sign_in_attempts",
	"hooks/kernel/idempotency.go: DELETE FROM idempotency_keys",
	"hooks/kernel/lasting.go: INSERT INTO sign_in_failures",
	"hooks/ops/health.go: INSERT INTO server_heartbeat",
	"hooks/oversight/check.go: INSERT INTO audit_checked", // the last check
	"hooks/phi/keyring.go: INSERT INTO data_keys",         // keys.db
	"hooks/phi/keyring.go: INSERT INTO data_keys",
	"hooks/phi/keyring.go: UPDATE data_keys",
	"hooks/phi/rotate.go: DELETE FROM file_swaps", // keys.db
	"hooks/phi/rotate.go: INSERT INTO file_swaps",
	"hooks/phi/rotate.go: INSERT INTO rotations",
	"hooks/phi/rotate.go: UPDATE data_keys",
	"hooks/phi/rotate.go: UPDATE data_keys",
	"hooks/phi/rotate.go: UPDATE data_keys",
	"hooks/phi/rotate.go: UPDATE proof",
	"hooks/phi/rotate.go: UPDATE rotations",
	"hooks/phi/rotate.go: Update of any table", // the same value, or file, under another key
	"hooks/phi/rotate.go: Update of any table",
	"hooks/phi/schema.go: INSERT INTO data_keys", // keys.db
	"hooks/phi/schema.go: INSERT INTO proof",
	"hooks/scheduling/feeds.go: UPDATE calendar_feeds",   // when it was last read, beside the line
	"hooks/scheduling/reminders.go: UPDATE appointments", // when it was last reminded of, beside the reminder's line
}

var writes = regexp.MustCompile(`\b(INSERT (?:OR \w+ )?INTO|REPLACE INTO|DELETE FROM)\b *(\w*)|\b(UPDATE (?:OR \w+ )?)(\w+) SET\b`)

// TestNoCodeGoesAround: the doors that only our own code could use, it does not.
func TestNoCodeGoesAround(t *testing.T) {
	var found []string
	for _, s := range program(t) {
		ast.Inspect(s.file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.SelectorExpr:
				switch n.Sel.Name {
				case "SaveNoValidate", "SaveNoValidateWithContext", "UnsafeWithoutHooks", "NewAuthToken", "NewStaticAuthToken", "NewFileToken", "ImportCollections":
					t.Errorf("%s calls %s", s.path, n.Sel.Name)
				case "SetCaller":
					if s.path != "hooks/identity/check.go" {
						t.Errorf("%s says who the caller is: only the session check does", s.path)
					}
				case "ProvePhone":
					if s.path != "hooks/records/phone.go" {
						t.Errorf("%s says that a number is proven: only its code does", s.path)
					}
				}
			case *ast.KeyValueExpr: // an Actor of that kind is made, not compared
				if v, ok := n.Value.(*ast.SelectorExpr); ok && v.Sel.Name == "KindProcessor" && s.path != "hooks/billing/webhook.go" {
					t.Errorf("%s acts as the payment processor: only the webhook does", s.path)
				}
			case *ast.CallExpr: // dbx's own writers take a table's name
				if f, ok := n.Fun.(*ast.SelectorExpr); ok && len(n.Args) > 1 && slices.Contains([]string{"Insert", "Update", "Upsert", "Delete"}, f.Sel.Name) {
					if table, ok := n.Args[0].(*ast.BasicLit); ok {
						found = append(found, s.path+": "+f.Sel.Name+" "+table.Value)
					} else if call, ok := f.X.(*ast.CallExpr); ok {
						if db, ok := call.Fun.(*ast.SelectorExpr); ok && strings.HasSuffix(db.Sel.Name, "DB") {
							found = append(found, s.path+": "+f.Sel.Name+" of any table")
						}
					}
				}
			case *ast.BasicLit:
				if text, err := strconv.Unquote(n.Value); err == nil && n.Kind == token.STRING {
					for _, m := range writes.FindAllStringSubmatch(text, -1) {
						found = append(found, s.path+": "+strings.Join(strings.Fields(strings.Join(m[1:], " ")), " "))
					}
				}
			}
			return true
		})
	}
	slices.Sort(found)
	if !slices.Equal(found, plainSQL) {
		t.Errorf("the program writes by plain SQL:\n%s\nknown are:\n%s", strings.Join(found, "\n"), strings.Join(plainSQL, "\n"))
	}
}

var (
	quoted   = regexp.MustCompile("`([^`]+)`")
	goFile   = regexp.MustCompile(`^(hooks|collections|pb_migrations)/[\w/]+\.go$`)
	goTest   = regexp.MustCompile(`^Test\w+$`)
	goName   = regexp.MustCompile(`^\w+$`)
	testFunc = regexp.MustCompile(`(?m)^func (Test\w+)\(`)
)

// testsOfTheProgram are the names of all tests there are.
func testsOfTheProgram(t *testing.T) map[string]bool {
	t.Helper()
	tests := map[string]bool{}
	err := filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() && path == "../web" {
			return fs.SkipDir
		}
		if err != nil || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		text, err := os.ReadFile(path)
		for _, m := range testFunc.FindAllStringSubmatch(string(text), -1) {
			tests[m[1]] = true
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return tests
}

// TestDoorsDocument: docs/doors.md names every rule of the table, every trigger and every unique index, and what it names exists.
func TestDoorsDocument(t *testing.T) {
	raw, err := os.ReadFile("../docs/doors.md")
	if err != nil {
		t.Fatal(err)
	}
	tests, c := testsOfTheProgram(t), testkit.New(t)
	var names []string
	err = c.App.ConcurrentDB().NewQuery("SELECT name FROM sqlite_master WHERE type = 'trigger' AND name NOT LIKE 'sealed_%'").Column(&names)
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range uniqueIndexes(t, c) {
		names = append(names, x.Name)
	}
	rules, held, inTable := map[string]bool{}, map[string]bool{}, false
	for _, line := range strings.Split(string(raw), "\n") {
		cells := strings.Split(line, " | ")
		if !strings.HasPrefix(line, "| ") || line == "| rule | layer | test |" {
			inTable = strings.HasPrefix(line, "| ")
			continue
		}
		if !inTable || strings.HasPrefix(line, "| ---") {
			continue
		}
		if len(cells) != 3 {
			t.Errorf("not three cells: %s", line)
			continue
		}
		rules[strings.TrimPrefix(cells[0], "| ")] = true
		var code strings.Builder
		var unknown []string
		for _, m := range quoted.FindAllStringSubmatch(line, -1) {
			switch word := m[1]; {
			case goFile.MatchString(word):
				text, err := os.ReadFile("../" + word)
				if err != nil {
					t.Error(err)
				}
				code.Write(text)
			case goTest.MatchString(word):
				if !tests[word] {
					t.Errorf("there is no %s: %s", word, line)
				}
			case slices.Contains(names, word):
				held[word] = true
			case goName.MatchString(word):
				unknown = append(unknown, word)
			}
		}
		for _, word := range unknown {
			if !regexp.MustCompile(`\b` + word + `\b`).MatchString(code.String()) {
				t.Errorf("%s is in none of the files named: %s", word, line)
			}
		}
		if !strings.Contains(cells[2], "`Test") {
			t.Errorf("no test is named: %s", line)
		}
	}
	for _, r := range allRules() {
		if !rules[r.name] {
			t.Errorf("docs/doors.md does not say %q", r.name)
		}
	}
	for _, name := range names {
		if !held[name] {
			t.Errorf("docs/doors.md does not name %s", name)
		}
	}
}
