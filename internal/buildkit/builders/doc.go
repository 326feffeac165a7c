// Package builders finds the BuildKit that a build runs on: one that the user names, a
// builder of buildx, Docker Engine's own, or a child buildkitd. What buildx and the docker
// command keep of builders and contexts is read with their own packages.
package builders
