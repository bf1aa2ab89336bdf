package ops

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/pocketbase/pocketbase/core"
	"github.com/spf13/cobra"

	"anteroom/hooks/audit"
	"anteroom/hooks/kernel"
	"anteroom/hooks/phi"
)

// KeysCommand is "anteroom keys". It works with the keyring of the app that it runs in, so it may run inside a server.
// It never shows key material.
func KeysCommand(app core.App) *cobra.Command {
	cmd := &cobra.Command{Use: "keys", Short: "Look at, replace and destroy the keys of the records"}
	cmd.AddCommand(showKeysCommand(app), rotateKeysCommand(app), destroyKeysCommand(app))
	return cmd
}

func showKeysCommand(app core.App) *cobra.Command {
	return &cobra.Command{
		Use:   "show",
		Short: "Say which clinic key is in use and how old the data keys are",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := phi.StateOf(app)
			if err != nil {
				return err
			}
			rotation := "never"
			if !s.LastRotation.IsZero() {
				rotation = s.LastRotation.UTC().Format("2006-01-02 15:04 UTC")
				if s.Unfinished {
					rotation += ", not finished: run \"anteroom keys rotate\" to go on"
				}
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "Clinic key          %s (fingerprint)\n  read from         %s\nClients with keys   %s\nErased clients      %s\nLast rotation       %s\nUnder old keys      %s values, %s old keys\n",
				s.Fingerprint, clinicKeySource(app), grouped(s.Clients), grouped(s.Erased), rotation, grouped(s.OldValues), grouped(s.OldKeys))
			return err
		},
	}
}

// clinicKeySource says where the clinic's key comes from.
func clinicKeySource(app core.App) string {
	cfg := kernel.ConfigOf(app)
	if cfg.EncryptionKey != "" {
		return "PHI_ENCRYPTION_KEY"
	}
	if cfg.KeyFile != "" {
		return "ANTEROOM_KEY_FILE, " + cfg.KeyFile
	}
	return defaultKeyFile(app.DataDir())
}

func rotateKeysCommand(app core.App) *cobra.Command {
	var keyFile string
	c := &cobra.Command{
		Use:   "rotate",
		Short: "Give every client a new data key and seal everything anew, or replace the clinic's key",
		Long: "Give every client a new data key, seal everything anew with it and forget the old keys. The clinic goes on working\n" +
			"meanwhile. Interrupted, it goes on when it is called again. Backups of the data from before open only with the copy of\n" +
			"keys.db of that time: make a backup of the data afterwards.\n\n" +
			"With --clinic-key, the key that the data keys are wrapped with is replaced instead; no record changes.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if cmd.Flags().Changed("clinic-key") {
				return rotateClinicKey(app, cmd.OutOrStdout(), kernel.FilePath(cmd.Context(), keyFile))
			}
			return rotateDataKeys(app, cmd)
		},
	}
	c.Flags().StringVar(&keyFile, "clinic-key", "", "file with the new clinic key; it is made when it is not there")
	return c
}

func rotateDataKeys(app core.App, cmd *cobra.Command) error {
	note := func(r audit.Result, details audit.Details) error {
		return app.RunInTransaction(func(tx core.App) error {
			return audit.Append(tx, audit.Entry{Actor: kernel.System(), Action: audit.RotateKeys, ResourceType: audit.Key, Result: r, Details: details})
		})
	}
	if err := note(audit.ResultOK, audit.Details{"state": "begun", "operator": operator()}); err != nil {
		return err
	}
	out := cmd.OutOrStdout()
	var said time.Time
	var at phi.Progress
	say := func() {
		said = time.Now()
		fmt.Fprintf(out, "re-sealed %s of %s values, %s of %s files\n", grouped(at.Values), grouped(at.AllValues), grouped(at.Files), grouped(at.AllFiles))
	}
	done, err := phi.RotateKeys(cmd.Context(), app, func(p phi.Progress) {
		at = p
		if time.Since(said) > time.Second {
			say()
		}
	})
	if errors.Is(err, phi.ErrRotating) {
		return err
	}
	details := audit.Details{"state": "done", "resumed": done.Resumed, "keys": done.Subjects, "values": done.Values, "files": done.Files,
		"forgotten": done.Forgotten, "kept": done.Kept, "unreadable": len(done.Unreadable)}
	if err != nil {
		if s, stateErr := phi.StateOf(app); stateErr == nil && !s.Unfinished { // all is done but emptying the log of keys.db
			return errors.Join(err, note(audit.ResultOK, details))
		}
		details["state"] = "interrupted"
		return fmt.Errorf("the rotation is not finished, everything stays readable, and the next \"anteroom keys rotate\" goes on: %w",
			errors.Join(err, note(audit.ResultFailed, details)))
	}
	if err := note(audit.ResultOK, details); err != nil {
		return err
	}
	say()
	if done.Resumed {
		fmt.Fprintln(out, "The rotation that was interrupted is finished.")
	} else {
		fmt.Fprintf(out, "%s data keys were replaced.\n", grouped(done.Subjects))
	}
	fmt.Fprintf(out, "%s old keys are forgotten. Copies of the data from before open only with the copy of keys.db of that time: make a backup of the data, and of keys.db, now.\n", grouped(done.Forgotten))
	if done.Kept > 0 {
		fmt.Fprintf(out, "%s old keys stay, because something under them could not be opened:\n", grouped(done.Kept))
	}
	for _, place := range done.Unreadable {
		fmt.Fprintln(out, "  not readable:", place)
	}
	return nil
}

