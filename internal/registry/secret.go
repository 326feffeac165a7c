package registry

import (
	"bytes"
	"encoding/base64"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
)

// hidden stands for what is not shown.
const hidden = "…"

// withoutSecrets takes out of an answer what its request had to prove who asks: a password,
// a token.
func withoutSecrets(request *http.Request, answer []byte) []byte {
	for _, secret := range secrets(request) {
		if len(secret) > 3 { // shorter ones are parts of words
			answer = bytes.ReplaceAll(answer, []byte(secret), []byte(hidden))
		}
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

// Redact takes out of a message what may let others in: the names and the queries of URLs,
// which registries sign, and what a token server answered.
func Redact(message string) string {
	message = tokenAnswer.ReplaceAllString(message, "no token in the token server's answer")
	return address.ReplaceAllStringFunc(message, func(text string) string {
		text, _, _ = strings.Cut(text, "#")
		text, query, found := strings.Cut(text, "?")
		scheme, rest, _ := strings.Cut(text, "://")
		host, path, slash := strings.Cut(rest, "/")
		if i := strings.LastIndexByte(host, '@'); i >= 0 {
			host = hidden + host[i:]
		}
		text = scheme + "://" + host
		if slash {
			text += "/" + path
		}
		if found {
			text += "?" + hidden
			if strings.HasSuffix(query, ":") { // the message goes on
				text += ":"
			}
		}
		return text
	})
}
