package sidecar

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/dlvgen/dlvgen/internal/procfs"
)

// Bounds of what depends on Delve. Docker kills a container 10 s after it asked it to
// end.
const (
	// pace is how often to look whether the program has ended.
	pace = 500 * time.Millisecond

	// serveWithin is how long a Delve that was asked to leave may take to begin to
	// serve: before, a signal would leave breakpoints of its own behind.
	serveWithin = 4 * time.Second

	// leaveWithin is how long Delve may take to let the program go.
	leaveWithin = 3 * time.Second

	// wakeWithin is how long after the end of Delve a program found stopped is woken.
	wakeWithin = time.Second
)

// capSysPtrace is CAP_SYS_PTRACE (linux/capability.h).
const capSysPtrace = 19

// server serves the program to clients of the debugger.
type server struct {
	Config

	target process

	// image is the file that the target runs, stopped whether it was stopped by a
	// signal before a debugger came.
	image   os.FileInfo
	stopped bool

	// argv is Delve's command line, which listens behind the guard.
	argv  []string
	guard *guard

	// terminal says that there is one, for the prompt of a Delve that is the guard's client.
	// prompt is its command line.
	terminal bool
	prompt   []string
}

// listen has the clients come to the guard, and Delve listen behind it.
func (s *server) listen(p plan) (closeAll func(), err error) {
	inner, err := newPort()
	if err != nil {
		return nil, err
	}
	network, addr := "tcp", p.listen()
	if s.terminal {
		addr = "127.0.0.1:0" // for the prompt alone
	} else if at := procfs.ParseAddress(addr); !at.Nowhere() {
		network, addr = at.Network, at.Listen
	}
	listener, err := net.Listen(network, addr)
	if err != nil {
		inner.close()
		return nil, fmt.Errorf("the debugger cannot listen at %s: %w", addr, err)
	}
	s.argv = p.serving(s.target.pid, inner.addr.String())
	s.guard = newGuard(listener, inner.addr, s)
	s.prompt = p.prompt(listener.Addr().String())
	return func() {
		_ = listener.Close()
		inner.close()
	}, nil
}

// run starts Delve, again and again if clients end it, and returns the exit code.
func (s *server) run() int {
	signals := s.signals()
	defer signal.Stop(signals)
	s.say("attaching to %s", s.target)
	for {
		d, err := s.start()
		if err != nil {
			return s.fail(err)
		}
		state := s.attend(d, signals)
		if !state.Success() && d.delve.serves() { // also of one that was killed, and wrote until then
			s.restore()
		}
		switch {
		case !s.lives():
			s.say("%s has exited", s.target)
			return 0
		case d.leaving:
			s.wake()
			s.say("%s continues without the debugger", s.target)
			return 0
		case !state.Success() || !d.delve.toldToLeave(): // with 0 also after a mistake in its flags
			s.wake()
			return s.failed(state)
		case s.Idle > 0 || s.terminal:
			s.wake()
			s.say("a client has ended the debugger, %s continues without it", s.target)
			return 0
		}
		s.say("a client stopped the debugger, %s continues; attaching again", s.target)
	}
}

// signals are those that end the sidecar. Those that a terminal sends are for the prompt.
func (s *server) signals() chan os.Signal {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGHUP)
	end := signals
	if s.terminal {
		end = make(chan os.Signal, 1)
	}
	signal.Notify(end, syscall.SIGINT, syscall.SIGQUIT)
	return signals
}

// lives tells whether the target is still there, and the program that was found.
func (s *server) lives() bool {
	image, err := os.Stat(file(s.target.pid))
	return procfs.Alive(s.target.pid) && err == nil && os.SameFile(image, s.image)
}

// trapWaits tells whether a SIGTRAP waits until the target goes on.
func (s *server) trapWaits() bool {
	return procfs.ReadStatus(s.target.pid).Mask("ShdPnd")&(1<<(syscall.SIGTRAP-1)) != 0
}

// failed says that Delve failed, and returns the exit code.
func (s *server) failed(state *os.ProcessState) int {
	hint := ""
	if procfs.ReadStatus(os.Getpid()).Mask("CapEff")&(1<<capSysPtrace) == 0 {
		hint = "; if it is not allowed to attach, " + addCapability
	}
	s.say("the debugger failed (%s), %s continues without it%s", state, s.target, hint)
	return max(state.ExitCode(), 1)
}

// debugger is a Delve that was started.
type debugger struct {
	process *os.Process
	restore func()
	ended   chan *os.ProcessState
	guard   *guard
	delve   *attachment

	// prompt is its client at a terminal, nil without one.
	prompt *prompt

	// leaving is set when it was asked to let the program go, asked when it was given
	// the signal to.
	leaving, asked bool
	deadline       <-chan time.Time
}

