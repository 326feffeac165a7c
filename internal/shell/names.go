package shell

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

// harmlessCalls are the builders of other languages that are as harmless, with these
// subcommands where not all are. What they build or install they may strip.
var harmlessCalls = map[string][]string{
	"npm": {"ci", "install", "i", "config"}, "pnpm": {"ci", "install", "i", "config"}, "yarn": {"install", "config"},
	"cargo": nil, "rustup": nil,
}

// foreign are the tools that build programs of other languages, and install what those
// need.
var foreign = []string{
	"bun", "bundle", "cabal", "clang", "cmake", "composer", "cpan", "cpanm", "dart", "deno", "dotnet", "dune", "esbuild", "flutter",
	"g++", "gcc", "gem", "ghc", "gradle", "gradlew", "java", "javac", "lein", "luarocks", "meson", "mix", "mvn", "mvnw", "ninja", "node",
	"npm", "npx", "opam", "php", "pipenv", "pipx", "pnpm", "poetry", "rebar3", "ruby", "rustc", "sbt", "stack", "swift", "tsc", "uv",
	"vite", "webpack", "yarn", "yarnpkg",
}

// notCompiling are the subcommands of go that compile no programs, and options of xx-go.
var notCompiling = []string{"--unwrap", "--wrap", "clean", "doc", "env", "fmt", "help", "list", "mod", "telemetry", "version", "vet", "work"}

// touching are the commands that are given a file and leave it what it is, or are
// given a name that is no file's.
var touching = []string{
	"[", "addgroup", "adduser", "chgrp", "chmod", "chown", "echo", "eu-strip", "file", "getcap", "groupadd", "ldd", "ls", "md5sum", "mkdir",
	"objcopy", "rm", "setcap", "sha256sum", "stat", "strip", "test", "touch", "upx", "useradd", "usermod", "xx-verify",
}

// preparing are the commands beside the touching ones that start nothing that they are
// given.
var preparing = []string{
	".", "cd", "getent", "grep", "id", "kill", "killall", "mkfifo", "mount", "mountpoint", "pgrep", "pidof", "pkill", "pushd", "rmdir",
	"sed", "sleep", "source", "truncate", "umount", "unlink", "wait",
}

// copiers are the commands that give a file another name or place.
var copiers = []string{"cp", "mv", "install", "ln", "objcopy"}

// Strippers are the programs that take debug information out of others.
var Strippers = []string{"eu-strip", "llvm-strip", "objcopy", "strip", "upx"}

// packageManagers are those of distributions.
var packageManagers = []string{"apk", "apt", "apt-get", "dnf", "dpkg", "microdnf", "tdnf", "yum", "zypper"}

// shells are those that take a command line after -c.
var shells = []string{"sh", "bash", "ash", "dash", "ksh", "zsh"}

// interpreters are programs that start what a file or their arguments say.
var interpreters = []string{
	"apache2", "busybox", "deno", "fish", "httpd", "java", "make", "nginx", "node", "npm", "perl", "php", "php-fpm", "pwsh", "python", "python3",
	"ruby", "supervisord", "yarn",
}
