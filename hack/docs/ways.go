package main

// ways are the pictures of the ways to debug, which docs has as way-NAME.svg.
var ways = []scene{
	{
		name: "remote", title: "A remote debug image: the program runs under the debugger",
		root: part{kind: around, title: "your machine", across: true, parts: []part{
			client("dlv connect 127.0.0.1:8000", "or VS Code, GoLand, Neovim"),
			{kind: holds, title: "container of app:v1-debug", parts: []part{
				{id: "dlv", kind: ours, title: "/dlv, on :8000", lines: []string{"serves Delve's protocol and DAP"}},
				{id: "program", kind: process, title: "/server", lines: []string{"compiled without optimizations;", "production's user, environment, arguments"}},
				{id: "init", kind: ours, title: "/.dlvgen/init, PID 1", lines: []string{"forwards signals, returns the exit code"}},
			}},
		}},
		goes: []flow{{"client", "dlv", "-p 127.0.0.1:8000:8000"}, {"dlv", "program", "ptrace"}, {"init", "program", "starts"}},
	},
	{
		name: "attach", title: "An attach image: the debugger is there, and does not run until you start it",
		root: part{kind: around, title: "your machine", across: true, parts: []part{
			{id: "client", kind: process, title: "a terminal", lines: []string{"docker exec -ti app /dlv attach 1"}},
			{kind: holds, title: "container of app:v1-debug-attach", parts: []part{
				{id: "dlv", kind: ours, title: "/dlv attach 1", lines: []string{"only while you debug; no port"}},
				{id: "program", kind: process, title: "/server, PID 1", lines: []string{"compiled without optimizations;", "started as in production"}},
			}},
		}},
		goes: []flow{{"client", "dlv", "the terminal"}, {"dlv", "program", "ptrace"}},
	},
	{
		name: "sidecar", title: "A sidecar beside a production container, which dlvgen debug starts and removes",
		root: part{kind: around, title: "your machine", across: true, parts: []part{
			{id: "client", kind: process, title: "dlvgen debug app", lines: []string{"Delve's prompt, or your editor"}},
			{kind: around, title: "PID namespace of the container app", parts: []part{
				{kind: holds, title: "container of app:v1-debug-sidecar: own network and files", parts: []part{
					{id: "dlv", kind: ours, title: "/dlv, on :8000", lines: []string{"symbols of production's binary, sources;", "capability SYS_PTRACE"}},
				}},
				{kind: holds, title: "container app of app:v1: nothing changes in it", parts: []part{
					{id: "program", kind: process, title: "/server, PID 1", lines: []string{"production's own: optimized, stripped"}},
				}},
			}},
		}},
		goes: []flow{{"client", "dlv", "a free port of 127.0.0.1"}, {"dlv", "program", "ptrace"}},
	},
	{
		name: "pod", title: "An ephemeral container in a pod, which dlvgen debug adds",
		root: part{kind: around, title: "", across: true, parts: []part{
			{kind: around, title: "your machine", parts: []part{
				{id: "client", kind: process, title: "dlvgen debug pod/app", lines: []string{"serves a free port of 127.0.0.1", "for Delve or your editor"}},
			}},
			{kind: around, title: "pod app on a node: one network namespace", parts: []part{
				{kind: holds, title: "ephemeral container of app:v1-debug-sidecar", parts: []part{
					{id: "dlv", kind: ours, title: "/dlv, on :8000", lines: []string{"as root with SYS_PTRACE,", "or as the program's user"}},
				}},
				{kind: holds, title: "container app of app:v1: not restarted", parts: []part{
					{id: "program", kind: process, title: "/server", lines: []string{"its processes are shared with", "the ephemeral container"}},
				}},
			}},
		}},
		goes: []flow{{"client", "dlv", "port-forward, by the API server"}, {"dlv", "program", "ptrace"}},
	},
	{
		name: "replace", title: "dlvgen debug --replace: the remote variant runs in the container's place",
		root: part{kind: around, title: "your machine", across: true, parts: []part{
			client("dlvgen debug web --replace", "Delve's prompt, or your editor"),
			{kind: around, title: "Docker Engine", parts: []part{
				{kind: holds, title: "container web of app:v1-debug: name, networks, volumes, ports of the other", parts: []part{
					{id: "dlv", kind: ours, title: "/dlv, on :8000"},
					{id: "program", kind: process, title: "/server", lines: []string{"compiled without optimizations"}},
				}},
				{id: "old", kind: holds, title: "container of app:v1: stopped and renamed, comes back at the end"},
			}},
		}},
		goes: []flow{{"client", "dlv", "a free port of 127.0.0.1"}, {"dlv", "program", "ptrace"}},
	},
	{
		name: "compose", title: "Debug services of a Compose project, by the file that dlvgen compose writes",
		root: part{kind: around, title: "your machine", across: true, parts: []part{
			client("dlv connect 127.0.0.1:8000", "or your editor"),
			{kind: around, title: "networks and volumes of the project", parts: []part{
				{kind: holds, title: "service app, of app:v1-debug", parts: []part{
					{id: "dlv", kind: ours, title: "/dlv, on :8000"},
					{id: "program", kind: process, title: "/server", lines: []string{"runs at once: DLVGEN_START=continue"}},
				}},
				{id: "db", kind: holds, title: "service db: stays as it is"},
			}},
		}},
		goes: []flow{{"client", "dlv", "127.0.0.1:8000, 8001 and so on"}, {"dlv", "program", "ptrace"}, {"program", "db", "as in production"}},
	},
}

// client is what people debug with.
func client(lines ...string) part {
	return part{id: "client", kind: process, title: lines[0], lines: lines[1:]}
}
