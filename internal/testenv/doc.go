// Package testenv starts the real parts that tests and the demo run against: a
// registry, a buildkitd, a Docker Engine, and the base images that Dockerfiles
// begin with. Nothing is pulled: base images are made of the machine's own
// Debian mirror and Go toolchain, and kept in a cache folder.
//
// Every server listens on the loopback address or a unix socket and is ended by
// the process that started it, also when that process is killed.
//
// A package whose tests use a shared part hands its TestMain over:
//
//	func TestMain(m *testing.M) { testenv.Main(m) }
//
// Tests then say what they need and take the shared parts, which start at the
// first call:
//
//	testenv.Require(t, testenv.NeedBuildKit|testenv.NeedDocker)
//	reg, bk, engine := testenv.SharedRegistry(t), testenv.SharedBuildKit(t), testenv.SharedDocker(t)
package testenv
