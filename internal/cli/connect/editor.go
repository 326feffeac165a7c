package connect

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/dlvgen/dlvgen/internal/visible"
	"github.com/dlvgen/dlvgen/variants"
)

// workspace is how VS Code and nvim-dap write the folder that they have open.
const workspace = "${workspaceFolder}"

// substitution is a path rule of DAP, from the client's side: From is local
// (github.com/go-delve/delve/service/dap, SubstitutePath). Both are needed, even where
// they are empty.
type substitution struct {
	From string `json:"from"`
	To   string `json:"to"`
}

// substitutions are the mappings as DAP has them. VS Code and nvim-dap replace ${...} in
// any string, ${command:...} by what a command of the editor answers, and neither has a way
// to write these characters: a path with them is an error.
func (t Target) substitutions() ([]substitution, error) {
	list := []substitution{}
	for _, m := range t.Mappings {
		for _, p := range []string{m.From, m.To} {
			if strings.Contains(p, "${") {
				return nil, fmt.Errorf("VS Code and Neovim would replace the ${...} in the path %q: use another client, or a path without it", p)
			}
		}
		s := substitution{From: m.To, To: m.From}
		if m.Kind == variants.PathModule && t.Workspace {
			s.From = workspace
		}
		list = append(list, s)
	}
	return list, nil
}

// title names the configuration in an editor.
func (t Target) title() string { return "dlvgen: " + t.Name }

// launch is VS Code's launch.json
// (https://github.com/golang/vscode-go/blob/master/docs/debugging.md).
type launch struct {
	Version        string `json:"version"`
	Configurations []any  `json:"configurations"`
}

// configuration has no stopOnEntry: a program that is held goes on when the
// breakpoints are set.
type configuration struct {
	Name           string         `json:"name"`
	Type           string         `json:"type"`
	Request        string         `json:"request"`
	Mode           string         `json:"mode"`
	DebugAdapter   string         `json:"debugAdapter"`
	Host           string         `json:"host"`
	Port           int            `json:"port"`
	SubstitutePath []substitution `json:"substitutePath"`
}

// VSCode is a .vscode/launch.json.
func (t Target) VSCode() (string, error) {
	rules, err := t.substitutions()
	if err != nil {
		return "", err
	}
	return launchFile(configuration{
		Name: t.title(), Type: "go", Request: "attach", Mode: "remote", DebugAdapter: "dlv-dap",
		Host: t.Host, Port: t.Port, SubstitutePath: rules,
	})
}

// launchFile is a launch.json with one configuration.
func launchFile(configuration any) (string, error) {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(launch{Version: "0.2.0", Configurations: []any{configuration}}); err != nil {
		return "", fmt.Errorf("encoding launch.json: %w", err)
	}
	return string(visible.JSON(b.Bytes())), nil
}

// runConfiguration is a run configuration of GoLand, type "Go Remote". Leaving the
// debugger leaves the program running.
type runConfiguration struct {
	XMLName       xml.Name `xml:"component"`
	Component     string   `xml:"name,attr"`
	Configuration struct {
		Default    bool      `xml:"default,attr"`
		Name       string    `xml:"name,attr"`
		Type       string    `xml:"type,attr"`
		Factory    string    `xml:"factoryName,attr"`
		Host       string    `xml:"host,attr"`
		Port       int       `xml:"port,attr"`
		Option     xmlOption `xml:"option"`
		Disconnect xmlOption `xml:"disconnect"`
		Method     struct {
			V int `xml:"v,attr"`
		} `xml:"method"`
	} `xml:"configuration"`
}

type xmlOption struct {
	Name  string `xml:"name,attr,omitempty"`
	Value string `xml:"value,attr"`
}

// GoLand is a .run/*.run.xml. It has no path rules: GoLand finds files by their path
// below the module's folder.
func (t Target) GoLand() (string, error) {
	r := runConfiguration{Component: "ProjectRunConfigurationManager"}
	c := &r.Configuration
	c.Name, c.Type, c.Factory = t.title(), "GoRemoteDebugConfigurationType", "Go Remote"
	c.Host, c.Port = t.Host, t.Port
	c.Option = xmlOption{Name: "disconnectOption", Value: "LEAVE"}
	c.Disconnect = xmlOption{Value: "LEAVE"}
	c.Method.V = 2
	data, err := xml.MarshalIndent(r, "", "  ")
	if err != nil {
		return "", fmt.Errorf("encoding the run configuration: %w", err)
	}
	return string(data) + "\n", nil
}

// Neovim is Lua for nvim-dap.
func (t Target) Neovim() (string, error) {
	list, err := t.substitutions()
	if err != nil {
		return "", err
	}
	var rules strings.Builder
	for _, s := range list {
		fmt.Fprintf(&rules, "    { from = %s, to = %s },\n", luaString(s.From), luaString(s.To))
	}
	return fmt.Sprintf(`local dap = require("dap")
dap.adapters.dlvgen = { type = "server", host = %s, port = %d }
dap.configurations.go = dap.configurations.go or {}
table.insert(dap.configurations.go, {
  type = "dlvgen",
  name = %s,
  request = "attach",
  mode = "remote",
  substitutePath = {
%s  },
})
`, luaString(t.Host), t.Port, luaString(t.title()), rules.String()), nil
}

// luaString is a string literal of Lua 5.1 and later: what is not printed stands as the
// decimal numbers of its bytes.
func luaString(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for rest := s; rest != ""; {
		_, size := utf8.DecodeRuneInString(rest)
		one := rest[:size]
		rest = rest[size:]
		switch {
		case one == `"` || one == `\`:
			b.WriteString(`\` + one)
		case visible.Text(one):
			b.WriteString(one)
		default:
			for _, octet := range []byte(one) {
				fmt.Fprintf(&b, `\%03d`, octet)
			}
		}
	}
	b.WriteByte('"')
	return b.String()
}
