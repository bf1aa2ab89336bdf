//go:build linux

package files_test

import (
	"bytes"
	"image"
	"os"
	"os/exec"
	"strings"
	"testing"

	"anteroom/hooks/files"
	"anteroom/hooks/kernel"
	"anteroom/hooks/testkit"
)

// TestMemoryOfPictures has a process of its own take one file in, and asks the system how much memory and processor it
// took at most: what claims too much costs nothing, and the largest that is taken stays below 200 MB above an idle clinic.
func TestMemoryOfPictures(t *testing.T) {
	if which := os.Getenv("FILES_TEST_PICTURE"); which != "" {
		takeOne(t, which)
		return
	}
	if testing.Short() {
		t.Skip("starts processes")
	}
	idle, _ := costOf(t, "none")
	for name, most := range map[string]int{"bomb 16k": 32, "bomb 65k": 32, "profile bomb": 48, "40 MP JPEG": 200, "30 MP PNG": 200} {
		peak, seconds := costOf(t, name)
		t.Logf("%s: %d MB above %d MB, %.1f s of processor", name, peak-idle, idle, seconds)
		if peak-idle > most {
			t.Errorf("%s took %d MB, at most %d", name, peak-idle, most)
		}
	}
}

func takeOne(t *testing.T, which string) {
	c := testkit.New(t)
	if which == "none" {
		return
	}
	data, err := os.ReadFile(os.Getenv("FILES_TEST_FILE"))
	if err != nil {
		t.Fatal(err)
	}
	_, err = files.Accept(c.App, bo, files.Offer{Client: testkit.Bo, Purpose: files.PurposeDocument, Name: "a", Reader: bytes.NewReader(data),
		Kinds: files.Images, MaxBytes: 40 << 20})
	if refused := strings.Contains(which, "bomb") && which != "profile bomb"; refused != (err != nil) {
		t.Fatal(err)
	}
	if err != nil && kernel.AsError(err).Reason != "IMAGE_TOO_LARGE" {
		t.Fatal(err)
	}
}

// costOf gives the most memory in MB that the process held, and the seconds of processor that it took.
func costOf(t *testing.T, which string) (mb int, seconds float64) {
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
	if out, err := child.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", which, err, out)
	}
	return peakOf(t, child), child.ProcessState.UserTime().Seconds()
}
