package connect

// Core is a core dump as a client opens it.
type Core struct {
	// Name is the image's reference.
	Name string

	// Symbols is the file that has the program's debug information, File the core dump.
	Symbols, File string

	Mappings []Mapping
}

// Command is the command line of a Delve, without what is typed at its prompt.
func (c Core) Command(delve string) []string { return []string{delve, "core", c.Symbols, c.File} }

// Init is what is typed at Delve's prompt: see [Target.Init].
func (c Core) Init() ([]string, error) { return Target{Mappings: c.Mappings}.Init() }

// coreConfiguration opens a core dump in VS Code
// (https://github.com/golang/vscode-go/blob/master/docs/debugging.md).
type coreConfiguration struct {
	Name           string         `json:"name"`
	Type           string         `json:"type"`
	Request        string         `json:"request"`
	Mode           string         `json:"mode"`
	Program        string         `json:"program"`
	CoreFilePath   string         `json:"coreFilePath"`
	SubstitutePath []substitution `json:"substitutePath"`
}

// VSCode is a .vscode/launch.json.
func (c Core) VSCode() (string, error) {
	t := Target{Name: c.Name, Mappings: c.Mappings}
	rules, err := t.substitutions()
	if err != nil {
		return "", err
	}
	return launchFile(coreConfiguration{
		Name: t.title() + " core", Type: "go", Request: "launch", Mode: "core",
		Program: c.Symbols, CoreFilePath: c.File, SubstitutePath: rules,
	})
}
