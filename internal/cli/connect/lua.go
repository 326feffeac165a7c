package connect

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/dlvgen/dlvgen/internal/visible"
)

// luaString is a string literal of Lua 5.1 and later: what is not printed stands as the
// decimal numbers of its bytes.
func luaString(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for rest := s; rest != ""; {
		_, size := utf8.DecodeRuneInString(rest)
		one := rest[:size]
		rest = rest[size:]
		switch {
		case one == `"` || one == `\`:
			b.WriteString(`\` + one)
		case visible.Text(one):
			b.WriteString(one)
		default:
			for _, octet := range []byte(one) {
				fmt.Fprintf(&b, `\%03d`, octet)
			}
		}
	}
	b.WriteByte('"')
	return b.String()
}
