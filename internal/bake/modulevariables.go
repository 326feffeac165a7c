package bake

import (
	"regexp"
	"slices"
	"strings"

	"github.com/tonistiigi/go-csvvalue"
)

// credentials are those of a URL, "https://NAME:PASSWORD@HOST". One such may stand in a list, as
// in GOPROXY, where the go command adds a scheme to what has none.
var credentials = regexp.MustCompile(`(^|[\s,|]|://)[^/?#\s,|]*(:[^/?#\s,|]*@|@[^\s,|]*[.:/])|://[^/?#\s,|]*@`)

// withModuleVariables takes these variables from the environment, unless the options set them:
// as build arguments, or as secrets where they have credentials, since provenance shows
// build arguments.
func (o Options) withModuleVariables(names []string, env Environment) Options {
	secrets := secretIDs(o.Secrets)
	var args []string
	for _, name := range names {
		value, _ := env.Lookup(name)
		switch {
		case slices.Contains(secrets, name): // the compile has it from there
		case credentials.MatchString(value) && !o.setsArg(name):
			o.Secrets = append(slices.Clip(o.Secrets), "id="+name+",env="+name)
		default:
			args = append(args, name)
		}
	}
	o.BuildArgs = slices.Concat(args, o.BuildArgs)
	return o
}

// setsArg says that the options have a build argument of that name.
func (o Options) setsArg(name string) bool {
	return slices.ContainsFunc(o.BuildArgs, func(arg string) bool {
		given, _, _ := strings.Cut(arg, "=")
		return given == name
	})
}

// secretIDs are those that --secret names.
func secretIDs(secrets []string) []string {
	var ids []string
	for _, arg := range secrets {
		fields, _ := csvvalue.Fields(arg, nil) // what is wrong with it is told where it is read
		for _, field := range fields {
			if id, ok := strings.CutPrefix(field, "id="); ok {
				ids = append(ids, id)
			}
		}
	}
	return ids
}
