package audit

import (
	"errors"
	"fmt"
	"os"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"
	"github.com/spf13/cobra"

	"anteroom/hooks/kernel"
)

// Command is "anteroom audit". Checking only reads, so that it may run beside the server without its help; an export adds
// its own line. Errors are sentences; main turns them into the exit code.
func Command(app core.App) *cobra.Command {
	cmd := &cobra.Command{Use: "audit", Short: "Check and export the audit log"}
	cmd.AddCommand(verifyCommand(app), exportCommand(app))
	return cmd
}

func verifyCommand(app core.App) *cobra.Command {
	var noted []string
	cmd := &cobra.Command{
		Use:          "verify",
		Short:        "Check that no line of the audit log was changed, removed or inserted",
		Long:         "Check that no line of the audit log was changed, removed or inserted.\nLines cut off the end are found when you give a head that an earlier run printed.",
		Args:         cobra.NoArgs,
		SilenceUsage: true,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var heads []Head
			for _, s := range noted {
				head, err := ParseHead(s)
				if err != nil {
					return fmt.Errorf("--head %s: %w", s, err)
				}
				heads = append(heads, head)
			}
			db, err := database(app)
			if err != nil {
				return err
			}
			if app.HasTable("audit_heads") {
				kept, err := NotedHeads(cmd.Context(), db)
				if err != nil {
					return err
				}
				heads = append(heads, kept...)
			}
			head, err := Verify(cmd.Context(), db, heads...)
			if err != nil {
				return err
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "The audit log is intact: %d lines, head %s\n", head.Seq, head)
			return err
		},
	}
	cmd.Flags().StringArrayVar(&noted, "head", nil, "a head that must be part of the log, LINE:HASH")
	return cmd
}

func exportCommand(app core.App) *cobra.Command {
	return &cobra.Command{
		Use:          "export FILE",
		Short:        "Write the audit log into a new file, one JSON object a line",
		Args:         cobra.ExactArgs(1),
		SilenceUsage: true,
		RunE: func(cmd *cobra.Command, args []string) error {
			db, err := database(app)
			if err != nil {
				return err
			}
			// who saw whom is nobody else's business, and an earlier export is never overwritten
			name := kernel.FilePath(cmd.Context(), args[0])
			f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
			if err != nil {
				return err
			}
			// the copy has the line of its own making
			head, err := Head{}, Read(app, Entry{Actor: kernel.System(), Action: ExportAudit, ResourceType: AuditLog})
			if err == nil {
				head, err = Export(cmd.Context(), db, f)
			}
			if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
				return errors.Join(err, os.Remove(name))
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "%d lines, head %s\n", head.Seq, head)
			return err
		},
	}
}

func database(app core.App) (Queryer, error) {
	db, ok := app.ConcurrentDB().(*dbx.DB)
	if !ok {
		return nil, errors.New("the database is not open")
	}
	if !app.HasTable(table) {
		return nil, errors.New("there is no audit log here: is --dir the right directory?")
	}
	return db.DB(), nil
}
