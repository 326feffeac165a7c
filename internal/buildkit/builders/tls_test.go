package builders

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/dlvgen/dlvgen/internal/proctest"
	controlapi "github.com/moby/buildkit/api/services/control"
	"google.golang.org/grpc"
)

// certificate writes NAME.pem and NAME-key.pem for the loopback address, signed by itself.
func certificate(t *testing.T, dir, name string) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, DNSNames: []string{"builder.example"},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	public := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	secret := pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: private})
	for file, text := range map[string][]byte{name + ".pem": public, name + "-key.pem": secret} {
		if err := os.WriteFile(filepath.Join(dir, file), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	pair, err := tls.X509KeyPair(public, secret)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(public)
	return pair, pool
}

// TestARemoteBuilderIsReachedWithItsCertificates has one that asks for the client's.
func TestARemoteBuilderIsReachedWithItsCertificates(t *testing.T) {
	docker := isolate(t)
	dir := t.TempDir()
	server, _ := certificate(t, dir, "server")
	_, clients := certificate(t, dir, "client")
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	// As in buildkitd, gRPC's server does not know of TLS: it would ask for ALPN.
	listener = tls.NewListener(listener, &tls.Config{
		Certificates: []tls.Certificate{server}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: clients, MinVersion: tls.VersionTLS12,
	})
	daemon := grpc.NewServer()
	controlapi.RegisterControlServer(daemon, control{version: "v0.6-tls"})
	go func() { _ = daemon.Serve(listener) }()
	t.Cleanup(daemon.Stop)

	addr, file := "tcp://"+listener.Addr().String(), func(name string) string { return filepath.Join(dir, name) }
	options := map[string]string{
		"servername": "builder.example", "cacert": file("server.pem"), "cert": file("client.pem"), "key": file("client-key.pem"),
	}
	storeWith(t, docker, "safe", "remote", addr, options, true)
	if got, _ := opened(t, Options{}); got != "v0.6-tls" {
		t.Errorf("%s was taken", got)
	}
	options["servername"] = "other.example"
	storeWith(t, docker, "safe", "remote", addr, options, true)
	if _, err := Open(proctest.Context(t), Options{Name: "safe", limit: 5 * time.Second}); err == nil || !strings.Contains(err.Error(), "buildx builder safe (remote)") {
		t.Errorf("with another name in the certificate: got %v", err)
	}
}
