package files

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"time"
)

// clamd speaks to ClamAV's daemon (clamd(8), INSTREAM): the length of each piece in four bytes, the piece, and a length of
// zero at the end. One file is one connection.
type clamd struct{ address string } // host:port, or the path of a socket

const (
	clamdDial  = 2 * time.Second
	clamdTotal = 20 * time.Second
	maxVerdict = 512 // bytes of an answer
)

// scan gives the name of what was found, or "" when the daemon says in so many words that nothing was. Anything else is
// an error, and then nothing is known of the file: no connection, a size limit, half an answer, another answer.
func (c clamd) scan(ctx context.Context, content io.Reader) (finding string, err error) {
	ctx, cancel := context.WithTimeout(ctx, clamdTotal)
	defer cancel()
	network := "tcp"
	if strings.HasPrefix(c.address, "/") {
		network = "unix"
	}
	conn, err := (&net.Dialer{Timeout: clamdDial}).DialContext(ctx, network, c.address)
	if err != nil {
		return "", fmt.Errorf("clamd: %w", err)
	}
	defer func() { _ = conn.Close() }()
	deadline, _ := ctx.Deadline()
	if err := conn.SetDeadline(deadline); err != nil {
		return "", err
	}
	defer context.AfterFunc(ctx, func() { _ = conn.Close() })() // when the program stops
	if err := send(conn, content); err != nil {
		return "", fmt.Errorf("clamd: %w", err)
	}
	answer, err := bufio.NewReader(io.LimitReader(conn, maxVerdict)).ReadString(0)
	if err != nil {
		return "", fmt.Errorf("clamd: the answer breaks off: %w", err)
	}
	return verdict(strings.TrimSuffix(answer, "\x00"))
}

func send(conn io.Writer, content io.Reader) error {
	if _, err := io.WriteString(conn, "zINSTREAM\x00"); err != nil {
		return err
	}
	piece := make([]byte, 4+64<<10)
	for {
		n, err := io.ReadFull(content, piece[4:])
		if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
			return err
		}
		binary.BigEndian.PutUint32(piece, uint32(n)) //nolint:gosec // at most 64 KiB
		if _, err := conn.Write(piece[:4+n]); err != nil || n == 0 {
			return err
		}
	}
}

func verdict(answer string) (string, error) {
	rest, ok := strings.CutPrefix(answer, "stream: ")
	if ok && rest == "OK" {
		return "", nil
	}
	if name, found := strings.CutSuffix(rest, " FOUND"); ok && found && name != "" {
		return name, nil
	}
	return "", fmt.Errorf("clamd answers %q", answer)
}
