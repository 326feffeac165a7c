package testenv

import "testing"

func TestAptSourcesAreReadInBothFormats(t *testing.T) {
	for _, tc := range []struct {
		name  string
		parse func(text, suite string) (aptSource, bool)
		text  string
		want  aptSource
		found bool
	}{
		{
			"deb822", parseAptSources,
			"Types: deb\n# a note: with a colon\nURIs: http://mirror.example/debian\nSuites: bookworm bookworm-updates\nComponents: main\nSigned-By: /k.gpg\n",
			aptSource{"http://mirror.example/debian", "bookworm", "/k.gpg"}, true,
		},
		{
			"deb822, second stanza", parseAptSources,
			"Types: deb\nURIs: http://a.example\nSuites: bookworm-security\nComponents: main\n\nTypes: deb deb-src\nURIs: https://b.example\nSuites: bookworm\nComponents: main contrib\n",
			aptSource{"https://b.example", "bookworm", ""}, true,
		},
		{"deb822, sources only", parseAptSources, "Types: deb-src\nURIs: http://a.example\nSuites: bookworm\nComponents: main\n", aptSource{}, false},
		{"one line", parseAptList, "# deb http://no.example bookworm main\ndeb http://a.example/debian bookworm main\n", aptSource{"http://a.example/debian", "bookworm", ""}, true},
		{
			"one line with options", parseAptList, "deb [arch=amd64 signed-by=/k.gpg] http://a.example/debian bookworm main contrib\n",
			aptSource{"http://a.example/debian", "bookworm", "/k.gpg"}, true,
		},
		{"one line, another suite", parseAptList, "deb http://a.example trixie main\n", aptSource{}, false},
		{"one line, a medium", parseAptList, "deb cdrom:[Debian]/ bookworm main\ndeb [\ndeb\n", aptSource{}, false},
	} {
		got, found := tc.parse(tc.text, "bookworm")
		if got != tc.want || found != tc.found {
			t.Errorf("%s: %+v, %t; want %+v, %t", tc.name, got, found, tc.want, tc.found)
		}
	}
}
