// Command mutants asks whether the tests would notice. It takes one protection away at a time and runs the tests, which
// must fail:
//
//	trigger   a trigger of the database is dropped
//	index     a unique index is dropped
//	rule      a collection's API rule admits every member of staff
//	refusal   a function of the program that refuses (refuse…, require…, hold…, freeze…) lets everything pass
//	tx        a transaction is none: what was written stays when the rest fails
//
// The first three are applied to the database that the tests are cloned from (ANTEROOM_MUTANT, see hooks/testkit); the
// others to a copy of the sources. It prints a line for each and ends with the survivors.
//
//	go run ./.ci/mutants [-kind trigger,index] [-match regexp] [-list] [-minutes 60]
package main

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/printer"
	"go/token"
	"io/fs"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
)

// mutant is one protection that is taken away.
type mutant struct {
	kind, name string
	file       string // refusal, tx: the changed file
	text       []byte // and its text
}

func main() {
	kinds := flag.String("kind", "trigger,index,rule,refusal,tx", "which kinds, with commas")
	match := flag.String("match", "", "only mutants whose name matches")
	list := flag.Bool("list", false, "only name them")
	minutes := flag.Int("minutes", 240, "stop after so long")
	flag.Parse()
	log.SetFlags(0)

	all, err := mutants()
	if err != nil {
		log.Fatal(err)
	}
	wanted := regexp.MustCompile(*match)
	all = slices.DeleteFunc(all, func(m mutant) bool {
		return !slices.Contains(strings.Split(*kinds, ","), m.kind) || !wanted.MatchString(m.name)
	})
	if *list {
		for _, m := range all {
			fmt.Println(m.kind, m.name)
		}
		return
	}
	dir, err := os.MkdirTemp("", "mutants")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	if err := copySources(dir); err != nil {
		log.Fatal(err)
	}
	until := time.Now().Add(time.Duration(*minutes) * time.Minute)
	var survivors []string
	tried := 0
	for _, m := range all {
		if time.Now().After(until) {
			fmt.Printf("out of time after %d of %d\n", tried, len(all))
			break
		}
		started := time.Now()
		killed, by := try(dir, m)
		word := "killed by " + by
		switch {
		case by == notCompiled:
			word = "does not compile without it, not tried"
		case !killed:
			word = "SURVIVED"
			survivors = append(survivors, m.kind+" "+m.name)
			tried++
		default:
			tried++
		}
		fmt.Printf("%s %s: %s (%.0f s)\n", m.kind, m.name, word, time.Since(started).Seconds())
	}
	fmt.Printf("\n%d of %d killed\n", tried-len(survivors), tried)
	if len(survivors) > 0 {
		fmt.Println("survivors:\n  " + strings.Join(survivors, "\n  "))
		os.Exit(1)
	}
}

// mutants lists everything that can be taken away.
func mutants() ([]mutant, error) {
	var out []mutant
	// what the database holds is asked of a test that lists it
	cmd := exec.Command("go", "test", "-count=1", "-run", "TestMutantsOfTheDatabase", "-v", "./hooks/testkit")
	text, err := cmd.CombinedOutput()
	if err != nil {
		return nil, fmt.Errorf("%w: %s", err, text)
	}
	for _, line := range regexp.MustCompile(`mutant (\w+) (\S+)`).FindAllStringSubmatch(string(text), -1) {
		out = append(out, mutant{kind: line[1], name: line[2]})
	}
	err = filepath.WalkDir("hooks", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") || strings.Contains(path, "testkit") || strings.Contains(path, "demo") {
			return err
		}
		more, err := mutantsOf(path)
		out = append(out, more...)
		return err
	})
	return out, err
}

var refuses = regexp.MustCompile(`^(refuse|require|hold|freeze|judge|check|admit|forget)`)

// mutantsOf changes one file, one place at a time.
func mutantsOf(path string) ([]mutant, error) {
	source, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var out []mutant
	for i := 0; ; i++ {
		fset := token.NewFileSet()
		file, err := parser.ParseFile(fset, path, source, parser.ParseComments)
		if err != nil {
			return nil, err
		}
		kind, name := change(file, fset, i)
		if kind == "" {
			return out, nil
		}
		if kind == "none" {
			continue
		}
		var b bytes.Buffer
		if err := printer.Fprint(&b, fset, file); err != nil {
			return nil, err
		}
		out = append(out, mutant{kind, name, path, b.Bytes()})
	}
}

