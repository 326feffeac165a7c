package registry

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"syscall"

	"github.com/dlvgen/dlvgen/internal/patience"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
)

// Error says what a registry did instead of what was asked, and what to do.
type Error struct {
	Op     string // "reading docker.io/library/app:v1"
	Host   string // the registry
	Found  string // what it did
	Advice string // what to do, possibly empty
	Err    error
}

func (e *Error) Error() string {
	msg := fmt.Sprintf("%s: registry %s %s", e.Op, e.Host, e.Found)
	if e.Advice != "" {
		msg += ": " + e.Advice
	}
	return oneLine(msg)
}

// Unwrap returns the cause: a *transport.Error, an error of the network.
func (e *Error) Unwrap() error { return e.Err }

// explain makes an Error of what go-containerregistry returned. Cancellation stays
// recognisable with errors.Is.
func explain(op, host string, err error) error {
	if err == nil {
		return nil
	}
	e := &Error{Op: op, Host: host, Err: err}
	var status *transport.Error
	if errors.As(err, &status) {
		e.Found, e.Advice = explainStatus(status, host)
	} else {
		e.Found, e.Advice = explainNetwork(err, host)
	}
	return e
}

// explainStatus words an answer with an error status.
func explainStatus(err *transport.Error, host string) (found, advice string) {
	answer := strings.TrimSpace(fmt.Sprintf("%d %s", err.StatusCode, http.StatusText(err.StatusCode)))
	for _, d := range err.Errors {
		answer += fmt.Sprintf(", %s: %s", d.Code, d.Message)
	}
	found = fmt.Sprintf("answered (%s)", answer)
	switch code := err.StatusCode; {
	case code == http.StatusUnauthorized, code == http.StatusForbidden:
		may := "pull from and push to"
		if err.Request != nil && err.Request.Method == http.MethodDelete {
			may = "delete from"
		}
		return fmt.Sprintf("refused access (%s)", answer), fmt.Sprintf("run \"docker login %s\" with an account that may %s the repository", host, may)
	case code == http.StatusNotFound:
		return found, "check the repository's name"
	case code == http.StatusTooManyRequests:
		return fmt.Sprintf("limits the rate of requests (%s)", answer), "wait, or log in for a higher limit"
	case code >= http.StatusInternalServerError:
		return fmt.Sprintf("failed (%s)", answer), "try again later"
	}
	return found, ""
}

// explainNetwork words an error that came instead of an answer.
func explainNetwork(err error, host string) (found, advice string) {
	var dns *net.DNSError
	var record tls.RecordHeaderError
	var authority x509.UnknownAuthorityError
	var certificate *tls.CertificateVerificationError
	var silent *patience.SilentError
	var login *CredentialsError
	switch {
	case errors.As(err, &login):
		return "could not be logged in to: " + login.Reason, ""
	case strings.Contains(err.Error(), "no token in bearer response"): // and the response behind it
		return "could not be logged in to: its token server answered without a token", "check the account"
	case errors.As(err, &silent) && silent.Who != host:
		return fmt.Sprintf("could not be used: %s", silent), "check the connection and the proxy settings"
	case errors.As(err, &silent):
		return fmt.Sprintf("did not answer for %s", silent.After), "check its address, the connection and the proxy settings"
	case errors.Is(err, context.Canceled):
		return "was not waited for: the call was cancelled", ""
	case errors.Is(err, context.DeadlineExceeded):
		return "did not answer in time", "check the connection and the proxy settings"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "cannot be reached: connection refused", "check its address and that it is running"
	case errors.As(err, &dns):
		return fmt.Sprintf("cannot be found: %s", dns.Err), "check its name and the connection"
	case errors.As(err, &authority), errors.As(err, &certificate):
		return fmt.Sprintf("has a certificate that cannot be verified: %s", rootOf(err)),
			"install its CA certificate, or allow it as insecure"
	case errors.Is(err, http.ErrSchemeMismatch), errors.As(err, &record), strings.Contains(err.Error(), "server gave HTTP response to HTTPS client"):
		return "speaks plain HTTP, not HTTPS", "allow it as insecure"
	}
	var u *url.Error
	if errors.As(err, &u) {
		return fmt.Sprintf("cannot be reached: %s", rootOf(err)), "check the connection and the proxy settings"
	}
	return fmt.Sprintf("could not be used: %s", err), ""
}

// rootOf strips the URL and the method that net/http puts before an error.
func rootOf(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err
	}
	return err
}

// isAbsent says whether the registry has no such manifest, blob or repository.
func isAbsent(err error) bool {
	var status *transport.Error
	return errors.As(err, &status) && status.StatusCode == http.StatusNotFound
}

// isFailure tells failures of the registry and the network from content that is
// missing or not what it should be.
func isFailure(err error) bool {
	var status *transport.Error
	var network net.Error
	var silent *patience.SilentError
	var login *CredentialsError
	switch {
	case errors.As(err, &silent), errors.As(err, &login):
		return true
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded), errors.Is(err, io.ErrUnexpectedEOF):
		return true
	case errors.As(err, &status):
		return status.StatusCode != http.StatusNotFound
	}
	return errors.As(err, &network)
}

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }
