# Debug variants, made by dlvgen. To make them again after a change of the targets:
#
#     dlvgen bake
#
# To build production and its debug variants:
#
#     docker buildx bake -f docker-bake.hcl -f docker-bake.debug.hcl --push debug

# The frontend image that builds the debug variants.
variable "DLVGEN_SYNTAX" {
  default = "dlvgen/dlvgen:1"
}

# The debug tag beside a production tag.
function "dlvgen_tag" {
  params = [tag, suffix]
  result = can(regex(":[^/]+$", tag)) ? "${tag}${suffix}" : "${tag}:latest${suffix}"
}

group "debug" {
  targets = ["app", "worker", "app-debug", "worker-debug"]
}

target "app-debug" {
  name     = "app-debug-${variant.name}"
  inherits = ["app"]
  matrix = {
    variant = [
      { name = "remote", suffix = "-debug", args = { DLVGEN_VARIANT = "remote" } },
      { name = "fast_one", suffix = "-dbg", args = { DLVGEN_PRESET = "fast.one", DLVGEN_START = "continue", DLVGEN_TAG_SUFFIX = "-dbg", DLVGEN_VARIANT = "remote" } },
    ]
  }
  args = merge({ BUILDKIT_SYNTAX = DLVGEN_SYNTAX }, variant.args)
  tags = [for tag in coalesce(target.app.tags, []) : dlvgen_tag(tag, variant.suffix) if tag != ""]
  # Not production's:
  output   = ["type=image,compression=zstd,push=true", "type=local,dest=out/${variant.name}", "type=oci,dest=dir.d/app${variant.suffix}.tar.gz"]
  cache-to = ["type=inline"]
}

target "worker-debug" {
  name     = "worker-debug-${variant.name}"
  inherits = ["worker"]
  matrix = {
    variant = [
      { name = "remote", suffix = "-debug", args = { DLVGEN_VARIANT = "remote" } },
      { name = "fast_one", suffix = "-dbg", args = { DLVGEN_PRESET = "fast.one", DLVGEN_START = "continue", DLVGEN_TAG_SUFFIX = "-dbg", DLVGEN_VARIANT = "remote" } },
    ]
  }
  args = merge({ BUILDKIT_SYNTAX = DLVGEN_SYNTAX }, variant.args)
  tags = [for tag in coalesce(target.worker.tags, target.docker-metadata-action.tags, target._common.tags, []) : dlvgen_tag(tag, variant.suffix) if tag != ""]
  # Not production's:
  output   = []
  cache-to = []
}
