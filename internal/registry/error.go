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
	case isFull(err):
		return fmt.Sprintf("has no space left (%s)", answer), "free space in its storage or raise the quota, then run it again"
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

// isFull says that a registry has no room for what is pushed.
func isFull(err *transport.Error) bool {
	if err.StatusCode == http.StatusInsufficientStorage {
		return true
	}
	text := strings.ToLower(err.Error())
	return strings.Contains(text, "no space left on device") || strings.Contains(text, "quota exceeded") ||
		strings.Contains(text, "err:28") // ENOSPC, as Distribution tells what its storage said
}

// isImmutable says that a registry lets nobody write over a tag. Each has its own words for
// that, and its own status.
func isImmutable(err *transport.Error) bool {
	if err.StatusCode == http.StatusConflict {
		return true
	}
	text := strings.ToLower(err.Error())
	for _, says := range []string{"immutab", "cannot be overwritten", "overwrite", "already exists", "does not allow updating", "tag_invalid"} {
		if err.StatusCode < http.StatusInternalServerError && strings.Contains(text, says) {
			return true
		}
	}
	return false
}

// adviceOnOverwrite is what to do where a tag that exists could not be written.
func adviceOnOverwrite(err error, advice string) string {
	var status *transport.Error
	switch {
	case !errors.As(err, &status):
		return advice
	case isImmutable(status):
		return "the tag exists, and the registry lets nobody write over it: build with a new production tag or choose another --tag-suffix"
	case status.StatusCode == http.StatusForbidden, status.StatusCode == http.StatusMethodNotAllowed:
		return "the tag exists, and may be protected: choose another --tag-suffix, or run \"docker login\" with an account that may write over it"
	}
	return advice
}

// explainNetwork words an error that came instead of an answer.
func explainNetwork(err error, host string) (found, advice string) {
	var dns *net.DNSError
	var record tls.RecordHeaderError
	var authority x509.UnknownAuthorityError
	var certificate *tls.CertificateVerificationError
	var silent *patience.SilentError
	var login *CredentialsError
	var later *laterError
	var inside *insideError
	var away *awayError
	switch {
	case errors.As(err, &login):
		return "could not be logged in to: " + login.Reason, ""
	case strings.Contains(err.Error(), "no token in bearer response"): // and the response behind it
		return "could not be logged in to: its token server answered without a token", "check the account"
	case errors.As(err, &later) && later.status == http.StatusTooManyRequests:
		return fmt.Sprintf("limits the rate of requests (%s)", later), "wait, or log in for a higher limit"
	case errors.As(err, &later):
		return fmt.Sprintf("failed (%s)", later), "try again later"
	case errors.Is(err, errTooLarge):
		return "was not listened to: its answer is too large", "check that it is a registry"
	case errors.As(err, &silent) && silent.Who != host:
		return fmt.Sprintf("could not be used: %s", silent), "check the connection and the proxy settings"
	case errors.As(err, &silent):
		return fmt.Sprintf("did not answer for %s", silent.After), "check its address, the connection and the proxy settings"
	case errors.Is(err, context.Canceled):
		return "was not waited for: the call was cancelled", ""
	case errors.Is(err, context.DeadlineExceeded):
		return "did not answer in time", "check the connection and the proxy settings"
	case errors.As(err, &away):
		return fmt.Sprintf("was not listened to: %s", away), "name that registry if it is the right one"
	case errors.As(err, &inside):
		return fmt.Sprintf("was not asked: %s", inside), "name it yourself if that is right"
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
	if isBroken(err) {
		return fmt.Sprintf("broke the connection (%s)", rootOf(err)), "try again, and check the connection and the proxy settings"
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
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded), errors.Is(err, io.ErrUnexpectedEOF), errors.As(err, new(*laterError)):
		return true
	case errors.As(err, &status):
		return status.StatusCode != http.StatusNotFound
	}
	return errors.As(err, &network)
}

// oneLine makes a message one line, without secrets.
func oneLine(s string) string { return strings.Join(strings.Fields(Redact(s)), " ") }