// rotateClinicKey wraps the data keys with the key in newFile. Where the key is read from the default file, the new one
// takes its place: it is laid beside it first, so that a start after a crash finds whichever opens keys.db (OpenKeys).
func rotateClinicKey(app core.App, out io.Writer, newFile string) (result error) {
	cfg := kernel.ConfigOf(app)
	ring, err := phi.KeyringOf(app)
	if err != nil {
		return err
	}
	newFile, err = filepath.Abs(newFile)
	if err != nil {
		return err
	}
	inUse := defaultKeyFile(app.DataDir())
	byDefault := cfg.EncryptionKey == "" && cfg.KeyFile == ""
	if !byDefault {
		inUse = cfg.KeyFile
	}
	if abs, err := filepath.Abs(inUse); err == nil && inUse != "" && abs == newFile {
		return fmt.Errorf("%s is the key in use: name another file", newFile)
	}
	if inside, err := filepath.Rel(app.DataDir(), newFile); err == nil && filepath.IsLocal(inside) {
		return fmt.Errorf("%s lies in the data directory: whoever gets a backup of the data must not get the key with it", newFile)
	}
	key, err := phi.LoadClinicKey("", newFile, true)
	if err != nil {
		return err
	}
	if phi.Fingerprint(key) == ring.Fingerprint() {
		return fmt.Errorf("%s holds the key that is in use already; nothing was changed", newFile)
	}
	if byDefault {
		if err := writeKey(pendingKeyFile(app.DataDir()), key); err != nil {
			return err
		}
	}
	old := ring.Fingerprint()
	logErr := ring.RotateClinicKey(key)
	if ring.Fingerprint() != phi.Fingerprint(key) {
		return logErr // nothing was changed
	}
	err = app.RunInTransaction(func(tx core.App) error {
		return audit.Append(tx, audit.Entry{Actor: kernel.System(), Action: audit.RotateClinicKey, ResourceType: audit.Key,
			Details: audit.Details{"operator": operator(), "from": old, "to": ring.Fingerprint()}})
	})
	if err = errors.Join(logErr, err); err != nil { // in force all the same: what to set must be said
		defer func() { result = errors.Join(result, err) }()
	}
	fmt.Fprintf(out, "The clinic key is now %s (fingerprint), instead of %s.\n", ring.Fingerprint(), old)
	if byDefault {
		kept, err := takePendingKey(app.DataDir())
		if err != nil {
			return err
		}
		fmt.Fprintf(out, "It lies in %s; nothing needs to be set.\nThe old key is kept in %s: it opens copies of keys.db from before. Delete it with the last of them.\n", inUse, kept)
		fmt.Fprintf(out, "Keep a copy of %s away from this machine, and delete the file here.\n", newFile)
		return nil
	}
	if cfg.EncryptionKey != "" {
		fmt.Fprintf(out, "Before the next start, set PHI_ENCRYPTION_KEY to the content of %s, or remove it and set\n  ANTEROOM_KEY_FILE=%s\n", newFile, newFile)
	} else {
		fmt.Fprintf(out, "Before the next start, set\n  ANTEROOM_KEY_FILE=%s\n", newFile)
	}
	fmt.Fprintln(out, "The server that runs goes on without a restart. Keep the old key as long as a copy of keys.db from before exists: it alone opens that.")
	return nil
}

