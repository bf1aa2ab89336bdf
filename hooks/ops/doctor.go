package ops

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"
	"github.com/spf13/cobra"

	"anteroom/collections/zones"
	"anteroom/hooks/kernel"
	"anteroom/hooks/outbox"
	"anteroom/hooks/phi"
	"anteroom/hooks/scheduling"
)

// DoctorCommand is "anteroom doctor": what the operator should know of this clinic, in plain lines. It opens the files
// for reading alone, so that it may run beside a server, and where none can start.
func DoctorCommand(app core.App, version string) *cobra.Command {
	return &cobra.Command{
		Use:   "doctor",
		Short: "Look whether all is well: zones, database, keys, mail, disk",
		Long: "Look whether all is well: zones, database, keys, mail, disk.\nNothing is changed, and a server may run meanwhile. " +
			"It ends with 1 when something is broken, or when a region changed its clocks and visits wait for a decision.",
		Args:        cobra.NoArgs,
		Annotations: map[string]string{OpensNothing: "yes"},
		RunE: func(c *cobra.Command, _ []string) error {
			return examine(c.Context(), c.OutOrStdout(), app.DataDir(), version)
		},
	}
}

// doctor writes findings, and counts those that somebody must look after.
type doctor struct {
	w     io.Writer
	grave int
}

func (d *doctor) well(what, format string, args ...any) { d.line("ok", what, format, args...) }

func (d *doctor) warn(what, format string, args ...any) { d.line("warning", what, format, args...) }

func (d *doctor) broken(what, format string, args ...any) {
	d.grave++
	d.line("BROKEN", what, format, args...)
}

func (d *doctor) line(state, what, format string, args ...any) {
	_, _ = fmt.Fprintf(d.w, "%-8s %-10s %s\n", state, what, fmt.Sprintf(format, args...))
}

func examine(ctx context.Context, w io.Writer, dir, version string) error {
	if _, err := os.Stat(filepath.Join(dir, "data.db")); err != nil {
		return fmt.Errorf("there is no clinic in %s: is --dir the right directory?", dir)
	}
	d := &doctor{w: w}
	d.well("program", "Anteroom %s", version)
	d.well("data", "%s", dir)
	cfg, err := kernel.LoadConfig(os.Getenv, modeOf(dir))
	if err != nil {
		d.broken("settings", "%v", err)
	}
	d.lookAtZones()
	d.lookAtDatabase(ctx, dir)
	d.lookAtKeys(ctx, cfg, dir)
	d.lookAtMail(cfg)
	d.lookAtDisk(dir)
	if d.grave == 1 {
		return errors.New("one thing needs somebody: it is marked above")
	}
	if d.grave > 0 {
		return fmt.Errorf("%d things need somebody: they are marked above", d.grave)
	}
	return nil
}

// modeOf tells what a data directory is used for, by the marks that demo and development leave.
func modeOf(dir string) kernel.Mode {
	for mark, mode := range map[string]kernel.Mode{"demo.json": kernel.Demo, developed: kernel.Dev} {
		if _, err := os.Stat(filepath.Join(dir, mark)); err == nil {
			return mode
		}
	}
	return kernel.Production
}

func (d *doctor) lookAtZones() {
	d.well("zones", "%s, %s", zones.Version(), zones.Source())
	switch machine := zones.MachineVersion(); {
	case machine == "" && zones.Source() == zones.BuiltIn:
		d.well("zones", "this computer's data says no version, and is not used")
	case zones.Older(machine, zones.Version()):
		d.warn("zones", "this computer's data is older, %s, and is not used", machine)
	}
}

func (d *doctor) lookAtDatabase(ctx context.Context, dir string) {
	for _, name := range []string{"data.db", "auxiliary.db"} {
		err := d.lookAtFile(ctx, filepath.Join(dir, name))
		switch {
		case err == nil:
			d.well("database", "%s is whole", name)
		case name == "auxiliary.db" && errors.Is(err, fs.ErrNotExist): // its lines are made anew
		default:
			d.broken("database", "%s: %v", name, err)
		}
	}
	if err := d.lookAtClocks(ctx, filepath.Join(dir, "data.db")); err != nil {
		d.broken("visits", "cannot be read: %v", err)
	}
}

func (d *doctor) lookAtFile(ctx context.Context, path string) error {
	db, err := kernel.OpenForReading(path)
	if err != nil {
		return err
	}
	return errors.Join(quickCheck(ctx, dbx.NewFromDB(db, "sqlite")), db.Close())
}

// lookAtClocks lists the visits whose region changed its clocks. They are named by id and never by client.
func (d *doctor) lookAtClocks(ctx context.Context, path string) error {
	db, err := kernel.OpenForReading(path)
	if err != nil {
		return err
	}
	changes, err := scheduling.ClockChanges(ctx, db, time.Now())
	if err = errors.Join(err, db.Close()); err != nil {
		return err
	}
	if len(changes) == 0 {
		d.well("visits", "every visit to come is at the time on the clock that was agreed")
		return nil
	}
	d.broken("visits", "the clocks were changed since %d visits to come were agreed; staff decide them at the desk:", len(changes))
	for _, c := range changes {
		_, _ = fmt.Fprintf(d.w, "         %s  %s  agreed %s %s  now %s %s\n", c.ID, c.Zone, c.Agreed.Date, c.Agreed.Time, c.Now.Date, c.Now.Time)
	}
	return nil
}

func (d *doctor) lookAtKeys(ctx context.Context, cfg kernel.Config, dir string) {
	file := cfg.KeyFile
	if file == "" {
		file = defaultKeyFile(dir)
	}
	path := filepath.Join(KeysDir(dir), "keys.db")
	key, err := phi.LoadClinicKey(cfg.EncryptionKey, file, false)
	if err == nil {
		err = phi.CheckKeys(ctx, path, key)
	}
	if errors.Is(err, phi.ErrWrongClinicKey) && cfg.EncryptionKey == "" && cfg.KeyFile == "" {
		if pending, none := phi.LoadClinicKey("", pendingKeyFile(dir), false); none == nil && phi.CheckKeys(ctx, path, pending) == nil {
			d.warn("keys", "a change of the clinic's key was interrupted; the next start finishes it")
			return
		}
	}
	if err != nil {
		d.broken("keys", "%v", err)
		return
	}
	d.well("keys", "%s opens with the clinic's key", path)
}

func (d *doctor) lookAtMail(cfg kernel.Config) {
	switch warning := outbox.Warning(cfg); {
	case warning != "":
		d.warn("mail", "%s", warning)
	case cfg.SMTPHost == "":
		d.well("mail", "kept on this computer, at /dev/mail")
	default:
		d.well("mail", "leaves by %s", cfg.SMTPHost)
	}
}

func (d *doctor) lookAtDisk(dir string) {
	free, total, err := space(dir)
	if err == nil {
		err = judgeSpace(free, total)
	}
	if err != nil {
		d.broken("disk", "%v", err)
		return
	}
	d.well("disk", "%d MB are free", free>>20)
}
