package collections

import "github.com/pocketbase/pocketbase/core"

// Owners is the name of the collection of those who operate the server: PocketBase's superusers.
const Owners = core.CollectionNameSuperusers
