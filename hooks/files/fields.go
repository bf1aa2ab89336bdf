package files

import (
	"io"
	"slices"
	"strings"

	validation "github.com/pocketbase/ozzo-validation/v4"
	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/filesystem"

	"anteroom/hooks/kernel"
	"anteroom/hooks/phi"
)

// bindFields guards every file field of every collection, whoever saves it: sealed bytes come from Accept and from the
// makers of documents, pictures for everybody (the clinic's logo) are drawn anew, and nothing else is taken.
func bindFields(app core.App) {
	app.OnRecordCreate().BindFunc(takeFiles)
	app.OnRecordUpdate().BindFunc(takeFiles)
}

func takeFiles(e *core.RecordEvent) error {
	for _, field := range e.Record.Collection().Fields {
		f, ok := field.(*core.FileField)
		if !ok {
			continue
		}
		for _, file := range e.Record.GetUnsavedFiles(f.Name) {
			if slices.Contains(sealedFiles, e.Record.Collection().Name) == phi.IsSealed(file) {
				if phi.IsSealed(file) {
					continue
				}
				if err := drawAnew(f, file); err != nil {
					return validation.Errors{f.Name: validation.NewError("validation_file", kernel.AsError(err).Message)}
				}
				continue
			}
			return validation.Errors{f.Name: validation.NewError("validation_file", "Files of this kind are not taken here.")}
		}
	}
	return e.Next()
}

// drawAnew replaces an offered picture by itself, decoded and encoded again. Its name keeps its random part, and an ending
// of what it is.
func drawAnew(f *core.FileField, file *filesystem.File) error {
	refused := kernel.Invalid("FILE_TYPE", "Only pictures are taken here.")
	if len(f.MimeTypes) == 0 {
		return refused
	}
	for _, m := range f.MimeTypes {
		if !Kind(m).image() {
			return refused
		}
	}
	r, err := file.Reader.Open()
	if err != nil {
		return err
	}
	defer func() { _ = r.Close() }()
	most := f.MaxSize
	if most <= 0 {
		most = core.DefaultFileFieldMaxSize
	}
	data, err := io.ReadAll(io.LimitReader(r, most+1))
	if err != nil {
		return err
	}
	if int64(len(data)) > most {
		return tooLarge()
	}
	kind := kindOf(data)
	if !slices.Contains(f.MimeTypes, string(kind)) {
		return kernel.Invalid("FILE_TYPE", "This kind of file cannot be taken. "+inWords(Images))
	}
	working <- struct{}{}
	clean, err := redraw(data, kind, 0, !slices.Contains(f.MimeTypes, string(JPEG)))
	<-working
	if err != nil {
		return err
	}
	name := file.Name
	if i := strings.IndexByte(name, '.'); i > 0 {
		name = name[:i]
	}
	file.Name, file.OriginalName = name+endings[clean.kind], "picture"+endings[clean.kind]
	file.Size, file.Reader = int64(len(clean.bytes)), &filesystem.BytesReader{Bytes: clean.bytes}
	return nil
}
