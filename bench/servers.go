package main

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"

	"github.com/pocketbase/pocketbase/apis"
	"github.com/pocketbase/pocketbase/core"
	_ "github.com/pocketbase/pocketbase/migrations"

	"anteroom/hooks"
	"anteroom/hooks/kernel"
	"anteroom/hooks/phi"
	_ "anteroom/pb_migrations"
)

func server(kind, root, addr string) error {
	switch kind {
	case "anteroom":
		app, err := openAnteroom(root)
		if err != nil {
			return err
		}
		return serve(app, addr)
	case "bare":
		app, err := openBare(root)
		if err != nil {
			return err
		}
		return serve(app, addr)
	case "floor":
		return serveFloor(root, addr)
	}
	return fmt.Errorf("no server %q", kind)
}

func serve(app core.App, addr string) error {
	app.OnServe().BindFunc(func(se *core.ServeEvent) error {
		se.InstallerFunc = nil
		se.Router.GET("/bench-ready", func(e *core.RequestEvent) error { return e.NoContent(http.StatusNoContent) })
		return se.Next()
	})
	return apis.Serve(app, apis.ServeConfig{HttpAddr: addr})
}

// openAnteroom opens the app as the program ships it.
func openAnteroom(root string) (core.App, error) {
	dir := filepath.Join(root, "anteroom")
	key := make([]byte, 32)
	ring, err := phi.OpenKeyring(filepath.Join(root, "anteroom.keys", "keys.db"), key)
	if err != nil {
		return nil, err
	}
	app := core.NewBaseApp(core.BaseAppConfig{DataDir: dir, DBConnect: kernel.DBConnect,
		DataMaxOpenConns: kernel.MaxConnections, DataMaxIdleConns: kernel.MaxConnections})
	hooks.Register(app, hooks.Options{Config: kernel.Config{Mode: kernel.Production, PublicURL: "http://127.0.0.1"}, Keyring: ring})
	if err := app.Bootstrap(); err != nil {
		return nil, err
	}
	return app, app.RunAllMigrations()
}

// openBare opens PocketBase with its own settings. Its schema is made in build.
func openBare(root string) (core.App, error) {
	core.AppMigrations = core.MigrationsList{} // ours are linked into this program and are none of its business
	app := core.NewBaseApp(core.BaseAppConfig{DataDir: filepath.Join(root, "bare")})
	return app, app.Bootstrap()
}

type floorRow struct {
	ID        string `json:"id"`
	Start     string `json:"startTime"`
	End       string `json:"endTime"`
	Status    string `json:"status"`
	Where     string `json:"serviceLocation"`
	Clinician string `json:"clinician"`
	First     string `json:"firstName"`
	Last      string `json:"lastName"`
	Title     string `json:"title"`
	Service   string `json:"appointmentType"`
	Place     string `json:"location"`
	Street    string `json:"street"`
	City      string `json:"city"`
}

// serveFloor answers the same rows with nothing around them.
func serveFloor(root, addr string) error {
	path := filepath.Join(root, "anteroom", "data.db")
	if _, err := os.Stat(path); err != nil {
		return err
	}
	db, err := sql.Open("sqlite", path+"?_pragma=busy_timeout(10000)&_pragma=query_only(1)&_pragma=temp_store(MEMORY)&_pragma=cache_size(-8000)&_pragma=mmap_size(1073741824)")
	if err != nil {
		return err
	}
	db.SetMaxOpenConns(kernel.MaxConnections)
	db.SetMaxIdleConns(kernel.MaxConnections)
	st, err := db.Prepare(`SELECT a.id, a.start_time, a.end_time, a.status, a.service_location, a.clinician, c.first_name, c.last_name, c.title,
		s.name, l.name, l.street, l.city FROM appointments a JOIN clinicians c ON c.id = a.clinician JOIN services s ON s.id = a.service
		JOIN locations l ON l.id = a.location WHERE a.client = ? AND a.status = 'completed' ORDER BY a.start_time DESC LIMIT 20`)
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/bench-ready", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
	mux.HandleFunc("/appointments", func(w http.ResponseWriter, r *http.Request) {
		rows, err := st.QueryContext(r.Context(), r.URL.Query().Get("client"))
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		defer rows.Close()
		out := make([]floorRow, 0, 20)
		for rows.Next() {
			var f floorRow
			if err := rows.Scan(&f.ID, &f.Start, &f.End, &f.Status, &f.Where, &f.Clinician, &f.First, &f.Last, &f.Title, &f.Service, &f.Place, &f.Street, &f.City); err != nil {
				http.Error(w, err.Error(), http.StatusInternalServerError)
				return
			}
			out = append(out, f)
		}
		if err := rows.Err(); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(map[string]any{"appointments": out})
	})
	return http.ListenAndServe(addr, mux)
}
