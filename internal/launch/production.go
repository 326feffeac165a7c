package launch

// Production is how the production image starts, as the plan at layout.Plan
// records it under the key "production". The plan has more keys; init reads these.
type Production struct {
	// Entrypoint and Cmd of the production image's config, each possibly empty.
	Entrypoint []string `json:"entrypoint"`
	Cmd        []string `json:"cmd"`
}
