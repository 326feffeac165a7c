package doctor

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/moby/moby/client"
	"golang.org/x/mod/semver"
)

// minAPI is that of Docker Engine 20.10, the oldest that dlvgen works with.
const minAPI = "1.41"

// checkEngine looks for Docker Engine.
func (d *Doctor) checkEngine(ctx context.Context) finding {
	e, err := d.engine(ctx)
	if err != nil {
		text, _, _ := strings.Cut(err.Error(), ": start it") // which is the remedy
		if d.Connect != nil {
			return skipped("%s; pods are debugged without it", text)
		}
		f := warning("start it, or choose another with DOCKER_HOST or `docker context use`: without it, `dlvgen debug`, `--load` and containers do not work", "%s", text)
		if d.Target != "" {
			f.Status = Failed
		}
		return f
	}
	var answer client.ServerVersionResult
	err = d.waits.Ask(ctx, "Docker Engine", func(ctx context.Context) (err error) {
		answer, err = e.ServerVersion(ctx, client.ServerVersionOptions{})
		return err
	})
	if err != nil {
		return failed("see `docker version`", "Docker Engine at %s does not tell its version: %s", e.DaemonHost(), err)
	}
	text := fmt.Sprintf("Docker Engine %s (API %s, %s/%s) at %s", answer.Version, answer.APIVersion, answer.Os, answer.Arch, e.DaemonHost())
	if semver.Compare("v"+answer.APIVersion, "v"+minAPI) < 0 {
		return failed("upgrade it to 20.10 or later", "%s is too old", text)
	}
	return found("%s", text)
}

// oldKernel is the first kernel in which seccomp looks at a system call behind ptrace: Docker's
// default profile forbids ptrace on older ones.
const oldKernel = "v4.8"

// checkProfiles says what seccomp, AppArmor and user namespaces of Docker Engine mean for ptrace.
func (d *Doctor) checkProfiles(ctx context.Context) finding {
	info, err := d.info(ctx)
	if err != nil {
		return skipped("there is no Docker Engine")
	}
	var names []string
	result := found("")
	worse := func(remedy, format string, args ...any) {
		result.Status, result.Remedy = Warning, remedy
		result.Details = append(result.Details, fmt.Sprintf(format, args...))
	}
	for _, option := range info.SecurityOptions {
		fields := optionFields(option)
		name, profile := fields["name"], fields["profile"]
		if profile != "" {
			name += " (" + profile + ")"
		}
		names = append(names, name)
		switch {
		case fields["name"] == "userns":
			worse("start the debugger with `--userns host`, or the daemon without \"userns-remap\"",
				"userns: containers are in a user namespace, and a sidecar in another one may not trace them")
		case fields["name"] != "seccomp" || profile == "unconfined":
		case profile != "" && profile != "default" && profile != "builtin":
			worse("look for ptrace and process_vm_readv in the profile, which is \"seccomp-profile\" in daemon.json",
				"seccomp: the profile is not Docker's, and may forbid ptrace")
		case semver.IsValid(kernelVersion(info.KernelVersion)) && semver.Compare(kernelVersion(info.KernelVersion), oldKernel) < 0:
			worse("use a kernel from 4.8 on, or run containers with --security-opt seccomp=unconfined",
				"seccomp: Docker's profile forbids ptrace on kernel %s", info.KernelVersion)
		}
	}
	if result.Found = "Docker Engine has " + strings.Join(names, ", "); len(names) == 0 {
		result.Found = "Docker Engine has no security profiles"
	}
	if result.Status == OK {
		result.Found += ", which let a debugger trace a container with the capability SYS_PTRACE"
	}
	return result
}

// optionFields reads "name=seccomp,profile=default".
func optionFields(option string) map[string]string {
	fields := map[string]string{}
	for field := range strings.SplitSeq(option, ",") {
		key, value, ok := strings.Cut(field, "=")
		if !ok {
			key, value = "name", field // Docker Engine before 17
		}
		fields[key] = value
	}
	return fields
}

// kernelVersion is "v6.18" of "6.18.33-generic".
func kernelVersion(release string) string {
	parts := strings.SplitN(release, ".", 3)
	if len(parts) < 2 {
		return ""
	}
	minor := parts[1]
	if i := strings.IndexFunc(minor, func(r rune) bool { return r < '0' || r > '9' }); i >= 0 {
		minor = minor[:i]
	}
	return "v" + parts[0] + "." + minor
}

// mentions tells whether one of some words has another in it.
func mentions(list []string, word string) bool {
	return slices.ContainsFunc(list, func(one string) bool { return strings.Contains(one, word) })
}
