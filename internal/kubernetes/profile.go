package kubernetes

import "encoding/json"

// Profile is what a sidecar of the container needs as an ephemeral one, as `kubectl debug
// --custom` reads it.
func (w *Workload) Profile(name string, o Options) ([]byte, error) {
	c, _, err := w.find(name)
	if err != nil {
		return nil, err
	}
	security, err := w.sidecarSecurity(c, o)
	if err != nil {
		return nil, err
	}
	return json.Marshal(map[string]*securityPatch{"securityContext": security})
}
