package realtime

import (
	"bufio"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

const sdkPath = "../../web/node_modules/pocketbase/dist/pocketbase.es.mjs"

// The page uses the SDK as its makers ship it: subscribing, hearing, being refused, and being signed out.
func TestStockSDK(t *testing.T) {
	if _, err := os.Stat(sdkPath); err != nil {
		t.Fatal("this test needs Node and the web app's packages: run npm ci in web/ first: ", err)
	}
	sdk, err := filepath.Abs(sdkPath)
	ok(t, err)
	c := open(t, nil)
	visit := c.save(c.visit("child"))
	heard := c.node(sdk, c.url, c.who["mum"].token, visit.Id)

	heard.until("refused", map[string]any{"status": 403.0, "reason": "TOPIC"})
	heard.until("ready", nil)
	c.save(c.visit("stranger"))
	visit.Set("status", "declined")
	c.save(visit)
	seen := map[string]map[string]any{}
	for range 3 { // nothing of the stranger's comes in between
		line := heard.next()
		seen[line["what"].(string)] = line
	}
	if p := seen["portal"]; p["type"] != "update" || p["collection"] != "appointments" || p["id"] != visit.Id || p["clientId"] != c.who["mum"].client {
		t.Errorf("portal: %v", p)
	}
	for _, what := range []string{"item", "one"} {
		if r, _ := seen[what]["record"].(map[string]any); seen[what]["action"] != "update" || r["status"] != "declined" || r["notes"] != "for child" {
			t.Errorf("%s: %v", what, seen[what])
		}
	}
	c.sessions.end(c.who["mum"].session)
	heard.until("signed out", map[string]any{"reason": "SESSION_ENDED"})
	select {
	case <-heard.exited: // nothing is left that would keep it running
	case <-time.After(10 * time.Second):
		t.Error("after it was signed out, the SDK goes on trying")
	}
}

type lines struct {
	c      *clinic
	lines  chan map[string]any
	exited chan struct{}
}

func (c *clinic) node(args ...string) *lines {
	cmd := exec.Command("node", append([]string{"testdata/sdk.mjs"}, args...)...)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	ok(c, err)
	ok(c, cmd.Start())
	l := &lines{c: c, lines: make(chan map[string]any, 100), exited: make(chan struct{})}
	go func() {
		defer close(l.exited)
		for scan := bufio.NewScanner(out); scan.Scan(); {
			var line map[string]any
			_ = json.Unmarshal(scan.Bytes(), &line)
			l.lines <- line
		}
		_ = cmd.Wait()
	}()
	c.Cleanup(func() { _ = cmd.Process.Kill() })
	return l
}

func (l *lines) next() map[string]any {
	l.c.Helper()
	select {
	case line := <-l.lines:
		return line
	case <-time.After(15 * time.Second):
		l.c.Fatal("the SDK says nothing")
		return nil
	}
}

// until waits for a line of that kind and compares what it says.
func (l *lines) until(what string, want map[string]any) {
	l.c.Helper()
	for {
		line := l.next()
		if line["what"] != what {
			continue
		}
		for k, v := range want {
			if line[k] != v {
				l.c.Errorf("%s: %v", what, line)
			}
		}
		return
	}
}
