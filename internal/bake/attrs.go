package bake

import (
	"fmt"
	"maps"
	"net"
	"slices"
	"strconv"
	"strings"

	"github.com/containerd/platforms"
	"github.com/docker/go-units"
	"github.com/moby/buildkit/solver/pb"
	"github.com/moby/buildkit/util/entitlements"
)

// sourceDateEpoch is taken over from the environment as a build arg, see
// https://reproducible-builds.org/specs/source-date-epoch/.
const sourceDateEpoch = "SOURCE_DATE_EPOCH"

// frontendAttrs translates the call to the options of BuildKit's Dockerfile
// frontend, as buildx does in build/opt.go (toSolveOpt) of v0.38.2.
func (o Options) frontendAttrs(env Environment) (map[string]string, error) {
	attrs := map[string]string{}
	args, err := pairs("--build-arg", o.BuildArgs, env.Lookup)
	if err != nil {
		return nil, err
	}
	if epoch, ok := env.Lookup(sourceDateEpoch); ok && epoch != "" {
		if _, given := args[sourceDateEpoch]; !given {
			args[sourceDateEpoch] = epoch
		}
	}
	for name, value := range env.proxies() {
		if value != "" && !slices.ContainsFunc(slices.Collect(maps.Keys(args)), func(given string) bool { return strings.EqualFold(given, name) }) {
			args[name] = value
		}
	}
	for name, value := range args {
		attrs["build-arg:"+name] = value
	}
	if multi, err := strconv.ParseBool(args["BUILDKIT_MULTI_PLATFORM"]); err == nil && multi {
		attrs["multi-platform"] = "true"
	}
	labels, err := pairs("--label", o.Labels, nil)
	if err != nil {
		return nil, err
	}
	for name, value := range labels {
		attrs["label:"+name] = value
	}
	if o.Target != "" {
		attrs["target"] = o.Target
	}
	if o.Pull {
		attrs["image-resolve-mode"] = pb.AttrImageResolveModeForcePull
	}
	if len(o.NoCacheFilter) > 0 {
		attrs["no-cache"] = strings.Join(o.NoCacheFilter, ",")
	}
	if o.NoCache {
		attrs["no-cache"] = ""
	}
	if err := o.platformAttr(attrs); err != nil {
		return nil, err
	}
	attests, err := o.attestAttrs()
	if err != nil {
		return nil, err
	}
	maps.Copy(attrs, attests)
	return attrs, o.stepAttrs(attrs)
}

// stepAttrs sets the options of how RUN steps are run.
func (o Options) stepAttrs(attrs map[string]string) error {
	switch o.Network {
	case "host", "none":
		attrs["force-network-mode"] = o.Network
	case "", "default":
	default:
		return fmt.Errorf("--network is %q: it must be default, host or none", o.Network)
	}
	hosts, err := extraHosts(o.AddHosts)
	if err != nil {
		return err
	}
	if hosts != "" {
		attrs["add-hosts"] = hosts
	}
	if o.ShmSize != "" {
		size, err := units.RAMInBytes(o.ShmSize)
		if err != nil || size <= 0 {
			return fmt.Errorf("--shm-size is %q: it must be a size such as 64m", o.ShmSize)
		}
		attrs["shm-size"] = strconv.FormatInt(size, 10)
	}
	var limits []string
	for _, u := range o.Ulimits {
		limit, err := units.ParseUlimit(u)
		if err != nil {
			return fmt.Errorf("--ulimit is %q: %w", u, err)
		}
		limits = append(limits, limit.String())
	}
	if len(limits) > 0 {
		attrs["ulimit"] = strings.Join(limits, ",")
	}
	return nil
}

func (o Options) platformAttr(attrs map[string]string) error {
	var list []string
	for _, value := range o.Platforms {
		for _, name := range strings.Split(value, ",") {
			p := platforms.DefaultSpec()
			if !strings.EqualFold(name, "local") {
				var err error
				if p, err = platforms.Parse(name); err != nil {
					return fmt.Errorf("--platform is %q: it must be a list such as linux/amd64,linux/arm64: %w", value, err)
				}
			}
			list = append(list, platforms.FormatAll(platforms.Normalize(p)))
		}
	}
	if len(list) > 0 {
		attrs["platform"] = strings.Join(list, ",")
	}
	return nil
}

// allowed are the entitlements that the call grants to the build.
func (o Options) allowed() ([]string, error) {
	var list []string
	for _, value := range o.Allow {
		if _, _, err := entitlements.Parse(value); err != nil {
			return nil, fmt.Errorf("--allow is %q: %w", value, err)
		}
		list = append(list, value)
	}
	if o.Network == "host" {
		list = append(list, entitlements.EntitlementNetworkHost.String())
	}
	return list, nil
}

// pairs reads NAME=VALUE arguments. For a bare NAME, lookup gives the value, or says
// that there is none and the argument is left out; without lookup it is empty.
func pairs(flag string, list []string, lookup func(string) (string, bool)) (map[string]string, error) {
	m := make(map[string]string, len(list))
	for _, arg := range list {
		name, value, given := strings.Cut(arg, "=")
		if name == "" {
			return nil, fmt.Errorf("%s is %q: it must be NAME=VALUE", flag, arg)
		}
		if !given && lookup != nil {
			if value, given = lookup(name); !given {
				continue
			}
		}
		m[name] = value
	}
	return m, nil
}

// extraHosts translates HOST:IP and HOST=IP, several addresses separated by commas,
// to the frontend's list.
func extraHosts(list []string) (string, error) {
	var hosts []string
	for _, arg := range list {
		host, addresses, ok := strings.Cut(arg, "=")
		if !ok {
			host, addresses, ok = strings.Cut(arg, ":")
		}
		if !ok || host == "" {
			return "", fmt.Errorf("--add-host is %q: it must be HOST:IP", arg)
		}
		for address := range strings.SplitSeq(addresses, ",") {
			if len(address) > 2 && address[0] == '[' && address[len(address)-1] == ']' {
				address = address[1 : len(address)-1]
			}
			if net.ParseIP(address) == nil {
				return "", fmt.Errorf("--add-host is %q: %q is no IP address", arg, address)
			}
			hosts = append(hosts, host+"="+address)
		}
	}
	return strings.Join(hosts, ","), nil
}
