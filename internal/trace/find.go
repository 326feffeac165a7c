package trace

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/agext/levenshtein"
	"github.com/dlvgen/dlvgen/internal/delverpc"
)

// readWithin is how long Delve may take to look for functions, or to set breakpoints.
const readWithin = 20 * time.Second

// Split splits names and expressions at commas, but not inside of brackets: those of types and of
// repetitions.
func Split(words ...string) []string {
	var list []string
	for _, word := range words {
		depth, start := 0, 0
		for i, c := range word {
			switch {
			case strings.ContainsRune("([{", c):
				depth++
			case strings.ContainsRune(")]}", c):
				depth--
			case c == ',' && depth <= 0:
				list, start = append(list, word[start:i]), i+1
			}
		}
		list = append(list, word[start:])
	}
	return slices.DeleteFunc(list, func(s string) bool { return strings.TrimSpace(s) == "" })
}

// FunctionError says that functions cannot be traced.
type FunctionError struct{ Line, Detail string }

func (e *FunctionError) Error() string { return e.Line }

// Details says what to do.
func (e *FunctionError) Details() string { return e.Detail }

// find is what is traced: the functions that the words name.
func (t *tracer) find() ([]string, error) {
	var functions []string
	for _, word := range t.Functions {
		found, err := t.named(strings.TrimSpace(word))
		if err != nil {
			return nil, err
		}
		functions = append(functions, found...)
	}
	slices.Sort(functions)
	functions = slices.Compact(functions)
	if len(functions) > t.Limit {
		const shown = 10
		return nil, &FunctionError{
			fmt.Sprintf("--trace %s matches %d functions, and the limit is %d: name fewer of them, or raise it with --trace-limit", strings.Join(t.Functions, ","), len(functions), t.Limit),
			"The program stops at each call of each of them. The first ones:\n    " + strings.Join(functions[:min(shown, len(functions))], "\n    "),
		}
	}
	return functions, nil
}

// inside are functions that run at any moment, and that regular expressions match by accident.
var inside = regexp.MustCompile(`^(runtime|internal/runtime|internal/bytealg|type:|go:)\b`)

// named are the functions of one word.
func (t *tracer) named(word string) ([]string, error) {
	filters := []any{filter("^" + regexp.QuoteMeta(word) + "$")}
	if _, err := regexp.Compile(word); err == nil {
		filters = append(filters, filter(word))
	}
	lists, err := t.functions(filters)
	if err != nil {
		return nil, err
	}
	found := lists[0]
	if len(found) == 0 && len(lists) > 1 {
		found = slices.DeleteFunc(lists[1], func(name string) bool { return inside.MatchString(name) && !strings.Contains(word, "runtime") })
	}
	if len(found) > 0 {
		return found, nil
	}
	return nil, t.unknown(word)
}

func filter(pattern string) map[string]string { return map[string]string{"Filter": pattern} }

// functions asks for the functions that match each of the filters.
func (t *tracer) functions(filters []any) ([][]string, error) {
	answers, err := t.client.Each("ListFunctions", filters, readWithin)
	if err != nil {
		return nil, err
	}
	var lists [][]string
	for _, a := range answers {
		var out struct{ Funcs []string }
		if err := a.Read("ListFunctions", &out); err != nil {
			return nil, err
		}
		lists = append(lists, out.Funcs)
	}
	return lists, nil
}

// unknown says that the program has no such function, and which ones have a similar name.
func (t *tracer) unknown(word string) error {
	err := &FunctionError{
		Line:   fmt.Sprintf("the program has no function %q: it is written as package.Function or package.(*Type).Method, with the whole path of the package", word),
		Detail: "A function that nothing calls is not in the program.",
	}
	folder := strings.LastIndex(word, "/") + 1
	pkg, _, _ := strings.Cut(word[folder:], ".")
	last := strings.Trim(word[strings.LastIndexAny(word, "./")+1:], "()*^$")
	lists, listErr := t.functions([]any{
		filter(`(?i)[./)]` + regexp.QuoteMeta(last) + `$`), filter(`(?i)` + regexp.QuoteMeta(last)),
		filter(`^` + regexp.QuoteMeta(word[:folder]+pkg) + `\.`), filter(`^main\.`),
	})
	if last == "" || listErr != nil {
		return err
	}
	const shown = 5
	for _, list := range lists {
		list = slices.DeleteFunc(list, inside.MatchString)
		slices.SortStableFunc(list, func(a, b string) int {
			return levenshtein.Distance(a, word, nil) - levenshtein.Distance(b, word, nil)
		})
		if len(list) > 0 {
			err.Detail = "Similar ones:\n    " + strings.Join(list[:min(shown, len(list))], "\n    ") + "\n" + err.Detail
			break
		}
	}
	return err
}

// location is a call of CreateBreakpoint.
type location struct{ Breakpoint delverpc.Breakpoint }

// set sets the breakpoints: behind the prologue of each function, and where it returns.
func (t *tracer) set(functions []string) error {
	var calls, names []any
	for _, name := range functions {
		calls = append(calls, location{delverpc.Breakpoint{FunctionName: name, Line: -1, Tracepoint: true, Stacktrace: t.Stack, LoadArgs: &loads}})
		names = append(names, map[string]string{"FnName": name})
	}
	refused, err := t.create(calls, functions, false)
	if err != nil {
		return err
	}
	if len(t.points) == 0 {
		return &FunctionError{fmt.Sprintf("no call of %s can be seen", strings.Join(t.Functions, ",")), "Delve says: " + refused}
	}
	if refused != "" {
		t.Tell(fmt.Sprintf("some of %d functions cannot be traced: %s", len(functions), refused))
	}
	answers, err := t.client.Each("FunctionReturnLocations", names, readWithin)
	if err != nil {
		return err
	}
	var returns []any
	var of []string
	for i, a := range answers {
		var out struct{ Addrs []uint64 }
		_ = a.Read("FunctionReturnLocations", &out) // one that is inlined has none
		for _, addr := range ends(out.Addrs) {
			returns = append(returns, location{delverpc.Breakpoint{Addr: addr, Line: -1, TraceReturn: true, LoadArgs: &loads}})
			of = append(of, functions[i])
		}
	}
	_, err = t.create(returns, of, true)
	return err
}

// ends are the addresses at which a function returns. Delve lists them in their order, and then those
// before deferred calls, in their order too: what these leave is the result.
func ends(addrs []uint64) []uint64 {
	for i := 1; i < len(addrs); i++ {
		if addrs[i] < addrs[i-1] {
			return addrs[:i]
		}
	}
	return addrs
}

// create sets breakpoints of functions, and says why Delve refuses one, if it does.
func (t *tracer) create(points []any, of []string, result bool) (refused string, err error) {
	answers, err := t.client.Each("CreateBreakpoint", points, readWithin)
	if err != nil {
		return "", err
	}
	for i, a := range answers {
		var out struct{ Breakpoint delverpc.Breakpoint }
		if err := a.Read("CreateBreakpoint", &out); err != nil {
			refused = of[i] + ": " + err.Error()
			continue
		}
		t.points[out.Breakpoint.ID] = point{of[i], result}
	}
	return refused, nil
}
