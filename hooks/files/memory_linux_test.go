package files_test

import (
	"os/exec"
	"syscall"
	"testing"
)

// peakOf is the largest resident size of an ended process in MB (getrusage(2): ru_maxrss is in kB on Linux).
func peakOf(t *testing.T, ended *exec.Cmd) int {
	t.Helper()
	usage, ok := ended.ProcessState.SysUsage().(*syscall.Rusage)
	if !ok {
		t.Fatal("the system does not say")
	}
	return int(usage.Maxrss / 1024)
}
