//go:build ignore

// Pack writes compiled zones into one zip, the same bytes for the same data: go run pack.go FOLDER VERSION OUT.
package main

import (
	"archive/zip"
	"bytes"
	"compress/flate"
	"io"
	"io/fs"
	"log"
	"os"
)

func main() {
	from, version, to := os.Args[1], os.Args[2], os.Args[3]
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	w.RegisterCompressor(zip.Deflate, func(w io.Writer) (io.WriteCloser, error) { return flate.NewWriter(w, flate.BestCompression) })
	add := func(name string, content []byte) error {
		f, err := w.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Deflate})
		if err == nil {
			_, err = f.Write(content)
		}
		return err
	}
	check := func(err error) {
		if err != nil {
			log.Fatal(err)
		}
	}
	check(add("VERSION", []byte(version)))
	zones := os.DirFS(from)
	check(fs.WalkDir(zones, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || path == "Factory" { // the zone of a machine that nobody has set up
			return err
		}
		content, err := fs.ReadFile(zones, path)
		if err != nil {
			return err
		}
		return add(path, content)
	}))
	check(w.Close())
	check(os.WriteFile(to, out.Bytes(), 0o644))
}
