package sidecar

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/go-delve/delve/service/api"
	"github.com/go-delve/delve/service/rpc2"
)

const goesOn = "the last client has left: its breakpoints are removed, and the program goes on"

func TestNoClientEndsTheProgram(t *testing.T) {
	t.Parallel()
	p := productionPlan(t)
	target := program(t, programs.production)
	sidecar, client := attach(t, target, p)
	stopAtLine(t, client, "target")
	_ = client.Detach(true) // its answer may not come
	sidecar.says("a client asked to kill the program: it goes on")
	sidecar.says("attaching again")
	target.beats()

	client = connect(t, sidecar, p.listen())
	stopAtLine(t, client, "target")
	dap, err := net.Dial("tcp", p.listen())
	if err != nil {
		t.Fatal(err)
	}
	for i, request := range []string{`"initialize"`, `"attach","arguments":{"mode":"remote"}`, `"disconnect","arguments":{"terminateDebuggee":true}`} {
		content := fmt.Sprintf(`{"seq":%d,"type":"request","command":%s}`, i+1, request)
		if _, err := io.WriteString(dap, frame(content)); err != nil {
			t.Fatal(err)
		}
	}
	_ = dap.SetReadDeadline(time.Now().Add(patience))
	said, err := io.ReadAll(dap) // until Delve ends the connection
	if err != nil || !strings.Contains(string(said), `"command":"disconnect"`) || !strings.Contains(string(said), `"event":"terminated"`) {
		t.Errorf("DAP: %q, %v", said, err)
	}
	if state, err := client.GetStateNonBlocking(); err != nil || state.Running {
		t.Errorf("with a client left, the program is %+v, %v", state, err)
	}
	_ = client.Disconnect(false)
	sidecar.says(goesOn)
	target.beats()
	client = connect(t, sidecar, p.listen())
	noBreakpoints(t, client)
}

// TestWhoOnlyLooksIsNoClientToTheProgram connects as probes do, and asks what dlvgen asks.
func TestWhoOnlyLooksIsNoClientToTheProgram(t *testing.T) {
	t.Parallel()
	p := productionPlan(t)
	target := program(t, programs.production)
	sidecar, client := attach(t, target, p)
	if _, err := client.GetStateNonBlocking(); err != nil {
		t.Fatal(err)
	}
	_ = client.Disconnect(false)
	probe, err := net.Dial("tcp", p.listen())
	if err != nil {
		t.Fatal(err)
	}
	_ = probe.Close()
	sidecar.signal(syscall.SIGTERM)
	if got := sidecar.code(); got != 0 || strings.Contains(sidecar.output.String(), "the last client has left") {
		t.Errorf("exit code %d", got)
	}
	target.beats()
}

// TestWhoLooksOnDoesNotHoldTheProgram has a client stay connected that only asks for the state, as
// dlvgen does during the session of a pod.
func TestWhoLooksOnDoesNotHoldTheProgram(t *testing.T) {
	t.Parallel()
	p := productionPlan(t)
	target := program(t, programs.production)
	sidecar, onlooker := attach(t, target, p)
	client := connect(t, sidecar, p.listen())
	stopAtLine(t, client, "target")
	_ = client.Disconnect(false)
	sidecar.says(goesOn)
	target.beats()
	if state, err := onlooker.GetStateNonBlocking(); err != nil || !state.Running {
		t.Errorf("the program is %+v, %v", state, err)
	}
}

func TestAPanicEndsTheProgramAsInProduction(t *testing.T) {
	t.Parallel()
	cmd := exec.Command(programs.production, "panic")
	input, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	target := start(t, cmd, syscall.SIGKILL)
	sidecar, client := attach(t, target, productionPlan(t))
	_ = client.Disconnect(false)
	if err := input.Close(); err != nil {
		t.Fatal(err)
	}
	if got := target.code(); got != 2 {
		t.Errorf("exit code %d of the program, want 2", got)
	}
	target.says("panic: as in production")
	sidecar.says("(unrecovered-panic) while nobody debugs it: it is continued")
	if got := sidecar.code(); got != 0 {
		t.Errorf("exit code %d, want 0", got)
	}
}

