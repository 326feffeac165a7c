package registry

import (
	"bytes"
	"encoding/base64"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// hidden stands for what is not shown.
const hidden = "…"

// withoutSecrets takes out of an answer what its request had to prove who asks: a password,
// a token.
func withoutSecrets(request *http.Request, answer []byte) []byte {
	for _, secret := range secrets(request) {
		answer = withoutSecret(answer, secret)
	}
	return answer
}

// ordinary is a length of words. A password of that length may be part of one.
const ordinary = 8

func withoutSecret(answer []byte, secret string) []byte {
	if len(secret) > ordinary {
		return bytes.ReplaceAll(answer, []byte(secret), []byte(hidden))
	}
	if secret == "" {
		return answer
	}
	whole := regexp.MustCompile(`(^|\W)` + regexp.QuoteMeta(secret) + `(\W|$)`)
	for range 2 { // two may have one character between them
		answer = whole.ReplaceAll(answer, []byte("${1}"+hidden+"${2}"))
	}
	return answer
}

// secrets are what a request has to prove who asks.
func secrets(request *http.Request) []string {
	var list []string
	if _, credentials, ok := strings.Cut(request.Header.Get("Authorization"), " "); ok {
		list = append(list, credentials)
		if plain, err := base64.StdEncoding.DecodeString(credentials); err == nil {
			_, password, _ := strings.Cut(string(plain), ":")
			list = append(list, password)
		}
	}
	if request.Header.Get("Content-Type") == "application/x-www-form-urlencoded" && request.GetBody != nil {
		body, err := request.GetBody()
		if err != nil {
			return list
		}
		text, _ := io.ReadAll(io.LimitReader(body, maxSmall))
		_ = body.Close()
		form, _ := url.ParseQuery(string(text))
		list = append(list, form.Get("refresh_token"), form.Get("password"))
	}
	return list
}

// address is a URL in a message, where quotes and brackets end it.
var address = regexp.MustCompile(`https?://[^\s"'<>()]+`)

// tokenAnswer is what go-containerregistry says of a token server's answer, which it quotes.
var tokenAnswer = regexp.MustCompile(`(?s)no token in bearer response:.*`)

// shown are the keys of queries that let nobody in: those of the registries' API, and of git
// repositories as BuildKit has them.
var shown = []string{
	"artifactType", "digest", "from", "last", "mount", "n", "scope", "service",
	"branch", "checksum", "commit", "keep-git-dir", "ref", "subdir", "submodules", "tag",
}

// Redact takes out of a message what may let others in: the names and passwords of URLs, the
// signatures in their queries, and what a token server answered.
func Redact(message string) string {
	message = tokenAnswer.ReplaceAllString(message, "no token in the token server's answer")
	return address.ReplaceAllStringFunc(message, func(text string) string {
		text, fragment, fragments := strings.Cut(text, "#")
		text, query, queries := strings.Cut(text, "?")
		scheme, rest, _ := strings.Cut(text, "://")
		host, path, slash := strings.Cut(rest, "/")
		if i := strings.LastIndexByte(host, '@'); i >= 0 {
			host = hidden + host[i:]
		}
		text = scheme + "://" + host
		if slash {
			text += "/" + path
		}
		if queries {
			text += "?" + redactQuery(query)
		}
		if fragments {
			text += "#" + fragment
		}
		return text
	})
}

func redactQuery(query string) string {
	pairs := strings.Split(query, "&")
	for i, pair := range pairs {
		if key, value, _ := strings.Cut(pair, "="); !slices.Contains(shown, key) {
			pairs[i] = key + "=" + hidden
			if strings.HasSuffix(value, ":") { // the message goes on
				pairs[i] += ":"
			}
		}
	}
	return strings.Join(pairs, "&")
}