// change applies the i-th change of a file and names it; no kind when there are not so many.
func change(file *ast.File, fset *token.FileSet, i int) (kind, name string) {
	n := 0
	ast.Inspect(file, func(node ast.Node) bool {
		if kind != "" {
			return false
		}
		switch x := node.(type) {
		case *ast.FuncDecl:
			if refuses.MatchString(x.Name.Name) && x.Body != nil {
				if n == i {
					kind, name = "none", ""
					if pass := passing(x); pass != nil {
						x.Body.List = pass
						kind, name = "refusal", fset.Position(x.Pos()).Filename+":"+x.Name.Name
					}
				}
				n++
			}
		case *ast.CallExpr:
			s, ok := x.Fun.(*ast.SelectorExpr)
			if ok && s.Sel.Name == "RunInTransaction" && len(x.Args) == 1 {
				if n == i {
					kind, name = "tx", fmt.Sprint(fset.Position(x.Pos()).Filename, ":", fset.Position(x.Pos()).Line)
					fun := x.Args[0]
					if lit, ok := fun.(*ast.FuncLit); ok {
						fun = &ast.ParenExpr{X: lit}
					}
					x.Fun, x.Args = fun, []ast.Expr{s.X}
				}
				n++
			}
		}
		return kind == ""
	})
	return kind, name
}

// passing is the body of a function that refuses nothing, or nil where no simple one exists: a hook goes on, a check of
// one error result gives none. Parameters stay used, so that it compiles.
func passing(f *ast.FuncDecl) []ast.Stmt {
	if f.Type.Results == nil || len(f.Type.Results.List) != 1 {
		return nil
	}
	result, ok := f.Type.Results.List[0].Type.(*ast.Ident)
	if !ok || result.Name != "error" {
		return nil
	}
	if p := f.Type.Params.List; len(p) == 1 && len(p[0].Names) == 1 {
		if star, ok := p[0].Type.(*ast.StarExpr); ok {
			if s, ok := star.X.(*ast.SelectorExpr); ok && strings.HasSuffix(s.Sel.Name, "Event") {
				return []ast.Stmt{&ast.ReturnStmt{Results: []ast.Expr{&ast.CallExpr{Fun: &ast.SelectorExpr{X: p[0].Names[0], Sel: ast.NewIdent("Next")}}}}}
			}
		}
	}
	return []ast.Stmt{&ast.ReturnStmt{Results: []ast.Expr{ast.NewIdent("nil")}}}
}

// copySources makes the directory in which files are changed. Tests of the web app are not run there.
func copySources(dir string) error {
	out, err := exec.Command("git", "ls-files").Output()
	if err != nil {
		return err
	}
	for _, name := range strings.Fields(string(out)) {
		if strings.HasPrefix(name, "web/") {
			continue
		}
		raw, err := os.ReadFile(name)
		if err != nil {
			continue // removed and not yet committed
		}
		to := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(to, raw, 0o644); err != nil {
			return err
		}
	}
	return nil
}

const notCompiled = "not compiled"

// Tests that compare lists would notice anything that is missing by its name: that is no proof that it works.
const lists = "TestDoorsDocument|TestDoorsTryEvery|TestRulesOfCollections|TestRulesOfFields|TestEveryRouteIsInTheInventory"

// try runs the tests with one mutant and tells which test noticed.
func try(dir string, m mutant) (killed bool, by string) {
	env := append(os.Environ(), "ANTEROOM_MUTANT="+m.kind+" "+m.name)
	// the likeliest first
	packages := [][]string{{"-run", "TestDoors|TestRulesAdmitTheirRoles|TestCliniciansSeeNothingOutOfReach", "./hooks"}, {"./hooks"}, {"./hooks/scheduling", "./hooks/forms", "./hooks/billing", "./hooks/identity", "./hooks/audit", "./hooks/records"}}
	if m.file != "" {
		env = os.Environ()
		original, err := os.ReadFile(filepath.Join(dir, m.file))
		if err != nil {
			log.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, m.file), m.text, 0o644); err != nil {
			log.Fatal(err)
		}
		defer func() {
			if err := os.WriteFile(filepath.Join(dir, m.file), original, 0o644); err != nil {
				log.Fatal(err)
			}
		}()
		packages = [][]string{{"./" + filepath.Dir(m.file)}, {"./hooks"}}
	}
	for _, p := range packages {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
		cmd := exec.CommandContext(ctx, "go", slices.Concat([]string{"test", "-count=1", "-failfast", "-skip", lists}, p)...)
		cmd.Dir, cmd.Env = dir, env
		text, err := cmd.CombinedOutput()
		cancel()
		if err == nil {
			continue
		}
		if names := regexp.MustCompile(`(?m)^\s*--- FAIL: (\S+)`).FindSubmatch(text); names != nil {
			return true, string(names[1])
		}
		if bytes.Contains(text, []byte("[build failed]")) || bytes.Contains(text, []byte("[setup failed]")) {
			return true, notCompiled
		}
		return true, "a failure without a name"
	}
	return false, ""
}
