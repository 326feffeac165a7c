package connect_test

import (
	"testing"

	lua "github.com/yuin/gopher-lua"
)

// neovim has Lua run a configuration for nvim-dap, and returns what it adds for Go.
func neovim(t *testing.T, text string) map[string]any {
	t.Helper()
	state := lua.NewState()
	defer state.Close()
	dap := state.NewTable()
	dap.RawSetString("adapters", state.NewTable())
	dap.RawSetString("configurations", state.NewTable())
	state.PreloadModule("dap", func(l *lua.LState) int {
		l.Push(dap)
		return 1
	})
	if err := state.DoString(text); err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
	all, ok := dap.RawGetString("configurations").(*lua.LTable)
	if !ok {
		t.Fatalf("no configurations in\n%s", text)
	}
	list, ok := all.RawGetString("go").(*lua.LTable)
	if !ok || list.Len() != 1 {
		t.Fatalf("not one configuration for Go in\n%s", text)
	}
	one, ok := value(list.RawGetInt(1)).(map[string]any)
	if !ok {
		t.Fatalf("the configuration is no table in\n%s", text)
	}
	return one
}

// value is a value of Lua as encoding/json has it; an empty table is nil.
func value(v lua.LValue) any {
	table, ok := v.(*lua.LTable)
	switch {
	case !ok:
		return v.String()
	case table.Len() > 0:
		var list []any
		table.ForEach(func(_, item lua.LValue) { list = append(list, value(item)) })
		return list
	}
	var fields map[string]any
	table.ForEach(func(key, field lua.LValue) {
		if fields == nil {
			fields = map[string]any{}
		}
		fields[key.String()] = value(field)
	})
	if fields == nil {
		return nil
	}
	return fields
}