// start starts a Delve. A process group of its own keeps the terminal's Ctrl-C away.
func (s *server) start() (*debugger, error) {
	said, stdout, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	process, err := s.startDelve(s.argv, stdout, &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM})
	_ = stdout.Close()
	if err != nil {
		_ = said.Close()
		return nil, fmt.Errorf("starting the debugger: %w", err)
	}
	go s.print(said)
	d := &debugger{process: process, restore: s.restore, ended: make(chan *os.ProcessState, 1), guard: s.guard}
	gone := make(chan struct{})
	go func() {
		state, err := process.Wait()
		if err != nil {
			s.say("waiting for the debugger: %v", err)
		}
		close(gone)
		d.ended <- state
	}()
	d.delve = s.guard.attached(gone)
	if s.terminal {
		d.prompt = s.prompts(d.delve.serving, gone)
	}
	return d, nil
}

// startDelve starts a Delve with a command line.
func (s *server) startDelve(argv []string, stdout *os.File, sys *syscall.SysProcAttr) (*os.Process, error) {
	return os.StartProcess(argv[0], argv, &os.ProcAttr{
		Env:   delveEnv(s.DelveConfig),
		Files: []*os.File{os.Stdin, stdout, os.Stderr},
		Sys:   sys,
	})
}

// print prints what Delve does, with the address that clients find it at. At a terminal that is
// the prompt's.
func (s *server) print(said *os.File) {
	defer func() { _ = said.Close() }()
	if s.terminal {
		_, _ = io.Copy(io.Discard, said)
		return
	}
	for lines := bufio.NewReader(said); ; {
		line, err := lines.ReadString('\n')
		fmt.Print(s.guard.public(line))
		if err != nil {
			return
		}
	}
}

// attend waits for the end of Delve. It makes it end when a signal says so, and when
// the program has ended and no client is connected.
func (s *server) attend(d *debugger, signals <-chan os.Signal) *os.ProcessState {
	ticker := time.NewTicker(pace)
	defer ticker.Stop()
	serving, alive := d.delve.serving, true
	var left <-chan struct{}
	if d.prompt != nil {
		left = d.prompt.left
		defer d.prompt.end()
	}
	connected := time.Now()
	for {
		select {
		case state := <-d.ended:
			return state
		case <-signals:
			d.leave()
		case <-left:
			left = nil
			d.leave()
		case <-serving:
			serving = nil
			d.served()
		case <-d.deadline:
			d.press()
		case <-ticker.C:
			if alive && !procfs.Alive(s.target.pid) {
				alive = false
				s.say("%s has exited; the sidecar exits when no client is connected", s.target)
			}
			if !alive && s.guard.connected() == 0 {
				d.leave()
			}
			if s.abandoned(d, &connected) {
				d.leave()
			}
		}
	}
}

// abandoned tells whether nobody has been connected for too long. It notes when somebody was.
func (s *server) abandoned(d *debugger, connected *time.Time) bool {
	if s.Idle == 0 || d.leaving {
		return false
	}
	if s.guard.connected() > 0 {
		*connected = time.Now()
	}
	if time.Since(*connected) <= s.Idle {
		return false
	}
	s.say("nobody was connected for %s", s.Idle)
	return true
}

// leave asks Delve to let the program go: on SIGTERM it does so with a process that
// it has attached to, held or not (1.27.2, service/rpccommon, ServerImpl.Stop).
func (d *debugger) leave() {
	if d.leaving {
		return
	}
	d.leaving = true
	d.guard.leaves(d.delve)
	if d.delve.serves() {
		d.ask()
	} else {
		d.deadline = time.After(serveWithin)
	}
}

// served notes that Delve serves.
func (d *debugger) served() {
	if d.leaving && !d.asked {
		d.ask()
	}
}

func (d *debugger) ask() {
	d.asked = true
	d.guard.giveUp(d.delve, func() { _ = d.process.Signal(syscall.SIGTERM) })
	d.deadline = time.After(leaveWithin)
}

// press goes one step further with a Delve that does not do what it was asked. It goes with its
// breakpoints: the program stands where Delve holds it, and its code is as in its file when it
// goes on.
func (d *debugger) press() {
	if !d.asked {
		d.ask()
		return
	}
	if d.delve.serves() {
		d.restore()
	}
	_ = d.process.Kill()
}

// restore writes the program's code back that a Delve which ends by force leaves changed.
func (s *server) restore() {
	if s.lives() {
		if err := restoreText(s.target.pid); err != nil {
			s.say("%v", err)
		}
	}
}

// wake lets a program go on that Delve has left stopped: a signal to stop it may
// arrive after Delve's end.
func (s *server) wake() {
	if s.stopped {
		return
	}
	for end := time.Now().Add(wakeWithin); time.Now().Before(end); time.Sleep(wakeWithin / 20) {
		if procfs.State(s.target.pid) == procfs.StateStopped {
			_ = syscall.Kill(s.target.pid, syscall.SIGCONT)
		}
	}
}
