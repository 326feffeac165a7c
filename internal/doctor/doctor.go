package doctor

import (
	"context"
	"errors"
	"os"
	"sync"
	"time"

	"github.com/dlvgen/dlvgen/internal/buildkit/builders"
	"github.com/dlvgen/dlvgen/internal/cluster"
	"github.com/dlvgen/dlvgen/internal/docker"
	"github.com/dlvgen/dlvgen/internal/patience"
	"github.com/dlvgen/dlvgen/internal/registry"
	"github.com/dlvgen/dlvgen/internal/session"
	"github.com/moby/moby/api/types/system"
	"github.com/moby/moby/client"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
)

// Options say what is checked.
type Options struct {
	// Builder are the builders that a build would look at.
	Builder builders.Options

	// Tags are the images whose registries are asked.
	Tags []registry.Reference

	// Insecure are registries, HOST[:PORT], that may speak plain HTTP.
	Insecure []string

	// Target is the name of what is to be debugged, empty for none. Open finds it in Docker
	// Engine, or in a registry.
	Target string
	Open   func(context.Context, session.Finder) (session.Target, error)

	// Object is a target of Kubernetes. Connect connects with the cluster that has it, and OpenPod
	// finds it there. Both are nil for other targets.
	Object  cluster.Object
	Connect func(*patience.Patience) (*cluster.Cluster, error)
	OpenPod func(context.Context, session.Finder, *cluster.Cluster) (*session.Pod, error)

	// Checkout is the folder of a go.mod, empty for none, and Module its module: what the sources
	// are compared with. Chosen says that the user has named it.
	Checkout, Module string
	Chosen           bool

	// Port is the port of this machine that a debugger would have; the default is 8000.
	Port int

	// Proc is where the kernel tells of itself; the default is /proc.
	Proc string

	// Silence is how long one answer is waited for; the default is 10 seconds.
	Silence time.Duration
}

// The defaults of [Options].
const (
	defaultPort    = 8000
	defaultProc    = "/proc"
	defaultSilence = 10 * time.Second
)

// Doctor checks once.
type Doctor struct {
	Options
	waits *patience.Patience
	reg   *registry.Client

	folder folder

	engineFact  fact[*docker.Engine]
	ownFact     fact[ocispecs.Platform]
	infoFact    fact[system.Info]
	builderFact fact[[]builders.Listed]
	delveFact   fact[string]
	clusterFact fact[*cluster.Cluster]
	targetFact  fact[*target]
	programFact fact[*program]
	imagesFact  fact[*debugImages]
	symbolsFact fact[*symbols]
}

// New is a doctor. The caller closes it.
func New(o Options) *Doctor {
	if o.Port == 0 {
		o.Port = defaultPort
	}
	if o.Proc == "" {
		o.Proc = defaultProc
	}
	if o.Silence == 0 {
		o.Silence = defaultSilence
	}
	waits := &patience.Patience{Limit: o.Silence}
	return &Doctor{Options: o, waits: waits, reg: registry.New(registry.WithPatience(waits), registry.WithInsecure(o.Insecure...))}
}

// Check checks everything. The results are in the same order for the same options.
func (d *Doctor) Check(ctx context.Context) []Result {
	checks := []check{
		{"builder", d.checkBuilder}, {"emulation", d.checkEmulation}, {"docker", d.checkEngine}, {"profiles", d.checkProfiles},
		{"ptrace_scope", d.checkPtraceScope}, {"machine", d.checkMachine}, {"buildx", d.checkBuildx},
	}
	checks = append(checks, d.registryChecks()...)
	checks = append(checks, check{"dlv", d.checkDelve}, check{"go", d.checkGo}, check{"port", d.checkPort})
	checks = append(checks, d.targetChecks()...)
	return run(ctx, checks, checkLimit, checkGrace)
}

// targetChecks are those of what is to be debugged, where it runs first.
func (d *Doctor) targetChecks() []check {
	var where []check
	switch {
	case d.Target == "":
		return nil
	case d.Connect != nil:
		where = []check{{"cluster", d.checkCluster}, {"permissions", d.checkPermissions}, {"target", d.checkTarget}, {"platform", d.checkNode}, {"debugger", d.checkDebugger}}
	default:
		where = []check{{"target", d.checkTarget}, {"platform", d.checkPlatform}, {"container", d.checkContainer}, {"address", d.checkAddress}}
	}
	return append(where, check{"program", d.checkProgram}, check{"delve", d.checkItsDelve},
		check{"debug images", d.checkImages}, check{"symbols", d.checkSymbols}, check{"sources", d.checkSources})
}

// Close ends what the checks have opened.
func (d *Doctor) Close() error {
	var errs []error
	if e := d.engineFact.value; e != nil {
		errs = append(errs, d.folder.removeContainers(e), e.Close())
	}
	return errors.Join(append(errs, d.folder.remove())...)
}

// fact is something that several checks need, and that is looked up once.
type fact[T any] struct {
	once  sync.Once
	value T
	err   error
}

func (f *fact[T]) get(ctx context.Context, find func(context.Context) (T, error)) (T, error) {
	f.once.Do(func() {
		f.err = errors.New("it could not be found out") // if the search panics
		f.value, f.err = find(ctx)
	})
	return f.value, f.err
}

func (d *Doctor) engine(ctx context.Context) (*docker.Engine, error) {
	return d.engineFact.get(ctx, func(ctx context.Context) (*docker.Engine, error) {
		api, err := builders.NewEngine()
		if err != nil {
			return nil, err
		}
		return docker.Connect(ctx, api, d.waits)
	})
}

// platform is Docker Engine's.
func (d *Doctor) platform(ctx context.Context) (ocispecs.Platform, error) {
	return d.ownFact.get(ctx, func(ctx context.Context) (ocispecs.Platform, error) {
		e, err := d.engine(ctx)
		if err != nil {
			return ocispecs.Platform{}, err
		}
		return e.Platform(ctx)
	})
}

func (d *Doctor) info(ctx context.Context) (system.Info, error) {
	return d.infoFact.get(ctx, func(ctx context.Context) (system.Info, error) {
		e, err := d.engine(ctx)
		if err != nil {
			return system.Info{}, err
		}
		var answer client.SystemInfoResult
		err = d.waits.Ask(ctx, "Docker Engine", func(ctx context.Context) (err error) {
			answer, err = e.Info(ctx, client.InfoOptions{})
			return err
		})
		return answer.Info, err
	})
}

// elsewhere says that the containers of Docker Engine are no processes of this machine.
func (d *Doctor) elsewhere(ctx context.Context) bool {
	e, err := d.engine(ctx)
	return err == nil && !e.Local()
}

// folder is where files of images are kept, and the containers that they are read from.
type folder struct {
	mu         sync.Mutex
	dir        string
	containers []string
}

// file makes an empty file.
func (f *folder) file() (*os.File, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.dir == "" {
		dir, err := os.MkdirTemp("", "dlvgen-doctor-")
		if err != nil {
			return nil, err
		}
		f.dir = dir
	}
	return os.CreateTemp(f.dir, "")
}

func (f *folder) remove() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.dir == "" {
		return nil
	}
	return os.RemoveAll(f.dir)
}

func (f *folder) addContainer(id string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.containers = append(f.containers, id)
}

// removeContainers is done whatever has ended.
func (f *folder) removeContainers(e *docker.Engine) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	var errs []error
	for _, id := range f.containers {
		errs = append(errs, e.RemoveContainer(context.Background(), id))
	}
	return errors.Join(errs...)
}
