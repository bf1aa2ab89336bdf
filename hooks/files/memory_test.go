package files_test

import (
	"bytes"
	"fmt"
	"image"
	"os"
	"os/exec"
	"runtime/debug"
	"runtime/metrics"
	"strings"
	"testing"
	"time"

	"anteroom/hooks/files"
	"anteroom/hooks/kernel"
	"anteroom/hooks/testkit"
)

// TestMemoryOfPictures has a process of its own take one file in, and look at its memory meanwhile: what claims too much
// costs nothing, and the largest that is taken stays below 200 MB.
func TestMemoryOfPictures(t *testing.T) {
	if which := os.Getenv("FILES_TEST_PICTURE"); which != "" {
		takeOne(t, which)
		return
	}
	if testing.Short() {
		t.Skip("starts processes")
	}
	for name, most := range map[string]int{"bomb 16k": 32, "bomb 65k": 32, "profile bomb": 48, "40 MP JPEG": 200, "30 MP PNG": 200} {
		cost := costOf(t, name)
		t.Logf("%s: %d MB", name, cost)
		if cost > most {
			t.Errorf("%s took %d MB, at most %d", name, cost, most)
		}
	}
}

func takeOne(t *testing.T, which string) {
	c := testkit.New(t)
	data, err := os.ReadFile(os.Getenv("FILES_TEST_FILE"))
	if err != nil {
		t.Fatal(err)
	}
	debug.FreeOSMemory()
	before, peak, done := held(), uint64(0), make(chan struct{})
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		for {
			peak = max(peak, held())
			select {
			case <-done:
				return
			case <-time.After(time.Millisecond):
			}
		}
	}()
	_, err = files.Accept(c.App, bo, files.Offer{Client: testkit.Bo, Purpose: files.PurposeDocument, Name: "a", Reader: bytes.NewReader(data),
		Kinds: files.Images, MaxBytes: 40 << 20})
	close(done)
	<-watched
	if refused := strings.Contains(which, "bomb") && which != "profile bomb"; refused != (err != nil) {
		t.Fatal(err)
	}
	if err != nil && kernel.AsError(err).Reason != "IMAGE_TOO_LARGE" {
		t.Fatal(err)
	}
	fmt.Printf("took %d MB\n", (max(peak, before)-before)>>20)
}

// held is what the process has of the system's memory, in bytes.
func held() uint64 {
	s := []metrics.Sample{{Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/released:bytes"}}
	metrics.Read(s)
	return s[0].Value.Uint64() - s[1].Value.Uint64()
}

// costOf gives by how many MB a process grew while it took a file in.
func costOf(t *testing.T, which string) (mb int) {
	t.Helper()
	file := t.TempDir() + "/picture"
	var data []byte
	switch which {
	case "bomb 16k":
		data = pngClaiming(16000, 16000, 8, 6)
	case "bomb 65k":
		data = pngClaiming(65535, 65535, 8, 2)
	case "profile bomb":
		data = withChunk(pngOf(canvas(9, 9)), pngChunk("iCCP", append([]byte("p\x00\x00"), deflated(200<<20)...)))
	case "40 MP JPEG":
		data = jpegOf(7300, 5470)
	case "30 MP PNG":
		data = pngOf(image.NewNRGBA(image.Rect(0, 0, 6400, 4800)))
	}
	if err := os.WriteFile(file, data, 0o600); err != nil {
		t.Fatal(err)
	}
	child := exec.Command(os.Args[0], "-test.run", "^TestMemoryOfPictures$")
	child.Env = append(os.Environ(), "FILES_TEST_PICTURE="+which, "FILES_TEST_FILE="+file)
	out, err := child.CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", which, err, out)
	}
	if _, err := fmt.Sscanf(string(out[bytes.Index(out, []byte("took ")):]), "took %d MB", &mb); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return mb
}
