// Everything that the project builds, and the targets that users inherit.

variable "IMAGE" {
  description = "The frontend image's name, without a tag."
  default     = "dlvgen/dlvgen"
}

variable "TAG" {
  description = "The frontend image's tag."
  default     = "1"
}

variable "DLVGEN_SYNTAX" {
  description = "The frontend image, with options, that targets inheriting _debug are built by."
  default     = "${IMAGE}:${TAG}"
}

variable "PLATFORMS" {
  description = "What the frontend image is built for."
  default     = "linux/amd64,linux/arm64"
}

variable "BINARIES" {
  description = "What the binaries are built for."
  default     = "linux/amd64,linux/arm64,darwin/amd64,darwin/arm64,windows/amd64,windows/arm64"
}

group "default" {
  targets = ["frontend", "binaries"]
}

// For users: inherit them beside your own production target, and give each a tag.
// Other build args named DLVGEN_* set more options, see docs/variants.md.
//
//   target "app-debug" {
//     inherits = ["app", "_debug"]
//     tags     = ["registry.example/app:v1-debug"]
//   }
//
//   target "app-fast" {
//     inherits = ["app", "_debug"]
//     tags     = ["registry.example/app:v1-dbg"]
//     args     = { DLVGEN_START = "continue", DLVGEN_LISTEN = ":4000" }
//   }
//
//   group "all" {
//     targets = ["app", "app-debug", "app-fast"]
//   }
target "_debug" {
  args = {
    BUILDKIT_SYNTAX = DLVGEN_SYNTAX
    DLVGEN_VARIANT  = "remote"
  }
}

target "_debug-src" {
  inherits = ["_debug"]
  args     = { DLVGEN_VARIANT = "remote-src" }
}

target "_debug-attach" {
  inherits = ["_debug"]
  args     = { DLVGEN_VARIANT = "attach" }
}

target "_debug-sidecar" {
  inherits = ["_debug"]
  args     = { DLVGEN_VARIANT = "sidecar" }
}

target "frontend" {
  target    = "frontend"
  tags      = ["${IMAGE}:${TAG}"]
  platforms = split(",", PLATFORMS)
}

target "tools" {
  target = "tools"
  output = ["type=local,dest=internal/tools"]
}

// bin/OS_ARCH/dlvgen, and bin/SHA256SUMS.
target "binaries" {
  target = "binaries"
  args   = { PLATFORMS = replace(BINARIES, ",", " ") }
  output = ["type=local,dest=bin"]
}

target "validate" {
  target = "validate"
  output = ["type=cacheonly"]
}

target "test" {
  target = "test"
  output = ["type=cacheonly"]
}