func defaultKeyFile(dataDir string) string { return filepath.Join(KeysDir(dataDir), "clinic.key") }

// pendingKeyFile is the new clinic key while it takes the default file's place.
func pendingKeyFile(dataDir string) string { return defaultKeyFile(dataDir) + ".new" }

// takePendingKey puts the pending key in the place of the default file, which is there at every moment, and keeps the
// old one beside it.
func takePendingKey(dataDir string) (kept string, err error) {
	file := defaultKeyFile(dataDir)
	old, err := os.ReadFile(file)
	if err != nil {
		return "", err
	}
	kept = file + "." + time.Now().UTC().Format("20060102-150405") + ".old"
	if err := writeFile(kept, old); err != nil {
		return "", err
	}
	if err := os.Rename(pendingKeyFile(dataDir), file); err != nil {
		return "", err
	}
	return kept, syncDir(filepath.Dir(file))
}

func writeKey(path string, key []byte) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) { // of an attempt that changed nothing
		return err
	}
	return errors.Join(writeFile(path, []byte(hex.EncodeToString(key)+"\n")), syncDir(filepath.Dir(path)))
}

func writeFile(path string, content []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, bytes.NewReader(content))
	return errors.Join(err, f.Sync(), f.Close())
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

func destroyKeysCommand(app core.App) *cobra.Command {
	var client, file string
	var yes bool
	c := &cobra.Command{
		Use:   "destroy",
		Short: "Make a client's record unreadable for good, once it need not be kept any more",
		Long: "Destroy a client's data keys once their record need not be kept any more. Everything sealed for the client becomes\n" +
			"unreadable, here and in every copy of the data. Without --yes it only says what it would do.",
		Args: func(cmd *cobra.Command, args []string) error { // before the data directory is opened: a mistake of usage
			if err := cobra.NoArgs(cmd, args); err != nil {
				return err
			}
			return cmd.ValidateRequiredFlags()
		},
		RunE: func(cmd *cobra.Command, _ []string) error {
			out := cmd.OutOrStdout()
			if !yes {
				return showErasure(app, out, client)
			}
			file := kernel.FilePath(cmd.Context(), file)
			proof, err := createNewFile(file)
			if err != nil {
				return err
			}
			defer proof.discard()
			e, err := EraseClient(app, client)
			if err != nil {
				return err
			}
			pdf, err := certificate(e)
			if err == nil {
				err = proof.keep(pdf)
			}
			if err != nil {
				return fmt.Errorf("the keys are destroyed, but the certificate could not be written: run the command again: %w", err)
			}
			values, files := e.totals()
			fmt.Fprintf(out, "The data keys of client %s are destroyed: %s values and %s files are unreadable, here and in every copy of the data.\n", client, grouped(values), grouped(files))
			fmt.Fprintf(out, "Copies of keys.db from before still hold the keys: delete them. The certificate is %s.\n", file)
			return nil
		},
	}
	c.Flags().StringVar(&client, "client", "", "the client's id")
	c.Flags().StringVar(&file, "certificate", "", "where the certificate is written, a new PDF file")
	c.Flags().BoolVar(&yes, "yes", false, "do it; it cannot be undone")
	for _, required := range []string{"client", "certificate"} {
		if err := c.MarkFlagRequired(required); err != nil {
			panic(err) // a fault of this file
		}
	}
	return c
}

// errNotDone ends a look at what a destruction would do.
var errNotDone = errors.New("nothing was changed: add --yes to destroy the keys, which cannot be undone")

func showErasure(app core.App, out io.Writer, id string) error {
	e, client, done, err := planErasure(app, id)
	if err != nil {
		return err
	}
	if done {
		fmt.Fprintf(out, "The keys of client %s were destroyed on %s. With --yes the certificate is written again.\n", id, e.At.Format(time.RFC3339))
		return errNotDone
	}
	if err := refuseErasure(app, client); err != nil {
		return err
	}
	gone, stays := e.lines()
	fmt.Fprintf(out, "Client %s\nBecomes unreadable, for everybody and for good:\n", id)
	for _, row := range gone {
		fmt.Fprintf(out, "  %-40s %s\n", row[0], row[1])
	}
	fmt.Fprintln(out, "Stays readable until its rows are removed:")
	for _, row := range stays {
		fmt.Fprintf(out, "  %-60s %s\n", row[0], row[1])
	}
	return errNotDone
}

// grouped writes 12,300.
func grouped(n int) string {
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
