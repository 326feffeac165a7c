package link

import (
	"reflect"
	"testing"
)

func FuzzRedactedLdflagsKeepTheirNames(f *testing.F) {
	for _, value := range []string{
		"-X main.k=v", "-s -X=main.k=v", "'-X' 'main.k=v'", `all=-w "-X=main.k=a v"`, "-X main.k=a v", "-extldflags '-s' -X 'm.k=v",
		"-H v -X", "x=y=v", "-X=X", "-X '' -w", "-X=-X=-X",
	} {
		f.Add(value)
	}
	f.Fuzz(func(t *testing.T, value string) {
		before, ok := readLinker(value)
		if !ok {
			return
		}
		for i, d := range before.definitions {
			if d != "" {
				before.definitions[i] = redactDefinition(d)
			}
		}
		for i, a := range before.args {
			before.args[i] = Hash("", a)
		}
		after, ok := readLinker(Redact(value))
		if !ok || !reflect.DeepEqual(before, after) {
			t.Errorf("%q became %q, which the linker reads as %+v, %v, want %+v", value, Redact(value), after, ok, before)
		}
	})
}
