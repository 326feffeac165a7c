package llbgen

import (
	"path"
	"slices"
)

// harmless are the commands that never start a compiler and never lead to one.
var harmless = []string{
	":", "[", "[[", "addgroup", "adduser", "alias", "apk", "apt", "apt-get", "apt-key", "awk", "base64", "basename",
	"break", "bunzip2", "bzip2", "case", "cat", "cd", "chgrp", "chmod", "chown", "cmp", "continue", "corepack", "cp", "curl", "cut",
	"date", "declare", "df", "diff", "dirname", "dnf", "dpkg", "dpkg-query", "du", "echo", "egrep", "exit",
	"export", "false", "fc-cache", "file", "git", "getent", "gpg", "gpg2", "grep", "groupadd", "groupmod", "gunzip", "gzip", "head", "hostname", "id", "install",
	"jq", "ldconfig", "ldd", "ln", "local", "localedef", "locale-gen", "ls", "md5sum", "microdnf", "mkdir", "mknod", "mktemp", "mv", "nproc", "openssl", "passwd",
	"pip", "pip3", "popd", "printenv", "printf", "pushd", "pwd", "read", "readlink", "readonly", "realpath", "return", "rm", "rmdir", "rpm",
	"sed", "seq", "set", "setcap", "getcap", "sha1sum", "sha256sum", "sha512sum", "shift", "shopt", "sleep", "sort", "ssh-keyscan", "stat", "sync",
	"tail", "tar", "tdnf", "tee", "test", "touch", "tr", "trap", "true", "type", "ulimit", "umask", "uname", "uniq",
	"unset", "unzip", "update-alternatives", "update-ca-certificates", "update-ca-trust", "useradd", "usermod", "wc", "wget", "which", "whoami", "xz", "yum", "zcat", "zypper",
	"xx-apk", "xx-apt", "xx-apt-get", "xx-info", "xx-verify",
}

// harmlessWith are the commands that depend on their arguments.
func harmlessWith(name string, args []string) bool {
	first := ""
	if len(args) > 0 {
		first = args[0]
	}
	switch name {
	case "npm", "pnpm":
		return first == "ci" || first == "install" || first == "i" || first == "config"
	case "yarn":
		return first == "install" || first == "config"
	case "cargo", "rustup":
		return true
	}
	return false
}

// foreignTools build programs of other languages, and install what those need.
var foreignTools = []string{
	"bun", "bundle", "cabal", "clang", "cmake", "composer", "cpan", "cpanm", "dart", "deno", "dotnet", "dune", "esbuild", "flutter",
	"g++", "gcc", "gem", "ghc", "gradle", "gradlew", "java", "javac", "lein", "luarocks", "meson", "mix", "mvn", "mvnw", "ninja", "node",
	"npm", "npx", "opam", "php", "pipenv", "pipx", "pnpm", "poetry", "rebar3", "ruby", "rustc", "sbt", "stack", "swift", "tsc", "uv",
	"vite", "webpack", "yarn", "yarnpkg",
}

// foreign tells whether the command is another language's tool. Such a tool could start
// the go command, but does not in practice.
func (c command) foreign() bool {
	words := c.unwrapped()
	return len(words) > 0 && slices.Contains(foreignTools, path.Base(words[0]))
}
