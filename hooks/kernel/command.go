package kernel

import (
	"context"
	"path/filepath"
)

type workDirKey struct{}

// WithWorkDir notes from which directory a command was called: it may run in the server, which has another.
func WithWorkDir(ctx context.Context, dir string) context.Context {
	return context.WithValue(ctx, workDirKey{}, dir)
}

// FilePath is where a file lies that was named to a command: relative names count from the caller's directory.
func FilePath(ctx context.Context, name string) string {
	if dir, _ := ctx.Value(workDirKey{}).(string); dir != "" && !filepath.IsAbs(name) {
		return filepath.Join(dir, name)
	}
	return name
}
