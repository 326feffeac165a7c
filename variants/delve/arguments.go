package delve

import (
	"cmp"
	"errors"
	"fmt"

	"github.com/spf13/pflag"
)

const (
	dlvgens = "dlvgen sets it"
	starts  = "the program is started as in production, not by Delve"
)

// values are the flags of every shipped Delve that take a value, switches the others
// (cmd/dlv/cmds/commands.go), each with the reason why it cannot be added, if there is one.
var (
	values = map[string]string{
		"backend": "", "build-flags": "", "init": "", "log-dest": "", "log-output": "",
		"api-version": dlvgens, "listen": dlvgens + ": use --listen", "redirect": starts, "tty": starts, "wd": starts,
	}
	switches = map[string]string{
		"allow-non-terminal-interactive": "", "check-go-version": "", "disable-aslr": "", "log": "", "only-same-user": "",
		"accept-multiclient": dlvgens, "continue": dlvgens + ": use --start", "headless": dlvgens,
	}
)

// CheckArgs says why arguments cannot be added to Delve's command line. They must be
// complete flags of all of its commands.
func CheckArgs(args []string) error {
	fs := pflag.NewFlagSet("dlv", pflag.ContinueOnError)
	fs.Usage = func() {}
	for name := range values {
		fs.String(name, "", "")
	}
	for name := range switches {
		fs.Bool(name, false, "")
	}
	err := fs.Parse(args)
	if err != nil {
		return fmt.Errorf("Delve does not take it: %w", err)
	}
	fs.Visit(func(f *pflag.Flag) {
		if reason := cmp.Or(values[f.Name], switches[f.Name]); reason != "" {
			err = fmt.Errorf("--%s cannot be given to Delve: %s", f.Name, reason)
		}
	})
	switch {
	case err != nil:
		return err
	case fs.ArgsLenAtDash() >= 0:
		return errors.New("-- cannot be given to Delve: dlvgen adds the program's own arguments")
	case fs.NArg() > 0:
		return fmt.Errorf("%q is no flag: write flags with their values, such as --log-output=rpc", fs.Arg(0))
	}
	return nil
}