// TestAStepThatWasInterruptedDoesNotStopTheProgram leaves while a step waits for its end: another
// goroutine has stopped at a breakpoint meanwhile.
func TestAStepThatWasInterruptedDoesNotStopTheProgram(t *testing.T) {
	t.Parallel()
	target := program(t, programs.production, "two")
	sidecar, client := attach(t, target, productionPlan(t))
	stopAtLine(t, client, "target")
	if _, err := client.CreateBreakpoint(&api.Breakpoint{FunctionName: "main.other", Line: -1}); err != nil {
		t.Fatal(err)
	}
	await(t, func() bool {
		state, err := client.Next() // over the end of work to the pause, some time
		if err != nil {
			t.Fatal(err)
		}
		if !state.NextInProgress && state.CurrentThread.Function.Name() == "main.other" {
			<-client.Continue()
		}
		return state.NextInProgress
	}, "a step to be interrupted")
	_ = client.Disconnect(false)
	sidecar.says(goesOn)
	target.beats()
	if strings.Contains(sidecar.output.String(), "while nobody debugs it") {
		t.Error("the step has stopped the program again")
	}
}

// raw is a connection on which a test writes itself.
func raw(t *testing.T, addr string) *net.TCPConn {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	tcp, ok := conn.(*net.TCPConn)
	if !ok {
		t.Fatalf("%T", conn)
	}
	if err := tcp.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	return tcp
}

// TestAClientThatDoesNotReadHoldsNothing stops the program, asks for more than fits into the
// connections, sends more than fits into the others, and breaks.
func TestAClientThatDoesNotReadHoldsNothing(t *testing.T) {
	t.Parallel()
	p := productionPlan(t)
	target := program(t, programs.production)
	sidecar, client := attach(t, target, p)
	_ = client.Disconnect(false)
	conn := raw(t, p.listen())
	fill(t, conn)
	if err := conn.SetLinger(0); err != nil {
		t.Fatal(err)
	}
	_ = conn.Close()
	sidecar.says(goesOn)
	target.beats()
}

// TestWhatAClientLeavesBehindIsUndone sends requests that Delve reads when their client has left.
func TestWhatAClientLeavesBehindIsUndone(t *testing.T) {
	t.Parallel()
	p := productionPlan(t)
	target := program(t, programs.production)
	sidecar, client := attach(t, target, p)
	if _, err := client.Halt(); err != nil {
		t.Fatal(err)
	}
	requests := `{"method":"RPCServer.Command","params":[{"name":"continue"}],"id":1}` + "\n"
	for id := range 50 {
		requests += fmt.Sprintf(`{"method":"RPCServer.CreateBreakpoint","params":[{"Breakpoint":{"functionName":"main.work","line":-1,"name":"b%d"}}],"id":%d}`+"\n", id, id+2)
	}
	conn := raw(t, p.listen())
	if _, err := io.WriteString(conn, requests); err != nil {
		t.Fatal(err)
	}
	_ = conn.Close()
	_ = client.Disconnect(false)
	sidecar.says(goesOn)
	target.beats()
	client = connect(t, sidecar, p.listen()) // which waits until the program runs
	noBreakpoints(t, client)
	_ = client.Disconnect(false)
	target.beats()
}

// TestNoRequestLeavesTheProgramStanding are requests that did.
func TestNoRequestLeavesTheProgramStanding(t *testing.T) {
	t.Parallel()
	p := productionPlan(t)
	target := program(t, programs.production)
	sidecar, onlooker := attach(t, target, p)
	_ = onlooker.Disconnect(false)
	halt := `{"method":"RPCServer.Command","params":[{"name":"halt"}],"id":%d}` + "\n"
	for _, c := range []struct{ name, request string }{
		{"a Detach that Delve cannot read", `{"method":"RPCServer.Detach","params":[true],"id":9}`},
		{"an id behind the largest", `{"method":"RPCServer.CreateBreakpoint","params":[{"Breakpoint":{"id":9223372036854775807,"functionName":"main.main","line":-1}}],"id":8}` + "\n" + `{"method":"RPCServer.CreateBreakpoint","params":[{"Breakpoint":{"functionName":"main.work","line":-1}}],"id":9}`},
		{"a halt where it stands", fmt.Sprintf(halt+halt, 2, 3) + `{"method":"RPCServer.Detach","params":[{}],"id":9}`},
		{"a core dump", `{"method":"RPCServer.DumpStart","params":[{"Destination":"` + t.TempDir() + `/core"}],"id":9}`},
	} {
		said := strings.Count(sidecar.output.String(), goesOn)
		again := strings.Count(sidecar.output.String(), "attaching again")
		conn := raw(t, p.listen())
		if _, err := fmt.Fprintf(conn, halt+"%s\n", 1, c.request); err != nil {
			t.Fatal(err)
		}
		for lines := bufio.NewScanner(conn); lines.Scan() && !strings.HasPrefix(lines.Text(), `{"id":9`); {
		}
		_ = conn.Close()
		await(t, func() bool {
			said, again := strings.Count(sidecar.output.String(), goesOn)-said, strings.Count(sidecar.output.String(), "attaching again")-again
			return said+again > 0
		}, "%s: the program to go on, in %s", c.name, sidecar.output)
		target.beats()
		client := connect(t, sidecar, p.listen())
		noBreakpoints(t, client)
		_ = client.Disconnect(false)
	}
	sidecar.says("a client asked for a core dump: the program would stand still meanwhile")
}

