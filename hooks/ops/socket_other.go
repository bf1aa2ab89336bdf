//go:build !linux

package ops

import "net"

// shortPath is the path itself: a data directory that lies too deep for a socket's address takes no commands beside a
// server, and the server says so when it starts.
func shortPath(dir string) (path string, done func(), err error) { return dir, func() {}, nil }

// sameUser: the mode of the socket's directory keeps others out.
func sameUser(*net.UnixConn) bool { return true }
