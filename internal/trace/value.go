package trace

import (
	"fmt"
	"reflect"
	"strconv"
	"strings"

	"github.com/dlvgen/dlvgen/internal/delverpc"
)

// loads is how much of each value is read: the program stands still meanwhile.
var loads = delverpc.LoadConfig{FollowPointers: true, MaxVariableRecurse: 1, MaxStringLen: 64, MaxArrayValues: 8, MaxStructFields: 8}

// notKept says that a program does not keep a value.
const notKept = "the optimized program does not keep it"

// newValue is a variable as it is shown.
func newValue(v delverpc.Variable) Value {
	value := Value{Name: v.Name, Type: v.Type, Unreadable: unreadable(v.Unreadable)}
	if value.Unreadable == "" {
		value.Value = format(v, true)
	}
	return value
}

// unreadable words what Delve says of a value that it cannot read.
func unreadable(text string) string {
	if strings.Contains(text, "loclist entry") || strings.Contains(text, "empty OP stack") {
		return notKept
	}
	return text
}

// format is a value much as Delve writes it (service/api, Variable.SinglelineString). typed has
// the types of what has fields or elements.
func format(v delverpc.Variable, typed bool) string {
	typeOf := ""
	if typed {
		typeOf = v.Type
	}
	switch {
	case v.Unreadable != "":
		if text := unreadable(v.Unreadable); text != notKept {
			return "(unreadable: " + text + ")"
		}
		return gone
	case v.OnlyAddr:
		return fmt.Sprintf("(*%s)(%#x)", v.Type, v.Addr)
	}
	switch v.Kind { //nolint:exhaustive // the others are their values
	case reflect.String:
		return quoted(v)
	case reflect.Slice:
		if v.Base == 0 && len(v.Children) == 0 {
			return join(typeOf, "nil")
		}
		return typeOf + elements(v, "[", "]", v.Len)
	case reflect.Array:
		return typeOf + elements(v, "[", "]", v.Len)
	case reflect.Struct:
		return structure(v, typeOf)
	case reflect.Map:
		return mapping(v, typeOf)
	case reflect.Pointer:
		return pointer(v)
	case reflect.Interface:
		return dynamic(v)
	case reflect.Chan:
		if len(v.Children) < 2 {
			return join(v.Type, "nil")
		}
		return fmt.Sprintf("%s %s/%s", v.Type, v.Children[0].Value, v.Children[1].Value)
	case reflect.Complex64, reflect.Complex128:
		if len(v.Children) == 2 {
			return fmt.Sprintf("(%s + %si)", v.Children[0].Value, v.Children[1].Value)
		}
	case reflect.UnsafePointer:
		if len(v.Children) == 1 {
			return fmt.Sprintf("unsafe.Pointer(%#x)", v.Children[0].Addr)
		}
	}
	if v.Value == "" {
		return "nil"
	}
	return v.Value
}

// join puts a type before a value.
func join(typeOf, value string) string { return strings.TrimSpace(typeOf + " " + value) }

func quoted(v delverpc.Variable) string {
	text := v.Value
	if len(v.StringValueBytes) > 0 {
		text = string(v.StringValueBytes)
	}
	if more := v.Len - int64(len(text)); more > 0 {
		return strconv.Quote(text) + fmt.Sprintf("...+%d more", more)
	}
	return strconv.Quote(text)
}

// elements are the children in brackets, and how many are missing.
func elements(v delverpc.Variable, open, end string, of int64) string {
	var list []string
	for _, c := range v.Children {
		list = append(list, format(c, false))
	}
	if more := of - int64(len(v.Children)); more > 0 {
		list = append(list, fmt.Sprintf("...+%d more", more))
	}
	return open + strings.Join(list, ", ") + end
}

func structure(v delverpc.Variable, typeOf string) string {
	if len(v.Children) == 0 && v.Len > 0 {
		return fmt.Sprintf("(*%s)(%#x)", v.Type, v.Addr)
	}
	var list []string
	for _, c := range v.Children {
		list = append(list, c.Name+": "+format(c, true))
	}
	if more := v.Len - int64(len(v.Children)); more > 0 {
		list = append(list, fmt.Sprintf("...+%d more", more))
	}
	return join(typeOf, "{"+strings.Join(list, ", ")+"}")
}

// mapping is a map, whose children are keys and values by turns.
func mapping(v delverpc.Variable, typeOf string) string {
	if v.Base == 0 && len(v.Children) == 0 {
		return join(typeOf, "nil")
	}
	var list []string
	for i := 0; i+1 < len(v.Children); i += 2 {
		list = append(list, format(v.Children[i], false)+": "+format(v.Children[i+1], false))
	}
	if more := v.Len - int64(len(v.Children)/2); more > 0 {
		list = append(list, fmt.Sprintf("...+%d more", more))
	}
	return join(typeOf, "["+strings.Join(list, ", ")+"]")
}

func pointer(v delverpc.Variable) string {
	switch {
	case len(v.Children) == 0 || v.Children[0].Addr == 0:
		return "nil"
	case v.Children[0].OnlyAddr:
		return fmt.Sprintf("(%s)(%#x)", v.Type, v.Children[0].Addr)
	}
	return "*" + format(v.Children[0], true)
}

// dynamic is what is in an interface, with its own type.
func dynamic(v delverpc.Variable) string {
	if len(v.Children) == 0 || v.Children[0].Kind == reflect.Invalid && v.Children[0].Addr == 0 {
		return "nil"
	}
	data := v.Children[0]
	switch data.Kind { //nolint:exhaustive // the others do not say their type
	case reflect.Pointer, reflect.Struct, reflect.Map, reflect.Slice, reflect.Array, reflect.Chan:
		return format(data, true)
	}
	return data.Type + "(" + format(data, true) + ")"
}