// TestHaltsOfManyClientsDoNotEndTheProgram has a client detach while others halt and continue.
func TestHaltsOfManyClientsDoNotEndTheProgram(t *testing.T) {
	t.Parallel()
	p := productionPlan(t)
	target := program(t, programs.production)
	sidecar, onlooker := attach(t, target, p)
	_ = onlooker.Disconnect(false)
	for round := range 3 {
		for range 4 {
			conn := raw(t, p.listen())
			go func() { _, _ = io.Copy(io.Discard, conn) }()
			go func() {
				for id := range 20 {
					name := []string{"halt", "continue", "halt"}[id%3]
					if _, err := fmt.Fprintf(conn, `{"method":"RPCServer.Command","params":[{"name":"%s"}],"id":%d}`+"\n", name, id); err != nil {
						return // as Delve has ended
					}
				}
				_ = conn.CloseWrite()
			}()
		}
		detach := raw(t, p.listen())
		if _, err := fmt.Fprintln(detach, `{"method":"RPCServer.Detach","params":[{}],"id":9}`); err != nil {
			t.Fatal(err)
		}
		await(t, func() bool {
			return strings.Count(sidecar.output.String(), "attaching again") > round
		}, "Delve to end, in %s", sidecar.output)
		target.beats()
	}
	sidecar.signal(syscall.SIGTERM)
	if got := sidecar.code(); got != 0 {
		t.Errorf("exit code %d", got)
	}
	target.beats()
}

// TestAHaltAfterAContinueIsNotLost sends both at once.
func TestAHaltAfterAContinueIsNotLost(t *testing.T) {
	t.Parallel()
	p := productionPlan(t)
	target := program(t, programs.production)
	_, client := attach(t, target, p)
	if _, err := client.Halt(); err != nil {
		t.Fatal(err)
	}
	conn := raw(t, p.listen())
	answers := bufio.NewReader(conn)
	const command = `{"method":"RPCServer.Command","params":[{"name":"%s"}],"id":%d}` + "\n"
	for id := range 20 {
		if _, err := fmt.Fprintf(conn, command+command, "continue", 2*id, "halt", 2*id+1); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if _, err := answers.ReadString('\n'); err != nil {
				t.Fatalf("halt %d: %v", id, err)
			}
		}
	}
	if state, err := client.GetStateNonBlocking(); err != nil || state.Running {
		t.Errorf("the program is %+v, %v", state, err)
	}
}

// TestASidecarLetsTheProgramGoWhateverItsClientsDo ends it while they have the program stop and
// go on.
func TestASidecarLetsTheProgramGoWhateverItsClientsDo(t *testing.T) {
	t.Parallel()
	for name, begin := range map[string]func(t *testing.T, sidecar *running, addr string){
		"a tracer":               traces,
		"a logpoint":             logs,
		"a condition":            waits,
		"one that does not read": doesNotRead,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := productionPlan(t)
			target := program(t, programs.production, "two")
			sidecar, client := attach(t, target, p)
			_ = client.Disconnect(false)
			begin(t, sidecar, p.listen())
			sidecar.signal(syscall.SIGTERM)
			if got := sidecar.code(); got != 0 {
				t.Errorf("exit code %d, want 0", got)
			}
			sidecar.says("continues without the debugger")
			target.beats()
			target.beats()
		})
	}
}

