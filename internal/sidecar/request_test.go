package sidecar

import (
	"bufio"
	"bytes"
	"fmt"
	"strings"
	"testing"
)

// frame is a message of the Debug Adapter Protocol as it is sent.
func frame(content string) string {
	return fmt.Sprintf("Content-Length: %d\r\n\r\n%s", len(content), content)
}

func TestRequestsThatEndTheProgramLetItGo(t *testing.T) {
	const detach = `{"method":"RPCServer.Detach","params":[{"Kill":false}],"id":7}` + "\n"
	const disconnect = `{"seq":3,"type":"request","command":"disconnect","arguments":{"terminateDebuggee":false}}`
	for said, want := range map[string]request{
		`{"method":"RPCServer.State","params":[{"NonBlocking":true}],"id":1}`:                                                                      {text: []byte(`{"method":"RPCServer.State","params":[{"NonBlocking":true}],"id":1}` + "\n")},
		`{"method":"RPCServer.Command","params":[{"name":"halt"}],"id":18446744073709551615}`:                                                      {text: []byte(`{"method":"RPCServer.Command","params":[{"name":"halt"}],"id":18446744073709551615}` + "\n"), changes: true, standing: []byte(`{"method":"RPCServer.State","params":[{"NonBlocking":false}],"id":18446744073709551615}` + "\n")},
		`{"method":"RPCServer.Command","params":[{"name":"halt"},0],"id":2}`:                                                                       {text: []byte(`{"method":"RPCServer.Command","params":[{"name":"halt"},0],"id":2}` + "\n"), changes: true, standing: []byte(`{"method":"RPCServer.State","params":[{"NonBlocking":false}],"id":2}` + "\n")},
		`{"method":"RPCServer.Detach","params":[{"Kill":false}],"id":7}`:                                                                           {text: []byte(detach), changes: true, detaches: true},
		`{"method":"RPCServer.Detach","params":[{"Kill":true}],"id":7}`:                                                                            {text: []byte(detach), changes: true, detaches: true, kills: true},
		`{"id":7,"METHOD":"RPCServer.Detach","params":[{"Kill":false,"kill":true}]}`:                                                               {text: []byte(detach), changes: true, detaches: true, kills: true},
		`{"method":"RPCServer.Detach","params":[{"Kill":true},{}],"id":7}`:                                                                         {text: []byte(detach), changes: true, detaches: true, kills: true},
		`{"method":"RPCServer.Detach","params":[true],"id":"a"}`:                                                                                   {text: []byte(`{"method":"RPCServer.Detach","params":[{"Kill":false}],"id":"a"}` + "\n"), changes: true, detaches: true},
		`{"method":"RPCServer.Detach","params":[]}`:                                                                                                {text: []byte(`{"method":"RPCServer.Detach","params":[{"Kill":false}],"id":null}` + "\n"), changes: true, detaches: true},
		`{"Method":"RPCServer.DumpStart","params":[{"Destination":"/x"}],"id":8}`:                                                                  {text: []byte(`{"method":"RPCServer.` + notDumped + `","params":[{}],"id":8}` + "\n"), changes: true, dumps: true},
		frame(`{"seq":3,"type":"request","command":"disconnect"}`):                                                                                 {text: []byte(frame(disconnect)), changes: true},
		frame(`{"seq":3,"type":"request","command":"disconnect","arguments":{"terminateDebuggee":true}}`):                                          {text: []byte(frame(disconnect)), changes: true, kills: true},
		frame(`{"seq":3,"type":"request","Command":"disconnect","arguments":{"terminateDebuggee":false,"TERMINATEDEBUGGEE":true,"restart":true}}`): {text: []byte(frame(disconnect)), changes: true, kills: true},
		frame(`{"seq":1,"type":"request","command":"next","arguments":{"threadId":9007199254740993}}`):                                             {text: []byte(frame(`{"seq":1,"type":"request","command":"next","arguments":{"threadId":9007199254740993}}`)), changes: true},
	} {
		next := requestsOf(bufio.NewReader(strings.NewReader(said + said)))
		for range 2 {
			got, err := next()
			if err != nil || !bytes.Equal(got.text, want.text) || !bytes.Equal(got.standing, want.standing) || got.changes != want.changes || got.kills != want.kills || got.detaches != want.detaches || got.dumps != want.dumps {
				t.Errorf("%q: got %q %+v, %v, want %q %+v", said, got.text, got, err, want.text, want)
			}
		}
		if _, err := next(); err == nil {
			t.Errorf("%q: there are three requests", said)
		}
	}
}

func TestWhatIsNoRequestIsNotPassedOn(t *testing.T) {
	for _, said := range []string{
		"", "hello", "{", "GET / HTTP/1.1\r\n\r\n", "C", "Content-Length: 5\r\n\r\n{}", "Content-Length: -1\r\n\r\n", "Content-Length: 99999999\r\n\r\n",
		"[1,2]\n" + `{"method":"RPCServer.Detach","params":[{}],"id":1}`, `{"a":"` + strings.Repeat("a", contentMax), `{"method":1}`,
		"Content-Length: 2\r\nX: y\r\n\r\n{}", strings.Repeat("C", 100),
	} {
		if got, err := requestsOf(bufio.NewReader(strings.NewReader(said)))(); err == nil {
			t.Errorf("%q: passed on as %q", said, got.text)
		}
	}
}
