package forms

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/pocketbase/pocketbase/core"
	"github.com/spf13/cobra"

	"anteroom/collections"
	"anteroom/hooks/audit"
	"anteroom/hooks/kernel"
)

// Command is "anteroom forms". Its errors are sentences; main turns them into the exit code.
func Command(app core.App) *cobra.Command {
	c := &cobra.Command{Use: "forms", Short: "Import and export form templates (FHIR R4 Questionnaires)"}
	c.AddCommand(importCommand(app), exportCommand(app))
	return c
}

func importCommand(app core.App) *cobra.Command {
	var how Import
	c := &cobra.Command{
		Use:   "import FILE...",
		Short: "Keep questionnaires as the newest versions of their templates",
		Long: "Keep questionnaires as the newest versions of their templates. All files are checked before the first is kept.\n" +
			"A template that exists is not changed: a new version is made, and used for what is assigned from now on.",
		Args: cobra.MinimumNArgs(1),
		RunE: func(c *cobra.Command, files []string) error {
			if how.Type != "" && !slices.Contains(collections.FormTypes, how.Type) {
				return fmt.Errorf("--type is one of %v", collections.FormTypes)
			}
			if how.Slug != "" && len(files) > 1 {
				return errors.New("--slug goes with one file")
			}
			return importFiles(c.Context(), app, c.OutOrStdout(), files, how)
		},
	}
	c.Flags().StringVar(&how.Type, "type", "", "consent, intake, assessment or other")
	c.Flags().StringVar(&how.Slug, "slug", "", "name shared by all versions (made from the questionnaire unless given)")
	c.Flags().StringVar(&how.Title, "title", "", "what clients read (the questionnaire's title unless given)")
	c.Flags().BoolVar(&how.Signature, "signature", false, "the form cannot be sent without a signature")
	c.Flags().StringVar(&how.Attestation, "attestation", "", "what the person confirms; {name} becomes their name")
	return c
}

func importFiles(ctx context.Context, app core.App, out io.Writer, files []string, how Import) error {
	raws := make([][]byte, len(files))
	for i, file := range files {
		raw, err := readQuestionnaire(kernel.FilePath(ctx, file))
		if err != nil {
			return err
		}
		raws[i] = raw
	}
	return app.RunInTransaction(func(tx core.App) error {
		for i, raw := range raws {
			done, err := ImportQuestionnaire(tx, raw, how)
			if err != nil {
				return fmt.Errorf("%s: %w", files[i], err)
			}
			state := "unchanged"
			if done.New {
				state = "imported"
			}
			fmt.Fprintf(out, "%s: %s %s, version %s (%s)\n", files[i], state, done.Slug, done.Version, done.ID)
			for _, w := range done.Warnings {
				fmt.Fprintf(out, "  note: %s\n", w)
			}
		}
		return nil
	})
}

// readQuestionnaire reads no more than a questionnaire may have.
func readQuestionnaire(file string) ([]byte, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	raw, err := io.ReadAll(io.LimitReader(f, maxQuestionnaireBytes+1))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	if _, err := ParseQuestionnaire(raw); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return raw, nil
}

func exportCommand(app core.App) *cobra.Command {
	return &cobra.Command{
		Use:   "export ID FILE",
		Short: "Write a template's questionnaire into a new file; ID is its id or slug",
		Args:  cobra.ExactArgs(2),
		RunE: func(c *cobra.Command, args []string) error {
			raw, err := ExportQuestionnaire(app, args[0])
			if err != nil {
				return err
			}
			if err := audit.Read(app, audit.Entry{Actor: kernel.System(), Action: audit.ExportFormTemplate, ResourceType: audit.ResourceType("form_templates")}); err != nil {
				return err
			}
			// an earlier export is never overwritten
			name := kernel.FilePath(c.Context(), args[1])
			f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
			if err != nil {
				return err
			}
			_, err = f.Write(raw)
			if err = errors.Join(err, f.Close()); err != nil {
				return errors.Join(err, os.Remove(name))
			}
			_, err = fmt.Fprintf(c.OutOrStdout(), "%s written\n", args[1])
			return err
		},
	}
}
