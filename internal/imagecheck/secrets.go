package imagecheck

import (
	"archive/tar"
	"path"
	"strings"

	"github.com/dlvgen/dlvgen/variants"
)

// secretNames are names of files that hold secrets, as path.Match has them.
var secretNames = []string{
	".env", ".env.*", ".netrc", "_netrc", ".npmrc", ".pypirc", ".git-credentials", ".pgpass", ".dockercfg", ".dockerconfigjson", ".htpasswd",
	"id_rsa", "id_dsa", "id_ecdsa", "id_ed25519", "*.pem", "*.key", "*.p12", "*.pfx", "*.jks", "*.keystore", "kubeconfig",
}

// secretPaths are ends of paths, secretFolders folders, of which everything is one.
var (
	secretPaths   = []string{"/.docker/config.json", "/.kube/config", "/.aws/credentials", "/.config/gcloud/application_default_credentials.json"}
	secretFolders = []string{"/.git/", "/.ssh/", "/.gnupg/"}
)

// checkSecrets looks for names, and for private keys, in the layers that dlvgen added. What
// production has, it has anyway.
func (c *contents) checkSecrets() Check {
	const name = "secrets"
	for _, f := range c.added() {
		switch {
		case secretName(f.file) && !c.plan.IsTestdata(f.path, false): // a test's, as the sources are
			c.blamed[f.path] = true
			return failed(name, "a layer has %s", f.path)
		// A program's own source may have a key for its tests.
		case f.contents.key && c.plan.Announces(f.path, false) != variants.AnnouncedSource:
			c.blamed[f.path] = true
			return failed(name, "a layer has a private key in %s", f.path)
		}
	}
	return passed(name, "no layer that dlvgen added has a file that is named like one, or a private key")
}

func secretName(f *file) bool {
	whole := f.path
	if f.kind == tar.TypeDir {
		whole += "/"
	}
	for _, folder := range secretFolders {
		if strings.Contains(whole, folder) {
			return true
		}
	}
	for _, end := range secretPaths {
		if strings.HasSuffix(whole, end) {
			return true
		}
	}
	for _, pattern := range secretNames {
		if match, _ := path.Match(pattern, path.Base(f.path)); match && f.kind != tar.TypeDir {
			return true
		}
	}
	return false
}
