package llbgen

import (
	"encoding/json"
	"slices"
	"testing"

	"github.com/dlvgen/dlvgen/internal/layout"
	"github.com/moby/buildkit/client/llb"
	"github.com/moby/buildkit/solver/pb"
)

func TestOnlyBindAndCacheMountsAreCapturedFrom(t *testing.T) {
	mount := func(kind pb.MountType, dest string) *pb.Mount { return &pb.Mount{MountType: kind, Dest: dest} }
	got := capturable([]*pb.Mount{
		mount(pb.MountType_BIND, "/"),
		mount(pb.MountType_BIND, "/src"),
		mount(pb.MountType_CACHE, "cache/"),
		mount(pb.MountType_SECRET, "/src/key.go"),
		mount(pb.MountType_SSH, "/run/buildkit/ssh_agent.0"),
		mount(pb.MountType_TMPFS, "/tmp"),
		mount(pb.MountType_CACHE, "/twice"),
		mount(pb.MountType_TMPFS, "/twice/."),
		mount(pb.MountType(99), "/later"),
		mount(pb.MountType_CACHE, layout.GoCache),
	}, nil)
	if want := []string{"/cache", "/src"}; !slices.Equal(got, want) {
		t.Errorf("captured from %q, want %q", got, want)
	}
}

// A step is told in the capture's own folder.
func TestStepsAreToldWhatToCaptureFrom(t *testing.T) {
	secret := llb.AddSecret("/src/key.go", llb.SecretID("key"))
	cache := llb.AddMount("/cache", llb.Scratch(), llb.AsPersistentCacheDir("mine", llb.CacheMountShared))
	for _, test := range []struct {
		name  string
		opts  []llb.RunOption
		found Toolchain
		want  []string
	}{
		{"no mounts", nil, Toolchain{}, []string{}},
		{"a secret", []llb.RunOption{secret}, Toolchain{}, []string{}},
		{"a cache and a secret", []llb.RunOption{secret, cache}, Toolchain{}, []string{"/cache"}},
		{"downloaded modules", nil, Toolchain{ModCache: "/go/pkg/mod"}, []string{"/go/pkg/mod"}},
	} {
		in := withToolchain(t, definition(t, hello(test.opts...)), test.found)
		var told []string
		for _, dt := range in.Definition.Def {
			op := &pb.Op{}
			if err := op.UnmarshalVT(dt); err != nil {
				t.Fatal(err)
			}
			for _, a := range op.GetFile().GetActions() {
				if f := a.GetMkfile(); f != nil && f.Path == captureFolder+"/"+layout.CaptureFrom {
					if err := json.Unmarshal(f.Data, &told); err != nil {
						t.Fatal(err)
					}
				}
			}
		}
		if told == nil || !slices.Equal(told, test.want) {
			t.Errorf("%s: the step is told %q, want %q", test.name, told, test.want)
		}
	}
}
