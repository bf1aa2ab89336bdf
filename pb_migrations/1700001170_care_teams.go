package pb_migrations

import "github.com/pocketbase/pocketbase/core"

// Clinics that were running before care teams limited clinicians: whoever has seen a client, or will, is on their team.
// Without it their clinicians would not find the clients they treat.
func init() {
	core.AppMigrations.Register(func(app core.App) error {
		return run(app, `INSERT INTO care_team (id, client, clinician, staff, role, "from", until, created, updated)
			SELECT lower(substr(hex(randomblob(8)), 1, 15)), a.client, a.clinician, coalesce(max(c.staff), ''), 'member', '', '',
				strftime('%Y-%m-%d %H:%M:%fZ'), strftime('%Y-%m-%d %H:%M:%fZ')
			FROM appointments a JOIN clinicians c ON c.id = a.clinician
			WHERE a.status IN ('scheduled', 'confirmed', 'arrived', 'in_progress', 'completed', 'no_show')
				AND NOT EXISTS (SELECT 1 FROM care_team t WHERE t.client = a.client AND t.clinician = a.clinician)
			GROUP BY a.client, a.clinician`)
	}, noDown, "1700001170_care_teams.go")
}
