// Package flagvalue has flags for typed fields, which take nothing but valid values.
package flagvalue

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/pflag"
)

type word[T ~string] struct {
	field *T
	kind  string
	check func(T) error
}

// Word is a flag for a field that takes some words only; kind is what help calls them, and
// check tells what they are.
func Word[T ~string](field *T, kind string, check func(T) error) pflag.Value {
	return word[T]{field, kind, check}
}

func (v word[T]) String() string { return string(*v.field) }
func (v word[T]) Type() string   { return v.kind }

func (v word[T]) Set(value string) error {
	if err := v.check(T(value)); err != nil {
		return err
	}
	*v.field = T(value)
	return nil
}

type words struct {
	list  *[]string
	check func([]string) error
	given bool
}

// Words is a flag for a list. Each value adds the words in it, the first in place of what
// the list had; check tells what they must be.
func Words(list *[]string, check func([]string) error) pflag.Value { return &words{list, check, false} }

func (v *words) String() string { return strings.Join(*v.list, " ") }
func (*words) Type() string     { return "strings" }

func (v *words) Set(value string) error {
	added := strings.Fields(value)
	if err := v.check(added); err != nil {
		return err
	}
	if v.given {
		added = slices.Concat(*v.list, added)
	}
	*v.list, v.given = added, true
	return nil
}

type list struct{ list *[]string }

// List is a flag for a list of any words: a JSON array, or words without white space in them
// that spaces separate. Each value takes the place of the one before.
func List(of *[]string) pflag.Value { return list{of} }

func (list) Type() string { return "list" }

func (v list) String() string {
	text := strings.Join(*v.list, " ")
	if !strings.HasPrefix(text, "[") && slices.Equal(strings.Fields(text), *v.list) {
		return text
	}
	dt, _ := json.Marshal(*v.list) // strings always have a form
	return string(dt)
}

func (v list) Set(value string) error {
	if !strings.HasPrefix(value, "[") {
		*v.list = strings.Fields(value)
		return nil
	}
	var words []string
	if err := json.Unmarshal([]byte(value), &words); err != nil {
		return fmt.Errorf("it begins as a JSON array of strings, and is none: %w", err)
	}
	*v.list = words
	return nil
}