// traces has the program go on after each of many stops, as dlvgen's trace does.
func traces(t *testing.T, sidecar *running, addr string) {
	t.Helper()
	client := connect(t, sidecar, addr)
	if _, err := client.Halt(); err != nil {
		t.Fatal(err)
	}
	if _, err := client.CreateBreakpoint(&api.Breakpoint{FunctionName: "main.other", Line: -1}); err != nil {
		t.Fatal(err)
	}
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		for stops := 0; ; stops++ {
			if state := <-client.Continue(); state == nil || state.Err != nil {
				return
			}
			if stops == 10 {
				stopped <- struct{}{}
			}
		}
	}()
	<-stopped
	t.Cleanup(func() { <-stopped })
}

// logs sets a logpoint, as editors do.
func logs(t *testing.T, _ *running, addr string) {
	t.Helper()
	conn := raw(t, addr)
	source := fmt.Sprintf(`"setBreakpoints","arguments":{"source":{"path":"github.com/dlvgen/dlvgen/internal/sidecar/testdata/target/main.go"},"breakpoints":[{"line":%d,"logMessage":"logged"}]}`, markedLine(t, "testdata/target/main.go"))
	for i, request := range []string{`"initialize"`, `"attach","arguments":{"mode":"remote"}`, source, `"configurationDone"`} {
		if _, err := io.WriteString(conn, frame(fmt.Sprintf(`{"seq":%d,"type":"request","command":%s}`, i+1, request))); err != nil {
			t.Fatal(err)
		}
	}
	said := ""
	for buffer := make([]byte, 4096); strings.Count(said, "]: logged") < 3; {
		n, err := conn.Read(buffer)
		if said += string(buffer[:n]); err != nil {
			t.Fatalf("%v, after %s", err, said)
		}
	}
	go func() { _, _ = io.Copy(io.Discard, conn) }()
}

// waits sets a breakpoint whose condition Delve looks at all the time.
func waits(t *testing.T, sidecar *running, addr string) {
	t.Helper()
	client := connect(t, sidecar, addr)
	if _, err := client.Halt(); err != nil {
		t.Fatal(err)
	}
	if _, err := client.CreateBreakpoint(&api.Breakpoint{FunctionName: "main.other", Line: -1, Cond: "n == -1"}); err != nil {
		t.Fatal(err)
	}
	client.Continue()
	await(t, func() bool {
		state, err := client.GetStateNonBlocking()
		return err == nil && state.Running
	}, "the program to run")
}

// doesNotRead has requests wait in all connections.
func doesNotRead(t *testing.T, _ *running, addr string) {
	t.Helper()
	fill(t, raw(t, addr))
}

// fill asks for more than fits into the connections, of a program that stands.
func fill(t *testing.T, conn *net.TCPConn) {
	t.Helper()
	if _, err := io.WriteString(conn, `{"method":"RPCServer.Command","params":[{"name":"halt"}],"id":1}`+"\n"); err != nil {
		t.Fatal(err)
	}
	if _, err := bufio.NewReader(conn).ReadString('\n'); err != nil {
		t.Fatal(err)
	}
	if err := conn.SetWriteDeadline(time.Now().Add(3 * time.Second)); err != nil {
		t.Fatal(err)
	}
	filter := strings.Repeat(" ", 1<<20)
	for id := 2; ; id++ {
		if _, err := fmt.Fprintf(conn, `{"method":"RPCServer.ListFunctions","params":[{"Filter":""%s}],"id":%d}`+"\n", filter, id); err != nil {
			return // nothing more fits
		}
	}
}

// noBreakpoints stops the program, since Delve lists nothing before.
func noBreakpoints(t *testing.T, client *rpc2.RPCClient) {
	t.Helper()
	if _, err := client.Halt(); err != nil {
		t.Fatal(err)
	}
	list, err := client.ListBreakpoints(false)
	if err != nil || slices.ContainsFunc(list, func(b *api.Breakpoint) bool { return b.ID < -3 || b.ID > 0 }) {
		t.Errorf("breakpoints are left: %+v, %v", list, err)
	}
}
